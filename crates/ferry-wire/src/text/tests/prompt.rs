//! The order of prompts: the same texts as in the order of bytes, and the same faults.

use proptest::prelude::*;

use super::*;

type Told = Vec<(String, String)>;

fn told(body: &[u8], shape: Shape, by_prompt: bool) -> Result<Told, WalkError> {
    let mut found = Vec::new();
    let each = |span: &Span<'_>| found.push((span.path(), span.text().to_owned()));
    let scratch = &mut Scratch::new();
    if by_prompt {
        walk_by_prompt(body, shape, scratch, each)?;
    } else {
        walk(body, shape, scratch, each)?;
    }
    Ok(found)
}

fn texts(body: &str, shape: Shape) -> Vec<String> {
    let told = told(body.as_bytes(), shape, true).unwrap_or_else(|error| panic!("{error}: {body}"));
    told.into_iter().map(|(_, text)| text).collect()
}

#[test]
fn a_prompt_is_walked_in_the_order_that_a_model_reads() {
    let of_sdk = r#"{"max_tokens":9,"messages":[{"role":"user","content":"m"}],"metadata":{"user_id":"u"},
        "model":"m","stop_sequences":["e"],"system":[{"type":"text","text":"s"}],"tools":[{"name":"n","description":"t"}]}"#;
    assert_eq!(texts(of_sdk, Shape::Messages), ["t", "s", "u", "e", "m"]);
    assert_eq!(texts(of_sdk, Shape::CountTokens), ["t", "s", "u", "e", "m"]);
    let escaped = r#"{"m\u0065ssages":[{"content":"m"}],"new":{"tools":"n","messages":"o"},"\u0073ystem":"s"}"#;
    assert_eq!(texts(escaped, Shape::Messages), ["s", "n", "o", "m"]);
    let batch = r#"{"requests":[{"params":{"messages":[{"content":"m"}],"system":"s"}},
        {"params":{"messages":[{"content":"n"}],"tools":[{"description":"t"}]},"custom_id":"c"}]}"#;
    assert_eq!(texts(batch, Shape::Batch), ["s", "m", "t", "n", "c"]);
    assert_eq!(texts(r#"{"prompt":"p","system":"s"}"#, Shape::Complete), ["p", "s"]);
}

#[test]
fn what_is_broken_is_refused_as_in_the_order_of_bytes() {
    let bodies = [
        r#"{"messages":[{"content":"m"}],"system":"s""#,
        r#"{"messages":[{"content":"m"},"system":"s"}"#,
        r#"{"messages":[{"content":"m"}},"system":"s"}"#,
        r#"{"messages":[{"content":"m"}],"system":"s","messages":[]}"#,
        r#"{"messages":[01],"system":"\x"}"#,
        r#"{"messages":[tru],"system":"s"}"#,
        r#"{"system":"\ud800","tools":[{"a":1,"a":1}]}"#,
        r#"{"messages":"s" "t","system":"s"}"#,
        r#"{"system":"s","messages" "t"}"#,
        r#"{"messages":[],"system":"s"} {}"#,
        r#"{"messages":,"system":"s"}"#,
        r#"{"messages":1 2,"system":"s"}"#,
        r#"{"messages":[1 2],"system":"s"}"#,
        r#"{"messages":[}]],"system":"s"}"#,
    ];
    for body in bodies {
        let (one, other) = (
            told(body.as_bytes(), Shape::Messages, true),
            told(body.as_bytes(), Shape::Messages, false),
        );
        assert_eq!(one.unwrap_err(), other.unwrap_err(), "{body}");
    }
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
        format!(r#"{{"messages":{open}"m"{close},"system":"s"}}"#)
    };
    assert_eq!(texts(&nested(DEPTH_MAX), Shape::Messages), ["s", "m"]);
    let error = told(nested(DEPTH_MAX + 1).as_bytes(), Shape::Messages, true).unwrap_err();
    assert!(matches!(error, WalkError::TooDeep { .. }), "{error}");
}

proptest! {
    #[test]
    fn both_orders_tell_the_same(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        cut in any::<prop::sample::Index>(),
        letter in prop::sample::select(b"{}[]\",:\\ 1at".to_vec()),
    ) {
        let mut body = random::body(&bytes);
        for _ in 0..2 {
            let mut one = told(&body, Shape::Messages, true);
            let mut other = told(&body, Shape::Messages, false);
            for texts in [&mut one, &mut other].into_iter().flatten() {
                texts.sort();
            }
            prop_assert_eq!(one, other, "{}", String::from_utf8_lossy(&body));
            let at = cut.index(body.len());
            if body[at].is_ascii() {
                body[at] = letter;
            }
        }
    }
}
