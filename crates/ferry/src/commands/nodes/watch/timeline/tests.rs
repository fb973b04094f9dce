//! Tables of clocks that sleep, jump and stand still.

use super::*;

fn start(every_s: i64) -> Line {
    Line::Start(Start { every_ms: every_s * 1000, ..Start::default() })
}

/// A round that began at these seconds of the wall and the monotonic clock.
fn round(wall_s: i64, up_s: i64) -> Line {
    Line::Round(Round { at_ms: wall_s * 1000, up_ms: up_s * 1000, ..Round::default() })
}

fn slept_in(wall_s: i64, up_s: i64, slept_s: i64) -> Line {
    let wall_took_ms = slept_s * 1000;
    Line::Round(Round {
        at_ms: wall_s * 1000,
        up_ms: up_s * 1000,
        wall_took_ms,
        ..Round::default()
    })
}

fn held_in(wall_s: i64, up_s: i64, took_s: i64) -> Line {
    let took_ms = took_s * 1000;
    let wall_took_ms = took_ms;
    Line::Round(Round {
        at_ms: wall_s * 1000,
        up_ms: up_s * 1000,
        took_ms,
        wall_took_ms,
        ..Round::default()
    })
}

/// From, to, why; in seconds.
type Gaps = Vec<(i64, i64, Why)>;

/// Places of rounds and gaps in seconds.
fn seen(lines: &[Line]) -> (Vec<i64>, Gaps) {
    let timeline = Timeline::of(lines);
    let gaps = timeline.gaps.iter();
    (
        timeline.rounds.iter().map(|placed| placed.at_ms / 1000).collect(),
        gaps.map(|gap| (gap.from_ms / 1000, gap.to_ms / 1000, gap.why)).collect(),
    )
}

#[test]
fn gaps_are_told_from_time_that_was_measured() {
    let table: [(&str, Vec<Line>, Vec<i64>, Gaps); 11] = [
        ("nothing", vec![start(30)], vec![], vec![]),
        ("steady", vec![start(30), round(100, 0), round(130, 30)], vec![100, 130], vec![]),
        ("a slow round", vec![start(30), round(100, 0), round(150, 50)], vec![100, 150], vec![]),
        (
            "asleep: the monotonic clock stood still",
            vec![start(30), round(100, 0), round(3730, 30)],
            vec![100, 3730],
            vec![(130, 3730, Why::Asleep)],
        ),
        (
            "held up: both clocks ran on",
            vec![start(30), round(100, 0), round(1000, 900)],
            vec![100, 1000],
            vec![(130, 1000, Why::HeldUp)],
        ),
        (
            "set back: the axis goes on by the monotonic clock",
            vec![start(30), round(5000, 0), round(1400, 30), round(1430, 60)],
            vec![5000, 5030, 5060],
            vec![],
        ),
        (
            "restarted at once",
            vec![start(30), round(100, 70), start(30), round(134, 0)],
            vec![100, 134],
            vec![],
        ),
        (
            "restarted next morning",
            vec![start(30), round(100, 70), start(30), round(36_100, 0)],
            vec![100, 36_100],
            vec![(130, 36_100, Why::Stopped)],
        ),
        (
            "restarted with a clock that was set back",
            vec![start(30), round(5000, 70), start(30), round(100, 0), round(130, 30)],
            vec![5000, 5030, 5060],
            vec![],
        ),
        (
            "asleep in the middle of a round: what it met does not count",
            vec![start(30), round(100, 0), slept_in(130, 30, 600), round(760, 60)],
            vec![100, 760],
            vec![(130, 760, Why::Asleep)],
        ),
        (
            "held up in the middle of a round",
            vec![start(30), round(100, 0), held_in(130, 30, 600), round(760, 660)],
            vec![100, 760],
            vec![(130, 760, Why::HeldUp)],
        ),
    ];
    for (why, lines, rounds, gaps) in table {
        assert_eq!(seen(&lines), (rounds, gaps), "{why}");
    }
}

#[test]
fn only_what_rounds_speak_for_counts_as_measured() {
    let measured = |lines: &[Line]| Timeline::of(lines).measured_ms() / 1000;
    assert_eq!(measured(&[start(30), round(100, 0), round(130, 30)]), 60);
    assert_eq!(measured(&[start(30), round(100, 0), round(150, 50)]), 80, "the slow one lasts");
    assert_eq!(measured(&[start(30), round(100, 0), round(9000, 30)]), 60, "sleep is left out");
    assert_eq!(measured(&[start(30), round(100, 0), start(30), round(9000, 0)]), 60);
    assert_eq!(measured(&[start(30), round(100, 0), slept_in(130, 30, 600), round(760, 60)]), 60);
}

#[test]
fn a_clock_that_was_set_back_is_counted() {
    let lines = [start(30), round(5000, 0), round(1400, 30), start(30), round(100, 0)];
    assert_eq!(Timeline::of(&lines).set_back, 2);
}
