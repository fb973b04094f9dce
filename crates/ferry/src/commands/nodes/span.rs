//! Spans of time as people type them: `24h`, `1h30m`, `45s`, `500ms`. Pure.

use std::time::Duration;

const UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
/// A year; more is a typing error.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// Reads a span.
///
/// # Errors
/// A sentence that shows how it is written.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let refused = || "write it as 24h, 1h30m, 45s or 500ms".to_owned();
    let (mut rest, mut millis) = (text.trim(), 0_u64);
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, behind) = rest.split_at(digits);
        let letters =
            behind.len() - behind.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, left) = behind.split_at(letters);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(refused)?;
        let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*factor));
        millis = part.and_then(|part| millis.checked_add(part)).ok_or_else(refused)?;
        rest = left.trim_start();
    }
    let span = Duration::from_millis(millis);
    if span.is_zero() || span > LONGEST {
        return Err(refused());
    }
    Ok(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_type_them() {
        for (text, seconds) in [
            ("24h", Some(86_400.0)),
            ("1h30m", Some(5400.0)),
            ("1h 30m", Some(5400.0)),
            ("45s", Some(45.0)),
            ("500ms", Some(0.5)),
            ("7d", Some(604_800.0)),
            ("", None),
            ("24", None),
            ("h", None),
            ("0s", None),
            ("1.5h", None),
            ("-1h", None),
            ("9999999999999999999h", None),
            ("9999999d", None),
        ] {
            assert_eq!(parse(text).ok().map(|span| span.as_secs_f64()), seconds, "{text}");
        }
    }
}
