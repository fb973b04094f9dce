//! Strings whole and in pieces: both must end at the same byte and say the same.

use proptest::prelude::*;

use super::*;

fn end_whole(bytes: &[u8]) -> Option<usize> {
    string_end(bytes, &mut false)
}

#[test]
fn a_quote_ends_a_string_unless_an_odd_run_of_backslashes_precedes_it() {
    let table: &[(&[u8], Option<usize>)] = &[
        (b"abc\"x", Some(3)),
        (b"\"", Some(0)),
        (b"a\\\"b\"", Some(4)),
        (b"a\\\\\"b\"", Some(3)),
        (b"\\\\\\\"\"", Some(4)),
        (b"no end", None),
        (b"\\", None),
        (b"", None),
    ];
    for (bytes, end) in table {
        assert_eq!(end_whole(bytes), *end, "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn escapes_are_decoded_and_broken_ones_refused() {
    let table: &[(&str, Option<&str>)] = &[
        ("plain", Some("plain")),
        ("\\u006dodel", Some("model")),
        ("a\\/b\\n\\t\\\"\\\\", Some("a/b\n\t\"\\")),
        ("\\ud83d\\ude00", Some("\u{1f600}")),
        ("\\ud83d", None),
        ("\\ud83d\\u0041", None),
        ("\\ude00", None),
        ("\\q", None),
        ("\\u12", None),
        ("\\", None),
    ];
    for (raw, decoded) in table {
        let found = unescape(raw.as_bytes());
        assert_eq!(found.as_deref(), decoded.map(str::as_bytes), "{raw}");
    }
    assert!(key_is(b"\\u006d\\u006fdel", "model"));
    assert!(!key_is(b"mode", "model"));
}

proptest! {
    #[test]
    fn pieces_end_where_the_whole_ends(bytes in proptest::collection::vec(
        prop_oneof![Just(b'"'), Just(b'\\'), Just(b'a')], 0..100), cut in 0_usize..100)
    {
        let cut = cut.min(bytes.len());
        let mut escaped = false;
        let pieces = string_end(&bytes[..cut], &mut escaped)
            .or_else(|| string_end(&bytes[cut..], &mut escaped).map(|end| end + cut));
        prop_assert_eq!(pieces, end_whole(&bytes));
    }

    #[test]
    fn a_long_string_ends_at_its_first_open_quote(
        parts in proptest::collection::vec((0_usize..200, "[\\\\\"]{0,5}"), 0..6))
    {
        let text: String = parts.iter().map(|(plain, odd)| "a".repeat(*plain) + odd).collect();
        let mut escaped = false;
        let end = text.bytes().position(|byte| {
            let is_end = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            is_end
        });
        let mut carried = false;
        prop_assert_eq!(string_end(text.as_bytes(), &mut carried), end);
        prop_assert_eq!(carried, end.is_none() && escaped);
    }

    #[test]
    fn what_is_written_is_read_back(text in any::<String>()) {
        let mut out = Vec::new();
        push_string(&mut out, &text);
        let read: String = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(&read, &text);
        let inner = unescape(&out[1..out.len() - 1]).unwrap();
        prop_assert_eq!(inner.as_ref(), text.as_bytes());
    }
}
