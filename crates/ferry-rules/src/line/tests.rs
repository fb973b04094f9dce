//! Lines by header value.

use proptest::prelude::*;

use super::*;

fn known() -> BTreeSet<String> {
    ["customer_service", "code-review", "default"].map(str::to_owned).into()
}

#[test]
fn a_header_names_a_configured_line_or_nothing() {
    let rows: [(Option<&[u8]>, &str); 9] = [
        (None, "default"),
        (Some(b""), "default"),
        (Some(b"  "), "default"),
        (Some(b"customer_service"), "customer_service"),
        (Some(b" code-review\t"), "code-review"),
        (Some(b"Customer_Service"), "other"),
        (Some(b"made-up"), "other"),
        (Some(b"\xff\xfe"), "other"),
        (Some(b"default"), "default"),
    ];
    for (header, expected) in rows {
        assert_eq!(resolve(&known(), header).name(), expected, "{header:?}");
    }
    assert_eq!(resolve(&BTreeSet::new(), Some(b"default")), LineRef::Default);
    assert_eq!(resolve(&BTreeSet::new(), Some(b"other")), LineRef::Other);
}

#[test]
fn a_name_is_a_short_token() {
    let longest = "a".repeat(NAME_BYTES_MAX);
    for name in ["a", "customer_service", "code-review.2", "default", longest.as_str()] {
        assert!(valid_name(name), "{name}");
    }
    let too_long = "a".repeat(NAME_BYTES_MAX + 1);
    for name in ["", "a b", "a,b", "a\"b", "客服", "a/b", "a\n", "other", too_long.as_str()] {
        assert!(!valid_name(name), "{name}");
    }
}

proptest! {
    #[test]
    fn no_header_makes_a_new_name(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let known = known();
        let name = resolve(&known, Some(&bytes)).name();
        prop_assert!(known.contains(name) || name == OTHER || name == DEFAULT);
    }
}
