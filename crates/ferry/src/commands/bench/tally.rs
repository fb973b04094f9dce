//! Counts and times of the requests of one run. Its size does not depend on their number: times stand in histograms of
//! three significant digits (an error of at most 0.1 %), failures are counted by their kind.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};

use super::verdict::Failure;

/// Longer than any answer that is waited for.
const NANOS_MOST: u64 = 3_600_000_000_000;
const DIGITS: u8 = 3;

/// Times of one sort.
#[derive(Clone, Debug)]
pub(super) struct Times(Histogram<u64>);

/// What is said of times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figures {
    pub(super) p50: Duration,
    pub(super) p90: Duration,
    pub(super) p99: Duration,
    pub(super) p999: Duration,
    pub(super) max: Duration,
}

/// Everything that is counted.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// Requests whose turn came and was taken.
    pub(super) sent: u64,
    pub(super) ok: u64,
    /// Not sent when they were due.
    pub(super) late: u64,
    pub(super) failures: BTreeMap<Failure, u64>,
    /// What the first failure was, in words.
    pub(super) first_failure: Option<String>,
    /// From due to the last byte, of whole answers.
    pub(super) answer: Times,
    /// From due to the first delta, of whole streams.
    pub(super) first: Times,
    /// From one delta to the next, of all streams.
    pub(super) gap: Times,
}

/// The counts of one moment.
#[derive(Clone, Debug)]
pub(super) struct Glance {
    pub(super) sent: u64,
    pub(super) ok: u64,
    pub(super) failed: u64,
    pub(super) late: u64,
    pub(super) answer: Times,
}

/// One whole answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub(super) total: Duration,
    /// Of a stream.
    pub(super) first: Option<Duration>,
}

impl Times {
    fn new() -> Result<Self, CreationError> {
        Histogram::new_with_bounds(1, NANOS_MOST, DIGITS).map(Self)
    }

    pub(super) fn add(&mut self, time: Duration) {
        self.add_many(time, 1);
    }

    /// So many times the same.
    pub(super) fn add_many(&mut self, time: Duration, count: u64) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.saturating_record_n(nanos, count);
    }

    fn join(&mut self, other: &Self) {
        // Cannot fail: all have the same bounds.
        self.0.add(&other.0).ok();
    }

    /// `None` where there is nothing to say.
    pub(super) fn figures(&self) -> Option<Figures> {
        let at = |quantile| Duration::from_nanos(self.0.value_at_quantile(quantile));
        (!self.0.is_empty()).then(|| Figures {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: Duration::from_nanos(self.0.max()),
        })
    }

    /// Each time that was counted, from the shortest on, with how often, within the histogram's precision.
    pub(super) fn each(&self) -> impl Iterator<Item = (Duration, u64)> {
        let times = self.0.iter_recorded();
        let least = |nanos| Duration::from_nanos(self.0.lowest_equivalent(nanos));
        times.map(move |time| (least(time.value_iterated_to()), time.count_at_value()))
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }
}

impl Tally {
    /// An empty one.
    ///
    /// # Errors
    /// None in practice: the bounds of the histograms are constants.
    pub(super) fn new() -> Result<Self, CreationError> {
        Ok(Self {
            sent: 0,
            ok: 0,
            late: 0,
            failures: BTreeMap::new(),
            first_failure: None,
            answer: Times::new()?,
            first: Times::new()?,
            gap: Times::new()?,
        })
    }

    pub(super) fn send(&mut self, late: bool) {
        self.sent += 1;
        self.late += u64::from(late);
    }

    /// So many deltas came together, this long after the one before; `None` for the first of a stream.
    pub(super) fn deltas(&mut self, count: u64, since: Option<Duration>) {
        let together = count.saturating_sub(1);
        if let Some(since) = since {
            self.gap.add(since);
        }
        self.gap.add_many(Duration::ZERO, together);
    }

    pub(super) fn answered(&mut self, answered: Answered) {
        self.ok += 1;
        self.answer.add(answered.total);
        if let Some(first) = answered.first {
            self.first.add(first);
        }
    }

    /// `words` says more than the kind does.
    pub(super) fn failed(&mut self, failure: Failure, words: impl FnOnce() -> String) {
        *self.failures.entry(failure).or_default() += 1;
        self.first_failure.get_or_insert_with(words);
    }

    /// What is shown while it goes on: no more than that, since requests wait while it is taken.
    pub(super) fn glance(&self) -> Glance {
        Glance {
            sent: self.sent,
            ok: self.ok,
            failed: self.failed_count(),
            late: self.late,
            answer: self.answer.clone(),
        }
    }

    pub(super) fn failed_count(&self) -> u64 {
        self.failures.values().sum()
    }

    /// Sent and neither answered nor failed: under way, or given up when the run was stopped.
    pub(super) fn unfinished(&self) -> u64 {
        self.sent.saturating_sub(self.ok + self.failed_count())
    }

    /// Adds what another run counted.
    pub(super) fn join(&mut self, other: &Self) {
        self.sent += other.sent;
        self.ok += other.ok;
        self.late += other.late;
        for (failure, count) in &other.failures {
            *self.failures.entry(*failure).or_default() += count;
        }
        if self.first_failure.is_none() {
            self.first_failure.clone_from(&other.first_failure);
        }
        self.answer.join(&other.answer);
        self.first.join(&other.first);
        self.gap.join(&other.gap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    /// Within the histogram's three digits.
    fn assert_near(got: Duration, wanted: Duration) {
        assert!(got.abs_diff(wanted) <= wanted / 1000, "{got:?} is not {wanted:?}");
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_times() {
        let mut times = Times::new().unwrap();
        assert_eq!(times.figures(), None);
        for number in (1..=1000).rev() {
            times.add(ms(number));
        }
        let figures = times.figures().unwrap();
        assert_near(figures.p50, ms(500));
        assert_near(figures.p90, ms(900));
        assert_near(figures.p99, ms(990));
        assert_near(figures.p999, ms(999));
        assert_near(figures.max, ms(1000));
        let all: Vec<_> = times.each().collect();
        assert_eq!(all.iter().map(|(_, count)| count).sum::<u64>(), 1000);
        assert!(all.is_sorted());
        for (time, wanted) in [(all.first(), ms(1)), (all.last(), ms(1000))] {
            assert_near(time.unwrap().0, wanted);
        }
    }

    #[test]
    fn a_time_beyond_all_bounds_is_counted_as_the_longest() {
        let mut times = Times::new().unwrap();
        times.add(Duration::MAX);
        assert_near(times.figures().unwrap().max, Duration::from_nanos(NANOS_MOST));
    }

    #[test]
    fn every_request_that_was_sent_is_in_one_count() {
        let mut tally = Tally::new().unwrap();
        for turn in 0..10 {
            tally.send(turn % 2 == 0);
        }
        for _ in 0..6 {
            tally.answered(Answered { total: ms(3), first: None });
        }
        tally.failed(Failure::Status(529), || "one".to_owned());
        tally.failed(Failure::Status(529), || "two".to_owned());
        tally.failed(Failure::Connect, || "three".to_owned());
        assert_eq!((tally.late, tally.failed_count(), tally.unfinished()), (5, 3, 1));
        assert_eq!(tally.first_failure.as_deref(), Some("one"));
        let mut both = Tally::new().unwrap();
        both.join(&tally);
        both.join(&tally);
        assert_eq!((both.sent, both.ok, both.failed_count(), both.unfinished()), (20, 12, 6, 2));
        assert_eq!(both.answer.count(), 12);
    }

    #[test]
    fn deltas_that_come_together_have_no_gap_between_them() {
        let mut tally = Tally::new().unwrap();
        tally.deltas(3, None);
        tally.deltas(1, Some(ms(20)));
        tally.deltas(2, Some(ms(20)));
        assert_eq!(tally.gap.count(), 5);
        let long = tally.gap.each().filter(|(gap, _)| *gap > ms(19) && *gap < ms(21));
        assert_eq!(long.map(|(_, count)| count).sum::<u64>(), 2);
    }
}
