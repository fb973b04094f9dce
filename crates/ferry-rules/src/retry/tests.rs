//! The table of what may be made again, row by row.

use proptest::prelude::*;

use super::Failure::{BadAnswer, Cut, EarlyError, Lost, NotWritten, StaleConnection};
use super::*;

const ALONE: Course = Course {
    effect: Effect::Billed,
    resendable: true,
    elsewhere: false,
    untried: false,
    stale_retried: false,
    written: 1,
    attempts_max: 3,
    free: 0,
    paid: 0,
    patience: Duration::from_secs(10),
};
const BESIDE: Course = Course { elsewhere: true, untried: true, ..ALONE };
/// Beside what was tried there is only what is not usable.
const DOUBTFUL: Course = Course { untried: true, ..ALONE };

fn check(failure: Failure, course: &Course, expected: Verdict) {
    assert_eq!(verdict(failure, course, 0.5), expected, "{failure:?} {course:?}");
}

fn retry(cost: Cost, place: Place, wait_ms: u64) -> Verdict {
    Verdict::Retry(Again { cost, place, wait: Duration::from_millis(wait_ms) })
}

fn status(code: u16) -> Failure {
    Failure::Status(Status::of(code))
}

fn relay(code: u16) -> Failure {
    Failure::Status(Status { relay: true, ..Status::of(code) })
}

fn limited(retry_after_ms: u64) -> Failure {
    let retry_after = Some(Duration::from_millis(retry_after_ms));
    Failure::Status(Status { retry_after, ..Status::of(429) })
}

#[test]
fn what_came_back_unread_goes_to_a_new_connection() {
    let fresh = retry(Cost::Free, Place::FreshConnection, 0);
    for course in [ALONE, BESIDE, Course { attempts_max: 1, ..ALONE }] {
        check(NotWritten, &course, fresh);
        check(StaleConnection, &course, fresh);
        check(NotWritten, &Course { stale_retried: true, ..course }, fresh);
        check(StaleConnection, &Course { stale_retried: true, ..course }, Verdict::Final);
    }
    for failure in [NotWritten, StaleConnection] {
        // Not three times within a moment at a node that gives everything back.
        let again = retry(Cost::Free, Place::Elsewhere, 0);
        check(failure, &Course { free: 1, ..BESIDE }, again);
        let waits = retry(Cost::Free, Place::FreshConnection, 500);
        check(failure, &Course { free: 1, attempts_max: 1, ..ALONE }, waits);
        check(failure, &Course { free: FREE_MAX, ..ALONE }, Verdict::Final);
    }
}

#[test]
fn what_may_be_billed_is_paid_once() {
    for failure in [Lost, Cut, relay(504), relay(500), relay(520), relay(524)] {
        check(failure, &BESIDE, retry(Cost::Paid, Place::Elsewhere, 0));
        check(failure, &ALONE, retry(Cost::Paid, Place::FreshConnection, 250));
        check(failure, &Course { paid: 1, written: 2, ..BESIDE }, Verdict::Final);
        check(failure, &Course { attempts_max: 1, ..BESIDE }, Verdict::Final);
        check(failure, &Course { effect: Effect::Stored, ..BESIDE }, Verdict::Final);
        let list = Course { effect: Effect::Nothing, ..BESIDE };
        check(failure, &list, retry(Cost::Free, Place::Elsewhere, 0));
    }
    check(BadAnswer, &BESIDE, retry(Cost::Paid, Place::Elsewhere, 0));
    check(BadAnswer, &ALONE, Verdict::Final);
}

#[test]
fn a_doubtful_place_is_better_than_none() {
    check(BadAnswer, &DOUBTFUL, retry(Cost::Paid, Place::Elsewhere, 0));
    check(limited(10_001), &DOUBTFUL, retry(Cost::Free, Place::Elsewhere, 0));
    let later = Status { retry_after: Some(Duration::from_secs(11)), ..Status::of(529) };
    check(Failure::Status(later), &DOUBTFUL, retry(Cost::Free, Place::Elsewhere, 0));
    for failure in [status(529), relay(503)] {
        let second = Course { written: 2, free: 1, ..DOUBTFUL };
        check(failure, &second, retry(Cost::Free, Place::Elsewhere, 500));
        let third = Course { written: 3, free: 2, attempts_max: 9, ..DOUBTFUL };
        check(failure, &third, retry(Cost::Free, Place::Elsewhere, 1000));
    }
    // Where waiting or the same node may help, it is no better than those.
    check(limited(2000), &DOUBTFUL, retry(Cost::Free, Place::Anywhere, 2100));
    check(status(529), &DOUBTFUL, retry(Cost::Free, Place::Anywhere, 250));
    check(Lost, &DOUBTFUL, retry(Cost::Paid, Place::FreshConnection, 250));
    check(BadAnswer, &Course { paid: 1, written: 2, ..DOUBTFUL }, Verdict::Final);
    check(limited(10_001), &Course { free: FREE_MAX, ..DOUBTFUL }, Verdict::Final);
}

#[test]
fn a_provider_without_room_is_asked_again_later() {
    for code in [500, 502, 503, 504, 529] {
        for failure in [status(code), EarlyError(Status::of(code))] {
            check(failure, &BESIDE, retry(Cost::Free, Place::Elsewhere, 0));
            check(failure, &ALONE, retry(Cost::Free, Place::Anywhere, 250));
            let second = Course { written: 2, free: 1, ..ALONE };
            check(failure, &second, retry(Cost::Free, Place::Anywhere, 500));
            let third_node = Course { elsewhere: true, ..second };
            check(failure, &third_node, retry(Cost::Free, Place::Elsewhere, 250));
            check(failure, &Course { written: 3, free: 2, ..BESIDE }, Verdict::Final);
            check(failure, &Course { patience: Duration::ZERO, ..ALONE }, Verdict::Final);
        }
        let no_retry = Failure::Status(Status { no_retry: true, ..Status::of(code) });
        check(no_retry, &BESIDE, Verdict::Final);
        let later = Status { retry_after: Some(Duration::from_secs(2)), ..Status::of(code) };
        check(Failure::Status(later), &ALONE, retry(Cost::Free, Place::Anywhere, 2100));
        let never = Status { retry_after: Some(Duration::from_secs(11)), ..Status::of(code) };
        check(Failure::Status(never), &ALONE, Verdict::Final);
    }
}

#[test]
fn a_rate_limit_is_obeyed_where_it_fits() {
    check(limited(2000), &BESIDE, retry(Cost::Free, Place::Elsewhere, 0));
    check(limited(2000), &ALONE, retry(Cost::Free, Place::Anywhere, 2100));
    check(limited(10_000), &ALONE, retry(Cost::Free, Place::Anywhere, 10_000));
    check(limited(10_001), &ALONE, Verdict::Final);
    check(limited(60_000), &BESIDE, retry(Cost::Free, Place::Elsewhere, 0));
    check(status(429), &BESIDE, Verdict::Final);
    let retry_after = Some(Duration::from_secs(1));
    let spent = Status { spend_limit: true, retry_after, ..Status::of(429) };
    check(Failure::Status(spent), &BESIDE, Verdict::Final);
    let no_retry = Status { no_retry: true, retry_after, ..Status::of(429) };
    check(Failure::Status(no_retry), &BESIDE, Verdict::Final);
}

#[test]
fn no_node_makes_a_request_wait_longer_than_five_minutes() {
    let patient = Course { patience: Duration::from_hours(1), ..ALONE };
    let room =
        |retry_after| Failure::Status(Status { retry_after: Some(retry_after), ..Status::of(529) });
    // Seconds: what it asks for, what is waited.
    for (asked, waited) in [(200, 210), (299, 300), (300, 300), (301, 300), (3600, 300)] {
        let expected = retry(Cost::Free, Place::Anywhere, waited * 1000);
        check(limited(asked * 1000), &patient, expected);
        check(room(Duration::from_secs(asked)), &patient, expected);
    }
    check(limited(3_600_001), &patient, Verdict::Final);
    check(room(Duration::MAX), &patient, Verdict::Final);
}

#[test]
fn a_relay_that_reached_nobody_is_free() {
    for code in [503, 521, 522, 523, 525, 526, 529, 530] {
        check(relay(code), &BESIDE, retry(Cost::Free, Place::Elsewhere, 0));
        check(relay(code), &ALONE, retry(Cost::Free, Place::Anywhere, 250));
        let second = Course { written: 2, free: 1, ..BESIDE };
        check(relay(code), &second, retry(Cost::Free, Place::Elsewhere, 0));
    }
}

#[test]
fn a_clients_mistake_is_final_wherever_it_is_said() {
    for code in (400..=499).filter(|code| *code != 429) {
        for failure in [status(code), relay(code), EarlyError(Status::of(code))] {
            for effect in [Effect::Nothing, Effect::Billed, Effect::Stored] {
                check(failure, &Course { effect, ..BESIDE }, Verdict::Final);
            }
        }
    }
}

#[test]
fn the_clients_own_retries_are_subtracted() {
    for (configured, client, most) in
        [(3, 0, 3), (3, 1, 2), (3, 2, 1), (3, 9, 1), (1, 0, 1), (0, 0, 1)]
    {
        assert_eq!(attempts_max(configured, client), most, "{configured} {client}");
    }
}

#[test]
fn everybody_gets_his_own_blame() {
    for failure in [Lost, Cut, BadAnswer] {
        assert_eq!(blame(failure), Blame::Path, "{failure:?}");
    }
    for failure in [NotWritten, StaleConnection, relay(400), relay(403), relay(404), status(302)] {
        assert_eq!(blame(failure), Blame::Nobody, "{failure:?}");
    }
    for code in [500, 502, 503, 504, 520, 524, 529, 530] {
        assert_eq!(blame(status(code)), Blame::Overload, "{code}");
        assert_eq!(blame(relay(code)), Blame::Path, "{code}");
    }
    for code in [400, 404, 405, 409, 410, 413, 415, 422, 499] {
        assert_eq!(blame(status(code)), Blame::Client, "{code}");
    }
    for code in [401, 402, 403] {
        assert_eq!(blame(EarlyError(Status::of(code))), Blame::Key, "{code}");
    }
    assert_eq!(blame(status(408)), Blame::Path);
    assert_eq!(blame(limited(1000)), Blame::Overload);
    let spent = Status { spend_limit: true, ..Status::of(429) };
    assert_eq!(blame(Failure::Status(spent)), Blame::Key);
}

fn statuses() -> impl Strategy<Value = Status> {
    let code = prop_oneof![100_u16..=599, Just(429), Just(529), 500_u16..=504];
    let retry_after = proptest::option::of((0_u64..400).prop_map(Duration::from_secs));
    (code, retry_after, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(code, retry_after, spend_limit, relay, no_retry)| Status {
            code,
            retry_after,
            spend_limit,
            relay,
            no_retry,
        },
    )
}

fn failures() -> impl Strategy<Value = Failure> {
    prop_oneof![
        Just(NotWritten),
        Just(StaleConnection),
        Just(Lost),
        Just(Cut),
        Just(BadAnswer),
        statuses().prop_map(Failure::Status),
        statuses().prop_map(EarlyError),
    ]
}

fn effects() -> impl Strategy<Value = Effect> {
    prop_oneof![Just(Effect::Nothing), Just(Effect::Billed), Just(Effect::Stored)]
}

proptest! {
    /// Plays one request through a row of failures as the attempt room would.
    #[test]
    fn a_request_pays_once_and_ends(
        effect in effects(),
        attempts_max in 1_u32..6,
        patience_ms in 0_u64..15_000,
        row in proptest::collection::vec((failures(), any::<(bool, bool)>(), 0.0..1.0), 200),
    ) {
        let patience = Duration::from_millis(patience_ms);
        let mut course = Course { effect, attempts_max, patience, written: 0, ..ALONE };
        let mut ended = false;
        let mut waited = Duration::ZERO;
        for (failure, (elsewhere, untried), roll) in row {
            course.untried = untried;
            course.elsewhere = elsewhere;
            course.written += u32::from(!matches!(failure, NotWritten | StaleConnection));
            let Verdict::Retry(again) = verdict(failure, &course, roll) else {
                ended = true;
                break;
            };
            prop_assert!(again.wait <= course.patience || again.place == Place::Elsewhere);
            prop_assert!(again.place != Place::Elsewhere || course.elsewhere || course.untried);
            prop_assert!(again.cost != Cost::Paid || effect == Effect::Billed);
            course.stale_retried |= failure == StaleConnection;
            waited += again.wait;
            course.patience = course.patience.saturating_sub(again.wait);
            match again.cost {
                Cost::Free => course.free += 1,
                Cost::Paid => course.paid += 1,
            }
            prop_assert!(course.paid <= PAID_MAX && course.free <= FREE_MAX);
            prop_assert!(course.written < course.attempts_max || course.written <= 1 || !matches!(again.cost, Cost::Paid));
        }
        prop_assert!(ended, "it went on for ever");
        prop_assert!(waited <= patience);
    }

    #[test]
    fn no_failure_is_repeated_that_cannot_be_sent_again(failure in failures(), roll in 0.0..1.0) {
        let gone = Course { resendable: false, ..BESIDE };
        prop_assert_eq!(verdict(failure, &gone, roll), Verdict::Final);
    }

    #[test]
    fn what_a_client_did_wrong_is_never_repeated_nor_anothers_fault(
        code in (400_u16..=499).prop_filter("a limit is none", |code| *code != 429),
        status in statuses(),
        elsewhere in any::<bool>(),
    ) {
        let failure = Failure::Status(Status { code, ..status });
        prop_assert_eq!(verdict(failure, &Course { elsewhere, ..ALONE }, 0.5), Verdict::Final);
        let blamed = blame(failure);
        prop_assert!(blamed != Blame::Overload);
        prop_assert!(blamed != Blame::Path || code == 408);
    }
}
