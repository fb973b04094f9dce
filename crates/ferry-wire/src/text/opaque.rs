//! Strings that are no text wherever they stand: base64, and `data:` URLs of it.
//!
//! A digit run inside base64 is no number of anybody, and one changed byte breaks an image for good. So these are told by
//! their letters, where no name tells them; the rules are narrow, since a text that they match is not looked at.

/// Shortest base64 that is taken for such, in bytes; keys that people hide in inputs of tools are mostly shorter.
const BASE64_BYTES_MIN: usize = 64;

/// Most that the head of a `data:` URL takes: a media type and its parameters.
const DATA_URL_HEAD_BYTES_MAX: usize = 256;

/// Whether a string is a `data:` URL whose payload is base64.
pub(super) fn is_data_url(raw: &[u8]) -> bool {
    let Some((scheme, rest)) = raw.split_first_chunk::<5>() else { return false };
    if !scheme.eq_ignore_ascii_case(b"data:") {
        return false;
    }
    let head = rest.get(..rest.len().min(DATA_URL_HEAD_BYTES_MAX)).unwrap_or_default();
    let Some(comma) = memchr::memchr(b',', head) else { return false };
    let (head, payload) = (&rest[..comma], &rest[comma + 1..]);
    let is_base64 = head.len() >= 7
        && head.iter().skip(head.len() - 7).map(u8::to_ascii_lowercase).eq(*b";base64");
    is_base64 && payload.len() >= BASE64_BYTES_MIN && is_all(payload, is_token_letter)
}

/// Whether a string is base64 as RFC 4648 section 4 writes it, in letters of both cases.
///
/// The alphabet for URLs is left out: keys of several makers are written in it, and must be found.
pub(super) fn is_base64(raw: &[u8]) -> bool {
    let has = |is_kind: fn(&u8) -> bool| raw.iter().take(BASE64_BYTES_MIN).any(is_kind);
    raw.len() >= BASE64_BYTES_MIN
        && raw.len().is_multiple_of(4)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && is_all(raw, |byte| is_token_letter(byte) && byte != b'-' && byte != b'_')
}

/// Whether a string of a member named `data` is opaque: base64 of either alphabet.
pub(super) fn is_token(raw: &[u8]) -> bool {
    raw.len() >= BASE64_BYTES_MIN && is_all(raw, is_token_letter)
}

/// The same, also in lines as RFC 2045 section 6.8 breaks it: the first says how long they are.
pub(super) fn is_in_lines(raw: &[u8]) -> bool {
    let first = memchr::memchr2(b'\n', b'\r', raw).unwrap_or(raw.len());
    first >= BASE64_BYTES_MIN
        && is_all(raw, |byte| is_token_letter(byte) | matches!(byte, b'\n' | b'\r'))
}

/// Letters of both alphabets.
const fn is_token_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() | matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
}

/// Block by block, each without a branch, so that an image of a megabyte takes no time that counts.
fn is_all(raw: &[u8], is_letter: impl Fn(u8) -> bool) -> bool {
    let is_whole = |bytes: &[u8]| bytes.iter().fold(true, |is, byte| is & is_letter(*byte));
    let (blocks, rest) = raw.as_chunks::<64>();
    blocks.iter().all(|block| is_whole(block)) && is_whole(rest)
}
