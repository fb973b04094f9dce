//! Pinned pseudonyms, and what a mask leaves.

use std::collections::HashSet;

use super::*;

fn secret() -> Secret {
    Secret::new(&[7; 32])
}

/// A pseudonym must be the same in every release: conversations live longer than one.
#[test]
fn pseudonyms_and_hashes_stay_what_they_are() {
    let secret = secret();
    let token = secret.pseudonym(Kind::CnPhone, "13800138000");
    assert_eq!(token.as_str(), PINNED_PSEUDONYM);
    assert_eq!(
        secret.replacement(Action::Hash, Kind::CnPhone, "13800138000").as_deref(),
        Some(PINNED_HASH)
    );
}

const PINNED_PSEUDONYM: &str = "PII_TELE_ZNNBWGPXFPRBSWTNPSJT";
const PINNED_HASH: &str = "HASH_CN_PHONE_HXZBRBKGQQKKFKHBWPGM";

#[test]
fn secret_kind_and_value_each_change_a_pseudonym() {
    let mut seen = HashSet::new();
    for secret in [[1; 32], [2; 32]].map(|bytes| Secret::new(&bytes)) {
        for kind in Kind::BUILT_IN {
            for value in ["13800138000", "13800138001"] {
                assert!(seen.insert(secret.pseudonym(kind, value)), "{kind:?} {value}");
            }
        }
    }
}

#[test]
fn rules_of_the_operator_share_their_pseudonyms() {
    let secret = secret();
    assert_eq!(secret.pseudonym(Kind::Custom(0), "x"), secret.pseudonym(Kind::Custom(9), "x"));
}

#[test]
fn a_mask_leaves_the_last_four_of_a_value_that_is_long_enough() {
    for (value, masked) in [
        ("6222021234567890123", "***************0123"),
        ("12345678", "****5678"),
        ("1234567", "*******"),
        ("１３８００１３８０００", "*******８０００"),
        ("", ""),
    ] {
        assert_eq!(mask(value), masked, "{value}");
    }
    assert_eq!(mask(&"k".repeat(2000)).len(), MASK_STARS_MAX + MASK_LEFT);
}

#[test]
fn only_actions_that_replace_have_a_replacement() {
    for action in Action::ALL {
        let text = secret().replacement(action, Kind::CnId, "x");
        assert_eq!(text.is_some(), action.replaces(), "{action}");
    }
}

#[test]
fn the_secret_is_not_printed() {
    assert_eq!(format!("{:?}", secret()), "Secret { .. }");
}
