//! How the trial looks: bars while it runs, then one table of figures and one of faults, which fit forty columns. Pure.

use super::super::terminal::{Tone, clip, lead, pad};
use super::caller::End;
use super::outcome::millis;
use super::sheet::Sheet;
use super::tally::{Side, Tally};
use super::trial::{Progress, Trial};

/// Cells of the columns: what, direct, Ferry. With the gaps, forty.
const COLUMNS: [usize; 3] = [20, 9, 9];
/// Cells of a bar's name and of its figures, with the marks around the bar.
const AROUND_BAR: usize = 7 + 4 + 18;
/// The longest bar: ten requests a cell would be hard to see, one a cell is too wide.
const BAR_CELLS: usize = 50;
/// Where the notes of a fault begin.
const INDENT: usize = 3;

impl Sheet {
    /// How far one side is: whole, failed, still to come.
    pub(super) fn bar(&self, side: Side, progress: Progress) -> String {
        let Progress { whole, failed, asked } = progress;
        let cells = self.width.unwrap_or(AROUND_BAR + BAR_CELLS).saturating_sub(AROUND_BAR);
        let cells = cells.min(BAR_CELLS);
        let share = |count: usize| (count * cells).div_ceil(asked.max(1)).min(cells);
        // What failed stays visible however little it is.
        let (done, bad) = (share(whole + failed), share(failed));
        let good = "=".repeat(done.saturating_sub(bad));
        let bad = "x".repeat(bad.min(done));
        let rest = ".".repeat(cells.saturating_sub(done));
        let [_, direct, ferry] = self.lang.trial().figures;
        let [whole_name, failed_name] = self.lang.trial().ends;
        let name = match side {
            Side::Direct => direct,
            Side::Ferry => ferry,
        };
        format!(
            "{} [{}{}{rest}] {} {}",
            pad(name, 6),
            Tone::Good.paint(&good, self.colour),
            Tone::Bad.paint(&bad, self.colour),
            Tone::Good.paint(&format!("{whole:>3} {whole_name}"), self.colour),
            Tone::Bad.paint(&format!("{failed:>3} {failed_name}"), self.colour),
        )
    }

    /// Both tables, and whether Ferry kept its word.
    pub(super) fn board(&self, trial: &Trial) -> Vec<String> {
        let Trial { direct, ferry, halted } = trial;
        let words = self.lang.trial();
        let mut lines = Vec::new();
        if *halted {
            lines.extend(self.fold(&self.lang.partial(direct, ferry), Tone::Doubtful, 0));
        }
        lines.push(self.cells(words.figures, Tone::Strong));
        let figures = figures(direct).into_iter().zip(figures(ferry));
        for (name, (direct, ferry)) in words.rows.iter().zip(figures) {
            lines.push(self.cells([name, &direct, &ferry], Tone::Plain));
        }
        lines.extend(self.fold(words.legend, Tone::Faint, 0));
        lines.push(String::new());
        lines.push(self.cells(words.faults, Tone::Strong));
        let faults = faults(direct).into_iter().zip(faults(ferry));
        let notes = words.fault_names.iter().zip(&words.fault_notes);
        for ((name, note), (direct, ferry)) in notes.zip(faults) {
            lines.push(self.cells([name, &direct.to_string(), &ferry.to_string()], Tone::Plain));
            lines.extend(self.fold(note, Tone::Faint, INDENT));
        }
        let others = ferry.others();
        if !others.is_empty() {
            lines.extend(self.fold(&self.lang.others(&others), Tone::Bad, 0));
        }
        if *halted {
            // A few requests prove nothing.
            return lines;
        }
        lines.push(String::new());
        let tone = if ferry.is_good() { Tone::Good } else { Tone::Bad };
        lines.extend(self.fold(&self.lang.verdict(ferry), tone, 0));
        lines
    }

    fn cells(&self, [what, direct, ferry]: [&str; 3], tone: Tone) -> String {
        let [first, second, third] = COLUMNS;
        let line = format!("{} {} {}", pad(what, first), lead(direct, second), lead(ferry, third));
        tone.paint(&clip(&line, self.width), self.colour)
    }
}

/// The figures of one side, in the order of their names.
fn figures(tally: &Tally) -> [String; 10] {
    let time = |time: Option<_>| {
        time.map_or_else(|| "-".to_owned(), |time| format!("{} ms", millis(time)))
    };
    let per_answer = tally.generations_per_answer();
    [
        format!("{}/{}", tally.whole(), tally.ended()),
        format!("{:.1} %", tally.percent()),
        time(tally.added.map(|added| added.p50)),
        time(tally.added.map(|added| added.p99)),
        time(tally.first.map(|first| first.p50)),
        time(tally.first.map(|first| first.p99)),
        tally.books.met.tried().to_string(),
        (tally.books.paid + tally.books.free).to_string(),
        tally.books.generations.to_string(),
        if tally.whole() == 0 { "-".to_owned() } else { format!("{per_answer:.2}") },
    ]
}

/// The faults that one side met, in the order of their names.
fn faults(tally: &Tally) -> [u64; 5] {
    let met = tally.books.met;
    let after = u64::try_from(tally.halves()).unwrap_or(u64::MAX);
    let before = match tally.side {
        Side::Direct => u64::try_from(tally.count(|end| end == End::CutBefore)).unwrap_or(u64::MAX),
        // What Ferry mended no caller has seen: the provider counts it.
        Side::Ferry => tally.books.cut.saturating_sub(after),
    };
    [met.reset, met.unanswered, met.slow, before, after]
}

#[cfg(test)]
mod tests;
