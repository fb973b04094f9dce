//! The credential headers, one table row per form that people have sent.

use http::HeaderValue;
use proptest::prelude::*;

use super::CredentialFault as Fault;
use super::CredentialHeader::{Bearer, XApiKey};
use super::*;

/// A value, and what is wrong with it in either header.
type Row = (&'static str, fn(CredentialHeader) -> Fault);

const KEY: &str = "sk-ant-api03-abcDEF_123-xyz";

/// What `read` makes of a list of headers, in a form that a table can hold.
fn check(headers: &[(&'static str, &[u8])], expected: Result<Credential<'_>, Fault>) {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_bytes(value).unwrap());
    }
    assert!(read(&map) == expected, "{headers:?} gave {:?}, not {expected:?}", read(&map));
}

fn one(header: CredentialHeader, value: &str) -> Credential<'_> {
    Credential::One { header, value }
}

#[test]
fn both_headers_are_read_and_agree_or_fail() {
    let key = KEY.as_bytes();
    let bearer = format!("Bearer {KEY}");
    check(&[], Ok(Credential::None));
    check(&[("x-api-key", key)], Ok(one(XApiKey, KEY)));
    check(&[("authorization", bearer.as_bytes())], Ok(one(Bearer, KEY)));
    check(&[("authorization", format!("bEaReR {KEY}").as_bytes())], Ok(one(Bearer, KEY)));
    check(&[("x-api-key", key), ("authorization", bearer.as_bytes())], Ok(one(XApiKey, KEY)));
    check(&[("x-api-key", b"other"), ("authorization", bearer.as_bytes())], Err(Fault::Conflict));
    check(&[("x-api-key", key), ("x-api-key", key)], Err(Fault::Repeated(XApiKey)));
    check(
        &[("authorization", bearer.as_bytes()), ("authorization", b"Basic eDp5")],
        Err(Fault::Repeated(Bearer)),
    );
}

#[test]
fn a_form_that_no_key_has_is_named() {
    let rows: [Row; 26] = [
        ("", Fault::Empty),
        (" ", Fault::Empty),
        ("\"sk-ant-api03-x1\"", Fault::Quoted),
        ("'sk-ant-api03-x1'", Fault::Quoted),
        ("sk-ant-api03-x1\"", Fault::Quoted),
        ("sk-ant api03", Fault::Space),
        ("sk-ant-api03-x1\ttab", Fault::Space),
        (" sk-ant-api03-x1", Fault::Space),
        ("sk-ant-api03-x1 ", Fault::Space),
        ("sk-ant-api03-x1\\n", Fault::LineEnd),
        ("sk-ant-api03-x1%0A", Fault::LineEnd),
        ("$ANTHROPIC_API_KEY", Fault::Placeholder),
        ("${ANTHROPIC_API_KEY}", Fault::Placeholder),
        ("{{api_key}}", Fault::Placeholder),
        ("%ANTHROPIC_API_KEY%", Fault::Placeholder),
        ("<your-api-key>", Fault::Placeholder),
        ("your-api-key", Fault::Placeholder),
        ("YOUR_API_KEY", Fault::Placeholder),
        ("sk-ant-your-api-key-here", Fault::Placeholder),
        ("sk-ant-xxxxxxxx", Fault::Placeholder),
        ("sk-ant-api03-xxx", Fault::Placeholder),
        ("sk-ant-api03-...", Fault::Placeholder),
        ("sk-ant-***", Fault::Placeholder),
        ("ANTHROPIC_API_KEY", Fault::Placeholder),
        ("ANTHROPIC_API_KEY=sk-ant-api03-x1", Fault::Assignment),
        ("Bearer sk-ant-api03-x1", Fault::SchemeInValue),
    ];
    for (value, fault) in rows {
        check(&[("x-api-key", value.as_bytes())], Err(fault(XApiKey)));
        let bearer = format!("Bearer {value}");
        check(&[("authorization", bearer.as_bytes())], Err(fault(Bearer)));
    }
    check(&[("x-api-key", "sk-ant-密钥".as_bytes())], Err(Fault::Character(XApiKey)));
    check(&[("authorization", b"Bearer sk-ant-\xe9")], Err(Fault::Character(Bearer)));
}

#[test]
fn a_scheme_that_is_not_bearer_is_named() {
    check(&[("authorization", b"Basic eDp5")], Err(Fault::Basic));
    check(&[("authorization", b"Digest username=x")], Err(Fault::Scheme));
    check(&[("authorization", b"Token sk-1234")], Err(Fault::Scheme));
    check(&[("authorization", b"\"Bearer sk-1234\"")], Err(Fault::Quoted(Bearer)));
    check(&[("authorization", KEY.as_bytes())], Err(Fault::Scheme));
    check(&[("authorization", b"")], Err(Fault::Empty(Bearer)));
    check(&[("authorization", b"Bearer")], Err(Fault::Empty(Bearer)));
}

#[test]
fn a_subscription_token_is_refused_in_either_header() {
    check(&[("x-api-key", b"sk-ant-oat01-abc")], Err(Fault::SubscriptionToken));
    check(&[("authorization", b"Bearer SK-ANT-OAT01-abc")], Err(Fault::SubscriptionToken));
    check(&[("authorization", b"sk-ant-oat01-abc")], Err(Fault::SubscriptionToken));
}

#[test]
fn an_unexpected_form_goes_on() {
    let keys = [
        "sk-ant-sid01-abc",
        "sk-ant-admin01-abc",
        "sk-proj-abc",
        "sk-1234567890abcdef",
        "AIzaSyabc",
        "AKIAABCDEF",
        "ghp_abc",
        "fry-abc",
        "eyJhbGciOi.J9.x-_",
        // The official SDK's own suite sends these two.
        "my-anthropic-api-key",
        "my-auth-token",
        "test",
        "a",
        "x",
        "sk-ant-apixxyz",
    ];
    for key in keys {
        check(&[("x-api-key", key.as_bytes())], Ok(one(XApiKey, key)));
        check(&[("authorization", format!("Bearer {key}").as_bytes())], Ok(one(Bearer, key)));
    }
}

const FAULTS: [Fault; 15] = [
    Fault::Missing,
    Fault::Unknown,
    Fault::Conflict,
    Fault::Repeated(XApiKey),
    Fault::Empty(Bearer),
    Fault::Quoted(XApiKey),
    Fault::Space(XApiKey),
    Fault::LineEnd(XApiKey),
    Fault::Character(XApiKey),
    Fault::Placeholder(XApiKey),
    Fault::Assignment(XApiKey),
    Fault::SchemeInValue(XApiKey),
    Fault::Basic,
    Fault::Scheme,
    Fault::SubscriptionToken,
];

#[test]
fn every_fault_has_code_status_and_a_sentence() {
    for fault in FAULTS {
        let sentence = fault.sentence();
        assert!(fault.code().starts_with("FD-K"), "{fault:?}");
        assert!([401, 403].contains(&fault.status()), "{fault:?}");
        assert!(sentence.ends_with('.') && sentence.is_ascii(), "{sentence}");
        assert!(sentence.len() < 200, "too long to read: {sentence}");
        let fragment = fault.to_string();
        assert!(fragment.starts_with(|c: char| c.is_ascii_lowercase()), "{fragment}");
    }
    assert_eq!(Fault::SubscriptionToken.error_type(), "permission_error");
    assert_eq!(Fault::Missing.error_type(), "authentication_error");
}

#[test]
fn the_debug_form_hides_the_value() {
    let shown = format!("{:?}", Credential::One { header: XApiKey, value: KEY });
    assert_eq!(shown, "One(XApiKey, REDACTED)");
}

proptest! {
    #[test]
    fn any_bytes_are_judged_and_never_repeated(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
        let mut headers = HeaderMap::new();
        headers.insert("x-api-key", value);
        match read(&headers) {
            Ok(Credential::One { value: read, .. }) => {
                prop_assert_eq!(read.as_bytes(), &bytes[..]);
                prop_assert!(read.bytes().all(|byte| byte.is_ascii_graphic()));
            }
            Ok(Credential::None) => prop_assert!(false, "a header was there"),
            Err(fault) => {
                if bytes.len() > 12 {
                    let text = format!("{fault} {fault:?} {}", fault.sentence());
                    prop_assert!(!text.as_bytes().windows(bytes.len()).any(|part| part == bytes));
                }
            }
        }
    }

    #[test]
    fn both_headers_mean_the_same(key in "[a-zA-Z0-9_-]{20,60}") {
        let mut plain = HeaderMap::new();
        plain.insert("x-api-key", HeaderValue::from_str(&key).unwrap());
        let mut bearer = HeaderMap::new();
        bearer.insert("authorization", HeaderValue::from_str(&format!("Bearer {key}")).unwrap());
        let value = |headers: &HeaderMap| match read(headers) {
            Ok(Credential::One { value, .. }) => Some(value.to_owned()),
            Ok(Credential::None) | Err(_) => None,
        };
        prop_assert_eq!(value(&plain), value(&bearer));
    }
}
