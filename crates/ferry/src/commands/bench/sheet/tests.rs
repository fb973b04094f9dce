//! What a run looks like, on paper of any width.

use unicode_width::UnicodeWidthStr as _;

use super::super::tally::Answered;
use super::super::verdict::Failure;
use super::*;

fn outcome() -> Outcome {
    let mut tally = Tally::new().unwrap();
    for turn in 0..1000_u64 {
        tally.send(turn >= 980);
        let total = Duration::from_micros(300 + turn * turn / 100);
        match turn {
            990..994 => {
                tally.failed(Failure::Status(529), || "get a whole answer: status 529".to_owned());
            }
            994..996 => tally.failed(Failure::Truncated, String::new),
            996.. => {}
            _ => {
                tally.answered(Answered { total, first: Some(total / 2) });
                tally.deltas(2, None);
            }
        }
    }
    Outcome { tally, time: Duration::from_secs(5), unsent: 7, stopped: Stopped::Interrupted }
}

fn sheet(width: Option<usize>) -> Sheet {
    Sheet { width, colour: false }
}

#[test]
fn the_table_of_a_wide_terminal() {
    insta::assert_snapshot!(sheet(Some(80)).table(&outcome()).join("\n"));
}

#[test]
fn the_table_of_a_narrow_terminal() {
    insta::assert_snapshot!(sheet(Some(40)).table(&outcome()).join("\n"));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let outcome = outcome();
    for width in [24, 40, 59, 60, 80, 200] {
        let sheet = sheet(Some(width));
        let ratios =
            [("p50", None), ("throughput", Some(Spread { median: 1.0, least: 0.5, most: 12.0 }))];
        let mut lines = sheet.caveats(&outcome);
        lines.extend(sheet.progress("round 1 of 5, A: ", 0.5, &outcome.tally.glance()));
        if width >= 40 {
            lines.extend(sheet.table(&outcome));
            lines.extend(sheet.ratios(&ratios));
        }
        for line in lines {
            assert!(line.width() <= width.max(28), "{width}: {line}");
        }
    }
}

#[test]
fn a_run_without_an_answer_has_a_table_too() {
    let tally = Tally::new().unwrap();
    let outcome = Outcome { tally, time: Duration::ZERO, unsent: 0, stopped: Stopped::Interrupted };
    let text = sheet(None).table(&outcome).join("\n");
    assert!(text.starts_with("sent 0, ok 0"), "{text}");
    assert!(!text.contains("p50") && !text.ends_with('\n'), "no heading over nothing: {text}");
    assert!(sheet(None).progress("", 0.0, &outcome.tally.glance())[0].contains("no answer yet"));
}

#[test]
fn a_histogram_has_few_bars_and_loses_nothing() {
    let mut tally = Tally::new().unwrap();
    for power in 0..11 {
        let total = Duration::from_nanos(10_u64.pow(power) * 3);
        tally.answered(Answered { total, first: None });
    }
    let bars = histogram(&tally.answer);
    assert!(bars.len() <= BARS_MOST, "{bars:?}");
    assert_eq!(bars.iter().map(|(_, count)| count).sum::<u64>(), 11);
}

#[test]
fn ratios_stand_under_their_headings() {
    let spread = Spread { median: 1.25, least: 0.98, most: 1.4 };
    let lines = sheet(None).ratios(&[("p50", Some(spread)), ("p99", None)]);
    assert_eq!(
        lines,
        [
            "B / A        median   least    most",
            "p50           1.250   0.980   1.400",
            "p99               -       -       -",
        ]
    );
}
