//! Hides secrets in configuration text before any of it is shown.
//!
//! A literal key in a file is refused, and the report that says so shows the line it stands in. So
//! the text is masked first, byte for byte, which keeps every caret where it was. It errs on the
//! side of hiding: a report with a star too many is still a report.

#[cfg(test)]
mod tests;

use std::ops::Range;

/// Hides what looks like a key anywhere (`sk-...`, `fry-...`), the user part of a URL, and the value
/// of every line whose name speaks of a secret.
pub(crate) fn text(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for prefix in ["sk-", "fry-"] {
        for (start, _) in text.match_indices(prefix) {
            let from = start + prefix.len();
            let len = bytes.iter().skip(from).take_while(|byte| in_token(**byte)).count();
            hide(&mut bytes, from..from + len);
        }
    }
    for (start, _) in text.match_indices("://") {
        let from = start + 3;
        let rest = bytes.iter().skip(from);
        let len = rest.take_while(|byte| !b"/?#\"' \t\r\n".contains(byte)).count();
        let authority = bytes.get(from..from + len).unwrap_or_default();
        if let Some(at) = authority.iter().rposition(|byte| *byte == b'@') {
            hide(&mut bytes, from..from + at);
        }
    }
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if let Some(equals) = line.find('=').filter(|equals| names_a_secret(line, *equals)) {
            hide_values(&mut bytes, offset + equals + 1..offset + line.len());
        }
        offset += line.len();
    }
    into_text(bytes)
}

/// Hides one range, its quotes aside.
pub(crate) fn range(text: &str, range: Range<usize>) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let quoted = |at: usize| matches!(bytes.get(at), Some(b'"' | b'\''));
    let start = range.start + usize::from(quoted(range.start));
    let end = range.end - usize::from(range.end > start && quoted(range.end - 1));
    hide(&mut bytes, start..end);
    into_text(bytes)
}

/// Hides every value of a file that cannot be parsed. Where a quote is missing nobody knows what is
/// a value, so all words behind the first `=` of a line go, and the whole of a line whose beginning is
/// no plain name (the end of a value that was broken over two lines, say); brackets, quotes and commas
/// stay, since that is where the mistake is.
pub(crate) fn values(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let header = line.trim_start().starts_with('[') && !line.contains(['"', '\'', '=']);
        if !header {
            let name_char = |byte: u8| byte.is_ascii_alphanumeric() || b"_-. \t".contains(&byte);
            let name = line.find('=').filter(|equals| line.bytes().take(*equals).all(name_char));
            let from = offset + name.unwrap_or_default();
            for byte in bytes.get_mut(from..offset + line.len()).unwrap_or_default() {
                if byte.is_ascii_alphanumeric() || !byte.is_ascii() {
                    *byte = b'*';
                }
            }
        }
        offset += line.len();
    }
    into_text(bytes)
}

fn in_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Whether the name before the `=` is that of a secret. `tls_key_file` names a path, not a key.
fn names_a_secret(line: &str, equals: usize) -> bool {
    let name: String = line.chars().take(equals).collect::<String>().to_ascii_lowercase();
    let name = name.trim().trim_matches(['"', '\'']);
    !name.ends_with("_file")
        && ["key", "token", "secret", "auth", "password"].iter().any(|word| name.contains(word))
}

/// Hides each quoted text of one line, or the whole rest when nothing is quoted, but no reference.
fn hide_values(bytes: &mut [u8], range: Range<usize>) {
    let mut at = range.start;
    let mut found = false;
    while at < range.end {
        let quote = bytes.get(at).copied().filter(|byte| matches!(byte, b'"' | b'\''));
        let Some(quote) = quote else {
            at += 1;
            continue;
        };
        found = true;
        let inside = bytes.get(at + 1..range.end).unwrap_or_default();
        let len = inside.iter().position(|byte| *byte == quote).unwrap_or(inside.len());
        if !inside.starts_with(b"env:") && !inside.starts_with(b"file:") {
            hide(bytes, at + 1..at + 1 + len);
        }
        at += len + 2;
    }
    let rest = bytes.get(range.clone()).unwrap_or_default();
    let rest = rest.trim_ascii_start();
    let open = rest.starts_with(b"[") || rest.starts_with(b"{") || rest.is_empty();
    if !found && !open && !rest.starts_with(b"env:") && !rest.starts_with(b"file:") {
        hide(bytes, range);
    }
}

fn hide(bytes: &mut [u8], range: Range<usize>) {
    for byte in bytes.get_mut(range).unwrap_or_default() {
        if !byte.is_ascii_whitespace() {
            *byte = b'*';
        }
    }
}

/// Stars replace whole characters in every caller; where one was cut, the rest is made readable.
fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| error.into_bytes().iter().map(|byte| ascii(*byte)).collect())
}

fn ascii(byte: u8) -> char {
    if byte.is_ascii() { char::from(byte) } else { '*' }
}
