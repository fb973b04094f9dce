//! The boards of both languages at several widths, as people see them.

use std::time::Duration;

use unicode_width::UnicodeWidthStr as _;

use super::super::caller::Shot;
use super::super::path::Met;
use super::super::plan::plan;
use super::super::tally::Books;
use super::super::words::Lang;
use super::*;

fn side(side: Side, ends: &[(End, usize, u64)], books: Books) -> Tally {
    let mut items = plan(1, 300).into_iter();
    let mut shots = Vec::new();
    for (end, count, added) in ends {
        for item in items.by_ref().take(*count) {
            let first = Some(Duration::from_millis(250 + added));
            let total = item.own() + Duration::from_millis(*added);
            shots.push((item, Shot { end: *end, first, total }));
        }
    }
    Tally::new(side, 200, &shots, books)
}

fn trial(halted: bool, more: &[(End, usize, u64)]) -> Trial {
    let direct = [
        (End::Whole, 90, 6),
        (End::Whole, 25, 2900),
        (End::Reset, 40, 0),
        (End::Unanswered, 40, 5000),
        (End::CutBefore, 4, 200),
        (End::CutAfter, 1, 300),
    ];
    let met = Met { reset: 40, unanswered: 40, slow: 30, fair: 90 };
    let direct =
        side(Side::Direct, &direct, Books { met, generations: 120, cut: 5, ..Books::default() });
    let mut ends = vec![(End::Whole, 190, 8), (End::Whole, 9, 420), (End::ErrorAfter, 1, 0)];
    ends.extend(more);
    let met = Met { reset: 18, unanswered: 17, slow: 12, fair: 41 };
    let books = Books { met, generations: 209, cut: 10, paid: 9, free: 0 };
    Trial { direct, ferry: side(Side::Ferry, &ends, books), halted }
}

#[test]
fn boards_are_as_they_are_seen() {
    for (lang, name) in [(Lang::En, "en"), (Lang::Zh, "zh")] {
        for width in [40, 80] {
            let sheet = Sheet { lang, width: Some(width), colour: false };
            let lines = sheet.board(&trial(false, &[]));
            assert!(lines.iter().all(|line| line.width() <= width), "{lines:#?}");
            insta::assert_snapshot!(format!("{name}_{width}"), lines.join("\n"));
        }
    }
}

#[test]
fn what_was_stopped_and_what_is_not_explained_is_said() {
    let sheet = Sheet { lang: Lang::En, width: Some(80), colour: false };
    let more = [(End::Status(503), 5, 0)];
    let lines = sheet.board(&trial(true, &more)).join("\n");
    assert!(lines.starts_with("Stopped early: these are the 200 of 200"), "{lines}");
    assert!(lines.contains("not explained by the table: HTTP 503, HTTP 503"), "{lines}");
    assert!(!lines.contains("its word"), "{lines}");
    let lines = sheet.board(&trial(false, &more)).join("\n");
    assert!(lines.contains("Ferry broke its word: 97.1 % whole"), "{lines}");
    let nothing = Trial {
        direct: Tally::new(Side::Direct, 200, &[], Books::default()),
        ferry: Tally::new(Side::Ferry, 200, &[], Books::default()),
        halted: true,
    };
    assert!(sheet.board(&nothing).join("\n").contains("0/0"));
}

#[test]
fn a_bar_shows_every_failure_and_fits() {
    for width in [24, 40, 80, 200] {
        let sheet = Sheet { lang: Lang::Zh, width: Some(width), colour: false };
        for (whole, failed) in [(0, 0), (1, 1), (115, 85), (199, 1), (200, 0)] {
            let bar = sheet.bar(Side::Direct, Progress { whole, failed, asked: 200 });
            assert!(bar.width() <= width.max(AROUND_BAR), "{bar}");
            assert!(!bar.contains("ok") && !bar.contains("failed"), "{bar}");
            assert_eq!(bar.contains('x'), failed > 0 && width > AROUND_BAR, "{bar}");
        }
    }
    let sheet = Sheet { lang: Lang::En, width: Some(80), colour: false };
    let bar = sheet.bar(Side::Ferry, Progress { whole: 100, failed: 0, asked: 200 });
    let half = "=".repeat(25);
    assert_eq!(bar, format!("Ferry  [{half}{}] 100 ok   0 failed", ".".repeat(25)));
}
