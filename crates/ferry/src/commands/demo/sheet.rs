//! How rows look: columns where there is room, a few lines for each row on a narrow terminal. Pure: figures in, lines
//! out; whoever has the screen writes them. Widths are counted in cells, since Chinese characters take two.

use std::time::Duration;

use unicode_width::UnicodeWidthStr as _;

use super::super::terminal::{Tone, clip, fold, lead, pad};
use super::act::Act;
use super::outcome::{Outcome, millis};
use super::words::Lang;

/// Cells of the columns before the note: name, HTTP, node, first, total, tokens.
const COLUMNS: [usize; 6] = [14, 4, 7, 5, 5, 7];
/// The longest label of an address, in either language.
const LABEL_CELLS: usize = 9;
/// Cells between two columns, and of the mark before the name.
const GAP: usize = 1;
/// Mark and gap: where a second line of a row begins.
const INDENT: usize = 3;
/// The columns and a note: below this, rows take several lines instead.
const WIDE: usize = 80;

/// The paper that rows are written on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sheet {
    pub(super) lang: Lang,
    /// Cells of a line; `None` where nobody counts (a file, a pipe).
    pub(super) width: Option<usize>,
    pub(super) colour: bool,
}

impl Sheet {
    /// Headings, and what the figures mean.
    pub(super) fn head(&self) -> Vec<String> {
        let words = self.lang.words();
        let mut lines = self.fold(words.legend, Tone::Faint, 0);
        if self.is_wide() {
            let [name, status, node, first, total, tokens, note] = words.headings;
            let cells = cells([name, status, node, first, total, tokens]);
            lines.push(Tone::Strong.paint(&format!("{:INDENT$}{cells} {note}", ""), self.colour));
        }
        lines
    }

    /// A finished row.
    pub(super) fn row(&self, outcome: &Outcome) -> Vec<String> {
        let right = outcome.is_right();
        let (mark, tone) = if right { ("ok", Tone::Good) } else { ("!!", Tone::Bad) };
        let mark = tone.paint(mark, self.colour);
        let mut lines = if self.is_wide() {
            self.wide_row(&mark, outcome)
        } else {
            self.narrow_row(&mark, outcome)
        };
        if let Some(told) = &outcome.diagnosis {
            lines.extend(self.fold(&self.lang.hint(told), Tone::Faint, INDENT));
        }
        lines
    }

    /// A row that is under way; `turn` moves its spinner.
    pub(super) fn running(&self, act: Act, elapsed: Duration, turn: usize) -> String {
        let spinner = ["- ", "\\ ", "| ", "/ "].into_iter().cycle().nth(turn % 4).unwrap_or("- ");
        let name = pad(self.lang.act(act), COLUMNS[0]);
        let text = format!(
            "{spinner} {name} {} {:.1} s",
            self.lang.words().running,
            elapsed.as_secs_f64()
        );
        Tone::Faint.paint(&clip(&text, self.width), self.colour)
    }

    /// A paragraph, indented and folded at the edge.
    pub(super) fn fold(&self, text: &str, tone: Tone, indent: usize) -> Vec<String> {
        fold(text, tone, indent, self.width, self.colour)
    }

    /// A label and an address: side by side, or on a narrow terminal one below the other. Never folded, to be copied.
    pub(super) fn entry(&self, label: &str, address: &str) -> Vec<String> {
        let line = format!("  {} {address}", pad(label, LABEL_CELLS));
        if self.width.is_none_or(|width| line.width() <= width) {
            return vec![line];
        }
        vec![format!("  {label}"), format!("    {address}")]
    }

    fn is_wide(&self) -> bool {
        self.width.is_none_or(|width| width >= WIDE)
    }

    fn wide_row(&self, mark: &str, outcome: &Outcome) -> Vec<String> {
        let figures = Figures::of(outcome);
        let columns = cells([
            self.lang.act(outcome.act),
            &figures.status,
            &figures.node,
            &figures.first,
            &figures.total,
            &figures.tokens,
        ]);
        let start = format!("{mark} {columns} ");
        let before = INDENT + columns.width() + 1;
        let note = self.lang.note(&outcome.note);
        if self.width.is_none_or(|width| before + note.width() <= width) {
            return vec![format!("{start}{note}")];
        }
        let mut lines = vec![start.trim_end().to_owned()];
        lines.extend(self.fold(&note, Tone::Plain, INDENT));
        lines
    }

    fn narrow_row(&self, mark: &str, outcome: &Outcome) -> Vec<String> {
        let figures = Figures::of(outcome);
        let name = pad(self.lang.act(outcome.act), COLUMNS[0]);
        let status = lead(&figures.status, COLUMNS[1]);
        let mut lines = vec![format!("{mark} {name} {status} {} ms", lead(&figures.total, 6))];
        let [_, _, _, first, _, tokens, _] = self.lang.words().headings;
        let mut facts = Vec::from_iter(outcome.node.clone());
        if outcome.first_token.is_some() {
            facts.push(format!("{first} {}", figures.first));
        }
        if outcome.usage.is_some() {
            facts.push(format!("{tokens} {}", figures.tokens));
        }
        let comma = match self.lang {
            Lang::En => ", ",
            Lang::Zh => "，",
        };
        let (facts, note) = (facts.join(comma), self.lang.note(&outcome.note));
        if facts.is_empty() {
            lines.extend(self.fold(&note, Tone::Plain, INDENT));
            return lines;
        }
        let both = format!("{facts}{comma}{note}");
        let room = self.width.map_or(usize::MAX, |width| width.saturating_sub(INDENT));
        let texts = if both.width() <= room { vec![both] } else { vec![facts, note] };
        lines.extend(texts.iter().flat_map(|text| self.fold(text, Tone::Plain, INDENT)));
        lines
    }
}

/// The figures of a row as text; `-` stands for none.
struct Figures {
    status: String,
    node: String,
    first: String,
    total: String,
    tokens: String,
}

impl Figures {
    fn of(outcome: &Outcome) -> Self {
        let none = || "-".to_owned();
        Self {
            status: outcome.status.map_or_else(none, |status| status.to_string()),
            node: outcome.node.clone().unwrap_or_else(none),
            first: outcome.first_token.map_or_else(none, |time| millis(time).to_string()),
            total: millis(outcome.total).to_string(),
            tokens: outcome.usage.map_or_else(none, |usage| match usage.output {
                // Counted only.
                0 => format!("{}/-", usage.input),
                output => format!("{}/{output}", usage.input),
            }),
        }
    }
}

/// The columns before the note: words to the left, figures to the right.
fn cells([name, status, node, first, total, tokens]: [&str; 6]) -> String {
    let [name_cells, status_cells, node_cells, first_cells, total_cells, token_cells] = COLUMNS;
    [
        pad(name, name_cells),
        lead(status, status_cells),
        pad(&clip(node, Some(node_cells)), node_cells),
        lead(first, first_cells),
        lead(total, total_cells),
        lead(tokens, token_cells),
    ]
    .join(&" ".repeat(GAP + 1))
    .trim_end()
    .to_owned()
}

#[cfg(test)]
mod tests;
