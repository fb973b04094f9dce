//! A time zone by its IANA name: stamped upstream, and the day of budgets and reports.
//!
//! Names are looked up in the database that is built in, so that the same configuration means the
//! same on every machine, a scratch image included. It never asks what time it is.

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use thiserror::Error;

/// The longest name that is looked up; the database's longest has 32 bytes.
const NAME_BYTES_MAX: usize = 64;

/// How many near names an error offers: more are not read.
const SUGGESTIONS_MAX: usize = 3;

/// What people write for a zone that has another name in the database.
const KNOWN_MISTAKES: [(&str, &str); 9] = [
    ("asia/beijing", "Asia/Shanghai"),
    ("beijing", "Asia/Shanghai"),
    ("china", "Asia/Shanghai"),
    ("china standard time", "Asia/Shanghai"),
    ("cst", "Asia/Shanghai"),
    ("utc+8", "Asia/Shanghai"),
    ("utc+08:00", "Asia/Shanghai"),
    ("gmt+8", "Asia/Shanghai"),
    ("asia/guangzhou", "Asia/Shanghai"),
];

/// A zone that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: Box<str>,
    rules: TimeZone,
}

/// Why a name is no zone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ZoneError {
    /// Nothing there.
    #[error("find a time zone: the name is empty")]
    Empty,
    /// Not in the database.
    #[error("find time zone {name:?}{}", did_you_mean(.near))]
    Unknown {
        /// The name as written, cut to the longest that could exist.
        name: String,
        /// Names that look like it, the nearest first.
        near: Vec<String>,
    },
}

impl Zone {
    /// The zone of `UTC`.
    pub fn utc() -> Self {
        Self { name: "UTC".into(), rules: TimeZone::UTC }
    }

    /// The name as the database spells it: visible ASCII, fit for a header value.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The calendar day at this place. Seconds outside the years -9999 to 9999 give the nearest day.
    pub fn day_of(&self, epoch_seconds: i64) -> Date {
        let bounded = epoch_seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let instant = Timestamp::from_second(bounded).unwrap_or(Timestamp::UNIX_EPOCH);
        self.rules.to_datetime(instant).date()
    }
}

/// Looks a name up, without regard to case.
///
/// # Errors
/// [`ZoneError`] when there is no such zone; it offers names that look alike.
pub fn parse(name: &str) -> Result<Zone, ZoneError> {
    let name = name.trim();
    if name.is_empty() {
        return Err(ZoneError::Empty);
    }
    let database = TimeZoneDatabase::bundled();
    if name.len() <= NAME_BYTES_MAX
        && let Ok(rules) = database.get(name)
    {
        let spelled = rules.iana_name().unwrap_or(name).into();
        return Ok(Zone { name: spelled, rules });
    }
    let shown: String = name.chars().take(NAME_BYTES_MAX).collect();
    let near = near_names(&shown, &database);
    Err(ZoneError::Unknown { name: shown, near })
}

fn did_you_mean(near: &[String]) -> String {
    if near.is_empty() {
        return ": it is not in the IANA database".to_owned();
    }
    format!(": did you mean {}?", near.join(" or "))
}

fn near_names(name: &str, database: &TimeZoneDatabase) -> Vec<String> {
    let wanted = name.to_ascii_lowercase();
    if let Some((_, right)) = KNOWN_MISTAKES.iter().find(|(wrong, _)| *wrong == wanted) {
        return vec![(*right).to_owned()];
    }
    // A third of the letters wrong is a slip; more is another word.
    let slips_max = (wanted.len() / 3).max(1);
    let mut near: Vec<(usize, String)> = database
        .available()
        .filter_map(|candidate| {
            let candidate = candidate.as_str();
            let full = candidate.to_ascii_lowercase();
            let city = full.rsplit('/').next().unwrap_or(&full);
            let slips = distance(&wanted, &full).min(distance(&wanted, city));
            (slips <= slips_max).then(|| (slips, candidate.to_owned()))
        })
        .collect();
    near.sort();
    // Beside a name that is one slip away, one that is four away is noise.
    let nearest = near.first().map_or(0, |(slips, _)| *slips);
    near.retain(|(slips, _)| *slips <= nearest + 1);
    near.truncate(SUGGESTIONS_MAX);
    near.into_iter().map(|(_, name)| name).collect()
}

/// Levenshtein's edit distance over bytes, one row at a time.
fn distance(left: &str, right: &str) -> usize {
    let right = right.as_bytes();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (cell, b) in row.iter_mut().skip(1).zip(right) {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = *cell;
            before = substituted.min(diagonal + 1).min(before + 1);
            *cell = before;
        }
    }
    row.last().copied().unwrap_or(0)
}
