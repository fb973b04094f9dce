//! The header that steers the SDKs.

use super::*;

const PLAIN: ErrorAnswer = ErrorAnswer {
    status: 502,
    from_upstream: false,
    retry_after: false,
    hopeless: false,
    own_attempts: 1,
};

fn check(answer: ErrorAnswer, expected: Option<bool>) {
    assert_eq!(should_retry(answer), expected, "{answer:?}");
}

#[test]
fn only_hopeless_or_exhausted_errors_are_marked() {
    check(PLAIN, None);
    check(ErrorAnswer { own_attempts: 0, ..PLAIN }, None);
    check(ErrorAnswer { own_attempts: 2, ..PLAIN }, Some(false));
    check(ErrorAnswer { hopeless: true, ..PLAIN }, Some(false));
    let limited = ErrorAnswer { status: 429, retry_after: true, ..PLAIN };
    check(limited, None);
    check(ErrorAnswer { from_upstream: true, own_attempts: 5, ..limited }, None);
    // Ferry's own limit after tries of its own, and a monthly limit, which has no retry-after.
    check(ErrorAnswer { own_attempts: 2, ..limited }, Some(false));
    let spent = ErrorAnswer { status: 429, from_upstream: true, hopeless: true, ..PLAIN };
    check(spent, Some(false));
}

#[test]
fn true_is_never_said() {
    for status in [400, 401, 403, 408, 409, 429, 500, 502, 503, 504, 529] {
        for bits in 0_u8..8 {
            for own_attempts in 0..4 {
                let answer = ErrorAnswer {
                    status,
                    from_upstream: bits & 1 != 0,
                    retry_after: bits & 2 != 0,
                    hopeless: bits & 4 != 0,
                    own_attempts,
                };
                assert_ne!(should_retry(answer), Some(true), "{answer:?}");
            }
        }
    }
}
