//! Rows with fixed figures, as people see them.

use super::super::outcome::{Diagnosis, Note, Wrong};
use super::super::reading::Usage;
use super::*;

fn outcome(act: Act, status: u16, note: Note) -> Outcome {
    Outcome {
        act,
        status: Some(status),
        node: Some("mock-1".to_owned()),
        first_token: None,
        total: Duration::from_millis(1234),
        usage: None,
        diagnosis: None,
        note,
    }
}

fn rows() -> Vec<Outcome> {
    let usage = Some(Usage { input: 18, output: 61 });
    let diagnosis =
        |code: &str, hint: &str| Some(Diagnosis { code: code.to_owned(), hint: hint.to_owned() });
    vec![
        outcome(Act::Models, 200, Note::Models(9)),
        Outcome { usage, ..outcome(Act::Json, 200, Note::Line("customer_service")) },
        Outcome {
            usage,
            first_token: Some(Duration::from_millis(312)),
            ..outcome(Act::Stream, 200, Note::Events(21))
        },
        Outcome { usage, ..outcome(Act::Tool, 200, Note::Tool("get_weather".to_owned())) },
        outcome(Act::File, 200, Note::File(204_800)),
        Outcome {
            diagnosis: diagnosis(
                "FD-K02",
                "the key is well formed and was refused: it is revoked, expired or of another host",
            ),
            ..outcome(Act::WrongKey, 401, Note::Explained)
        },
        Outcome {
            diagnosis: diagnosis("FD-X99", "a hint that the demo does not know"),
            ..outcome(Act::Overloaded, 503, Note::Wrong(Wrong::Status(529)))
        },
        Outcome {
            status: None,
            node: None,
            ..outcome(
                Act::Thinking,
                200,
                Note::Wrong(Wrong::Broken(
                    "exchange HTTP: connection closed before message completed".to_owned(),
                )),
            )
        },
    ]
}

fn shown(lang: Lang, width: Option<usize>) -> String {
    let sheet = Sheet { lang, width, colour: false };
    let mut lines = sheet.head();
    lines.push(sheet.running(Act::Batch, Duration::from_millis(1500), 3));
    for row in rows() {
        lines.extend(sheet.row(&row));
    }
    if let Some(width) = width {
        for line in &lines {
            assert!(line.width() <= width, "{line}");
        }
    }
    lines.join("\n")
}

#[test]
fn rows_in_english() {
    insta::assert_snapshot!("en_piped", shown(Lang::En, None));
    insta::assert_snapshot!("en_80", shown(Lang::En, Some(80)));
    insta::assert_snapshot!("en_40", shown(Lang::En, Some(40)));
}

#[test]
fn rows_in_chinese() {
    insta::assert_snapshot!("zh_piped", shown(Lang::Zh, None));
    insta::assert_snapshot!("zh_80", shown(Lang::Zh, Some(80)));
    insta::assert_snapshot!("zh_40", shown(Lang::Zh, Some(40)));
}

#[test]
fn colours_change_no_text() {
    let sheet = Sheet { lang: Lang::En, width: Some(80), colour: true };
    let row = outcome(Act::Models, 200, Note::Models(9));
    assert!(sheet.row(&row)[0].starts_with("\u{1b}[32mok\u{1b}[0m models"));
}
