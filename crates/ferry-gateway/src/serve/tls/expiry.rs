//! The end of a certificate's validity, read from its DER: the one field that an operator wants a warning about.
//!
//! Walks to `tbsCertificate.validity.notAfter` and looks at nothing else; verifies nothing.
//! Source: RFC 5280 section 4.1.

use std::time::{Duration, SystemTime};

const SEQUENCE: u8 = 0x30;
const EXPLICIT_VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// When the certificate stops being valid; `None` when the bytes are not what the standard says.
pub(super) fn not_after(certificate: &[u8]) -> Option<SystemTime> {
    let mut certificate = Der(certificate).enter(SEQUENCE)?;
    let mut fields = certificate.enter(SEQUENCE)?;
    if fields.0.first() == Some(&EXPLICIT_VERSION) {
        fields.skip()?;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        fields.skip()?;
    }
    let mut validity = fields.enter(SEQUENCE)?;
    validity.skip()?;
    let (tag, text) = validity.next()?;
    time(tag, std::str::from_utf8(text).ok()?)
}

/// "YYMMDDHHMMSSZ" until 2049, "YYYYMMDDHHMMSSZ" after (RFC 5280 section 4.1.2.5).
fn time(tag: u8, text: &str) -> Option<SystemTime> {
    let text = text.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i16 = year.parse().ok()?;
            (if year >= 50 { 1900 + year } else { 2000 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let pair = |at: usize| rest.get(at..at + 2)?.parse::<i8>().ok();
    if rest.len() != 10 {
        return None;
    }
    let date =
        jiff::civil::DateTime::new(year, pair(0)?, pair(2)?, pair(4)?, pair(6)?, pair(8)?, 0);
    let timestamp = jiff::tz::Offset::UTC.to_timestamp(date.ok()?).ok()?;
    let seconds = u64::try_from(timestamp.as_second()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// A run of tag-length-value elements.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            // Long form: that many bytes of length, big-endian. Four reach 4 GB.
            let (digits, rest) =
                rest.split_at_checked(usize::from(first & 0x7f)).filter(|(d, _)| d.len() <= 4)?;
            let length = digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit));
            (length, rest)
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    fn enter(&mut self, expected: u8) -> Option<Self> {
        let (tag, value) = self.next()?;
        (tag == expected).then_some(Self(value))
    }

    fn skip(&mut self) -> Option<()> {
        self.next().map(drop)
    }
}
