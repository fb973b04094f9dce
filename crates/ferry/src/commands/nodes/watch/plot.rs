//! The plot over time: rounds put into a few hundred slices, drawn as SVG for the page and as letters for the text.
//! Pure; every number in the SVG is one of ours, so there is nothing to escape but the words.

use std::fmt::Write as _;

use super::super::figures::percentile;
use super::round::Side;
use super::timeline::{Placed, Timeline};

/// The picture, in its own units.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
/// The foot of the curves.
const FOOT: f64 = 232.0;
/// The two strips of failures below them, and how high each is.
const STRIPS: [f64; 2] = [252.0, 282.0];
const STRIP: f64 = 18.0;
const HEIGHT: f64 = 326.0;
/// Slices of the picture: one for each three units.
const SLICES: usize = 294;

/// One side's part of a slice.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Share {
    /// Times of good rounds, sorted.
    times: Vec<f64>,
    failed: usize,
}

/// A slice of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Slice {
    pub(super) direct: Share,
    pub(super) ferry: Share,
}

/// One side of a slice.
type Pick = fn(&Slice) -> &Share;

/// The whole span in equal slices.
pub(super) fn slices(timeline: &Timeline, count: usize) -> Vec<Slice> {
    let Some((from, to)) = timeline.ends() else { return Vec::new() };
    let mut slices = vec![Slice::default(); count];
    for Placed { at_ms, to_ms, round, .. } in &timeline.rounds {
        // A round speaks for all the time until the next one.
        let [first, last] = [*at_ms, to_ms - 1].map(|at| slot(at, from, to, count));
        for slice in slices.iter_mut().take(last + 1).skip(first) {
            add(&mut slice.direct, &round.direct);
            add(&mut slice.ferry, &round.ferry);
        }
    }
    for slice in &mut slices {
        slice.direct.times.sort_by(f64::total_cmp);
        slice.ferry.times.sort_by(f64::total_cmp);
    }
    slices
}

fn add(share: &mut Share, side: &Side) {
    if side.is_ok() { share.times.push(side.ms) } else { share.failed += 1 }
}

fn slot(at: i64, from: i64, to: i64, count: usize) -> usize {
    let count = i64::try_from(count).unwrap_or(1);
    let slot = (at - from) * count / (to - from).max(1);
    usize::try_from(slot.clamp(0, count - 1)).unwrap_or_default()
}

/// What the picture says in words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Labels<'a> {
    pub(super) title: &'a str,
    pub(super) direct: &'a str,
    pub(super) ferry: &'a str,
}

/// The picture. `moments` are places in time with their names, from the first to the last round.
pub(super) fn svg(timeline: &Timeline, labels: &Labels<'_>, moments: &[(i64, String)]) -> String {
    let Some((from, to)) = timeline.ends() else { return String::new() };
    // A short comparison has fewer rounds than slices, and a curve needs neighbours.
    let slices = slices(timeline, SLICES.min(timeline.rounds.len()).max(1));
    let top_ms = ceiling(&slices);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"{}\">\n",
        escaped(labels.title)
    );
    axes(&mut out, top_ms);
    let x = |at: i64| LEFT + (WIDTH - LEFT - RIGHT) * ratio(at - from, to - from);
    for gap in timeline.gaps.iter().filter(|gap| gap.to_ms > from && gap.from_ms < to) {
        let (left, right) = (x(gap.from_ms.max(from)), x(gap.to_ms.min(to)));
        line(
            &mut out,
            &format!(
                "<rect class=\"gap\" x=\"{left:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                (right - left).max(1.0),
                STRIPS[1] + STRIP - TOP
            ),
        );
    }
    for (at, name) in moments {
        line(
            &mut out,
            &format!(
                "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                x(*at).clamp(LEFT + 20.0, WIDTH - 30.0),
                HEIGHT - 8.0,
                escaped(name)
            ),
        );
    }
    let sides: [(&str, &str, Pick); 2] = [
        ("direct", labels.direct, |slice| &slice.direct),
        ("ferry", labels.ferry, |slice| &slice.ferry),
    ];
    for ((class, name, share), strip) in sides.into_iter().zip(STRIPS) {
        curve(&mut out, &slices, share, class, top_ms);
        failures(&mut out, timeline, class, strip, &x);
        line(
            &mut out,
            &format!(
                "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                strip + STRIP - 5.0,
                escaped(&short(name))
            ),
        );
    }
    out.push_str("</svg>\n");
    out
}

/// Lines of the grid and their milliseconds.
fn axes(out: &mut String, top_ms: f64) {
    for quarter in 0..=4 {
        let part = f64::from(quarter) / 4.0;
        let y = FOOT - (FOOT - TOP) * part;
        line(
            out,
            &format!(
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{:.0} ms</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0,
                top_ms * part
            ),
        );
    }
}

/// Medians as a line, the slowest as a shade above it; it breaks where there is no good round.
fn curve(out: &mut String, slices: &[Slice], share: Pick, class: &str, top_ms: f64) {
    let count = i64::try_from(slices.len()).unwrap_or(1);
    let x = |index: usize| {
        let index = i64::try_from(index).unwrap_or_default();
        LEFT + (WIDTH - LEFT - RIGHT) * ratio(2 * index + 1, 2 * count)
    };
    let y = |time: f64| FOOT - (FOOT - TOP) * (time / top_ms).min(1.0);
    let known: Vec<(usize, &Share)> = slices.iter().map(share).enumerate().collect();
    let runs = known.split(|(_, share)| share.times.is_empty());
    for run in runs.filter(|run| !run.is_empty()) {
        let at = |percent: usize| -> Vec<String> {
            let points =
                run.iter().map(|(index, share)| (x(*index), y(percentile(&share.times, percent))));
            points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect()
        };
        let (medians, mut slowest) = (at(50), at(100));
        if let [only] = medians.as_slice() {
            // A line of one point shows nothing.
            if let Some((x, y)) = only.split_once(',') {
                line(
                    out,
                    &format!("<circle class=\"dot {class}\" cx=\"{x}\" cy=\"{y}\" r=\"2.5\"/>"),
                );
            }
            continue;
        }
        slowest.reverse();
        let shade = [medians.clone(), slowest].concat().join(" ");
        line(out, &format!("<polygon class=\"shade {class}\" points=\"{shade}\"/>"));
        line(out, &format!("<polyline class=\"curve {class}\" points=\"{}\"/>", medians.join(" ")));
    }
}

/// A strip: the whole time, and each failed round in it.
fn failures(out: &mut String, timeline: &Timeline, class: &str, top: f64, x: &dyn Fn(i64) -> f64) {
    let rect = |class: &str, left: f64, width: f64| {
        format!(
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{STRIP}\"/>"
        )
    };
    // What was measured, run by run; what lies between stays open.
    let mut from = None;
    for (index, placed) in timeline.rounds.iter().enumerate() {
        let begun = *from.get_or_insert(placed.at_ms);
        let next = timeline.rounds.get(index + 1);
        if next.is_none_or(|next| next.after_gap) {
            line(
                out,
                &rect(&format!("strip {class}"), x(begun), (x(placed.to_ms) - x(begun)).max(1.0)),
            );
            from = None;
        }
    }
    for placed in &timeline.rounds {
        let side = if class == "direct" { &placed.round.direct } else { &placed.round.ferry };
        if !side.is_ok() {
            let (left, right) = (x(placed.at_ms), x(placed.to_ms));
            line(out, &rect("bad", left, (right - left).max(1.5)));
        }
    }
}

/// The same for a page of letters: two lines of `count` cells.
pub(super) fn letters(timeline: &Timeline, count: usize) -> [String; 2] {
    let slices = slices(timeline, count);
    let row = |share: Pick| {
        let cell = |slice: &Slice| match (share(slice).failed, share(slice).times.len()) {
            (0, 0) => ' ',
            (0, _) => '.',
            (_, 0) => '#',
            _ => 'x',
        };
        slices.iter().map(cell).collect()
    };
    [row(|slice| &slice.direct), row(|slice| &slice.ferry)]
}

/// A round number that all but the slowest hundredth stay below, so that one outlier does not flatten the rest.
fn ceiling(slices: &[Slice]) -> f64 {
    let all = slices.iter().flat_map(|slice| [&slice.direct, &slice.ferry]);
    let mut times: Vec<f64> = all.flat_map(|share| share.times.iter().copied()).collect();
    times.sort_by(f64::total_cmp);
    let wanted = percentile(&times, 99) * 1.1;
    let steps = [
        4.0, 8.0, 20.0, 40.0, 80.0, 120.0, 200.0, 400.0, 600.0, 800.0, 1200.0, 2000.0, 4000.0,
        8000.0,
    ];
    steps.into_iter().find(|step| *step >= wanted).unwrap_or(20_000.0)
}

#[expect(clippy::cast_precision_loss, reason = "spans of milliseconds, drawn to a tenth of a unit")]
fn ratio(part: i64, whole: i64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// What stands before a bracket: the strip has little room.
fn short(name: &str) -> String {
    name.split(['(', '（']).next().unwrap_or(name).trim().to_owned()
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").ok();
}

/// Text as it may stand in HTML and XML.
pub(super) fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}
