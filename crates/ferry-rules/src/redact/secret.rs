//! API keys, access tokens and signed tokens, by the prefix that their issuer gives them.
//!
//! A prefix, the letters that may follow, and how many. Nothing is asked of an issuer. What documents print as samples
//! (`AKIAIOSFODNN7EXAMPLE`, `sk-ant-xxxx`, `YOUR_KEY`) is no secret.

mod forms;

use super::reading::{Text, is_word};
use super::{Hit, Kind};
use forms::{FORMS, Form, Letters, may_begin};

/// The longest token that is measured: signed tokens with many claims.
const SIZE_MAX: usize = 16 * 1024;

/// The key that begins with the word at `start`. `signed_until` is how far signed tokens have been looked for.
pub(super) fn at(text: Text<'_>, start: usize, signed_until: &mut usize) -> Option<Hit> {
    let start = behind_dot(text, start);
    if !may_begin(text.at(start), text.at(start + 1)) || !is_open(text, start) {
        return None;
    }
    let first = text.at(start);
    let forms = FORMS.iter().filter(|form| form.prefix.first() == Some(&first));
    let end = forms
        .filter(|form| text.has(start, form.prefix))
        .find_map(|form| measure(text, start, form));
    let end = end.or_else(|| {
        if text.has(start, b"eyJ") { signed(text, start, signed_until) } else { None }
    })?;
    Some(Hit { start, end, kind: Kind::ApiKey })
}

/// Where a key begins whose short prefix ends with a dot (`SG.`, `hvs.`): the long word is what comes behind it.
fn behind_dot(text: Text<'_>, start: usize) -> usize {
    const PREFIX_MAX: usize = 5;
    if text.before(start, 1) != b'.' {
        return start;
    }
    let head = text.slice(start.saturating_sub(PREFIX_MAX + 1), start - 1);
    let size = head.iter().rev().take_while(|byte| is_word(**byte)).count();
    if size == 0 {
        return start;
    }
    // The last letters of an escape are none of the prefix.
    let mut starts = (2..size).map(|size| start - 1 - size);
    starts.find(|start| text.behind_escape(*start)).unwrap_or(start - 1 - size)
}

/// A key may begin behind anything but a letter of its own word, and not in the middle of base64.
fn is_open(text: Text<'_>, start: usize) -> bool {
    let second = text.before(start, 2);
    match text.before(start, 1) {
        // Behind a dot it is a later part of a word that has been looked at.
        b'.' => !is_word(second),
        b'+' => !second.is_ascii_alphanumeric(),
        byte => !is_word(byte) || text.behind_escape(start),
    }
}

/// Where a key of this form ends, if what stands here is one.
fn measure(text: Text<'_>, start: usize, form: &Form) -> Option<usize> {
    let from = start + form.prefix.len();
    let body = text.slice(from, from + form.most + 1);
    let mut size = body.iter().take_while(|byte| form.letters.has(**byte)).count();
    if form.letters == Letters::Dotted {
        size = body.get(..size)?.iter().rposition(|byte| *byte != b'.').map_or(0, |last| last + 1);
    }
    let body = body.get(..size)?;
    let end = from + size;
    let fits = (form.least..=form.most).contains(&size) && !is_word(text.at(end));
    let is_cut = size < form.whole() && is_followed_by_dots(text, end);
    (fits && !is_sample(body) && !is_cut).then_some(end)
}

/// `sk-ant-api03-abc...`, `ghp_***`: cut by whoever wrote it.
fn is_followed_by_dots(text: Text<'_>, end: usize) -> bool {
    text.has(end, b"...") || text.has(end, b"***") || text.has(end, "…".as_bytes())
}

/// Whether the letters behind a prefix are nobody's: a placeholder, or hardly any variety.
fn is_sample(body: &[u8]) -> bool {
    const WORDS: [&[u8]; 8] = [
        b"EXAMPLE",
        b"XXXX",
        b"YOUR",
        b"PLACEHOLDER",
        b"CHANGEME",
        b"REPLACE",
        b"REDACTED",
        b"00000000",
    ];
    let mut seen = [false; 256];
    for byte in body.iter().take(64) {
        if let Some(slot) = seen.get_mut(usize::from(*byte)) {
            *slot = true;
        }
    }
    let variety = seen.iter().filter(|is| **is).count();
    let head = body.get(..body.len().min(256)).unwrap_or_default();
    variety < 6
        || WORDS
            .iter()
            .any(|word| head.windows(word.len()).any(|piece| piece.eq_ignore_ascii_case(word)))
}

/// A JSON Web Token in its compact form (RFC 7515 section 7.1): three parts of base64url, the first two of JSON.
///
/// What begins in the first part of one that was measured ends where that does, and is neither longer nor sounder: `until`
/// spares it, so that no letter is measured more than a few times.
fn signed(text: Text<'_>, start: usize, until: &mut usize) -> Option<usize> {
    const PART_LEAST: usize = 10;
    if start < *until {
        return None;
    }
    let last = start + SIZE_MAX;
    let part = |from: usize| {
        let letters = text.slice(from, last).iter().take_while(|byte| Letters::Url.has(**byte));
        from + letters.count()
    };
    let head = part(start);
    *until = head;
    if head < start + PART_LEAST || !text.has(head, b".ey") {
        return None;
    }
    let claims = part(head + 1);
    if claims <= head + PART_LEAST || text.at(claims) != b'.' {
        return None;
    }
    let sign = part(claims + 1);
    (sign > claims + PART_LEAST).then_some(sign)
}
