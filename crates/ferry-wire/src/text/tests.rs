//! The places of a request in tables, what is refused, and hostile bodies. Random bodies stand in `tests/random.rs`,
//! the order of prompts in `tests/prompt.rs`, escapes in long texts in `tests/escapes.rs`.

use super::*;

mod escapes;
mod prompt;
mod random;

/// What a walk hands out: path, text, role.
type Seen = (String, String, Role);

fn seen(body: &str, shape: Shape) -> Result<Vec<Seen>, WalkError> {
    let mut found = Vec::new();
    let mut end = 0;
    walk(body.as_bytes(), shape, &mut Scratch::new(), |span| {
        let raw = span.raw(0..span.text().len());
        assert!(raw.start >= end, "spans come in the order of their bytes");
        end = raw.end;
        let literal = body.get(raw).unwrap();
        if span.is_number() {
            assert_eq!(literal, span.text());
        } else {
            let decoded: String = serde_json::from_str(&format!("\"{literal}\"")).unwrap();
            assert_eq!(decoded, span.text());
        }
        found.push((span.path(), span.text().to_owned(), span.role()));
    })?;
    Ok(found)
}

/// Checks the paths and roles of all that is handed out of a body.
fn check(shape: Shape, body: &str, expected: &[(&str, Role)]) {
    let found = seen(body, shape).unwrap_or_else(|error| panic!("{error}: {body}"));
    let found: Vec<(&str, Role)> =
        found.iter().map(|(path, _, role)| (path.as_str(), *role)).collect();
    assert_eq!(found, expected, "{body}");
}

fn block(block: &str) -> Vec<(String, String)> {
    let body = format!(r#"{{"messages":[{{"role":"user","content":[{block}]}}]}}"#);
    let found = seen(&body, Shape::Messages).unwrap_or_else(|error| panic!("{error}: {body}"));
    let inside = |path: &str| path.strip_prefix("messages[0].content[0]").unwrap().to_owned();
    found.into_iter().map(|(path, text, _)| (inside(&path), text)).collect()
}

/// Checks a block with its members in the order given and the other way round.
fn check_block(members: &[&str], expected: &[(&str, &str)]) {
    let found = block(&format!("{{{}}}", members.join(",")));
    let found: Vec<(&str, &str)> =
        found.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    assert_eq!(found, expected, "{members:?}");

    let backwards: Vec<&str> = members.iter().rev().copied().collect();
    let mut found = block(&format!("{{{}}}", backwards.join(",")));
    found.sort();
    let mut expected: Vec<(String, String)> =
        expected.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    expected.sort();
    assert_eq!(found, expected, "{backwards:?}");
}

#[test]
fn of_an_answer_only_what_the_model_wrote() {
    check(
        Shape::Answer,
        r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","system":"s","messages":[{"role":"user","content":"t"}],
           "content":[
            {"type":"thinking","thinking":"t","signature":"s"},
            {"type":"redacted_thinking","data":"d"},
            {"citations":[{"type":"char_location","cited_text":"c","document_title":"d","document_index":1}],"text":"t","type":"text"},
            {"type":"tool_use","id":"toolu_1","name":"n","input":{"k":"v","id":[["w",{"text":"x"}]]}},
            {"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"q"}},
            {"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","title":"t","url":"u","encrypted_content":"e"}]},
            {"type":"new","text":"t"}],
           "stop_reason":"stop_sequence","stop_sequence":"s","usage":{"output_tokens":12345,"service_tier":"standard"}}"#,
        &[
            ("content[2].citations[0].cited_text", Role::Assistant),
            ("content[2].text", Role::Assistant),
            ("content[3].input.k", Role::Assistant),
            ("content[3].input.id[0][0]", Role::Assistant),
            ("content[3].input.id[0][1].text", Role::Assistant),
            ("content[4].input.query", Role::Assistant),
        ],
    );
    check(
        Shape::Answer,
        r#"{"type":"completion","id":"c","completion":"t","stop_reason":"stop_sequence","model":"m"}"#,
        &[("completion", Role::Assistant)],
    );
}

#[test]
fn the_members_of_a_request() {
    use Role::{Assistant, Description, Other, Prompt, System, User};
    check(
        Shape::Messages,
        r#"{"model":"m","max_tokens":1024,"stream":true,"temperature":0.12345}"#,
        &[],
    );
    check(
        Shape::CountTokens,
        r#"{"system":"s","messages":[{"role":"user","content":"t"}]}"#,
        &[("system", System), ("messages[0].content", User)],
    );
    check(
        Shape::Messages,
        r#"{"messages":[{"content":"t","role":"assistant"},{"role":"system","content":[{"type":"text","text":"t"}]},{"content":"t"}]}"#,
        &[
            ("messages[0].content", Assistant),
            ("messages[1].content[0].text", System),
            ("messages[2].content", Other),
        ],
    );
    check(
        Shape::Complete,
        r#"{"prompt":"p","max_tokens_to_sample":1000,"stop_sequences":["s","t"]}"#,
        &[("prompt", Prompt), ("stop_sequences[0]", Other), ("stop_sequences[1]", Other)],
    );
    check(
        Shape::Messages,
        r#"{"metadata":{"user_id":"u","new":"n"},"container":{"id":"i","name":"n","skills":[{"type":"custom","skill_id":"pdf","version":"1759178010641129","name":"n"}]},
           "mcp_servers":[{"type":"url","url":"https://x","name":"n","authorization_token":"t"}],
           "tool_choice":{"type":"tool","name":"n"},"thinking":{"type":"enabled","budget_tokens":20000},
           "service_tier":"auto","new":{"a":["b",12345,12,{"id":"i","c":"d"}]},"betas":["b"]}"#,
        &[
            ("metadata.user_id", Other),
            ("metadata.new", Other),
            ("container.name", Other),
            ("container.skills[0].name", Other),
            ("mcp_servers[0].url", Other),
            ("new.a[0]", Other),
            ("new.a[1]", Other),
            ("new.a[3].c", Other),
        ],
    );
    check(
        Shape::Messages,
        r#"{"tools":[{"name":"n","description":"d","input_schema":{"type":"object","title":"t","properties":{
             "description":{"type":"string","description":"d","enum":["x"],"default":"d"},"type":{"description":"d"}},
             "required":["description"],"$defs":{"a":{"items":[{"description":"d","pattern":"p"}]}}},
             "input_examples":[{"name":"e","id":12345}],"cache_control":{"type":"ephemeral","ttl":"1h"}},
            {"type":"web_search_20250305","name":"web_search","user_location":{"type":"approximate","city":"c"}}],
           "output_config":{"format":{"type":"json_schema","schema":{"description":"d","const":"c"}}}}"#,
        &[
            ("tools[0].description", Description),
            ("tools[0].input_schema.title", Description),
            ("tools[0].input_schema.properties.description.description", Description),
            ("tools[0].input_schema.properties.description.default", Description),
            ("tools[0].input_schema.properties.type.description", Description),
            ("tools[0].input_schema.$defs.a.items[0].description", Description),
            ("tools[0].input_examples[0].name", Description),
            ("tools[0].input_examples[0].id", Description),
            ("tools[1].user_location.city", Description),
            ("output_config.format.schema.description", Description),
        ],
    );
}

#[test]
fn names_of_files_are_texts_and_a_tools_domains_are_not() {
    check(
        Shape::Messages,
        r#"{"container":"c","tools":[{"type":"web_search_20250305","allowed_domains":["10.2.3.4"],"blocked_domains":["a.example"]}]}"#,
        &[],
    );
    check(
        Shape::Messages,
        r#"{"messages":[{"role":"user","content":[{"type":"container_upload","file_id":"f","file_name":"n"},{"type":"document","filename":"n","name":"n"}]}]}"#,
        &[
            ("messages[0].content[0].file_name", Role::User),
            ("messages[0].content[1].filename", Role::User),
            ("messages[0].content[1].name", Role::User),
        ],
    );
}

#[test]
fn every_request_of_a_batch() {
    check(
        Shape::Batch,
        r#"{"requests":[{"custom_id":"c","params":{"model":"m","system":"s"}},
           {"params":{"messages":[{"role":"user","content":"t"}]},"custom_id":"d"}]}"#,
        &[
            ("requests[0].custom_id", Role::Other),
            ("requests[0].params.system", Role::System),
            ("requests[1].params.messages[0].content", Role::User),
            ("requests[1].custom_id", Role::Other),
        ],
    );
}

#[test]
fn the_attribution_of_claude_code_stays() {
    let attribution = "x-anthropic-billing-header: cc_version=2.1; cch=1234;";
    let body = format!(
        r#"{{"system":[{{"text":"{attribution}","type":"text"}},{{"type":"text","text":"{attribution}"}}]}}"#
    );
    check(Shape::Messages, &body, &[("system[1].text", Role::System)]);
    for behind in [r"\n", r"\r", r"\n客户"] {
        let lines = format!(r#"{{"system":[{{"text":"{attribution}{behind}"}}]}}"#);
        check(Shape::Messages, &lines, &[("system[0].text", Role::System)]);
    }
    let long = format!(r#"{{"system":[{{"text":"{attribution}{}"}}]}}"#, "x".repeat(2000));
    check(Shape::Messages, &long, &[("system[0].text", Role::System)]);
}

#[test]
fn blocks_by_their_types() {
    check_block(
        &[r#""type":"text""#, r#""text":"t""#, r#""cache_control":{"type":"ephemeral"}"#],
        &[(".text", "t")],
    );
    check_block(&[r#""type":"thinking""#, r#""thinking":"t""#, r#""signature":"s""#], &[]);
    check_block(&[r#""type":"thinking""#, r#""text":"t""#], &[]);
    check_block(&[r#""type":"th\u0069nking""#, r#""text":"t""#, r#""new":[{"text":"n"}]"#], &[]);
    check_block(&[r#""type":"redacted_thinking""#, r#""data":"d d""#], &[]);
    check_block(&[r#""type":"compaction""#, r#""content":"c""#], &[]);
}

#[test]
fn sources_of_images_and_documents() {
    let base64 = "iVBORw0KGgoAAAANSUhEUgAA".repeat(9);
    let lines = "13800138000/+-_AbCd3800138000/+-_AbCd3800138000/+-_AbCd3800138000/+-_AbCd\\r\\n"
        .repeat(2)
        + "ab==";
    for data in [&base64, &lines] {
        let source =
            format!(r#""source":{{"data":"{data}","type":"base64","media_type":"image/png"}}"#);
        check_block(&[r#""type":"image""#, &source], &[]);
    }
    let phones = "13800138000\\n".repeat(9);
    for media_type in ["text/plain", "image/png"] {
        for data in ["身份证 1", "110101199003078038", &phones, &format!("{base64} 1")] {
            let source = format!(
                r#""source":{{"type":"base64","media_type":"{media_type}","data":"{data}"}}"#
            );
            check_block(
                &[r#""type":"document""#, &source],
                &[(".source.data", &data.replace("\\n", "\n"))],
            );
            let nested = format!(r#"{{"type":"base64","data":"{data}"}}"#);
            assert_eq!(block(&nested).len(), 1, "{nested}");
        }
    }
    check_block(&[r#""type":"image""#, r#""source":{"type":"file","file_id":"file_1"}"#], &[]);
    check_block(
        &[r#""type":"image""#, r#""source":{"type":"url","url":"https://x"}"#],
        &[(".source.url", "https://x")],
    );
    check_block(
        &[
            r#""type":"document""#,
            r#""source":{"data":"d","type":"text"}"#,
            r#""title":"t""#,
            r#""context":"c""#,
        ],
        &[(".source.data", "d"), (".title", "t"), (".context", "c")],
    );
    check_block(
        &[
            r#""type":"document""#,
            r#""source":{"type":"content","content":[{"text":"t","type":"text"}]}"#,
        ],
        &[(".source.content[0].text", "t")],
    );
    check_block(
        &[
            r#""type":"search_result""#,
            r#""source":"s""#,
            r#""title":"t""#,
            r#""content":[{"type":"text","text":"c"}]"#,
        ],
        &[(".source", "s"), (".title", "t"), (".content[0].text", "c")],
    );
}

#[test]
fn what_tools_are_given_and_answer() {
    check_block(
        &[
            r#""type":"tool_use""#,
            r#""id":"toolu_1""#,
            r#""name":"n""#,
            r#""input":{"id":"i","name":"n","type":"thinking","data":"d","n":[12345678,{"signature":"s"}],"x":true}"#,
        ],
        &[
            (".input.id", "i"),
            (".input.name", "n"),
            (".input.type", "thinking"),
            (".input.data", "d"),
            (".input.n[0]", "12345678"),
            (".input.n[1].signature", "s"),
        ],
    );
    check_block(
        &[r#""type":"tool_result""#, r#""tool_use_id":"toolu_1""#, r#""content":"c""#],
        &[(".content", "c")],
    );
    check_block(
        &[
            r#""type":"web_search_tool_result""#,
            r#""tool_use_id":"srvtoolu_1""#,
            r#""content":[{"type":"web_search_result","title":"t","url":"u","encrypted_content":"e","page_age":"p"}]"#,
        ],
        &[(".content[0].title", "t"), (".content[0].url", "u"), (".content[0].page_age", "p")],
    );
    check_block(
        &[
            r#""type":"code_execution_tool_result""#,
            r#""content":{"stdout":"o","stderr":"e","encrypted_stdout":"x","content":[{"type":"o","file_id":"f"}]}"#,
        ],
        &[(".content.stdout", "o"), (".content.stderr", "e")],
    );
}

#[test]
fn citations_and_blocks_of_next_year() {
    let data = format!("\"data\":\"{}\"", "iVBORw0KGgo".repeat(8));
    check_block(
        &[
            r#""type":"text""#,
            r#""text":"t""#,
            r#""citations":[{"type":"char_location","cited_text":"c","document_title":"d","start_char_index":0,"encrypted_index":"e"}]"#,
        ],
        &[(".text", "t"), (".citations[0].cited_text", "c"), (".citations[0].document_title", "d")],
    );
    check_block(
        &[r#""type":"new""#, &data, r#""text":"t""#, r#""more":{"content":"c","data":"d d"}"#],
        &[(".text", "t"), (".more.content", "c"), (".more.data", "d d")],
    );
    check_block(
        &[r#""type":"new""#, r#""tabs":[{"url":"u","title":"t"}]"#, r#""name":"n""#],
        &[(".tabs[0].url", "u"), (".tabs[0].title", "t"), (".name", "n")],
    );
}

#[test]
fn whose_a_result_is() {
    let body = r#"{"messages":[{"role":"user","content":[{"content":[{"text":"t"}],"type":"tool_result"},
        {"text":"t"}]},{"role":"assistant","content":[{"type":"tool_use","input":{"a":"b"}}]}]}"#;
    check(
        Shape::Messages,
        body,
        &[
            ("messages[0].content[0].content[0].text", Role::Tool),
            ("messages[0].content[1].text", Role::User),
            ("messages[1].content[0].input.a", Role::Assistant),
        ],
    );
}

#[test]
fn blocks_that_nest_deeper_than_any_of_the_api_are_read_by_names() {
    let table = [(9, "t", 0), (10, "t", 1), (20, "t", 1), (20, "thinking", 0)];
    for (depth, name, n_texts) in table {
        for members in [
            format!(r#""type":"thinking","{name}":"t""#),
            format!(r#""{name}":"t","type":"thinking""#),
        ] {
            let (open, close) = (r#"{"new":"#.repeat(depth - 1), "}".repeat(depth - 1));
            let body = format!(
                r#"{{"messages":[{{"role":"user","content":[{open}{{{members}}}{close}]}}]}}"#
            );
            assert_eq!(seen(&body, Shape::Messages).unwrap().len(), n_texts, "{body}");
        }
    }
}

#[test]
fn what_is_no_text_by_its_letters() {
    let base64 = "iVBORw0KGgoAAAANSUhEUgAA".repeat(3);
    let url = format!("data:image/png;base64,{base64}");
    let tokens = "iVBORw0KGgo_AAANSUhEUg-A".repeat(3);
    let key = format!("sk-ant-api03-{}", "aB3_-xY9".repeat(12));
    let digits = "1234567890123456".repeat(4);
    let table: &[(&str, &str, bool)] = &[
        ("new", &base64, false),
        ("new", &url, false),
        ("new", &tokens, true),
        ("new", &key, true),
        ("new", &digits, true),
        ("new", "data: 11010119900307", true),
        ("new", "data:;base64,6222020200112230", true),
        ("text", &base64, true),
        ("text", &url, false),
        ("text", &url.replace(',', ", "), true),
        ("data", &tokens, false),
        ("data", &base64, false),
        ("data", "text of a kind nobody knows", true),
        ("url", &url.replace("data", "DATA"), false),
    ];
    for (name, value, is_text) in table {
        let found = block(&format!(r#"{{"type":"new","{name}":"{value}"}}"#));
        assert_eq!(!found.is_empty(), *is_text, "{name}: {value}");
    }
}

#[test]
fn a_path_tells_no_name_that_could_be_a_value() {
    let body = r#"{"messages":[{"role":"user","content":[{"type":"tool_use","input":{
        "13800138000":"a","a b":"b","a@b.cn":"c","京A12345":"d","AKIAIOSFODNNEXAMPLE":"e","order_no2":"f","\u0061":"g"}}]}]}"#;
    let paths: Vec<String> =
        seen(body, Shape::Messages).unwrap().into_iter().map(|(path, ..)| path).collect();
    let names: Vec<&str> = paths.iter().map(|path| path.rsplit_once('.').unwrap().1).collect();
    assert_eq!(names, ["*", "*", "*", "*", "*", "order_no2", "a"]);
}

#[test]
fn a_range_of_the_text_leads_to_its_bytes() {
    let body = r#"{"system":"a\n\u4e2d\ud83d\ude00b\\\"c"}"#;
    let table: &[(Range<usize>, &str)] = &[
        (0..1, "a"),
        (0..2, r"a\n"),
        (1..2, r"\n"),
        (2..5, r"\u4e2d"),
        (3..4, r"\u4e2d"),
        (5..9, r"\ud83d\ude00"),
        (4..6, r"\u4e2d\ud83d\ude00"),
        (9..10, "b"),
        (10..12, r#"\\\""#),
        (11..12, r#"\""#),
        (12..13, "c"),
        (12..99, "c"),
        (0..13, r#"a\n\u4e2d\ud83d\ude00b\\\"c"#),
        (5..5, ""),
        (99..99, ""),
    ];
    let mut n_spans = 0;
    walk(body.as_bytes(), Shape::Messages, &mut Scratch::new(), |span| {
        n_spans += 1;
        assert_eq!(span.text(), "a\n中😀b\\\"c");
        for (decoded, raw) in table {
            assert_eq!(body.get(span.raw(decoded.clone())).unwrap(), *raw, "{decoded:?}");
        }
    })
    .unwrap();
    assert_eq!(n_spans, 1);
}

#[test]
fn a_range_of_a_long_text_leads_to_its_bytes() {
    let body = format!(
        r#"{{"system":"{}"}}"#,
        r"ab\n\u4e2d\ud83d\ude00中\\".repeat(50) + &"plain".repeat(50) + &r"\\\n中12345".repeat(50)
    );
    walk(body.as_bytes(), Shape::Messages, &mut Scratch::new(), |span| {
        let mut end = r#"{"system":""#.len();
        for (at, character) in span.text().char_indices() {
            let raw = span.raw(at..at + character.len_utf8());
            assert_eq!(raw.start, end);
            end = raw.end;
            let literal = format!("\"{}\"", body.get(raw).unwrap());
            assert_eq!(serde_json::from_str::<String>(&literal).unwrap(), character.to_string());
        }
        assert_eq!(end, body.len() - 2);
    })
    .unwrap();
}

#[test]
fn what_is_refused() {
    let table: &[(&str, &str)] = &[
        (
            "",
            "read the body as a JSON object: it does not begin with { at line 1, column 1 (byte 0)",
        ),
        (
            "\u{feff}{}",
            "read the body as a JSON object: it does not begin with { at line 1, column 1 (byte 0)",
        ),
        (
            "[]",
            "read the body as a JSON object: it does not begin with { at line 1, column 1 (byte 0)",
        ),
        (
            "{}\n {}",
            "read the body as one JSON object: more follows it at line 2, column 2 (byte 4)",
        ),
        ("{", "read the body as JSON: it ends too early at line 1, column 2 (byte 1)"),
        (r#"{"a"#, "read the body as JSON: it ends too early at line 1, column 4 (byte 3)"),
        (r#"{"a":"\"#, "read the body as JSON: it ends too early at line 1, column 8 (byte 7)"),
        (r#"{"a":tru}"#, "read the body as JSON: unexpected `}` at line 1, column 9 (byte 8)"),
        (r#"{"a":01}"#, "read the body as JSON: unexpected `1` at line 1, column 7 (byte 6)"),
        (r#"{"a":1.}"#, "read the body as JSON: unexpected `}` at line 1, column 8 (byte 7)"),
        (r#"{"a":-}"#, "read the body as JSON: unexpected `}` at line 1, column 7 (byte 6)"),
        (r#"{"a":[1,]}"#, "read the body as JSON: unexpected `]` at line 1, column 9 (byte 8)"),
        (r#"{"a":[1}"#, "read the body as JSON: unexpected `}` at line 1, column 8 (byte 7)"),
        (r#"{"a":1,}"#, "read the body as JSON: unexpected `}` at line 1, column 8 (byte 7)"),
        (r#"{"a" 1}"#, "read the body as JSON: unexpected `1` at line 1, column 6 (byte 5)"),
        (r"{a:1}", "read the body as JSON: unexpected `a` at line 1, column 2 (byte 1)"),
        (
            "{\"a\":\"x\ny\"}",
            "read the body as JSON: unexpected byte 0x0a at line 1, column 8 (byte 7)",
        ),
        (r#"{"a":"\x"}"#, "read the body as JSON: broken escape at line 1, column 7 (byte 6)"),
        (
            r#"{"model":"a\u00g0"}"#,
            "read the body as JSON: broken escape at line 1, column 12 (byte 11)",
        ),
        (r#"{"a":1,"a":2}"#, "read the body: a is given twice, again at line 1, column 9 (byte 8)"),
        (
            r#"{"a":1,"\u0061":2}"#,
            "read the body: a is given twice, again at line 1, column 9 (byte 8)",
        ),
        (
            "{\"messages\":[{\"role\":\"user\",\n\"content\":[{\"input\":{\"k\":{\"a\":1,\"b\":2,\"a\":3}}}]}]}",
            "read the body: messages[0].content[0].input.k.a is given twice, again at line 2, column 40 (byte 68)",
        ),
        (
            r#"{"thinking":{"13800138000":1,"13800138000":1}}"#,
            "read the body: thinking.* is given twice, again at line 1, column 31 (byte 30)",
        ),
        (
            r#"{"system":["x","ab\ud800\n"]}"#,
            "read system[1] of the body: half a surrogate pair at line 1, column 19 (byte 18)",
        ),
        (
            r#"{"system":"\udc00\ud800"}"#,
            "read system of the body: half a surrogate pair at line 1, column 12 (byte 11)",
        ),
        (
            r#"{"new":{"\ud800":1}}"#,
            "read new of the body: half a surrogate pair at line 1, column 10 (byte 9)",
        ),
    ];
    for (body, expected) in table {
        let error = seen(body, Shape::Messages).unwrap_err();
        assert_eq!(error.to_string(), *expected, "{body}");
    }
}

#[test]
fn bytes_that_are_no_utf_8_are_refused_wherever_they_stand() {
    for body in [&b"{\"system\":\"a\xff\"}"[..], b"{\"model\":\"\n\xe4\xb8\"}", b"{\xc0\x80}"] {
        let error = walk(body, Shape::Messages, &mut Scratch::new(), |_| {}).unwrap_err();
        assert!(matches!(error, WalkError::NotUtf8 { .. }), "{error}");
    }
    let error = walk(b"{\n\xff}", Shape::Messages, &mut Scratch::new(), |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "read the body as UTF-8: invalid at line 2, column 1 (byte 2)");
}

#[test]
fn half_a_surrogate_pair_passes_where_nobody_reads() {
    let body = r#"{"model":"\ud800","messages":[{"role":"user","content":[{"type":"thinking","thinking":"\udfff"}]}]}"#;
    assert_eq!(seen(body, Shape::Messages), Ok(Vec::new()));
}

#[test]
fn the_depth_has_a_bound() {
    let nested =
        |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert_eq!(seen(&nested(DEPTH_MAX), Shape::Messages), Ok(Vec::new()));
    let error = seen(&nested(DEPTH_MAX + 1), Shape::Messages).unwrap_err();
    assert_eq!(
        error.to_string(),
        "read the body as JSON: nested deeper than 64 at line 1, column 69 (byte 68)"
    );
    let endless = "{\"a\":".repeat(1_000_000);
    assert!(matches!(seen(&endless, Shape::Messages), Err(WalkError::TooDeep { .. })));
}

#[test]
fn a_name_of_a_large_object_is_found_twice() {
    let members = |n: usize| (0..n).map(|n| format!("\"k{n}\":{n}")).collect::<Vec<_>>().join(",");
    for n in [1, 23, 24, 25, 26, 1000] {
        let body = format!("{{\"new\":{{{}}}}}", members(n));
        assert!(seen(&body, Shape::Messages).is_ok(), "{n}");
        for again in ["k0".to_owned(), format!("k{}", n - 1), format!("\\u006b{}", n / 2)] {
            let body = format!("{{\"new\":{{{},\"{again}\":0}}}}", members(n));
            let at = body.rfind(&again).unwrap() as u64;
            let error = seen(&body, Shape::Messages).unwrap_err();
            assert!(matches!(error, WalkError::DuplicateKey { .. }), "{n} {again}: {error}");
            assert_eq!(error.position().map(|position| position.offset), Some(at), "{n} {again}");
        }
    }
}

#[test]
fn large_bodies_are_walked() {
    let digits = format!(r#"{{"system":"{}"}}"#, "1234567890".repeat(1_000_000));
    assert_eq!(seen(&digits, Shape::Messages).unwrap().len(), 1);
    let escapes = format!(r#"{{"system":"{}"}}"#, "\\n".repeat(5_000_000));
    assert_eq!(seen(&escapes, Shape::Messages).unwrap()[0].1.len(), 5_000_000);
    let members: Vec<String> = (0..1_000_000).map(|n| format!("\"k{n}\":\"\"")).collect();
    let members = format!(r#"{{"new":{{{}}}}}"#, members.join(","));
    assert_eq!(seen(&members, Shape::Messages).unwrap(), []);
}

#[test]
fn a_scratch_gives_back_what_a_large_body_took() {
    let mut scratch = Scratch::new();
    let members: Vec<String> = (0..200_000).map(|n| format!("\"\\u006b{n}\":\"\\n\"")).collect();
    let body =
        format!(r#"{{"system":"{}","new":{{{}}}}}"#, "\\n".repeat(2_000_000), members.join(","));
    walk(body.as_bytes(), Shape::Messages, &mut scratch, |_| {}).unwrap();
    assert!(scratch.capacity() <= 4 * KEPT_BYTES_MAX, "{}", scratch.capacity());
}
