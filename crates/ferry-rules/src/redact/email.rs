//! E-mail addresses: what mail systems take in practice of RFC 5321, not all that it allows.
//!
//! Packages (`react@18.2.0`), images (`logo@2x.png`), remotes (`git@host:path`) and the password of a URL have an `@`, too.

use super::reading::Text;
use super::{Hit, Kind};

/// The longest local part, RFC 5321 section 4.5.3.1.1.
const LOCAL_MAX: usize = 64;

/// The longest domain, RFC 5321 section 4.5.3.1.2.
const DOMAIN_MAX: usize = 255;

/// Ends of file names that are no top-level domain.
const FILES: [&[u8]; 22] = [
    b"png", b"jpg", b"jpeg", b"gif", b"webp", b"svg", b"ico", b"bmp", b"avif", b"tiff", b"css",
    b"scss", b"js", b"jsx", b"tsx", b"mjs", b"json", b"html", b"vue", b"woff", b"ttf", b"pdf",
];

/// The address around the `@` at `place`.
pub(super) fn at(text: Text<'_>, place: usize) -> Option<Hit> {
    let end = domain_end(text, place + 1)?;
    let start = local_start(text, place)?;
    (!is_remote(text, start, place, end) && !is_password(text, start)).then_some(Hit {
        start,
        end,
        kind: Kind::Email,
    })
}

/// Where the domain that begins at `start` ends.
fn domain_end(text: Text<'_>, start: usize) -> Option<usize> {
    let is_domain = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'.' | b'-');
    let size = text.slice(start, start + DOMAIN_MAX + 1).iter().take_while(is_domain).count();
    if size > DOMAIN_MAX {
        return None;
    }
    let domain = text.slice(start, start + size);
    // The end of a sentence, `a@b.com--`, `a@b.com...`
    let trimmed = domain.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |last| last + 1);
    let domain = domain.get(..trimmed).unwrap_or_default();
    let end = start + trimmed;
    let last = domain.rsplit(|byte| *byte == b'.').next()?;
    let is_top =
        last.len() >= 2 && last.len() < domain.len() && last.iter().all(u8::is_ascii_alphabetic);
    let is_version = domain.first()?.is_ascii_digit() && is_number_led(domain);
    let labels = domain.split(|byte| *byte == b'.');
    let sound = labels.clone().all(|label| !label.is_empty() && label.first() != Some(&b'-'));
    let is_open = text.at(end) != b'_' || is_glued(text, end);
    (is_top && sound && !is_version && !is_file(domain, last) && is_open).then_some(end)
}

/// Whether the letters from `end` on are those of another address: `a@b.cn_c@d.cn`.
fn is_glued(text: Text<'_>, end: usize) -> bool {
    let rest = text.slice(end, end + LOCAL_MAX);
    let size = rest.iter().take_while(|byte| is_local(**byte)).count();
    text.at(end + size) == b'@'
}

/// `18.2.0-beta`, `2x.png`: a number, and what else begins with one.
fn is_number_led(domain: &[u8]) -> bool {
    let mut labels = domain.split(|byte| *byte == b'.');
    let first = labels.next().unwrap_or_default();
    let second = labels.next().and_then(<[u8]>::first).copied().unwrap_or_default();
    second.is_ascii_digit() || matches!(first, [b'1'..=b'9', b'x' | b'X'])
}

fn is_file(domain: &[u8], last: &[u8]) -> bool {
    let dots = domain.split(|byte| *byte == b'.').count() - 1;
    dots == 1 && FILES.iter().any(|file| last.eq_ignore_ascii_case(file))
}

/// Where the local part before `end` begins.
fn local_start(text: Text<'_>, end: usize) -> Option<usize> {
    let from = end.saturating_sub(LOCAL_MAX + 1);
    let size = text.slice(from, end).iter().rev().take_while(|byte| is_local(**byte)).count();
    if size > LOCAL_MAX {
        return None;
    }
    let mut start = text.skip_escape(end - size);
    if text.before(start, 1) == b'\\' && text.at(start) == b'u' {
        return None;
    }
    while start + 2 < end && text.at(start) == b'%' && text.at(start + 1).is_ascii_hexdigit() {
        start += 3;
    }
    let skipped = text
        .slice(start, end)
        .iter()
        .take_while(|byte| !byte.is_ascii_alphanumeric() && **byte != b'_')
        .count();
    start += skipped;
    let local = text.slice(start, end);
    (!local.is_empty() && local.last() != Some(&b'.') && !local.starts_with(b"PII_"))
        .then_some(start)
}

const fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-')
}

/// `git@github.com:team/project.git`, and others whose path says that it is one: it ends with `.git`, or begins at the root or
/// at home. What else stands behind a colon may be anything.
fn is_remote(text: Text<'_>, start: usize, at: usize, end: usize) -> bool {
    const PATH_MAX: usize = 128;
    if !matches!(text.at(end), b':' | b'/') {
        return false;
    }
    if text.slice(start, at) == b"git" {
        return true;
    }
    if text.at(end) != b':' {
        return false;
    }
    let is_path = |byte: &&u8| is_local(**byte) || matches!(**byte, b'/' | b'~');
    let rest = text.slice(end + 1, end + 1 + PATH_MAX);
    let size = rest.iter().take_while(is_path).count();
    let path = rest.get(..size).unwrap_or_default();
    path.ends_with(b".git") || path.starts_with(b"~/") || matches!(path, [b'/', b'a'..=b'z', ..])
}

/// `scheme://user:word@host`: what stands before `@` is no mailbox.
fn is_password(text: Text<'_>, start: usize) -> bool {
    const NAME_MAX: usize = 40;
    let head = text.slice(start.saturating_sub(NAME_MAX), start);
    let is_name = |byte: &&u8| is_local(**byte) || **byte == b':';
    let size = head.iter().rev().take_while(is_name).count();
    let before = start - size;
    text.ends(before, b"//") && text.ends(before - 2, b":")
}
