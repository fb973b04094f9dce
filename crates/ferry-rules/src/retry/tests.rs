//! What may be tried again for free.

use super::Failure::{Connect, Cut, Lost, NotWritten, StaleConnection, Status, Tls};
use super::*;

fn check(failure: Failure, free_left: u32, stale_retried: bool, expected: Verdict) {
    assert_eq!(verdict(failure, free_left, stale_retried), expected, "{failure:?} {free_left}");
}

#[test]
fn what_never_reached_a_model_is_free() {
    for failure in [Connect, Tls, NotWritten] {
        check(failure, 1, false, Verdict::RetryFree);
        check(failure, 9, true, Verdict::RetryFree);
        check(failure, 0, false, Verdict::Final);
    }
    check(StaleConnection, 1, false, Verdict::RetryFree);
    check(StaleConnection, 9, true, Verdict::Final);
    check(StaleConnection, 0, false, Verdict::Final);
}

#[test]
fn what_may_have_been_billed_is_final() {
    for failure in [Lost, Cut, Status(429), Status(500), Status(503), Status(529), Status(400)] {
        check(failure, 9, false, Verdict::Final);
    }
}
