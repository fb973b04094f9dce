//! The splice of `results_url`: what changes, and that nothing else does.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const BASE: &str = "http://127.0.0.1:7300/api";

fn rewritten(body: &str) -> Option<String> {
    let pieces = rewrite(&Bytes::copy_from_slice(body.as_bytes()), BASE)
        .unwrap_or_else(|error| panic!("{body}: {error}"));
    pieces.map(|pieces| String::from_utf8(pieces.concat()).unwrap())
}

#[test]
fn what_stands_before_the_path_is_replaced() {
    let table: &[(&str, &str)] = &[
        (
            r#"{"id":"b","results_url":"https://api.anthropic.com/v1/messages/batches/b/results","x":1}"#,
            r#"{"id":"b","results_url":"http://127.0.0.1:7300/api/v1/messages/batches/b/results","x":1}"#,
        ),
        (
            r#" { "results_url" : "HTTPS://relay.example:8443/base/v1/messages/batches/b/results?x=1" } "#,
            r#" { "results_url" : "http://127.0.0.1:7300/api/v1/messages/batches/b/results?x=1" } "#,
        ),
        (
            r#"{"results_url":"https:\/\/api.anthropic.com\/v1\/messages\/batches\/b\/results"}"#,
            r#"{"results_url":"http://127.0.0.1:7300/api\/v1\/messages\/batches\/b\/results"}"#,
        ),
        (
            r#"{"results\u005furl":"https\u003a//h/v1/messages/batches/b\u002fresults"}"#,
            r#"{"results\u005furl":"http://127.0.0.1:7300/api/v1/messages/batches/b\u002fresults"}"#,
        ),
        (
            r#"{"data":[{"results_url":"https://h/v1/messages/batches/a/results"},{"results_url":null},
                {"results_url":"https://h/v1/messages/batches/c/results"}],"has_more":false}"#,
            r#"{"data":[{"results_url":"http://127.0.0.1:7300/api/v1/messages/batches/a/results"},{"results_url":null},
                {"results_url":"http://127.0.0.1:7300/api/v1/messages/batches/c/results"}],"has_more":false}"#,
        ),
    ];
    for (body, expected) in table {
        assert_eq!(rewritten(body).as_deref(), Some(*expected), "{body}");
    }
}

#[test]
fn everything_else_is_left_alone() {
    let table = [
        "{}",
        r#"{"results_url":null}"#,
        r#"{"results_url":"/v1/messages/batches/b/results"}"#,
        r#"{"results_url":"ftp://h/v1/messages/batches/b/results"}"#,
        r#"{"results_url":"https://h/v1/files/f"}"#,
        r#"{"results_url":"https://h/x?to=/v1/messages/batches/b/results"}"#,
        r#"{"results_url":"https://h/x#/v1/messages/batches/b/results"}"#,
        r#"{"results_url":"http://127.0.0.1:7300/api/v1/messages/batches/b/results"}"#,
        r#"{"results_url":["https://h/v1/messages/batches/b/results"]}"#,
        r#"{"nested":{"results_url":"https://h/v1/messages/batches/b/results"}}"#,
        r#"{"data":{"results_url":"https://h/v1/messages/batches/b/results"}}"#,
        r#"{"data":[[{"results_url":"https://h/v1/messages/batches/b/results"}]]}"#,
        r#"{"data":[{"data":[{"results_url":"https://h/v1/messages/batches/b/results"}]}]}"#,
        r#"{"a":"\"results_url\":\"https://h/v1/messages/batches/b/results\""}"#,
        r#"{"results_url":"https://h\q/v1/messages/batches/b/results"}"#,
        "<html>no batch</html>",
    ];
    for body in table {
        assert_eq!(rewritten(body), None, "{body}");
    }
}

#[test]
fn a_slash_at_the_end_of_the_base_is_dropped_and_quotes_are_escaped() {
    let body = Bytes::from_static(br#"{"results_url":"https://h/v1/messages/batches/b/results"}"#);
    let pieces = rewrite(&body, "https://ferry.example/\"/").unwrap().unwrap();
    assert_eq!(
        pieces.concat(),
        br#"{"results_url":"https://ferry.example/\"/v1/messages/batches/b/results"}"#
    );
}

#[test]
fn a_body_that_is_no_json_is_an_error() {
    let table: &[&str] = &[
        r#"{"results_url":"https://h/v1/messages/batches/b"#,
        r#"{"results_url""#,
        r#"{"results_url":"a"} x"#,
        r#"{"results_url":}"#,
        r#"["results_url"]"#,
        r#"{"a":[}],"results_url":null}"#,
        r#"{"a":],"results_url":null}"#,
        r"results_url",
    ];
    for body in table {
        let result = rewrite(&Bytes::copy_from_slice(body.as_bytes()), BASE);
        assert!(matches!(result, Err(ResultsUrlError::Malformed { .. })), "{body}: {result:?}");
    }
    let deep = format!("{{\"results_url\":{}", "[".repeat(crate::json::cursor::DEPTH_MAX + 1));
    let result = rewrite(&Bytes::from(deep), BASE);
    assert!(matches!(result, Err(ResultsUrlError::TooDeep { .. })), "{result:?}");
}

proptest! {
    #[test]
    fn only_the_urls_of_a_list_change(
        others in proptest::collection::vec(("[a-z\"\\\\]{0,5}", ".{0,8}"), 0..4),
        hosts in proptest::collection::vec("[a-z]{1,8}(/[a-z]{1,4})?", 0..4),
    ) {
        let data: Vec<Value> = hosts.iter().map(|host| {
            let mut batch = serde_json::Map::new();
            for (name, value) in &others {
                batch.insert(name.clone(), Value::from(value.as_str()));
            }
            batch.insert("results_url".to_owned(),
                Value::from(format!("https://{host}/v1/messages/batches/b/results")));
            Value::Object(batch)
        }).collect();
        let mut list = serde_json::json!({ "data": data, "has_more": false });
        let body = serde_json::to_string(&list).unwrap();
        for batch in list["data"].as_array_mut().unwrap() {
            batch["results_url"] = Value::from(format!("{BASE}/v1/messages/batches/b/results"));
        }
        let expected = serde_json::to_string(&list).unwrap();
        prop_assert_eq!(rewritten(&body).unwrap_or(body), expected);
    }
}
