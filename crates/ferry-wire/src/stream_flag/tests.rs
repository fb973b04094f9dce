//! The splice in a table, and against a full JSON parser with the body cut anywhere.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::envelope::Envelope;

/// The body after the splice, cut in pieces of `size`; checks that no piece is empty.
fn ask(body: &[u8], size: usize) -> Option<Vec<u8>> {
    let pieces: Vec<Bytes> = body.chunks(size.max(1)).map(Bytes::copy_from_slice).collect();
    let asked = Envelope::read(&pieces).unwrap().stream_flag.ask(&pieces)?;
    assert!(asked.iter().all(|piece| !piece.is_empty()));
    Some(asked.concat())
}

#[test]
fn the_flag_is_put_in_or_replaced_and_nothing_else_changes() {
    let table: &[(&str, Option<&str>)] = &[
        ("{}", Some(r#"{"stream":true}"#)),
        (" \n{ \t} \n", Some(" \n{\"stream\":true \t} \n")),
        (r#"{"a":1}"#, Some(r#"{"stream":true,"a":1}"#)),
        ("{\r\n  \"a\" : 1\r\n}\n", Some("{\"stream\":true,\r\n  \"a\" : 1\r\n}\n")),
        (r#"{"stream":false}"#, Some(r#"{"stream":true}"#)),
        (r#"{"stream":null}"#, Some(r#"{"stream":true}"#)),
        (r#"{"a":[],"stream" : false , "b":1.0}"#, Some(r#"{"a":[],"stream" : true , "b":1.0}"#)),
        (r#"{"a":[],"\u0073tream":null,"b":1e2}"#, Some(r#"{"a":[],"\u0073tream":true,"b":1e2}"#)),
        (
            r#"{"metadata":{"stream":false},"x":{"stream":false}}"#,
            Some(r#"{"stream":true,"metadata":{"stream":false},"x":{"stream":false}}"#),
        ),
        (r#"{"stream":true}"#, None),
        (r#"{"stream":"false"}"#, None),
        (r#"{"stream":0}"#, None),
        (r#"{"stream":nul}"#, None),
        (r#"{"stream":[false]}"#, None),
        (r#"{"stream":{"stream":false}}"#, None),
    ];
    for (body, expected) in table {
        for size in 1..=body.len() {
            let found = ask(body.as_bytes(), size).map(|body| String::from_utf8(body).unwrap());
            assert_eq!(found.as_deref(), *expected, "{body} in pieces of {size}");
        }
    }
}

#[test]
fn chunks_are_shared_and_not_copied() {
    let pieces = [Bytes::from(vec![b' '; 9]), Bytes::from(b"{\"a\":1}".to_vec()), Bytes::new()];
    let asked = Envelope::read(&pieces).unwrap().stream_flag.ask(&pieces).unwrap();
    assert_eq!(asked.len(), 4);
    assert_eq!(asked[0].as_ptr(), pieces[0].as_ptr());
    assert_eq!(asked[1].as_ptr(), pieces[1].as_ptr());
    assert_eq!(asked[3].as_ptr(), pieces[1][1..].as_ptr());
}

#[test]
fn an_envelope_that_was_not_read_asks_for_nothing() {
    assert_eq!(Envelope::default().stream_flag.ask(&[Bytes::from_static(b"{}")]), None);
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u32>().prop_map(Value::from),
        "[a-z\"\\\\{}:,]{0,8}".prop_map(Value::from),
        Just(serde_json::json!({"stream": false, "x": ["}", null]})),
    ]
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![Just("stream".to_owned()), Just("metadata".to_owned()), ".{0,6}"]
}

proptest! {
    #[test]
    fn the_result_parses_to_the_same_with_a_stream(
        members in proptest::collection::vec((any_name(), any_value()), 0..6),
        is_pretty in any::<bool>(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut value = Value::Object(members.into_iter().collect());
        let body = if is_pretty {
            serde_json::to_vec_pretty(&value).unwrap()
        } else {
            serde_json::to_vec(&value).unwrap()
        };
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.extend([0, body.len()]);
        cuts.sort_unstable();
        let pieces: Vec<Bytes> =
            cuts.windows(2).map(|cut| Bytes::copy_from_slice(&body[cut[0]..cut[1]])).collect();
        let asked = Envelope::read(&pieces).unwrap().stream_flag.ask(&pieces);
        let was = value.get("stream").cloned();
        if !matches!(was, None | Some(Value::Null | Value::Bool(false))) {
            prop_assert_eq!(asked, None);
            return Ok(());
        }
        let asked = asked.unwrap().concat();
        // What stands around the edit is the body's own bytes.
        let same = asked.iter().zip(&body).take_while(|(one, other)| one == other).count();
        let tail = asked.iter().rev().zip(body.iter().rev());
        let same_tail = tail.take_while(|(one, other)| one == other).count();
        let longest = "\"stream\":true,".len();
        prop_assert!(same + same_tail + longest >= asked.len());
        value["stream"] = Value::Bool(true);
        prop_assert_eq!(serde_json::from_slice::<Value>(&asked).unwrap(), value);
    }
}
