//! Object identifiers: dotted numbers that look like addresses and are none.

use super::context::{LABEL_BYTES, Labels};
use super::reading::Text;

/// Whether the word beside a dotted number says that it is an object identifier: `OID: 1.3.101.110`, `1.3.101.110 (OID)`.
pub(super) fn is_labelled_oid(text: Text<'_>, start: usize, end: usize) -> bool {
    static LONG: Labels = Labels::new(&["对象标识符", "objectidentifier", "objectid"]);
    let is_between =
        |byte: &&u8| matches!(**byte, b' ' | b':' | b'=' | b'"' | b'\'' | b'(' | b'[' | b'`');
    let head = text.slice(start.saturating_sub(LABEL_BYTES), start);
    let gap = head.iter().rev().take_while(is_between).count();
    let tail = text.slice(end, end + LABEL_BYTES);
    let behind = end + tail.iter().take_while(is_between).count();
    is_oid(text, (start - gap).saturating_sub(3))
        || is_oid(text, behind)
        || LONG.stand_before(text, start)
}

/// Whether the word at `place` is `oid`.
fn is_oid(text: Text<'_>, place: usize) -> bool {
    text.slice(place, place + 3).eq_ignore_ascii_case(b"oid")
        && !text.before(place, 1).is_ascii_alphabetic()
        && !text.at(place + 3).is_ascii_alphabetic()
}
