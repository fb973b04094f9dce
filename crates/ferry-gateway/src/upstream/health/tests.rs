//! What probes, deaths and a reset make of a path, step by step.

use super::*;

fn health() -> Health {
    Health::new(breaker::Settings {
        error_rate: 0.05,
        min_attempts: 20,
        window: Duration::from_secs(30),
        open: Duration::from_secs(5),
        open_max: Duration::from_mins(1),
    })
}

fn dial_error() -> PathFault {
    let host = "n".to_owned();
    PathFault::Dial(std::sync::Arc::new(crate::upstream::dial::DialError::Version { host }))
}

/// What a probe found: an answer, silence behind a connection, no connection.
fn probe(health: &Health, found: char) {
    let found = match found {
        'a' => Ok(()),
        's' => Err(PathFault::Silent),
        _ => Err(dial_error()),
    };
    health.probed(clock::now(), found, 0.5);
}

#[test]
fn silence_says_something_where_a_probe_was_answered_before() {
    // Findings, suspect after the last, dead after the last.
    for (found, suspect, dead) in [
        ("", false, false),
        ("s", false, false),
        ("ssssss", false, false),
        ("d", true, false),
        ("ddd", true, true),
        ("dds", false, false),
        ("a", false, false),
        ("as", true, false),
        ("ass", true, false),
        ("asss", true, true),
        ("asssa", false, false),
        ("ssas", true, false),
        ("ssasss", true, true),
    ] {
        let health = health();
        found.chars().for_each(|found| probe(&health, found));
        assert_eq!((health.is_suspect(), health.is_dead()), (suspect, dead), "{found}");
    }
}

#[test]
fn a_reset_leaves_no_doubt_behind() {
    let health = health();
    "asss".chars().for_each(|found| probe(&health, found));
    assert!(health.is_dead() && health.is_suspect() && health.unanswered() == 3);
    health.reset(clock::now());
    assert_eq!((health.unanswered(), health.is_dead(), health.is_suspect()), (0, false, false));
    assert!(health.last_failure().is_none());
    // One more that is not answered is one, and not the fourth.
    probe(&health, 's');
    assert!(health.is_suspect() && !health.is_dead());
}

#[test]
fn connections_that_die_together_are_one_occasion() {
    // Milliseconds at which kept connections died; whether one is kept right after the last.
    let all_at_once = (0..200).collect::<Vec<_>>();
    for (deaths, reuses) in [
        (&[][..], true),
        (&[0][..], true),
        (&[0, 0, 0, 0][..], true),
        (&[0, 999][..], true),
        (&all_at_once[..], true),
        (&[0, 1000][..], false),
        (&[0, 5, 3000, 3001][..], false),
        // Whatever is used twice dies, twice a second.
        (&[0, 500][..], true),
        (&[0, 500, 1000][..], false),
    ] {
        let health = health();
        let start = clock::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        for ms in deaths {
            health.went_stale(at(*ms));
        }
        let last = deaths.last().copied().unwrap_or_default();
        assert_eq!(health.reuses(at(last)), reuses, "{deaths:?}");
        let minute = last + 60_000;
        assert_eq!(health.reuses(at(minute - 1)), reuses, "{deaths:?}");
        assert!(health.reuses(at(minute)), "{deaths:?}");
    }
}

#[test]
fn an_answer_over_a_kept_connection_ends_a_row_of_deaths() {
    let health = health();
    let start = clock::now();
    health.went_stale(start);
    health.answered(start, true);
    health.went_stale(start + TOGETHER);
    assert!(health.reuses(start + TOGETHER));
    health.answered(start + TOGETHER, false);
    health.went_stale(start + 2 * TOGETHER);
    assert!(!health.reuses(start + 2 * TOGETHER), "a new connection says nothing of kept ones");
}
