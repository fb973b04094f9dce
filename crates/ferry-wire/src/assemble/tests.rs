//! Streams in tables beside the answers they stand for, then cut anywhere.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::error::ApiErrorKind;

const BYTES_MAX: usize = 1 << 20;

const START: &str = r#"{"model":"m","id":"msg_1","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":1e400},"output_tokens":1,"service_tier":"standard"}}"#;
const STOP: &str =
    r#"{"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":9}}"#;

fn event(name: &str, data: &str) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

fn start() -> String {
    event("message_start", &format!(r#"{{"type":"message_start","message":{START}}}"#))
}

fn stop() -> String {
    event("message_delta", STOP) + &event("message_stop", r#"{"type":"message_stop"}"#)
}

/// A block: what it begins as, and its deltas.
fn block(index: usize, begins: &str, deltas: &[&str]) -> String {
    let mut stream = event(
        "content_block_start",
        &format!(r#"{{"type":"content_block_start","index":{index},"content_block":{begins}}}"#),
    );
    for delta in deltas {
        stream += &event("content_block_delta", &format!(r#"{{"index":{index},"delta":{delta}}}"#));
    }
    stream + &event("content_block_stop", &format!(r#"{{"index":{index}}}"#))
}

fn assemble(flavor: Flavor, stream: &str, size: usize) -> Result<Outcome, AssembleError> {
    let mut assembler = Assembler::new(flavor, BYTES_MAX);
    let mut pushed = Ok(());
    for piece in stream.as_bytes().chunks(size.max(1)) {
        pushed = assembler.push(Bytes::copy_from_slice(piece));
    }
    let outcome = assembler.finish();
    if let Err(error) = pushed {
        assert_eq!(outcome, Err(error), "an error stays");
    }
    outcome
}

/// The answer's text, of a stream that has one.
fn answer(flavor: Flavor, stream: &str) -> String {
    match assemble(flavor, stream, stream.len()) {
        Ok(Outcome::Answer(json)) => String::from_utf8(json.to_vec()).unwrap(),
        other => panic!("{other:?} of {stream}"),
    }
}

/// The error of a stream of messages that has no answer.
fn failure(stream: &str) -> AssembleError {
    assemble(Flavor::Messages, stream, stream.len()).expect_err(stream)
}

/// The raw content of the answer that these blocks stand for.
fn content(blocks: &str) -> String {
    let json = answer(Flavor::Messages, &(start() + blocks + &stop()));
    let (_, behind) = json.split_once(r#""content":["#).unwrap();
    let (content, behind) = behind.split_once(r#"],"stop_reason":"end_turn""#).unwrap();
    assert!(behind.ends_with("}}"), "{behind}");
    content.to_owned()
}

/// What a block begins as, its deltas, and what it comes to, letter by letter.
type Case<'a> = (&'a str, &'a [&'a str], &'a str);

const BLOCKS: &[Case<'_>] = &[
    (r#"{"type":"text","text":""}"#, &[], r#"{"type":"text","text":""}"#),
    (
        r#"{"type":"text","text":""}"#,
        &[r#"{"type":"text_delta","text":"a\n\u4e2d"}"#, r#"{"type":"text_delta","text":"\"中"}"#],
        r#"{"type":"text","text":"a\n\u4e2d\"中"}"#,
    ),
    // Half a pair in each: only together are they a letter.
    (
        r#"{"type":"text","text":""}"#,
        &[r#"{"type":"text_delta","text":"\ud83d"}"#, r#"{"type":"text_delta","text":"\ude00"}"#],
        r#"{"type":"text","text":"\ud83d\ude00"}"#,
    ),
    (
        r#"{"citations":[],"type":"text","text":"x"}"#,
        &[
            r#"{"type":"citations_delta","citation":{"n":1.0}}"#,
            r#"{"type":"text_delta","text":"y"}"#,
            r#"{"type":"citations_delta","citation":{"n":1e400}}"#,
        ],
        r#"{"citations":[{"n":1.0},{"n":1e400}],"type":"text","text":"xy"}"#,
    ),
    (
        r#"{"type":"text","text":null,"citations":null}"#,
        &[r#"{"citation":{},"type":"citations_delta"}"#, r#"{"type":"text_delta","text":"y"}"#],
        r#"{"type":"text","text":"y","citations":[{}]}"#,
    ),
    (
        r#"{"type":"thinking","thinking":"","signature":""}"#,
        &[
            r#"{"type":"thinking_delta","thinking":"a","estimated_tokens":50}"#,
            r#"{"type":"thinking_delta","thinking":"b"}"#,
            r#"{"type":"signature_delta","signature":"EqQB=="}"#,
        ],
        r#"{"type":"thinking","thinking":"ab","signature":"EqQB=="}"#,
    ),
    (
        r#"{"type":"thinking","thinking":""}"#,
        &[r#"{"type":"signature_delta","signature":"s"}"#],
        r#"{"type":"thinking","thinking":"","signature":"s"}"#,
    ),
    (
        r#"{"type":"tool_use","id":"t","name":"n","input":{}}"#,
        &[r#"{"type":"input_json_delta","partial_json":""}"#],
        r#"{"type":"tool_use","id":"t","name":"n","input":{}}"#,
    ),
    (
        r#"{"type":"tool_use","id":"t","input":{},"name":"n"}"#,
        &[
            r#"{"type":"input_json_delta","partial_json":""}"#,
            r#"{"type":"input_json_delta","partial_json":"{\"z\":0.100"}"#,
            r#"{"type":"input_json_delta","partial_json":"00000000000000001,\"a\": 1e400,\"n\":123456"}"#,
            r#"{"type":"input_json_delta","partial_json":"78901234567890,\"s\":\"\\u0041\\\"中\"}"}"#,
        ],
        r#"{"type":"tool_use","id":"t","input":{"z":0.10000000000000000001,"a": 1e400,"n":12345678901234567890,"s":"\u0041\"中"},"name":"n"}"#,
    ),
    (
        r#"{"type":"server_tool_use","input":{"kept":1.50}}"#,
        &[],
        r#"{"type":"server_tool_use","input":{"kept":1.50}}"#,
    ),
    (
        r#"{"type":"mcp_tool_use","server_name":"s"}"#,
        &[r#"{"type":"input_json_delta","partial_json":"{}"}"#],
        r#"{"type":"mcp_tool_use","server_name":"s","input":{}}"#,
    ),
    (
        r#"{"type":"redacted_thinking","data":"Em=="}"#,
        &[],
        r#"{"type":"redacted_thinking","data":"Em=="}"#,
    ),
    (
        r#"{"type":"compaction","content":null}"#,
        &[r#"{"type":"compaction_delta","content":"sum","encrypted_content":"e"}"#],
        r#"{"type":"compaction","content":"sum","encrypted_content":"e"}"#,
    ),
    (
        r#"{"type":"web_search_tool_result","content":[ {"rank":1.0} ]}"#,
        &[],
        r#"{"type":"web_search_tool_result","content":[ {"rank":1.0} ]}"#,
    ),
    (r#"{"new":[1, 2],"type":"x","\u0061":{}}"#, &[], r#"{"new":[1, 2],"type":"x","\u0061":{}}"#),
];

#[test]
fn blocks_of_every_kind_grow_by_their_deltas() {
    let mut all = (String::new(), Vec::new());
    for (index, (begins, deltas, expected)) in BLOCKS.iter().enumerate() {
        assert_eq!(content(&block(0, begins, deltas)), *expected);
        all.0 += &block(index, begins, deltas);
        all.1.push(*expected);
    }
    assert_eq!(content(&all.0), all.1.join(","));
}

#[test]
fn what_is_no_answer_is_a_named_error() {
    let text = r#"{"type":"text","text":""}"#;
    let tool = r#"{"type":"tool_use","input":{}}"#;
    let malformed = |event| AssembleError::Malformed { event };
    let out_of_order = |event| AssembleError::OutOfOrder { event };
    let delta = |data: &str| start() + &event("content_block_delta", data) + &stop();
    let one = |begins: &str, delta: &str| start() + &block(0, begins, &[delta]) + &stop();
    let table = [
        (String::new(), AssembleError::Truncated),
        (start() + &block(0, text, &[]), AssembleError::Truncated),
        (start() + &event("message_delta", STOP), AssembleError::Truncated),
        (start() + "event: message_stop\ndata: {}\n", AssembleError::Truncated),
        (stop(), out_of_order("message_delta")),
        (event("message_stop", "{}"), out_of_order("message_stop")),
        (block(0, text, &[]), out_of_order("content_block_start")),
        (start() + &start(), out_of_order("message_start")),
        (start() + &block(1, text, &[]), out_of_order("content_block_start")),
        (
            delta(r#"{"index":0,"delta":{"type":"text_delta","text":""}}"#),
            out_of_order("content_block_delta"),
        ),
        (delta(r#"{"index":-1,"delta":{}}"#), malformed("content_block_delta")),
        (delta("[0,{}]"), malformed("content_block_delta")),
        (delta("nonsense"), malformed("content_block_delta")),
        (one(text, r#"{"type":"text_delta"}"#), malformed("content_block_delta")),
        (one(text, r#"{"type":"text_delta","text":5}"#), malformed("content_block_delta")),
        (one(text, r#"{"text":"x"}"#), malformed("content_block_delta")),
        (
            one(r#"{"text":[]}"#, r#"{"type":"text_delta","text":"x"}"#),
            malformed("content_block_delta"),
        ),
        (one(text, r#"{"type":"new_delta","text":"x"}"#), AssembleError::UnknownDelta),
        (
            one(tool, r#"{"type":"input_json_delta","partial_json":"{\"a\":"}"#),
            AssembleError::ToolInput,
        ),
        (
            one(tool, r#"{"type":"input_json_delta","partial_json":"{}}"}"#),
            AssembleError::ToolInput,
        ),
        (one("[]", "{}"), malformed("content_block_start")),
        (one(r#"{"a":01}"#, "{}"), malformed("content_block_start")),
        (event("message_start", "{}"), malformed("message_start")),
        (event("message_start", r#"{"message":{"content":[1]}}"#), malformed("message_start")),
        (event("message_start", r#"{"message":{"usage":[]}}"#), malformed("message_start")),
        (start() + &event("message_delta", r#"{"delta":5}"#), malformed("message_delta")),
        (start() + &event("message_delta", r#"{"a":"\x"}"#), malformed("message_delta")),
    ];
    for (stream, expected) in table {
        for size in [1, 7, stream.len()] {
            let found = assemble(Flavor::Messages, &stream, size);
            assert_eq!(found, Err(expected), "{stream}");
        }
        assert!(expected.to_string().starts_with("assemble the answer: "));
    }
    assert_eq!(
        assemble(Flavor::Other, &(start() + &stop()), 9),
        Err(AssembleError::Truncated),
        "no answer ends a stream of sessions"
    );
}

#[test]
fn the_last_events_merge_on_top() {
    let delta = r#"{"type":"message_delta","delta":{"stop_reason":"pause_turn","stop_sequence":"x",
        "container":{"id":"c"},"stop_details":null},"usage":{"input_tokens":10682,"output_tokens":7,
        "cache_creation":null,"server_tool_use":{"web_search_requests":1},"iterations":null,
        "output_tokens_details":{"thinking_tokens":3}},"context_management":{"applied_edits":[]}}"#;
    let more = r#"{"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":8}}"#;
    let stream = start()
        + &event("ping", "{}")
        + &event("message_delta", &delta.replace('\n', ""))
        + &event("new_event", r#"{"delta":{"id":"no"}}"#)
        + &event("message_delta", more)
        + &event("message_delta", r#"{"delta":null,"usage":null}"#)
        + &event("message_stop", "{}")
        + &event("message_delta", r#"{"delta":{"id":"too late"}}"#)
        + "event: content_block_delta\ndata: cut";
    let expected = r#"{"model":"m","id":"msg_1","type":"message","role":"assistant","content":[],"stop_reason":"end_turn","stop_sequence":"x","usage":{"input_tokens":10682,"cache_creation":{"ephemeral_5m_input_tokens":1e400},"output_tokens":8,"service_tier":"standard","server_tool_use":{"web_search_requests":1},"iterations":null,"output_tokens_details":{"thinking_tokens":3}},"container":{"id":"c"},"stop_details":null,"context_management":{"applied_edits":[]}}"#;
    assert_eq!(answer(Flavor::Messages, &stream), expected);

    let bare = event("message_start", r#"{"message":{"id":"m"}}"#) + &stop();
    let expected = r#"{"id":"m","content":[],"stop_reason":"end_turn","stop_sequence":null,"usage":{"output_tokens":9}}"#;
    assert_eq!(answer(Flavor::Messages, &bare), expected);
}

#[test]
fn an_error_event_is_the_outcome_with_its_own_bytes() {
    let data =
        r#"{"type":"error", "error":{"type":"rate_limit_error","message":"m"},"request_id":"r"}"#;
    let early = event("error", data);
    let late = start() + &block(0, r#"{"type":"text","text":""}"#, &[]) + &early + &stop();
    let second = early.clone() + &event("error", r#"{"error":{"type":"api_error"}}"#);
    for (stream, before_content) in [(early, true), (late, false), (second, true)] {
        for size in [1, stream.len()] {
            let outcome = assemble(Flavor::Messages, &stream, size);
            let Ok(Outcome::Error { body, error }) = outcome else { panic!("{stream}") };
            assert_eq!(body, data);
            assert_eq!((error.kind, error.kind.status()), (ApiErrorKind::RateLimit, 429));
            assert_eq!(error.before_content, before_content);
        }
    }
    // Behind the end it is no more part of the answer.
    assert!(answer(Flavor::Messages, &(start() + &stop() + &event("error", data))).len() > 2);
}

#[test]
fn what_is_kept_is_bounded() {
    let text = r#"{"type":"text","text":""}"#;
    let long = format!(r#"{{"type":"text_delta","text":"{}"}}"#, "x".repeat(50_000));
    let mut assembler = Assembler::new(Flavor::Messages, 120_000);
    let too_large = Err(AssembleError::TooLarge { bytes_max: 120_000 });
    assembler.push(Bytes::from(start() + &block(0, text, &[&long, &long]))).unwrap();
    assert_eq!(assembler.push(Bytes::from(block(1, text, &[&long]))), too_large);
    assert_eq!(assembler.push(Bytes::from(stop())), too_large, "it stays");
    assert_eq!(assembler.facts().usage.input, 5, "the facts are there all the same");
    assert_eq!(assembler.finish().map(drop), too_large);

    // One event that never ends; each piece of it is small.
    let mut assembler = Assembler::new(Flavor::Messages, 120_000);
    let mut pushed = 0;
    while assembler.push(Bytes::from(vec![b'x'; 1000])).is_ok() {
        pushed += 1000;
    }
    assert_eq!(pushed, 120_000);

    // Empty blocks take memory, too.
    let mut assembler = Assembler::new(Flavor::Messages, 120_000);
    assembler.push(Bytes::from(start())).unwrap();
    let tiny = |index| Bytes::from(block(index, "{}", &[]));
    let refused = (0..10_000).position(|index| assembler.push(tiny(index)).is_err()).unwrap();
    assert!(refused < 120_000 / size_of::<block::Block>(), "{refused}");

    let many: Vec<String> = (0..300).map(|at| format!("\"{at}\":0")).collect();
    let stream = start() + &block(0, &format!("{{{}}}", many.join(",")), &[]);
    assert_eq!(failure(&stream), AssembleError::Malformed { event: "content_block_start" });
}

#[test]
fn a_long_event_within_the_bound_is_whole() {
    let long = "y".repeat(300_000);
    let begins = format!(r#"{{"type":"web_fetch_tool_result","content":"{long}"}}"#);
    let stream = start() + &block(0, &begins, &[]) + &stop();
    for size in [1000, 100_000, stream.len()] {
        let Ok(Outcome::Answer(json)) = assemble(Flavor::Messages, &stream, size) else { panic!() };
        assert!(String::from_utf8(json.to_vec()).unwrap().contains(&begins));
    }
}

#[test]
fn completions_are_joined() {
    let part = |text: &str, stop: &str, more: &str| {
        let data = format!(
            r#"{{"type":"completion","id":"c","completion":{text},"stop_reason":{stop},"model":"claude-2.1"{more}}}"#
        );
        event("completion", &data).replace('\n', "\r\n")
    };
    let stream = part("\" Hi\"", "null", ",\"stop\":null")
        + &event("ping", "{}")
        + &part(r#""\n\u4e2d""#, "null", "")
        + &part("\"\"", "\"stop_sequence\"", ",\"stop\":\"\\n\\nHuman:\"");
    let expected = r#"{"type":"completion","id":"c","completion":" Hi\n\u4e2d","stop_reason":"stop_sequence","model":"claude-2.1","stop":"\n\nHuman:"}"#;
    assert_eq!(answer(Flavor::Complete, &stream), expected);
    let cut = stream.split_at(stream.len() / 2).0;
    assert_eq!(assemble(Flavor::Complete, cut, 5), Err(AssembleError::Truncated));
    let odd = part("5", "null", "") + &part("\"x\"", "null", "");
    let malformed = AssembleError::Malformed { event: "completion" };
    assert_eq!(assemble(Flavor::Complete, &odd, 5), Err(malformed));
}

/// A text, as strings of the API have it.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,12}", "[a-z\n\r\t\"\\\\ ]{0,12}", Just("event: error\n\n".to_owned())]
}

proptest! {
    #[test]
    fn any_texts_in_any_pieces_give_the_same_answer(
        texts in proptest::collection::vec(proptest::collection::vec(any_text(), 0..5), 0..4),
        line_end in proptest::sample::select(vec!["\n", "\r\n", "\r"]),
        has_mark in any::<bool>(),
        has_comments in any::<bool>(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut stream = start();
        for (index, parts) in texts.iter().enumerate() {
            let deltas: Vec<String> = parts.iter()
                .map(|part| format!(r#"{{"type":"text_delta","text":{}}}"#, Value::from(part.as_str())))
                .collect();
            let deltas: Vec<&str> = deltas.iter().map(String::as_str).collect();
            stream += &block(index, r#"{"type":"text","text":""}"#, &deltas);
        }
        stream += &stop();
        if has_comments {
            stream = stream.replace("\nevent: ", "\n: keep-alive\nevent: ");
        }
        // Line ends inside the JSON are escaped, so that only those of lines change.
        stream = stream.replace('\n', line_end);
        if has_mark {
            stream.insert(0, '\u{feff}');
        }
        let bytes = stream.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut assembler = Assembler::new(Flavor::Messages, BYTES_MAX);
        for cut in cuts.windows(2) {
            assembler.push(Bytes::copy_from_slice(&bytes[cut[0]..cut[1]])).unwrap();
        }
        prop_assert!(assembler.is_ended());
        let Ok(Outcome::Answer(json)) = assembler.finish() else { panic!("no answer") };
        let whole = answer(Flavor::Messages, &stream);
        prop_assert_eq!(&json[..], whole.as_bytes());
        let json: Value = serde_json::from_str(&whole.replace("1e400", "1")).unwrap();
        let expected: Vec<Value> = texts.iter()
            .map(|parts| serde_json::json!({"type": "text", "text": parts.concat()}))
            .collect();
        prop_assert_eq!(&json["content"], &Value::from(expected));
    }

    #[test]
    fn any_input_of_a_tool_keeps_its_letters(
        numbers in proptest::collection::vec("-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?", 1..6),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
        size in 1usize..200,
    ) {
        let input = format!(r#"{{"z":[{}],"a":"中\u0041"}}"#, numbers.join(", "));
        let mut ends: Vec<usize> = cuts.iter()
            .map(|cut| input.floor_char_boundary(cut.index(input.len() + 1)))
            .collect();
        ends.extend([0, input.len()]);
        ends.sort_unstable();
        let deltas: Vec<String> = ends.windows(2)
            .map(|cut| Value::from(input.get(cut[0]..cut[1]).unwrap()))
            .map(|part| format!(r#"{{"type":"input_json_delta","partial_json":{part}}}"#))
            .collect();
        let deltas: Vec<&str> = deltas.iter().map(String::as_str).collect();
        let stream = start() + &block(0, r#"{"type":"tool_use","input":{}}"#, &deltas) + &stop();
        let Ok(Outcome::Answer(json)) = assemble(Flavor::Messages, &stream, size) else {
            panic!("no answer")
        };
        let expected = format!(r#"{{"type":"tool_use","input":{input}}}"#);
        prop_assert!(String::from_utf8(json.to_vec()).unwrap().contains(&expected));
    }
}
