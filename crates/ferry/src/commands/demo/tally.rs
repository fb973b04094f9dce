//! The figures of the trial: what the requests of one side came to, and whether Ferry kept its word. Pure.

use std::time::Duration;

use serde_json::{Value, json};

use super::caller::{End, Shot};
use super::outcome::millis;
use super::path::Met;
use super::plan::Item;

/// Ferry's word: so many of a hundred answers whole.
pub(super) const SUCCESS_LEAST: usize = 99;
/// Ferry's word: 99 of a hundred whole answers come so much later than the model made them, at most.
pub(super) const ADDED_MOST: Duration = Duration::from_millis(800);

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Straight through the first node's path.
    Direct,
    /// Through Ferry.
    Ferry,
}

/// What others have counted of one side: the paths, the provider, the gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Books {
    /// Connections, by what became of them on the path.
    pub(super) met: Met,
    /// Answers that the provider began, and would bill.
    pub(super) generations: u64,
    /// Answers that the provider's dial cut.
    pub(super) cut: u64,
    /// Requests asked again that may be billed twice, as Ferry counts them.
    pub(super) paid: u64,
    /// Requests asked again for nothing.
    pub(super) free: u64,
}

/// A median and a 99th percentile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spread {
    pub(super) p50: Duration,
    pub(super) p99: Duration,
}

/// The figures of one side.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub(super) side: Side,
    /// Requests that were to be sent.
    pub(super) asked: usize,
    /// Of each that came to an end.
    pub(super) ends: Vec<End>,
    /// Of whole answers: what they took beyond the model's own time.
    pub(super) added: Option<Spread>,
    /// Of whole answers: from the call to the first text.
    pub(super) first: Option<Spread>,
    pub(super) books: Books,
}

impl Tally {
    pub(super) fn new(side: Side, asked: usize, shots: &[(Item, Shot)], books: Books) -> Self {
        let whole = || shots.iter().filter(|(_, shot)| shot.end == End::Whole);
        Self {
            side,
            asked,
            ends: shots.iter().map(|(_, shot)| shot.end).collect(),
            added: spread(whole().map(|(item, shot)| shot.total.saturating_sub(item.own()))),
            first: spread(whole().filter_map(|(_, shot)| shot.first)),
            books,
        }
    }

    pub(super) fn count(&self, wanted: impl Fn(End) -> bool) -> usize {
        self.ends.iter().filter(|end| wanted(**end)).count()
    }

    pub(super) fn whole(&self) -> usize {
        self.count(|end| end == End::Whole)
    }

    pub(super) fn ended(&self) -> usize {
        self.ends.len()
    }

    /// Whole answers of a hundred that ended.
    pub(super) fn percent(&self) -> f64 {
        ratio(self.whole(), self.ended()) * 100.0
    }

    /// Answers that the provider began, for each whole one.
    pub(super) fn generations_per_answer(&self) -> f64 {
        let generations = usize::try_from(self.books.generations).unwrap_or(usize::MAX);
        ratio(generations, self.whole())
    }

    /// Half answers: text had come, and then nothing more.
    pub(super) fn halves(&self) -> usize {
        self.count(|end| matches!(end, End::CutAfter | End::ErrorAfter))
    }

    /// Neither whole nor half, and for no reason that the dial has: what remains to be explained.
    pub(super) fn others(&self) -> Vec<End> {
        let others = self.ends.iter().copied().filter(|end| {
            matches!(end, End::Status(_) | End::ErrorBefore | End::Late)
                || (self.side == Side::Ferry && matches!(end, End::Reset | End::Unanswered))
        });
        others.collect()
    }

    /// Whether this side kept Ferry's word. Nothing asked is nothing kept.
    pub(super) fn is_good(&self) -> bool {
        self.ended() > 0
            && self.whole() * 100 >= self.ended() * SUCCESS_LEAST
            && self.added.is_some_and(|added| added.p99 <= ADDED_MOST)
    }

    /// For machines: times in milliseconds, names that no language changes.
    pub(super) fn to_json(&self) -> Value {
        let Books { met, generations, cut, paid, free } = self.books;
        json!({
            "type": "trial",
            "side": match self.side { Side::Direct => "direct", Side::Ferry => "ferry" },
            "requests": self.asked,
            "ended": self.ended(),
            "whole": self.whole(),
            "success_percent": tenths(self.percent()),
            "added_p50_ms": self.added.map(|added| millis(added.p50)),
            "added_p99_ms": self.added.map(|added| millis(added.p99)),
            "first_token_p50_ms": self.first.map(|first| millis(first.p50)),
            "first_token_p99_ms": self.first.map(|first| millis(first.p99)),
            "failed": {
                "connect_reset": self.count(|end| end == End::Reset),
                "connect_unanswered": self.count(|end| end == End::Unanswered),
                "cut_before_text": self.count(|end| end == End::CutBefore),
                "cut_after_text": self.count(|end| end == End::CutAfter),
                "error_event_after_text": self.count(|end| end == End::ErrorAfter),
                "error_event_before_text": self.count(|end| end == End::ErrorBefore),
                "status": self.count(|end| matches!(end, End::Status(_))),
                "late": self.count(|end| end == End::Late),
            },
            "connects": {
                "tried": met.tried(),
                "reset": met.reset,
                "unanswered": met.unanswered,
                "slow": met.slow,
            },
            "generations": generations,
            "generations_cut": cut,
            "generations_per_answer": hundredths(self.generations_per_answer()),
            "retries_paid": paid,
            "retries_free": free,
        })
    }
}

/// By nearest rank; `None` of nothing.
fn spread(times: impl Iterator<Item = Duration>) -> Option<Spread> {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    let rank = |percent: usize| (times.len() * percent).div_ceil(100).max(1) - 1;
    let at = |percent| times.get(rank(percent)).copied();
    Some(Spread { p50: at(50)?, p99: at(99)? })
}

fn ratio(part: usize, whole: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    if whole == 0 { 0.0 } else { number(part) / number(whole) }
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// A counter of the metrics page; 0 where it is not shown.
pub(super) fn counter(page: &str, series: &str) -> u64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::demo::plan::plan;

    fn tally(ends: &[(End, usize, u64)]) -> Tally {
        let count = ends.iter().map(|(_, count, _)| count).sum();
        let mut items = plan(1, count).into_iter();
        let mut shots = Vec::new();
        for (end, count, added) in ends {
            for item in items.by_ref().take(*count) {
                let total = item.own() + Duration::from_millis(*added);
                let shot = Shot { end: *end, first: Some(item.first), total };
                shots.push((item, shot));
            }
        }
        let books = Books { generations: 210, ..Books::default() };
        Tally::new(Side::Ferry, count, &shots, books)
    }

    #[test]
    fn ranks_are_nearest() {
        let millis = |range: std::ops::RangeInclusive<u64>| range.map(Duration::from_millis);
        let found = spread(millis(1..=200)).unwrap();
        assert_eq!((found.p50.as_millis(), found.p99.as_millis()), (100, 198));
        let one = spread(millis(5..=5)).unwrap();
        assert_eq!((one.p50.as_millis(), one.p99.as_millis()), (5, 5));
        assert_eq!(spread(std::iter::empty()), None);
    }

    #[test]
    fn only_what_was_added_counts_and_only_of_whole_answers() {
        let tally = tally(&[(End::Whole, 198, 10), (End::Whole, 1, 300), (End::Reset, 1, 5000)]);
        let added = tally.added.unwrap();
        assert_eq!((added.p50.as_millis(), added.p99.as_millis()), (10, 10));
        assert_eq!((tally.whole(), tally.ended()), (199, 200));
        assert!((tally.percent() - 99.5).abs() < 1e-9);
        assert!((tally.generations_per_answer() - 210.0 / 199.0).abs() < 1e-9);
    }

    #[test]
    fn the_word_is_kept_at_its_bounds_and_broken_beyond() {
        for (ends, good) in [
            (&[(End::Whole, 198, 10), (End::ErrorAfter, 2, 0)][..], true),
            (&[(End::Whole, 197, 10), (End::ErrorAfter, 3, 0)], false),
            (&[(End::Whole, 200, 800)], true),
            (&[(End::Whole, 197, 10), (End::Whole, 3, 801)], false),
            (&[(End::Whole, 198, 10), (End::Whole, 2, 9000)], true),
            (&[(End::Status(503), 1, 0)], false),
            (&[], false),
        ] {
            assert_eq!(tally(ends).is_good(), good, "{ends:?}");
        }
    }

    #[test]
    fn what_the_dial_does_not_explain_is_named() {
        let ends = [(End::Whole, 1, 0), (End::Status(503), 2, 0), (End::Reset, 1, 0)];
        assert_eq!(tally(&ends).others(), [End::Status(503), End::Status(503), End::Reset]);
    }

    #[test]
    fn a_counter_is_read_from_the_page() {
        let page = "# HELP x\nferry_retries_total{cost=\"paid\"} 8\nferry_retries_total{cost=\"free\"} 2\n";
        assert_eq!(counter(page, "ferry_retries_total{cost=\"paid\"}"), 8);
        assert_eq!(counter(page, "ferry_retries_total{cost=\"gone\"}"), 0);
    }
}
