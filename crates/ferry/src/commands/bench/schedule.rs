//! When each request is due, and from when its answer counts. An open loop: request number `n` is due at a time that the
//! target has no say in, so that one that stalls cannot hide the requests that would have come meanwhile (coordinated
//! omission). Pure: instants come in as arguments.

use std::time::{Duration, Instant};

use super::super::span;

/// How late a waiting connection may write for the fault to be the timer's: tokio's has a grain of 1 ms, and the
/// system's wake-up comes on top. Later than this, the request counts from when it was due.
const TIMER_GRAIN: Duration = Duration::from_millis(2);
const NANOS_OF_KILOSECOND: u128 = 1_000_000_000_000;

/// Requests a second, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate(u32);

/// A length of time as people write it, in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

/// The requests of one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    pub(super) begun: Instant,
    pub(super) duration: Duration,
    rate: Rate,
}

/// From when an answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) from: Instant,
    /// It was not written when it was due.
    pub(super) late: bool,
}

impl Rate {
    /// More than one process can send, and far more than one machine's target can answer.
    const MOST: u32 = 100_000_000;

    /// For machines: requests a second.
    pub(super) fn per_second(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

impl std::str::FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rate = span::thousandths(text).and_then(|rate| u32::try_from(rate).ok());
        match rate {
            Some(rate) if (1..=Self::MOST).contains(&rate) => Ok(Self(rate)),
            _ => Err("write requests a second, 0.001 to 100000, as in 200 or 0.5".to_owned()),
        }
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/s", self.per_second())
    }
}

impl Span {
    /// A run of more than a day is a mistake in the unit.
    const MOST: Duration = Duration::from_hours(24);

    /// Of a run that is to measure something.
    pub(super) fn above_zero(text: &str) -> Result<Self, String> {
        match text.parse::<Self>()? {
            Self(Duration::ZERO) => Err("write a time above 0, as in 10, 500ms or 5m".to_owned()),
            span => Ok(span),
        }
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match span::parse(text) {
            Some(span) if span <= Self::MOST => Ok(Self(span)),
            _ => Err("write a time of at most a day, as in 10, 500ms, 1.5m or 1h30m".to_owned()),
        }
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} s", self.0.as_secs_f64())
    }
}

impl Schedule {
    pub(super) fn new(begun: Instant, rate: Rate, duration: Duration) -> Self {
        Self { begun, duration, rate }
    }

    /// When request number `n`, counted from 0, is due; `None` behind the last.
    pub(super) fn due(&self, n: u64) -> Option<Instant> {
        let nanos = u128::from(n) * NANOS_OF_KILOSECOND / u128::from(self.rate.0);
        let after = Duration::from_nanos(u64::try_from(nanos).ok()?);
        (after < self.duration).then(|| self.begun + after)
    }

    /// How many requests are due before this moment.
    pub(super) fn due_before(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.begun).min(self.duration);
        let count = (passed.as_nanos() * u128::from(self.rate.0)).div_ceil(NANOS_OF_KILOSECOND);
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// Nothing is due from here on.
    pub(super) fn end(&self) -> Instant {
        self.begun + self.duration
    }
}

/// From when the answer of a request counts that was due at `due`, for which a connection was free at `free`, and which
/// was about to be written at `written`.
pub(super) fn counted(due: Instant, free: Instant, written: Instant) -> Counted {
    let is_late = free > due || written.saturating_duration_since(due) >= TIMER_GRAIN;
    Counted { from: if is_late { due } else { written.max(due) }, late: is_late }
}

#[cfg(test)]
mod tests {
    use ferry_gateway::clock;

    use super::*;

    fn schedule(rate: &str, duration: &str) -> Schedule {
        let span: Span = duration.parse().unwrap();
        Schedule::new(clock::now(), rate.parse().unwrap(), span.0)
    }

    #[test]
    fn requests_are_due_at_even_steps_and_end_with_the_duration() {
        for (rate, duration, count) in [
            ("200", "10", 2000),
            ("0.5", "10", 5),
            ("3", "1", 3),
            ("0.001", "1", 1),
            ("7", "500ms", 4),
            ("1000", "0", 0),
        ] {
            let schedule = schedule(rate, duration);
            assert_eq!(schedule.due_before(schedule.end()), count, "{rate} for {duration}");
            let due = (0..).map_while(|n| schedule.due(n)).count();
            assert_eq!(u64::try_from(due).unwrap(), count, "{rate} for {duration}");
        }
        let schedule = schedule("200", "10");
        let after = |n| schedule.due(n).map(|due| due - schedule.begun);
        assert_eq!(after(0), Some(Duration::ZERO));
        assert_eq!(after(1), Some(Duration::from_millis(5)));
        assert_eq!(after(1999), Some(Duration::from_millis(9995)));
        assert_eq!(after(2000), None);
        assert_eq!(after(u64::MAX), None);
    }

    #[test]
    fn what_was_due_can_be_counted_at_any_moment() {
        let schedule = schedule("200", "10");
        let at = |ms| schedule.due_before(schedule.begun + Duration::from_millis(ms));
        assert_eq!([at(0), at(1), at(5), at(6), at(10_000), at(99_000)], [0, 1, 1, 2, 2000, 2000]);
    }

    #[test]
    fn an_answer_counts_from_when_it_was_due_unless_only_the_timer_was_late() {
        let before = clock::now();
        let due = before + TIMER_GRAIN;
        let after = |micros| due + Duration::from_micros(micros);
        // The connection waited, and the timer woke it a little late.
        assert_eq!(counted(due, before, after(900)), Counted { from: after(900), late: false });
        // It waited, and whoever measures was held up itself.
        assert_eq!(counted(due, before, after(2000)), Counted { from: due, late: true });
        // All connections were busy, by however little.
        assert_eq!(counted(due, after(1), after(2)), Counted { from: due, late: true });
        assert_eq!(
            counted(due, after(9_000_000), after(9_000_001)),
            Counted { from: due, late: true }
        );
    }

    #[test]
    fn rates_and_times_are_read_as_people_write_them() {
        let rate = |text: &str| text.parse::<Rate>().map(|rate| rate.to_string());
        assert_eq!(rate("200"), Ok("200/s".to_owned()));
        assert_eq!(rate("0.25"), Ok("0.25/s".to_owned()));
        for wrong in [
            "",
            "0",
            "-1",
            "1e3",
            "NaN",
            "inf",
            "0.0001",
            "100001",
            "99999999999999999999",
            "1.",
            ".5",
        ] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
        let span = |text: &str| text.parse::<Span>().map(|span| span.0.as_millis());
        assert_eq!(span("10"), Ok(10_000));
        assert_eq!(span("1h30m"), Ok(5_400_000));
        assert_eq!(span("24h"), Ok(86_400_000));
        for wrong in ["", "s", "24h1ms", "25h"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
