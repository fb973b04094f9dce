//! Spans of time as people type them, for every command: `10` (seconds), `45s`, `500ms`, `1.5m`, `1h30m`, `7d`. Pure.

use std::time::Duration;

/// In milliseconds.
const UNITS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a span, in whole milliseconds; what is longest and shortest is the caller's affair.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Some(millis) = thousandths(text) {
        return Some(Duration::from_millis(millis));
    }
    let (mut rest, mut millis) = (text, 0_u64);
    while !rest.is_empty() {
        let (number, behind) = rest.split_at(run(rest, |c| c.is_ascii_digit() || c == '.'));
        let (unit, left) = behind.split_at(run(behind, |c| c.is_ascii_alphabetic()));
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let part = thousandths(number)?.checked_mul(*factor)? / 1000;
        millis = millis.checked_add(part)?;
        rest = left.trim_start();
    }
    (!text.is_empty()).then(|| Duration::from_millis(millis))
}

/// A decimal number of at most three places, times 1000.
pub(super) fn thousandths(text: &str) -> Option<u64> {
    let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(places) || places.len() > 3 {
        return None;
    }
    let places: u64 = format!("{places:0<3}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(places)
}

/// Bytes at the beginning that are such characters, which are ASCII.
fn run(text: &str, is_one: fn(char) -> bool) -> usize {
    text.len() - text.trim_start_matches(is_one).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_type_them() {
        for (text, millis) in [
            ("10", Some(10_000)),
            ("0", Some(0)),
            ("10s", Some(10_000)),
            ("45s", Some(45_000)),
            ("500ms", Some(500)),
            ("1.5m", Some(90_000)),
            ("2min", Some(120_000)),
            ("1.5h", Some(5_400_000)),
            ("1h30m", Some(5_400_000)),
            ("1h 30m", Some(5_400_000)),
            (" 24h ", Some(86_400_000)),
            ("7d", Some(604_800_000)),
            ("", None),
            ("s", None),
            ("h", None),
            ("10x", None),
            ("10 s", None),
            ("1h30", None),
            ("1..5h", None),
            (".5h", None),
            ("1.2345s", None),
            ("-1s", None),
            ("1e9", None),
            ("5µs", None),
            ("18446744073709551615h", None),
        ] {
            let read = parse(text).map(|span| span.as_millis());
            assert_eq!(read, millis, "{text}");
        }
    }
}
