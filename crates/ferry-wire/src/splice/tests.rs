//! Edits in tables, and against `Vec::splice`.

use proptest::prelude::*;

use super::*;

fn pieces(body: &[u8], size: usize) -> Vec<Bytes> {
    body.chunks(size.max(1)).map(Bytes::copy_from_slice).collect()
}

fn check(put: &[(Range<usize>, &str)], expected: &str) {
    let body = b"0123456789";
    let mut edits = Edits::new();
    for (range, text) in put {
        edits.put_raw(range.clone(), text.as_bytes()).unwrap();
    }
    assert_eq!(edits.len_after(body.len()), expected.len(), "{put:?}");
    for size in 1..=body.len() {
        let after = edits.apply(&pieces(body, size));
        assert!(after.iter().all(|piece| !piece.is_empty()), "{put:?} in pieces of {size}");
        assert_eq!(
            String::from_utf8(after.concat()).unwrap(),
            expected,
            "{put:?} in pieces of {size}"
        );
    }
}

#[test]
fn edits_are_put_in() {
    check(&[], "0123456789");
    check(&[(3..5, "ab")], "012ab56789");
    check(&[(0..10, "")], "");
    check(&[(0..0, "a"), (10..10, "b")], "a0123456789b");
    check(&[(2..4, ""), (4..6, "x")], "01x6789");
    check(&[(4..6, "x"), (2..4, "y"), (9..10, "z"), (0..1, "")], "1yx678z");
    check(&[(3..5, "b"), (3..3, "a"), (5..5, "c"), (5..5, "d")], "012abcd56789");
    check(&[(5..5, "c"), (3..5, "b")], "012bc56789");
}

#[test]
fn edits_that_overlap_are_refused() {
    let mut edits = Edits::new();
    edits.put_raw(3..6, b"x").unwrap();
    edits.put_raw(8..8, b"y").unwrap();
    let before = edits.clone();
    for range in [3..6, 2..4, 5..7, 4..5, 0..10, 4..4, 3..5, 5..5, 7..9] {
        assert_eq!(edits.put_raw(range.clone(), b"z"), Err(EditError::Overlap), "{range:?}");
    }
    let backwards = Range { start: 9, end: 8 };
    assert_eq!(edits.put_raw(backwards, b"z"), Err(EditError::Backwards));
    assert_eq!(edits, before);
    for range in [6..8, 8..8, 8..9, 0..3, 3..3, 6..6] {
        assert_eq!(before.clone().put_raw(range.clone(), b"z"), Ok(()), "{range:?}");
    }
}

#[test]
fn replacements_are_escaped() {
    let body = Bytes::from_static(br#"{"a":"1","b":2}"#);
    let mut edits = Edits::new();
    edits.put_text(6..7, "\"\\\n\r\t\u{1}\u{7f}/删").unwrap();
    edits.put_string(13..14, "*\"").unwrap();
    let after = edits.apply(&[body]).concat();
    assert_eq!(
        String::from_utf8(after).unwrap(),
        "{\"a\":\"\\\"\\\\\\n\\r\\t\\u0001\u{7f}/删\",\"b\":\"*\\\"\"}"
    );
}

#[test]
fn chunks_without_edits_are_the_same() {
    let body = [Bytes::from(vec![b' '; 300]), Bytes::new(), Bytes::from(vec![b'a'; 900])];
    let same = Edits::new().apply(&body);
    assert_eq!(same, body);
    assert!(same.iter().zip(&body).all(|(same, piece)| same.as_ptr() == piece.as_ptr()));

    let mut edits = Edits::new();
    edits.put_raw(310..320, b"x").unwrap();
    edits.put_raw(330..340, b"y").unwrap();
    edits.put_raw(800..810, b"z").unwrap();
    let after = edits.apply(&body);
    assert_eq!(after.len(), 6);
    assert_eq!(after[0].as_ptr(), body[0].as_ptr());
    assert_eq!(after[1].as_ptr(), body[2].as_ptr());
    assert_eq!(after[2], [b"x", &[b'a'; 10][..], b"y"].concat());
    assert_eq!(after[3].as_ptr(), body[2][40..].as_ptr());
    assert_eq!(after[5].as_ptr(), body[2][510..].as_ptr());
}

#[test]
fn an_edit_past_the_end_stands_at_the_end() {
    let mut edits = Edits::new();
    edits.put_raw(2..100, b"x").unwrap();
    edits.put_raw(200..200, b"y").unwrap();
    assert_eq!(edits.apply(&pieces(b"0123", 3)).concat(), b"01xy");
}

#[test]
fn ten_thousand_edits_make_few_pieces() {
    let body = Bytes::from(vec![b'a'; 200 * 1024]);
    let mut edits = Edits::new();
    for at in (0..200_000).step_by(20) {
        edits.put_raw(at..at + 10, b"PII_PHONE_0123456789").unwrap();
    }
    assert_eq!(edits.len(), 10_000);
    assert!(edits.apply(&[body]).len() <= 3);
}

proptest! {
    #[test]
    fn the_result_is_that_of_one_edit_after_another(
        body in prop::collection::vec(any::<u8>(), 0..2000),
        marks in prop::collection::vec((0..2000_usize, 0..50_usize, ".{0,8}"), 0..30),
        size in 1..700_usize,
    ) {
        let mut edits = Edits::new();
        let mut taken = Vec::new();
        for (start, len, text) in marks {
            let start = start.min(body.len());
            let range = start..(start + len).min(body.len());
            if edits.put_raw(range.clone(), text.as_bytes()).is_ok() {
                taken.push((range, text));
            }
        }
        // Stable, as the edits are: insertions at one offset keep their order.
        taken.sort_by_key(|(range, _)| (range.start, range.end));
        let mut expected = body.clone();
        for (range, text) in taken.into_iter().rev() {
            expected.splice(range, text.into_bytes());
        }
        prop_assert_eq!(edits.len_after(body.len()), expected.len());
        prop_assert_eq!(edits.apply(&pieces(&body, size)).concat(), expected);
    }
}
