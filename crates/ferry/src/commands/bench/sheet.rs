//! How a run looks: a line of progress, a histogram, the last table; columns where there is room, else a figure a line.
//! Pure: counts in, lines out.

use std::fmt::Write as _;
use std::time::Duration;

use super::super::terminal::{Tone, fold, lead, pad};
use super::load::{Outcome, Stopped};
use super::ratio::Spread;
use super::tally::{Figures, Glance, Tally, Times};

/// Below this, figures stand one on each line.
const WIDE: usize = 60;
/// Where nobody counts the cells (a file, a pipe).
const USUAL: usize = 80;
/// Of a histogram: a page has room for them.
const BARS_MOST: usize = 12;
/// Cells of a histogram's bound and count.
const BOUND_CELLS: usize = 9;
const COUNT_CELLS: usize = 8;
const LABEL_CELLS: usize = 11;
const FIGURE_CELLS: usize = 9;
const HEADINGS: [&str; 5] = ["p50", "p90", "p99", "p99.9", "max"];

/// The paper that lines are written on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sheet {
    /// Cells of a line; `None` where nobody counts.
    pub(super) width: Option<usize>,
    pub(super) colour: bool,
}

impl Sheet {
    /// A folded paragraph.
    pub(super) fn fold(&self, text: &str, tone: Tone) -> Vec<String> {
        fold(text, tone, 0, self.width, self.colour)
    }

    /// How far a run is: one line, and the histogram so far.
    pub(super) fn progress(&self, label: &str, part: f64, seen: &Glance) -> Vec<String> {
        let middle = seen.answer.figures().map_or_else(
            || "no answer yet".to_owned(),
            |figures| format!("p50 {}, p99 {} ms", millis(figures.p50), millis(figures.p99)),
        );
        let Glance { sent, ok, failed, late, .. } = seen;
        let counts = format!("sent {sent}, ok {ok}, failed {failed}, late {late}");
        let text = format!("{label}{:>3.0} %: {middle}; {counts}", part * 100.0);
        let mut lines = self.fold(&text, Tone::Plain);
        lines.extend(self.bars(&seen.answer));
        lines
    }

    /// A bar for each step of 1, 2, 5, 10 ... in which answers came.
    pub(super) fn bars(&self, times: &Times) -> Vec<String> {
        let room = self.width.unwrap_or(USUAL).saturating_sub(BOUND_CELLS + COUNT_CELLS + 7);
        let bars = histogram(times);
        let most = bars.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
        let line = |(below, count): &(Duration, u64)| {
            let cells = u128::from(*count) * room as u128 / u128::from(most);
            let cells = usize::try_from(cells).unwrap_or(room).max(usize::from(*count > 0));
            let (bound, count) =
                (lead(&bound(*below), BOUND_CELLS), lead(&count.to_string(), COUNT_CELLS));
            format!("< {bound} ms {count} {}", "#".repeat(cells)).trim_end().to_owned()
        };
        bars.iter().map(line).collect()
    }

    /// Counts, times and what else there is to say of a run that is over.
    pub(super) fn table(&self, outcome: &Outcome) -> Vec<String> {
        let tally = &outcome.tally;
        let mut counts = format!(
            "sent {}, ok {}, failed {}, late {}",
            tally.sent,
            tally.ok,
            tally.failed_count(),
            tally.late
        );
        for (count, what) in [(tally.unfinished(), "unfinished"), (outcome.unsent, "not sent")] {
            if count > 0 {
                write!(counts, ", {what} {count}").ok();
            }
        }
        let is_good = tally.failed_count() == 0 && tally.ok > 0;
        let mut lines = self.fold(&counts, if is_good { Tone::Good } else { Tone::Bad });
        for (failure, count) in &tally.failures {
            lines.extend(self.fold(&format!("  {}: {count}", failure.name()), Tone::Bad));
        }
        if let Some(words) = &tally.first_failure {
            lines.extend(self.fold(&format!("  the first: failed to {words}"), Tone::Plain));
        }
        lines.extend(
            self.fold(&format!("{:.1} whole answers a second", throughput(outcome)), Tone::Plain),
        );
        let times = self.times(tally);
        // Headings alone say nothing.
        if !times.is_empty() {
            lines.push(String::new());
            lines.extend(times);
            lines.push(String::new());
            lines.extend(self.bars(&tally.answer));
        }
        lines
    }

    fn times(&self, tally: &Tally) -> Vec<String> {
        let rows = [("answer", &tally.answer), ("first token", &tally.first), ("gap", &tally.gap)];
        let figures =
            |(label, times): (&'static str, &Times)| Some((label, columns(times.figures()?)));
        let rows: Vec<(&str, [String; 5])> = rows.into_iter().filter_map(figures).collect();
        if rows.is_empty() {
            return Vec::new();
        }
        let rows = rows.into_iter();
        if self.width.is_none_or(|width| width >= WIDE) {
            let line = |label: &str, cells: [String; 5]| {
                let cells = cells.map(|cell| lead(&cell, FIGURE_CELLS));
                format!("{}{}", pad(label, LABEL_CELLS), cells.concat())
            };
            let head = line("ms", HEADINGS.map(str::to_owned));
            let head = Tone::Strong.paint(&head, self.colour);
            return std::iter::once(head)
                .chain(rows.map(|(label, cells)| line(label, cells)))
                .collect();
        }
        rows.flat_map(|(label, cells)| {
            let line = move |(heading, cell): (&str, String)| {
                format!(
                    "{} {} {} ms",
                    pad(label, LABEL_CELLS),
                    pad(heading, 5),
                    lead(&cell, FIGURE_CELLS)
                )
            };
            HEADINGS.into_iter().zip(cells).map(line).collect::<Vec<_>>()
        })
        .collect()
    }

    /// Ratios of a comparison.
    pub(super) fn ratios(&self, ratios: &[(&'static str, Option<Spread>)]) -> Vec<String> {
        let line = |name: &str, [median, least, most]: [String; 3]| {
            let cells = [median, least, most].map(|cell| lead(&cell, 8)).concat();
            format!("{}{cells}", pad(name, LABEL_CELLS))
        };
        let head = line("B / A", ["median", "least", "most"].map(str::to_owned));
        let mut lines = vec![Tone::Strong.paint(&head, self.colour)];
        lines.extend(ratios.iter().map(|(name, spread)| {
            let cells = spread.map(|spread| {
                [spread.median, spread.least, spread.most].map(|ratio| format!("{ratio:.3}"))
            });
            line(name, cells.unwrap_or_else(|| ["-", "-", "-"].map(str::to_owned)))
        }));
        lines
    }

    /// What the reader must know before believing the figures.
    pub(super) fn caveats(&self, outcome: &Outcome) -> Vec<String> {
        caveats(outcome).iter().flat_map(|text| self.fold(text, Tone::Doubtful)).collect()
    }
}

/// What must be known of a run besides its figures.
pub(super) fn caveats(outcome: &Outcome) -> Vec<&'static str> {
    let mut said = Vec::new();
    match outcome.stopped {
        Stopped::Whole => {}
        Stopped::Interrupted => {
            said.push("Interrupted: these are the results until then.");
        }
        Stopped::Behind => said.push(
            "The target could not keep up: time was up before every request was sent and answered, and the true times are longer than these.",
        ),
        Stopped::Unmarked => said.push(
            "Stopped: an answer came that is not a mock's, and may have been paid for. These are the results until then; \
             add --yes-spend if that is what you want.",
        ),
        Stopped::Silent => said.push(
            "Stopped: no answer came in time, so nobody knows whether a mock was asked, and it may have been paid for. These are \
             the results until then; ask for a longer --timeout, or add --yes-spend if that is what you want.",
        ),
    }
    if outcome.tally.late * 100 > outcome.tally.sent {
        said.push(
            "More than 1 % of the requests were sent late, since all connections or this machine were busy; their times count from \
             when they were due. If that is not what you want to see, ask for a lower --rate or for more --connections.",
        );
    }
    said
}

/// Whole answers a second.
pub(super) fn throughput(outcome: &Outcome) -> f64 {
    let seconds = outcome.time.as_secs_f64();
    let ok = u32::try_from(outcome.tally.ok).map_or(f64::INFINITY, f64::from);
    if seconds > 0.0 { ok / seconds } else { 0.0 }
}

/// Upper bounds and counts, from the first step that has any to the last; what is below is joined into the first.
fn histogram(times: &Times) -> Vec<(Duration, u64)> {
    let mut bars: Vec<(Duration, u64)> = Vec::new();
    let mut steps = steps();
    let mut below = Duration::ZERO;
    for (time, count) in times.each() {
        while time >= below {
            let Some(step) = steps.next() else { break };
            below = step;
            if time < below || !bars.is_empty() {
                bars.push((below, 0));
            }
        }
        if let Some((_, bar)) = bars.last_mut() {
            *bar += count;
        }
    }
    let spare = bars.len().saturating_sub(BARS_MOST);
    let joined: u64 = bars.drain(..spare).map(|(_, count)| count).sum();
    if let Some((_, count)) = bars.first_mut() {
        *count += joined;
    }
    bars
}

/// 10 us, 20 us, 50 us, 100 us ... an hour and more.
fn steps() -> impl Iterator<Item = Duration> {
    let decades = (1..10).map(|power| 10_u64.pow(power));
    decades.flat_map(|decade| [1, 2, 5].map(|step| Duration::from_micros(step * decade)))
}

fn columns(figures: Figures) -> [String; 5] {
    let Figures { p50, p90, p99, p999, max } = figures;
    [p50, p90, p99, p999, max].map(millis)
}

/// Milliseconds with three digits or so.
fn millis(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    match ms {
        ms if ms < 10.0 => format!("{ms:.3}"),
        ms if ms < 100.0 => format!("{ms:.2}"),
        ms if ms < 1000.0 => format!("{ms:.1}"),
        ms => format!("{ms:.0}"),
    }
}

/// A step, which is round.
fn bound(time: Duration) -> String {
    format!("{}", time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests;
