//! How long a comparison may take, as people type it. Pure.

use std::time::Duration;

/// A year; more is a typing error.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// Reads a span.
///
/// # Errors
/// A sentence that shows how it is written.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let span = super::super::span::parse(text);
    let span = span.ok_or_else(|| "write it as 24h, 1h30m, 45s or 500ms".to_owned())?;
    if span.is_zero() || span > LONGEST {
        return Err("it takes more than 0s and at most 366d".to_owned());
    }
    Ok(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_centuries_are_refused() {
        for (text, is_good) in
            [("24h", true), ("366d", true), ("0s", false), ("367d", false), ("soon", false)]
        {
            assert_eq!(parse(text).is_ok(), is_good, "{text}");
        }
    }
}
