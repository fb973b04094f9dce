//! The arithmetic of times: percentiles, mean, jitter. Pure; milliseconds in and out.

/// How times are spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) min: f64,
    pub(super) avg: f64,
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
    /// The mean difference between one time and the next, in the order in which they came; 0 for a single one.
    pub(super) jitter: f64,
}

impl Spread {
    /// Of times in the order in which they came; `None` of none.
    pub(super) fn of(times: &[f64]) -> Option<Self> {
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let steps: Vec<f64> =
            times.iter().zip(times.iter().skip(1)).map(|(a, b)| (a - b).abs()).collect();
        Some(Self {
            min,
            avg: mean(times),
            p50: percentile(&sorted, 50),
            p95: percentile(&sorted, 95),
            p99: percentile(&sorted, 99),
            max,
            jitter: mean(&steps),
        })
    }
}

/// The smallest time that so many percent of all do not exceed (nearest rank); 0 of none.
pub(super) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

fn mean(values: &[f64]) -> f64 {
    let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
    if count == 0 { 0.0 } else { values.iter().sum::<f64>() / f64::from(count) }
}

/// What is wrong with an answer to the unpaid request, fit after "failed to"; nothing when the API gave it. Something on
/// the way, or another program at the node's address, answers as well, and is of no use.
pub(super) fn foreign(status: u16, own: bool) -> Option<String> {
    let what = match (status, own) {
        (404 | 405, _) => "is the base URL right?",
        (407, _) => "a proxy on the way wants a login",
        (300..400, _) => "it sends elsewhere",
        (_, false) => "what came is no JSON",
        (_, true) => return None,
    };
    Some(format!("find the API there: it answered {status}, {what}"))
}

/// As many parts of a whole as a number from 0 to 1; 0 of nothing.
pub(super) fn share(part: usize, whole: usize) -> f64 {
    let float = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    if whole == 0 { 0.0 } else { float(part) / float(whole) }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "small whole numbers, exact in binary")]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_what_it_says() {
        let spread = Spread::of(&[10.0, 30.0, 20.0, 40.0]).unwrap();
        let figures = [spread.min, spread.avg, spread.p50, spread.p95, spread.p99, spread.max];
        assert_eq!(figures, [10.0, 25.0, 20.0, 40.0, 40.0, 40.0]);
        assert!((spread.jitter - 50.0 / 3.0).abs() < 1e-9, "20, 10 and 20 apart");
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[7.0]).unwrap().jitter, 0.0);
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let sorted: Vec<f64> = (1..=200).map(f64::from).collect();
        for (percent, time) in [(0, 1.0), (50, 100.0), (99, 198.0), (100, 200.0)] {
            assert_eq!(percentile(&sorted, percent), time, "{percent}");
        }
        assert_eq!(percentile(&[], 50), 0.0);
    }

    #[test]
    fn only_the_api_answers_for_the_api() {
        for (status, own, good) in [
            (401, true, true),
            (400, true, true),
            (403, true, true),
            (429, true, true),
            (529, true, true),
            (401, false, false),
            (200, false, false),
            (403, false, false),
            (404, true, false),
            (302, true, false),
            (407, false, false),
        ] {
            assert_eq!(foreign(status, own).is_none(), good, "{status} {own}");
        }
    }

    #[test]
    fn a_share_of_nothing_is_nothing() {
        assert_eq!(share(0, 0), 0.0);
        assert_eq!(share(1, 4), 0.25);
    }
}
