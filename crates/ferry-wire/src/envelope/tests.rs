//! Envelopes in tables, then split at every byte, then against a full JSON parser.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn read(body: &[u8]) -> Result<Envelope, EnvelopeError> {
    let mut walk = EnvelopeWalk::new();
    walk.push(body)?;
    walk.finish()
}

/// What a body says, without the places of it, which have tests of their own.
fn read_values(body: &[u8]) -> Result<Envelope, EnvelopeError> {
    read(body).map(without_places)
}

fn without_places(found: Envelope) -> Envelope {
    Envelope { stream_flag: StreamFlag::default(), prefix: Prefix::default(), ..found }
}

fn envelope(
    model: Option<&str>,
    stream: bool,
    max_tokens: Option<u64>,
    user_id: Option<&str>,
    n_members: u32,
) -> Envelope {
    Envelope {
        model: model.map(Box::from),
        stream,
        max_tokens,
        user_id: user_id.map(Box::from),
        n_members,
        ..Envelope::default()
    }
}

/// Bodies that have an envelope.
fn sound() -> Vec<(&'static str, Envelope)> {
    vec![
        ("{}", envelope(None, false, None, None, 0)),
        (" \t\r\n{ \n } \n", envelope(None, false, None, None, 0)),
        (
            r#"{"model":"claude-opus-5-5","max_tokens":1024,"stream":true,"messages":[]}"#,
            envelope(Some("claude-opus-5-5"), true, Some(1024), None, 4),
        ),
        (
            r#"{"metadata":{"user_id":"u-1","x":{"user_id":"no"}},"model":"m"}"#,
            envelope(Some("m"), false, None, Some("u-1"), 2),
        ),
        (
            r#"{"messages":[{"model":"no","stream":true,"metadata":{"user_id":"no"}}]}"#,
            envelope(None, false, None, None, 1),
        ),
        (
            r#"{"\u006dodel":"a\u002db\\\"c\ud83d\ude00","\u0073tream":true}"#,
            envelope(Some("a-b\\\"c\u{1f600}"), true, None, None, 2),
        ),
        (
            r#"{"model":null,"stream":"true","max_tokens":"5","metadata":null}"#,
            envelope(None, false, None, None, 4),
        ),
        (
            r#"{"stream":false,"max_tokens":18446744073709551615}"#,
            envelope(None, false, Some(u64::MAX), None, 2),
        ),
        (
            r#"{"max_tokens":18446744073709551616,"a":-1.5e+3}"#,
            envelope(None, false, None, None, 2),
        ),
        (r#"{"max_tokens":-1,"max_tokenss":7}"#, envelope(None, false, None, None, 2)),
        (
            r#"{"metadata":{},"a":{"b":[{"c":"]}\\\""}]},"b":[[],{}],"c":"{\"model\":\"x\"}"}"#,
            envelope(None, false, None, None, 4),
        ),
        (r#"{"metadata":{"user_id":5}}"#, envelope(None, false, None, None, 1)),
        (r#"{"metadata":{"user_id":["a"]}}"#, envelope(None, false, None, None, 1)),
        (r#"{"a":1,"a":2,"user_id":"top"}"#, envelope(None, false, None, None, 3)),
        (r#"{"model":"bad \q escape"}"#, envelope(None, false, None, None, 1)),
        (
            "{\"a\":\"\u{4e2d}\u{6587}\",\"model\":\"\u{6a21}\"}",
            envelope(Some("\u{6a21}"), false, None, None, 2),
        ),
    ]
}

/// Bodies that have none, with the kind and the offset of the error.
fn unsound() -> Vec<(&'static str, &'static str, u64)> {
    vec![
        ("", "NotAnObject", 0),
        ("  ", "NotAnObject", 2),
        ("[]", "NotAnObject", 0),
        ("null", "NotAnObject", 0),
        ("\"a\"", "NotAnObject", 0),
        ("\u{feff}{}", "NotAnObject", 0),
        ("<html>", "NotAnObject", 0),
        ("{", "Truncated", 1),
        ("{\"a\"", "Truncated", 4),
        ("{\"a\":", "Truncated", 5),
        ("{\"a\":\"x", "Truncated", 7),
        ("{\"a\":\"x\\\"}", "Truncated", 10),
        ("{\"a\":tru", "Truncated", 8),
        ("{\"a\":[{\"b\":\"", "Truncated", 12),
        ("{\"metadata\":{\"user_id\":\"x\"}", "Truncated", 27),
        ("{,}", "UnexpectedByte", 1),
        ("{\"a\":1,}", "UnexpectedByte", 7),
        ("{\"a\" 1}", "UnexpectedByte", 5),
        ("{\"a\":1 \"b\":2}", "UnexpectedByte", 7),
        ("{\"a\":}", "UnexpectedByte", 5),
        ("{\"a\":+1}", "UnexpectedByte", 5),
        ("{a:1}", "UnexpectedByte", 1),
        ("{'a':1}", "UnexpectedByte", 1),
        ("{\"a\":1,,\"b\":2}", "UnexpectedByte", 7),
        ("{\"a\":\"x\"\"y\"}", "UnexpectedByte", 8),
        ("{\"metadata\":{\"user_id\":\"x\",}}", "UnexpectedByte", 27),
        ("{\"a\":1]", "Unbalanced", 6),
        ("{\"a\":[1}]}", "Unbalanced", 7),
        ("{\"a\":{\"b\":1]}}", "Unbalanced", 11),
        ("{]", "Unbalanced", 1),
        ("{} x", "TrailingBytes", 3),
        ("{}{}", "TrailingBytes", 2),
        ("{}}", "TrailingBytes", 2),
        ("{\"a\":{}}]", "TrailingBytes", 8),
        (r#"{"model":"a","model":"b"}"#, "DuplicateMember", 19),
        (r#"{"model":"a","\u006dodel":"b"}"#, "DuplicateMember", 24),
        (r#"{"stream":true,"stream":false}"#, "DuplicateMember", 22),
        (r#"{"max_tokens":1,"max_tokens":1}"#, "DuplicateMember", 27),
        (r#"{"metadata":{},"metadata":{}}"#, "DuplicateMember", 24),
        (r#"{"metadata":null,"metadata":{"user_id":"x"}}"#, "DuplicateMember", 26),
        (r#"{"metadata":{"user_id":"a","user_id":"b"}}"#, "DuplicateMember", 35),
    ]
}

fn kind(error: EnvelopeError) -> &'static str {
    match error {
        EnvelopeError::NotAnObject { .. } => "NotAnObject",
        EnvelopeError::Unbalanced { .. } => "Unbalanced",
        EnvelopeError::UnexpectedByte { .. } => "UnexpectedByte",
        EnvelopeError::TrailingBytes { .. } => "TrailingBytes",
        EnvelopeError::TooDeep { .. } => "TooDeep",
        EnvelopeError::Truncated { .. } => "Truncated",
        EnvelopeError::DuplicateMember { .. } => "DuplicateMember",
    }
}

#[test]
fn the_members_that_are_read_are_found() {
    for (body, expected) in sound() {
        assert_eq!(read_values(body.as_bytes()), Ok(expected), "{body}");
    }
}

#[test]
fn a_body_that_is_no_object_is_refused_at_its_byte() {
    for (body, expected, offset) in unsound() {
        let error = read(body.as_bytes()).expect_err(body);
        assert_eq!((kind(error), error.position().offset), (expected, offset), "{body}");
        assert!(error.to_string().starts_with("read the body"), "{error}");
    }
}

#[test]
fn a_split_at_any_byte_changes_nothing() {
    let bodies = sound()
        .into_iter()
        .map(|(body, _)| body)
        .chain(unsound().into_iter().map(|(body, ..)| body));
    for body in bodies {
        let whole = read(body.as_bytes());
        for cut in 0..=body.len() {
            let (left, right) = body.as_bytes().split_at(cut);
            let pieces = [Bytes::copy_from_slice(left), Bytes::copy_from_slice(right)];
            assert_eq!(Envelope::read(&pieces), whole, "{body} cut at {cut}");
        }
        let bytes: Vec<Bytes> = body.bytes().map(|byte| Bytes::copy_from_slice(&[byte])).collect();
        assert_eq!(Envelope::read(&bytes), whole, "{body} byte by byte");
    }
}

#[test]
fn nesting_is_bounded() {
    let deep =
        |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
    assert!(read(&deep(DEPTH_MAX - 1)).is_ok());
    let error = read(&deep(DEPTH_MAX)).expect_err("one level too many");
    assert_eq!(kind(error), "TooDeep");
    let in_metadata = format!("{{\"metadata\":{{\"x\":{}", "{\"y\":".repeat(DEPTH_MAX));
    assert_eq!(kind(read(in_metadata.as_bytes()).expect_err("too deep")), "TooDeep");
}

#[test]
fn values_over_their_bound_are_left_out_without_an_error() {
    let long = "x".repeat(USER_ID_BYTES_MAX + 1);
    let body = format!(r#"{{"model":"{long}","metadata":{{"user_id":"{long}"}},"stream":true}}"#);
    assert_eq!(read_values(body.as_bytes()), Ok(envelope(None, true, None, None, 3)));

    let model = "m".repeat(MODEL_BYTES_MAX);
    let user = "u".repeat(USER_ID_BYTES_MAX);
    let body = format!(r#"{{"model":"{model}","metadata":{{"user_id":"{user}"}}}}"#);
    let expected = envelope(Some(&model), false, None, Some(&user), 2);
    assert_eq!(read_values(body.as_bytes()), Ok(expected));

    let escaped = "\\u006d".repeat(MODEL_BYTES_MAX);
    let body = format!(r#"{{"model":"{escaped}"}}"#);
    assert_eq!(read_values(body.as_bytes()), Ok(envelope(Some(&model), false, None, None, 1)));

    // A long name that begins like one of ours is none of ours.
    let name = format!("model{}", "l".repeat(KEY_BYTES_MAX));
    let body = format!(r#"{{"{name}":"a","{name}":"b","model":"c"}}"#);
    assert_eq!(read_values(body.as_bytes()), Ok(envelope(Some("c"), false, None, None, 3)));
}

#[test]
fn a_megabyte_of_base64_is_walked_in_pieces() {
    let image = "iVBORw0KGgo+/AAAA".repeat(1 << 16);
    let body = format!(
        r#"{{"messages":[{{"content":[{{"source":{{"data":"{image}"}}}}]}}],"model":"m"}}"#
    );
    let pieces: Vec<Bytes> =
        body.as_bytes().chunks(16 * 1024).map(Bytes::copy_from_slice).collect();
    let found = Envelope::read(&pieces).map(without_places);
    assert_eq!(found, Ok(envelope(Some("m"), false, None, None, 2)));
}

#[test]
fn errors_tell_line_and_column() {
    let error = read(b"{\n  \"a\": [\n 1,\n 2],\n  \"b\" 3\n}").expect_err("no colon");
    let at = error.position();
    assert_eq!((at.line, at.column, at.offset), (5, 7, 26));
    assert_eq!(
        error.to_string(),
        "read the body as JSON: unexpected `3` at line 5, column 7 (byte 26)"
    );
    let error = read(b"{\x00}").expect_err("a control");
    assert_eq!(
        error.to_string(),
        "read the body as JSON: unexpected byte 0x00 at line 1, column 2 (byte 1)"
    );
}

#[test]
fn an_error_stays() {
    let mut walk = EnvelopeWalk::new();
    let error = walk.push(b"[").expect_err("no object");
    assert_eq!(walk.push(b"{}"), Err(error));
    assert_eq!(walk.finish(), Err(error));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "[\\\\\"{}\\[\\],:]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((any_name(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("model".to_owned()),
        Just("stream".to_owned()),
        Just("max_tokens".to_owned()),
        Just("metadata".to_owned()),
        Just("user_id".to_owned()),
        ".{0,6}",
    ]
}

proptest! {
    #[test]
    fn any_object_reads_as_a_full_parser_reads_it(
        members in proptest::collection::vec((any_name(), any_json()), 0..6),
        is_pretty in any::<bool>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let value = Value::Object(members.into_iter().collect());
        let body = if is_pretty {
            serde_json::to_vec_pretty(&value).unwrap()
        } else {
            serde_json::to_vec(&value).unwrap()
        };
        let cut = cut.index(body.len() + 1);
        let pieces = [Bytes::copy_from_slice(&body[..cut]), Bytes::copy_from_slice(&body[cut..])];
        let found = Envelope::read(&pieces).unwrap();
        prop_assert_eq!(found.model.as_deref(), value["model"].as_str());
        prop_assert_eq!(found.stream, value["stream"] == Value::Bool(true));
        prop_assert_eq!(found.max_tokens, value["max_tokens"].as_u64());
        prop_assert_eq!(found.user_id.as_deref(), value["metadata"]["user_id"].as_str());
        prop_assert_eq!(found.n_members as usize, value.as_object().unwrap().len());
    }

    #[test]
    fn what_a_full_parser_takes_is_never_refused(bytes in proptest::collection::vec(
        proptest::sample::select(b"{}[]\",:\\ \n1at\"\"{".as_slice()), 0..14))
    {
        let parsed = serde_json::from_slice::<Value>(&bytes);
        let found = read(&bytes);
        if parsed.is_ok_and(|value| value.is_object()) {
            prop_assert!(found.is_ok(), "{:?}", found);
        }
        let mut walk = EnvelopeWalk::new();
        for byte in &bytes {
            if walk.push(&[*byte]).is_err() {
                break;
            }
        }
        prop_assert_eq!(walk.finish(), found);
    }
}
