//! Token classes from usage blocks, in the order in which a stream tells them.

use super::*;
use crate::error::ApiErrorKind;

fn block(raw: &str) -> UsageBlock {
    UsageBlock::parse(raw.as_bytes()).unwrap_or_else(|| panic!("{raw}"))
}

/// Takes a start and then deltas; answers in, out, read, 5 min, 1 h, split missing.
fn taken(start: &str, deltas: &[&str]) -> (u64, u64, u64, u64, u64, bool) {
    let mut usage = Usage::default();
    assert!(!usage.known);
    usage.start(&block(start));
    for delta in deltas {
        usage.delta(&block(delta));
    }
    assert!(usage.known);
    (
        usage.input,
        usage.output,
        usage.cache_read,
        usage.cache_write_5m,
        usage.cache_write_1h,
        usage.split_missing,
    )
}

#[test]
fn deltas_overwrite_and_never_add() {
    let start = r#"{"input_tokens":2679,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":3,"service_tier":"standard"}"#;
    let deltas = [
        r#"{"output_tokens":10}"#,
        r#"{"input_tokens":10682,"cache_read_input_tokens":7,"output_tokens":510,"server_tool_use":{"web_search_requests":1}}"#,
    ];
    assert_eq!(taken(start, &deltas), (10682, 510, 7, 0, 0, false));
}

#[test]
fn absent_null_and_odd_fields_keep_what_was_known() {
    let start = r#"{"input_tokens":5,"output_tokens":1,"cache_read_input_tokens":9}"#;
    let odd = r#"{"input_tokens":null,"output_tokens":-4,"cache_read_input_tokens":1.5,"cache_creation_input_tokens":"7","cache_creation":[3,4]}"#;
    assert_eq!(taken(start, &[odd]), (5, 1, 9, 0, 0, false));
    let odder = r#"{"input_tokens":{"a":[1]},"output_tokens":[2],"cache_read_input_tokens":true}"#;
    assert_eq!(taken(start, &[odder, "{}"]), (5, 1, 9, 0, 0, false));
}

/// Start, deltas, and what is then known: 5 min, 1 h, split missing.
type Writes<'a> = (&'a str, &'a [&'a str], (u64, u64, bool));

#[test]
fn cache_writes_are_split_by_their_time_to_live() {
    let split = r#"{"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20}}"#;
    let table: &[Writes<'_>] = &[
        (split, &[], (10, 20, false)),
        // The delta repeats the total only.
        (split, &[r#"{"cache_creation_input_tokens":30,"output_tokens":1}"#], (10, 20, false)),
        (split, &[r#"{"output_tokens":1}"#], (10, 20, false)),
        // The total grew: the growth stands under 5 min, marked.
        (split, &[r#"{"cache_creation_input_tokens":45}"#], (25, 20, true)),
        (split, &[r#"{"cache_creation_input_tokens":0}"#], (0, 0, false)),
        (r#"{"cache_creation_input_tokens":12}"#, &[], (12, 0, true)),
        // Told again without its parts it stays marked; told with them it is mended.
        (
            r#"{"cache_creation_input_tokens":12}"#,
            &[r#"{"cache_creation_input_tokens":12}"#],
            (12, 0, true),
        ),
        (r#"{"cache_creation_input_tokens":30}"#, &[split], (10, 20, false)),
        (
            r#"{"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":10}}"#,
            &[],
            (30, 0, true),
        ),
        (r#"{"cache_creation":{"ephemeral_1h_input_tokens":4}}"#, &[], (0, 4, false)),
    ];
    for (start, deltas, expected) in table {
        let (_, _, _, five_minutes, hour, split_missing) = taken(start, deltas);
        assert_eq!((five_minutes, hour, split_missing), *expected, "{start} {deltas:?}");
    }
}

#[test]
fn a_whole_message_tells_its_facts() {
    let body = br#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-haiku-5-5",
        "content":[{"type":"text","text":"a \"usage\": {\"input_tokens\": 9}"}],
        "stop_reason":"end_turn","stop_sequence":null,
        "usage":{"input_tokens":12,"output_tokens":34,"cache_read_input_tokens":5,
                 "cache_creation_input_tokens":3,
                 "cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":2}}}"#;
    let facts = from_message(body).unwrap();
    assert_eq!(facts.id.as_deref(), Some("msg_1"));
    assert_eq!(facts.model.as_deref(), Some("claude-haiku-5-5"));
    assert_eq!(facts.stop_reason.as_deref(), Some("end_turn"));
    assert_eq!(facts.error, None);
    let usage = facts.usage;
    assert_eq!((usage.input, usage.output, usage.cache_read), (12, 34, 5));
    assert_eq!((usage.cache_write_5m, usage.cache_write_1h, usage.cache_write()), (1, 2, 3));
}

#[test]
fn other_answers_tell_what_they_have() {
    let facts = from_message(br#"{"input_tokens":7}"#).unwrap();
    assert!(!facts.usage.known);
    let facts = from_message(br#"{"type":"error","error":{"type":"api_error","message":"m"}}"#);
    assert_eq!(
        facts.and_then(|facts| facts.error).map(|error| error.kind),
        Some(ApiErrorKind::Api)
    );
    let facts = from_message(br#"{"id":5,"usage":[1],"model":null,"error":null}"#).unwrap();
    assert_eq!(facts, MessageFacts::default());
    assert_eq!(from_message(b"<html>"), None);
    assert_eq!(from_message(b"{\"id\":\"msg"), None);
    assert_eq!(from_message(b""), None);
}

/// Input tokens and model.
type Found<'a> = (u64, Option<&'a str>);

#[test]
fn members_of_a_message_are_found_wherever_and_however_they_stand() {
    let table: &[(&str, Option<Found<'_>>)] = &[
        (r#" { "usage" : { "input_tokens" : 5 } , "model" : "m" } "#, Some((5, Some("m")))),
        (r#"{"\u0075sage":{"input_tokens":5},"model":"\u006d"}"#, Some((5, Some("m")))),
        (
            r#"{"content":[{"usage":{"input_tokens":9}}],"model":"a","model":"m"}"#,
            Some((0, Some("m"))),
        ),
        ("{}", Some((0, None))),
        (r#"{"model":"m"}x"#, None),
        (r#"{"model":"m""#, None),
        (r#"{"model":"m",}"#, None),
        (r#"{"model" "m"}"#, None),
        (r#"{"content":[}],"model":"m"}"#, None),
        (r#"["model"]"#, None),
    ];
    for (body, expected) in table {
        let facts = from_message(body.as_bytes());
        let found = facts.as_ref().map(|facts| (facts.usage.input, facts.model.as_deref()));
        assert_eq!(found, *expected, "{body}");
    }
}

#[test]
fn the_short_way_reads_what_the_parser_reads_and_leaves_the_rest_to_it() {
    let plain = [
        r#"{"input_tokens":1,"output_tokens":20,"cache_read_input_tokens":0}"#,
        r#" { "input_tokens" : null , "cache_creation_input_tokens":7,"service_tier":"standard" } "#,
        r#"{"cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":4},"geo":null}"#,
        r#"{"output_tokens":9999999999999999999,"own":true,"n":3}"#,
        "{}",
    ];
    for raw in plain {
        let short = UsageBlock::plain(raw.as_bytes());
        assert!(short.is_some(), "{raw}");
        assert_eq!(short, object(raw.as_bytes()), "{raw}");
    }
    let rest = [
        r#"{"input_tokens":1,"input_tokens":2}"#,
        r#"{"input_tokens":null,"input_tokens":2}"#,
        r#"{"input_tokens":18446744073709551616}"#,
        r#"{"input_tokens":01}"#,
        r#"{"input_tokens":-1,"output_tokens":1.5}"#,
        r#"{"input\u005ftokens":1}"#,
        r#"{"input_tokens":1,"cache_creation":null}"#,
        r#"{"input_tokens":1,"cache_creation":[]}"#,
        r#"{"input_tokens":1,"iterations":[{}]}"#,
        r#"{"input_tokens":1,"tier":tru}"#,
        r#"{"input_tokens":1,"tier":"\q"}"#,
        "{\"input_tokens\":1,\"tier\":\"\u{1}\"}",
        r#"{"input_tokens":1}x"#,
        r#"{"input_tokens":1"#,
        "[1]",
    ];
    for raw in rest {
        assert_eq!(UsageBlock::plain(raw.as_bytes()), None, "{raw}");
    }
}
