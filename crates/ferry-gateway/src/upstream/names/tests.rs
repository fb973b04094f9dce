//! What is kept of a resolver's answers, by a clock of the test's own.

use super::*;
use crate::clock;

fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], 443))
}

fn after(begun: Instant, seconds: u64) -> Instant {
    begun + Duration::from_secs(seconds)
}

#[test]
fn an_answer_is_used_while_it_is_asked_for_anew() {
    let (names, begun) = (Names::default(), clock::now());
    assert!(names.addresses(begun).is_empty());
    assert!(names.begin(begun));
    assert!(!names.begin(begun), "one lookup at a time");
    names.answered(begun, Ok(vec![address(1)]));
    assert_eq!(names.addresses(after(begun, 29))[..], [address(1)]);
    assert!(!names.begin(after(begun, 29)));
    assert!(names.begin(after(begun, 30)));
    assert_eq!(names.addresses(after(begun, 31))[..], [address(1)]);
    names.answered(after(begun, 32), Ok(vec![address(2)]));
    assert_eq!(names.addresses(after(begun, 33))[..], [address(2)]);
}

#[test]
fn a_dead_resolver_leaves_the_last_answer_for_an_hour() {
    let (names, begun) = (Names::default(), clock::now());
    assert!(names.begin(begun));
    names.answered(begun, Ok(vec![address(1)]));
    for minute in 1..60 {
        let now = after(begun, minute * 60);
        assert!(names.begin(now));
        names.answered(now, Err(io::ErrorKind::TimedOut.into()));
        assert_eq!(names.addresses(now)[..], [address(1)]);
    }
    assert!(names.addresses(after(begun, 3600)).is_empty());
    assert_eq!(names.failure().unwrap().1.kind(), io::ErrorKind::TimedOut);
}

#[test]
fn a_failure_is_not_asked_again_at_once() {
    let (names, begun) = (Names::default(), clock::now());
    assert!(names.begin(begun));
    names.answered(begun, Ok(Vec::new()));
    assert_eq!(names.failure().unwrap().1.to_string(), "the name has no address");
    assert!(!names.begin(begun));
    assert!(names.begin(after(begun, 1)));
    names.answered(after(begun, 1), Ok(vec![address(1)]));
    assert!(names.failure().is_none());
}

#[test]
fn a_name_is_unknown_when_that_was_said_twice_in_a_row() {
    let unknown = || Err(io::Error::other("Name or service not known"));
    let busy = || Err(io::Error::other("Temporary failure in name resolution"));
    let (names, begun) = (Names::default(), clock::now());
    assert!(!names.is_unknown(begun));
    names.answered(begun, unknown());
    assert!(!names.is_unknown(begun));
    names.answered(after(begun, 1), Ok(Vec::new()));
    assert!(names.is_unknown(begun) && names.is_unknown(after(begun, 1)));
    assert!(!names.is_unknown(after(begun, 2)), "it may be known by now");
    names.answered(after(begun, 2), busy());
    assert!(!names.is_unknown(begun));
    names.answered(after(begun, 3), unknown());
    assert!(!names.is_unknown(begun));
    names.answered(after(begun, 4), unknown());
    assert!(names.is_unknown(after(begun, 4)));
    names.answered(after(begun, 5), Ok(vec![address(1)]));
    assert!(!names.is_unknown(begun));
}
