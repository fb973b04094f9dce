//! IPv4 and IPv6 addresses that may belong to somebody.
//!
//! Versions, object identifiers and times have dots and colons, too. Loopback, unspecified and mask addresses say nothing
//! about anybody and are no hits.

use std::net::Ipv6Addr;

use super::reading::Text;
use super::{Hit, Kind};
use super::{context, oid};

/// The longest IPv6 address as text, with an IPv4 address in its end.
const V6_MAX: usize = 45;

/// The longest group of an IPv6 address, and of what an escape may leave before it.
const GROUP_MAX: usize = 4;

/// The IPv4 address of which the first dot stands at `dot`.
pub(super) fn v4(text: Text<'_>, dot: usize) -> Option<Hit> {
    let first = text.digits_before(dot, 4);
    let start = dot.checked_sub(first)?;
    let mut octets = [0; 4];
    let mut end = start;
    for (index, slot) in octets.iter_mut().enumerate() {
        let size = text.digits(end, 4);
        if size == 0 || size > 3 || (size > 1 && text.at(end) == b'0') {
            return None;
        }
        *slot = text.number(end, end + size);
        end += size;
        if index < 3 {
            if text.at(end) != b'.' {
                return None;
            }
            end += 1;
        }
    }
    let is_range = text.at(end) != b'-' || !text.at(end + 1).is_ascii_alphabetic();
    if octets.iter().any(|octet| *octet > 255) || is_nobody(octets) || !is_range {
        return None;
    }
    let sound = text.open_before(start) && text.open_after(end) && !is_hyphenated(text, start);
    let is_other =
        || context::is_labelled_version(text, start) || oid::is_labelled_oid(text, start, end);
    (sound && !is_other()).then_some(Hit { start, end, kind: Kind::IpAddress })
}

/// `lib-1.2.3.4`: a version behind the name of a package.
fn is_hyphenated(text: Text<'_>, start: usize) -> bool {
    text.before(start, 1) == b'-' && text.before(start, 2).is_ascii_alphabetic()
}

/// Loopback, unspecified, masks, the zeros of a product's version, and four single digits, as sections have.
fn is_nobody(octets: [u64; 4]) -> bool {
    let [first, second, third, fourth] = octets;
    matches!(first, 0 | 127 | 255)
        || second + third + fourth == 0
        || octets.iter().all(|octet| *octet < 10)
}

/// The IPv6 address around the colon at `colon`, if it is the first.
pub(super) fn v6(text: Text<'_>, colon: usize) -> Option<Hit> {
    let is_hex = |byte: &&u8| byte.is_ascii_hexdigit();
    let run = |max| {
        let head = text.slice(colon.saturating_sub(max), colon);
        head.iter().rev().take_while(is_hex).count()
    };
    let start = match run(GROUP_MAX + 1) {
        0 => return None,
        first @ 1..=GROUP_MAX if is_later_group(text, colon - first) => return None,
        first @ 1..=GROUP_MAX => text.skip_escape(colon - first),
        _ => text.skip_escape(colon - run(2 * GROUP_MAX)),
    };
    if !(1..=GROUP_MAX).contains(&colon.saturating_sub(start))
        || !text.open_before(start)
        || is_later_group(text, start)
    {
        return None;
    }
    let is_part = |byte: &&u8| byte.is_ascii_hexdigit() || matches!(**byte, b':' | b'.');
    let size = text.slice(start, start + V6_MAX + 1).iter().take_while(is_part).count();
    let piece = text.slice(start, start + size);
    let last = piece.iter().rposition(u8::is_ascii_hexdigit).map_or(0, |last| last + 1);
    // `2001:db8::` ends with its colons.
    let last = if text.has(start + last, b"::") { last + 2 } else { last };
    let (piece, end) = (text.slice(start, start + last), start + last);
    let colons = piece.split(|byte| *byte == b':').count() - 1;
    // Eight groups, or fewer with a gap; the last two may be an IPv4 address.
    let is_whole = colons >= 6 || piece.windows(2).any(|pair| pair == b"::");
    if !is_whole || !text.open_after(end) || !has_long_group(piece) {
        return None;
    }
    is_somebodys_v6(piece)?.then_some(Hit { start, end, kind: Kind::IpAddress })
}

/// Whether an address is neither loopback nor unspecified; nothing if it is none. Those that end as IPv4 are rare and left to
/// the standard library.
fn is_somebodys_v6(piece: &[u8]) -> Option<bool> {
    if piece.contains(&b'.') {
        let address: Ipv6Addr = std::str::from_utf8(piece).ok()?.parse().ok()?;
        return Some(!address.is_loopback() && !address.is_unspecified());
    }
    let (mut groups, mut size, mut is_gapped, mut has_value) = (0, 0, false, false);
    for (index, byte) in piece.iter().enumerate() {
        if *byte != b':' {
            size += 1;
            has_value |= *byte != b'0' && (*byte != b'1' || index + 1 < piece.len());
            groups += usize::from(size == 1);
            if size > 4 {
                return None;
            }
            continue;
        }
        if size == 0 && index > 0 {
            // A second colon: once.
            if is_gapped || piece.get(index - 1) != Some(&b':') {
                return None;
            }
            is_gapped = true;
        }
        size = 0;
    }
    let ends_open = size == 0 && !piece.ends_with(b"::");
    let fits = if is_gapped { groups <= 7 } else { groups == 8 };
    (fits && !ends_open).then_some(has_value)
}

/// Whether the colon before `start` belongs to the address, and not to a label: `ip:fe80::1`.
fn is_later_group(text: Text<'_>, start: usize) -> bool {
    if text.before(start, 1) != b':' {
        return false;
    }
    if text.before(start, 2) == b':' {
        return true;
    }
    let head = text.slice(start.saturating_sub(GROUP_MAX + 2), start - 1);
    let size = head.iter().rev().take_while(|byte| byte.is_ascii_hexdigit()).count();
    match size {
        1..=GROUP_MAX => text.open_before(start - 1 - size),
        _ => false,
    }
}

/// Whether a group has three digits or more, one of them 0 to 9: `fe80`, and not `a::b` of a program.
fn has_long_group(piece: &[u8]) -> bool {
    piece
        .split(|byte| *byte == b':')
        .any(|group| group.len() >= 3 && group.iter().any(u8::is_ascii_digit))
}
