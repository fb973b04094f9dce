//! How the ranking looks on a terminal or in a pipe: the columns that users of speed tests know, fewer of them where
//! there is little room, a few lines for each candidate where there is none. Pure: rows in, lines out.

use unicode_width::UnicodeWidthStr as _;

use super::super::super::terminal::{Tone, fold, lead, pad};
use super::super::figures::Spread;
use super::Row;
use super::verdict::Verdict;

/// Between two columns.
const GAP: &str = "  ";
const INDENT: usize = 4;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Node,
    Address,
    Sent,
    Received,
    Loss,
    Min,
    Avg,
    P50,
    P95,
    Jitter,
    Tls,
    Answer,
    Status,
    Verdict,
}

use Column::{
    Address, Answer, Avg, Jitter, Loss, Min, Node, P50, P95, Received, Sent, Status, Tls,
};

/// From the widest form to the narrowest.
const FORMS: [&[Column]; 4] = [
    &[
        Node,
        Address,
        Sent,
        Received,
        Loss,
        Min,
        Avg,
        P50,
        P95,
        Jitter,
        Tls,
        Answer,
        Status,
        Column::Verdict,
    ],
    &[
        Node,
        Address,
        Sent,
        Received,
        Loss,
        Min,
        Avg,
        P50,
        Jitter,
        Tls,
        Answer,
        Status,
        Column::Verdict,
    ],
    &[Node, Address, Sent, Received, Loss, Avg, Jitter, Tls, Answer, Column::Verdict],
    &[Node, Address, Received, Loss, Avg, Answer, Column::Verdict],
];
/// The figures where there is room for no form.
const NARROW: [Column; 5] = [Avg, P50, Jitter, Tls, Answer];

/// The paper that the ranking is written on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paper {
    /// Cells of a line; `None` where nobody counts (a file, a pipe).
    pub(super) width: Option<usize>,
    pub(super) colour: bool,
}

impl Paper {
    /// All rows, in the order given, and what there is to say of them.
    pub(super) fn lines(&self, rows: &[&Row]) -> Vec<String> {
        let fits = |form: &&&[Column]| {
            let cells: usize = widths(form, rows).iter().sum();
            self.width.is_none_or(|width| cells + GAP.len() * (form.len() - 1) <= width)
        };
        let form = FORMS.iter().find(fits);
        let mut lines = Vec::new();
        if rows.is_empty() {
            return lines;
        }
        if let Some(form) = form {
            let widths = widths(form, rows);
            let heads: Vec<String> = form.iter().map(|column| column.head().to_owned()).collect();
            lines.push(Tone::Strong.paint(&line(form, &heads, &widths), self.colour));
            for row in rows {
                let cells: Vec<String> = form.iter().map(|column| column.cell(row)).collect();
                lines.push(tone(row).paint(&line(form, &cells, &widths), self.colour));
                lines.extend(self.reason(row));
            }
        } else {
            for row in rows {
                lines.extend(self.narrow(row));
            }
        }
        if self.width.is_some() {
            let shown = form.copied().unwrap_or(&NARROW);
            lines.extend(self.fold(&legend(shown), Tone::Faint, 0));
        }
        lines
    }

    fn narrow(&self, row: &Row) -> Vec<String> {
        let cell = |column: Column| column.cell(row);
        let mut lines = self.fold(&format!("{} {}", cell(Node), cell(Address)), Tone::Strong, 0);
        let first = format!(
            "{}: {}/{}\u{a0}received, loss\u{a0}{}",
            cell(Column::Verdict),
            cell(Received),
            cell(Sent),
            cell(Loss)
        );
        lines.extend(self.fold(&first, tone(row), INDENT));
        if row.figures.connect.is_some() {
            let figure = |column: Column| {
                format!("{}\u{a0}{}", column.head().to_ascii_lowercase(), cell(column))
            };
            let second = NARROW.map(figure).join(", ");
            lines.extend(self.fold(&second, Tone::Plain, INDENT));
        }
        lines.extend(self.reason(row));
        lines
    }

    /// Why something of it was lost.
    fn reason(&self, row: &Row) -> Vec<String> {
        let Some(fault) = &row.figures.fault else { return Vec::new() };
        self.fold(&format!("failed to {fault}"), Tone::Plain, INDENT)
    }

    /// A paragraph, indented and folded at the edge.
    pub(super) fn fold(&self, text: &str, tone: Tone, indent: usize) -> Vec<String> {
        fold(text, tone, indent, self.width, self.colour)
    }
}

impl Column {
    fn head(self) -> &'static str {
        match self {
            Node => "NODE",
            Address => "ADDRESS",
            Sent => "SENT",
            Received => "RECV",
            Loss => "LOSS",
            Min => "MIN",
            Avg => "AVG",
            P50 => "P50",
            P95 => "P95",
            Jitter => "JITTER",
            Tls => "TLS",
            Answer => "ANSWER",
            Status => "HTTP",
            Self::Verdict => "VERDICT",
        }
    }

    fn is_number(self) -> bool {
        !matches!(self, Node | Address | Self::Verdict)
    }

    fn cell(self, row: &Row) -> String {
        let figures = &row.figures;
        let of = |spread: Option<Spread>, pick: fn(Spread) -> f64| {
            spread.map_or_else(|| "-".to_owned(), |spread| millis(pick(spread)))
        };
        match self {
            Node => row.node.clone(),
            Address => row.candidate.at.ip().to_string(),
            Sent => figures.sent.to_string(),
            Received => figures.received.to_string(),
            Loss => percent(figures.loss()),
            Min => of(figures.connect, |spread| spread.min),
            Avg => of(figures.connect, |spread| spread.avg),
            P50 => of(figures.connect, |spread| spread.p50),
            P95 => of(figures.connect, |spread| spread.p95),
            Jitter => of(figures.connect, |spread| spread.jitter),
            Tls => of(figures.tls, |spread| spread.p50),
            Answer => of(figures.answer, |spread| spread.p50),
            Status => figures.status.map_or_else(|| "-".to_owned(), |status| status.to_string()),
            Self::Verdict => figures.verdict().name().to_owned(),
        }
    }
}

/// What the figures mean, for people; scripts get none.
fn legend(shown: &[Column]) -> String {
    let heads = shown.iter().filter(|column| matches!(column, Min | Avg | P50 | P95 | Jitter));
    let connect: Vec<&str> = heads.map(|column| column.head()).collect();
    let mut legend = format!("Times in ms. {}: of the connect; ", connect.join(", "));
    if shown.contains(&Tls) {
        legend.push_str("TLS: median handshake; ");
    }
    legend.push_str(
        "ANSWER: median of the unpaid request (no key, no model; the API answers 401). Best first: loss, then the sum.",
    );
    legend
}

fn widths(form: &[Column], rows: &[&Row]) -> Vec<usize> {
    let width = |column: &Column| {
        let cells = rows.iter().map(|row| column.cell(row).width());
        cells.max().unwrap_or_default().max(column.head().width())
    };
    form.iter().map(width).collect()
}

fn line(form: &[Column], cells: &[String], widths: &[usize]) -> String {
    let columns = form.iter().zip(cells).zip(widths);
    let columns =
        columns.map(
            |((column, cell), width)| {
                if column.is_number() { lead(cell, *width) } else { pad(cell, *width) }
            },
        );
    columns.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
}

fn tone(row: &Row) -> Tone {
    match row.figures.verdict() {
        _ if row.suspicion.is_some() => Tone::Doubtful,
        Verdict::Good => Tone::Good,
        Verdict::Lossy => Tone::Doubtful,
        Verdict::Dead => Tone::Bad,
        Verdict::Untried => Tone::Faint,
    }
}

fn millis(time: f64) -> String {
    if time < 10.0 { format!("{time:.2}") } else { format!("{time:.1}") }
}

fn percent(loss: f64) -> String {
    format!("{:.0}%", loss * 100.0)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::super::candidates::{Candidate, Source};
    use super::super::verdict::{Figures, Tried};
    use super::*;

    fn row(node: &str, at: &str, tries: &[Tried]) -> Row {
        let candidate = Candidate { node: 0, at: at.parse().unwrap(), source: Source::Dns };
        Row { node: node.to_owned(), candidate, figures: Figures::of(tries), suspicion: None }
    }

    fn rows() -> Vec<Row> {
        let good = |connect: f64| Tried {
            connect_ms: Some(connect),
            tls_ms: Some(41.5),
            answer_ms: Some(38.25),
            status: Some(401),
            ..Tried::default()
        };
        let fault = "connect to 203.0.113.9:443: no answer within 2000 ms".to_owned();
        let dead = Tried { fault: Some(fault), silent: true, ..Tried::default() };
        vec![
            row("tokyo-1", "203.0.113.7:443", &[good(38.1), good(40.2)]),
            row("direct", "[2001:db8::7]:443", &[good(120.0), dead.clone()]),
            row("tokyo-1", "203.0.113.9:443", &[dead.clone(), dead.clone(), dead]),
        ]
    }

    #[test]
    fn the_ranking_on_paper_of_every_width() {
        let rows = rows();
        let rows: Vec<&Row> = rows.iter().collect();
        let mut out = String::new();
        for width in [None, Some(110), Some(100), Some(80), Some(40)] {
            let lines = Paper { width, colour: false }.lines(&rows);
            writeln!(out, "-- {width:?}").unwrap();
            for line in &lines {
                assert!(width.is_none_or(|width| line.width() <= width), "{line}");
                writeln!(out, "{line}").unwrap();
            }
        }
        insta::assert_snapshot!(out);
    }
}
