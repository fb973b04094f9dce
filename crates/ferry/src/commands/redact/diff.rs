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
        let mut cursor = Cursor::new(bytes);
        let mut lines: Vec<String> = edits
            .iter()
            .take(SHOWN_MAX)
            .map(|(range, put)| {
                let place = cursor.place(range.start);
                let before = around(bytes.get(..range.start).unwrap_or_default(), true);
                let after = around(bytes.get(range.end..).unwrap_or_default(), false);
                let gone = text(bytes.get(range).unwrap_or_default());
                let gone = clip(&gone, self.width);
                let (gone, come) = if self.colour {
                    (Tone::Bad.paint(&gone, true), Tone::Good.paint(&text(put), true))
                } else {
                    (format!("[-{gone}-]"), format!("{{+{}+}}", text(put)))
                };
                let at = Tone::Faint.paint(&place, self.colour);
                format!("{at}  {before}{gone}{come}{after}")
            })
            .collect();
        if edits.len() > SHOWN_MAX {
            lines.push(format!("and {} more", edits.len() - SHOWN_MAX));
        }
        lines
    }
}

/// Lines and columns of one place after another, so that no byte before them is counted twice.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
    column: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, line: 1, column: 1 }
    }

    /// `line:column` of a byte, from 1; a column is a character. Places come in order.
    pub(super) fn place(&mut self, at: usize) -> String {
        for byte in self.bytes.get(self.at..at).unwrap_or_default() {
            match byte {
                b'\n' => (self.line, self.column) = (self.line + 1, 1),
                // The further bytes of a character.
                0x80..0xc0 => {}
                _ => self.column += 1,
            }
        }
        self.at = self.at.max(at);
        format!("{}:{}", self.line, self.column)
    }
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
