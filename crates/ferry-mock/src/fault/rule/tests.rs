//! Conditions: which of ten requests a rule strikes.

use super::super::parse_rules;
use super::*;

fn struck(spec: &str, ms_apart: u64) -> Vec<u64> {
    let start = Instant::now();
    let standing = Standing::new(7, parse_rules(spec).unwrap(), start);
    (1..=10)
        .filter(|number| {
            let now = start + Duration::from_millis(ms_apart * (number - 1));
            !standing.strike("POST", "/v1/messages", now).is_empty()
        })
        .collect()
}

#[tokio::test]
async fn conditions_choose_the_requests() {
    let cases: [(&str, &[u64]); 9] = [
        ("529", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("529@nth=3", &[3]),
        ("529@every=4", &[4, 8]),
        ("529@skip=8", &[9, 10]),
        ("529@count=2", &[1, 2]),
        ("529@skip=2,count=2", &[3, 4]),
        ("529@path=/v1/models", &[]),
        ("529@method=get", &[]),
        ("529@from_ms=20,to_ms=50", &[3, 4, 5]),
    ];
    for (spec, expected) in cases {
        assert_eq!(struck(spec, 10), expected, "{spec}");
    }
}

#[tokio::test]
async fn chance_is_seeded() {
    let once = struck("529@p=0.5", 0);
    assert_eq!(once, struck("529@p=0.5", 0));
    assert!(!once.is_empty() && once.len() < 10, "{once:?}");
    assert!(struck("529@p=0", 0).is_empty());
    assert_eq!(struck("529@p=1", 0).len(), 10);
}

#[tokio::test]
async fn a_connection_fault_never_strikes_a_request() {
    let now = Instant::now();
    let standing = Standing::new(0, parse_rules("accept:do=reset@count=1").unwrap(), now);
    assert!(standing.strike("GET", "/", now).is_empty());
    assert_eq!(standing.connect(now), Some(Accept::Reset));
    assert_eq!(standing.connect(now), None);
}
