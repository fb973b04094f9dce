//! The edits of a text as a diff of words: what stood there, what would, and a little around it. Without colours in
//! the marks of `git diff --word-diff`: `[-before-]{+after+}`.

use ferry_wire::splice::Edits;

use crate::commands::terminal::{Tone, clip, plain};

/// Characters shown on either side of an edit.
const AROUND: usize = 24;
/// Edits shown; the rest is counted.
const SHOWN_MAX: usize = 200;

/// How it is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Diff {
    pub(super) colour: bool,
    pub(super) width: Option<usize>,
}

impl Diff {
    /// A line for each edit.
    pub(super) fn lines(self, bytes: &[u8], edits: &Edits) -> Vec<String> {
        let mut lines: Vec<String> = edits
            .iter()
            .take(SHOWN_MAX)
            .map(|(range, put)| {
                let (line, column) = place(bytes, range.start);
                let before = around(bytes.get(..range.start).unwrap_or_default(), true);
                let after = around(bytes.get(range.end..).unwrap_or_default(), false);
                let gone = text(bytes.get(range).unwrap_or_default());
                let gone = clip(&gone, self.width);
                let (gone, come) = if self.colour {
                    (Tone::Bad.paint(&gone, true), Tone::Good.paint(&text(put), true))
                } else {
                    (format!("[-{gone}-]"), format!("{{+{}+}}", text(put)))
                };
                let at = Tone::Faint.paint(&format!("{line}:{column}"), self.colour);
                format!("{at}  {before}{gone}{come}{after}")
            })
            .collect();
        if edits.len() > SHOWN_MAX {
            lines.push(format!("and {} more", edits.len() - SHOWN_MAX));
        }
        lines
    }
}

/// Line and column of a byte, from 1; a column is a character.
fn place(bytes: &[u8], at: usize) -> (usize, usize) {
    let before = bytes.get(..at).unwrap_or(bytes);
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    (line, String::from_utf8_lossy(before.get(start..).unwrap_or_default()).chars().count() + 1)
}

/// The characters nearest to an edit, up to the end of the line.
fn around(bytes: &[u8], is_before: bool) -> String {
    // Characters have four bytes at most; half of one at the border shows as its mark and is dropped.
    let reach = AROUND * 4;
    let near = if is_before {
        bytes.get(bytes.len().saturating_sub(reach)..)
    } else {
        bytes.get(..reach.min(bytes.len()))
    };
    let near = String::from_utf8_lossy(near.unwrap_or_default()).into_owned();
    if is_before {
        let line = near.rsplit('\n').next().unwrap_or_default();
        let kept: Vec<char> = line.chars().rev().take(AROUND).collect();
        plain(&kept.into_iter().rev().collect::<String>())
    } else {
        let line = near.split('\n').next().unwrap_or_default();
        plain(&line.chars().take(AROUND).collect::<String>())
    }
}

fn text(bytes: &[u8]) -> String {
    plain(&String::from_utf8_lossy(bytes))
}
