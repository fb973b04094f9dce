//! Times the walk over a body's texts and the splice of edits: `cargo bench -p ferry-wire --bench text`.
//!
//! Nothing here passes or fails. The detectors have their own figures; a walk is what redaction costs beside them. The
//! last group holds what a hostile client would send.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up should stop")]

use bytes::Bytes;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use ferry_wire::splice::Edits;
use ferry_wire::text::{self, Scratch, Shape};

fn main() {
    divan::main();
}

const KIB: usize = 1024;

/// Messages of about 200 KiB in all, half of them the assistant's, each with the text `line` over and over.
fn chat(line: &str) -> Bytes {
    let text = line.repeat(10 * KIB / line.len());
    let turn = format!(
        r#"{{"role":"user","content":"{text}"}},{{"role":"assistant","content":[{{"type":"text","text":"{text}"}}]}}"#
    );
    let turns = vec![turn; 10].join(",");
    Bytes::from(format!(r#"{{"model":"claude-opus-5-5","max_tokens":1024,"messages":[{turns}]}}"#))
}

/// A line of Chinese with two escapes, as chat has them.
fn chinese() -> Bytes {
    chat(
        "今天下午三点我们在会议室讨论了第三季度的\\\"销售数据\\\",请把报告发给我,电话是 13800138000。",
    )
}

/// The results of a tool: JSON written into a string, so that every quote is escaped.
fn digits() -> Bytes {
    let row =
        r#"{\"id\":8412345678901234,\"ts\":1764000000123,\"amount\":\"1024.50\",\"ok\":true},\n"#;
    let rows = row.repeat(20 * KIB / row.len());
    let result = format!(
        r#"{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"toolu_01A","content":"[{rows}]"}}]}}"#
    );
    let results = vec![result; 10].join(",");
    Bytes::from(format!(r#"{{"model":"claude-opus-5-5","messages":[{results}]}}"#))
}

/// The inputs of a tool as JSON itself: short names, numbers, short strings.
fn inputs() -> Bytes {
    let row = r#"{"id":8412345678901234,"ts":1764000000123,"amount":"1024.50","ok":true}"#;
    let rows = vec![row; 200 * KIB / row.len()].join(",");
    Bytes::from(format!(
        r#"{{"messages":[{{"role":"assistant","content":[{{"type":"tool_use","id":"toolu_01A","name":"t","input":{{"rows":[{rows}]}}}}]}}]}}"#
    ))
}

/// Schemas of tools.
fn schemas() -> Bytes {
    let tool = r#"{"name":"t","description":"d","input_schema":{"type":"object","properties":{"a":{"type":"string","enum":["x","y"]},"b":{"type":"integer"}},"required":["a","b"]}}"#;
    let tools = vec![tool; 200 * KIB / tool.len()].join(",");
    Bytes::from(format!(r#"{{"tools":[{tools}],"model":"claude-opus-5-5"}}"#))
}

fn image() -> Bytes {
    let data = "iVBORw0KGgo+/AAA".repeat(KIB * KIB / 16);
    Bytes::from(format!(
        r#"{{"messages":[{{"role":"user","content":[{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{data}"}}}}]}}]}}"#
    ))
}

/// The same members with the type behind them, as the Python SDK writes what it got.
fn type_last() -> Bytes {
    let line =
        "今天下午三点我们在会议室讨论了第三季度的销售数据,请把报告发给我,电话是 13800138000。";
    let text = line.repeat(10 * KIB / line.len());
    let turn = format!(r#"{{"content":[{{"text":"{text}","type":"text"}}],"role":"assistant"}}"#);
    let turns = vec![turn; 20].join(",");
    Bytes::from(format!(r#"{{"messages":[{turns}]}}"#))
}

fn walk(bencher: Bencher<'_, '_>, body: &Bytes) {
    let mut scratch = Scratch::new();
    bencher.counter(BytesCount::of_slice(body)).bench_local(|| {
        let mut n_bytes = 0;
        text::walk(divan::black_box(body), Shape::Messages, &mut scratch, |span| {
            n_bytes += divan::black_box(span.text()).len();
        })
        .unwrap();
        n_bytes
    });
}

fn walk_by_prompt(bencher: Bencher<'_, '_>, body: &Bytes) {
    let mut scratch = Scratch::new();
    bencher.counter(BytesCount::of_slice(body)).bench_local(|| {
        let mut n_bytes = 0;
        text::walk_by_prompt(divan::black_box(body), Shape::Messages, &mut scratch, |span| {
            n_bytes += divan::black_box(span.text()).len();
        })
        .unwrap();
        n_bytes
    });
}

#[divan::bench]
fn walk_chinese_by_prompt_200_kb(bencher: Bencher<'_, '_>) {
    walk_by_prompt(bencher, &chinese());
}

#[divan::bench]
fn walk_schemas_by_prompt_200_kb(bencher: Bencher<'_, '_>) {
    walk_by_prompt(bencher, &schemas());
}

#[divan::bench]
fn walk_inputs_by_prompt_200_kb(bencher: Bencher<'_, '_>) {
    walk_by_prompt(bencher, &inputs());
}

#[divan::bench]
fn walk_chinese_200_kb(bencher: Bencher<'_, '_>) {
    walk(bencher, &chinese());
}

#[divan::bench]
fn walk_chinese_without_escapes_200_kb(bencher: Bencher<'_, '_>) {
    walk(bencher, &chat("今天下午三点我们在会议室讨论了第三季度的销售数据,请把报告发给我。"));
}

#[divan::bench]
fn walk_english_200_kb(bencher: Bencher<'_, '_>) {
    walk(
        bencher,
        &chat("The quick brown fox jumps over the lazy dog, and then some more text.\\n"),
    );
}

/// Prose, code and quotes: an escape every 25 bytes.
#[divan::bench]
fn walk_chat_with_code_200_kb(bencher: Bencher<'_, '_>) {
    walk(
        bencher,
        &chat(
            r#"The operator writes: \"the second page stays white\". 请先说明原因。\nlet total = items.len(); if total > 3 { warn(\"{total}\"); }\n"#,
        ),
    );
}

#[divan::bench]
fn walk_digits_in_escapes_200_kb(bencher: Bencher<'_, '_>) {
    walk(bencher, &digits());
}

#[divan::bench]
fn walk_inputs_200_kb(bencher: Bencher<'_, '_>) {
    walk(bencher, &inputs());
}

#[divan::bench]
fn walk_schemas_200_kb(bencher: Bencher<'_, '_>) {
    walk(bencher, &schemas());
}

#[divan::bench]
fn walk_type_last_200_kb(bencher: Bencher<'_, '_>) {
    walk(bencher, &type_last());
}

#[divan::bench]
fn walk_image_1_mb(bencher: Bencher<'_, '_>) {
    walk(bencher, &image());
}

#[divan::bench(args = [0, 1, 50, 10_000])]
fn splice_200_kb(bencher: Bencher<'_, '_>, n_edits: usize) {
    let body = chinese();
    let pieces: Vec<Bytes> = body.chunks(16 * KIB).map(|piece| body.slice_ref(piece)).collect();
    let mut edits = Edits::new();
    for index in 0..n_edits {
        let at = 100 + index * (body.len() - 200) / n_edits;
        edits.put_text(at..at + 11, "PII_PHONE_0123456789abcdefghij").unwrap();
    }
    bencher.counter(ItemsCount::new(n_edits)).bench(|| edits.apply(divan::black_box(&pieces)));
}

/// The places of hits far behind the last escape, and among escapes: neither may depend on the length of the text.
#[divan::bench(args = [1, 1000])]
fn raw_of_10_000_hits_in_10_mb(bencher: Bencher<'_, '_>, kilobytes_of_escapes: usize) {
    let escapes = "\\n1".repeat(kilobytes_of_escapes * KIB / 3);
    let body = format!(r#"{{"system":"{escapes}{}"}}"#, "1234567890".repeat(KIB * KIB));
    bencher.counter(ItemsCount::new(10_000_usize)).bench_local(|| {
        let mut n_bytes = 0;
        text::walk(body.as_bytes(), Shape::Messages, &mut Scratch::new(), |span| {
            for hit in 0..10_000 {
                let at = hit * (span.text().len() / 10_000 - 1);
                n_bytes += divan::black_box(span.raw(at..at + 18)).len();
            }
        })
        .unwrap();
        n_bytes
    });
}

/// 200 KiB each of what costs a walk most.
mod hostile {
    use super::{Bencher, Bytes, KIB, walk};

    const BYTES: usize = 200 * KIB;

    fn in_input(value: &str) -> Bytes {
        Bytes::from(format!(
            r#"{{"messages":[{{"content":[{{"input":{value},"type":"tool_use"}}],"role":"user"}}]}}"#
        ))
    }

    #[divan::bench]
    fn escapes_only(bencher: Bencher<'_, '_>) {
        walk(bencher, &in_input(&format!("\"{}\"", "\\n".repeat(BYTES / 2))));
    }

    #[divan::bench]
    fn unicode_escapes_only(bencher: Bencher<'_, '_>) {
        walk(bencher, &in_input(&format!("\"{}\"", "\\u4e2d".repeat(BYTES / 6))));
    }

    #[divan::bench]
    fn empty_arrays(bencher: Bencher<'_, '_>) {
        walk(bencher, &in_input(&format!("[{}]", vec!["[]"; BYTES / 3].join(","))));
    }

    #[divan::bench]
    fn one_digit_numbers(bencher: Bencher<'_, '_>) {
        walk(bencher, &in_input(&format!("[{}]", vec!["1"; BYTES / 2].join(","))));
    }

    #[divan::bench]
    fn members_of_one_object(bencher: Bencher<'_, '_>) {
        let members: Vec<String> = (0..BYTES / 9).map(|n| format!("\"{n:x}\":1")).collect();
        walk(bencher, &in_input(&format!("{{{}}}", members.join(","))));
    }

    /// Unknown blocks in one another, each with its type behind a crowd of brackets.
    #[divan::bench]
    fn blocks_with_late_types(bencher: Bencher<'_, '_>) {
        let crowd = vec!["[]"; BYTES / 3].join(",");
        let mut value = format!("[{crowd}]");
        for _ in 0..20 {
            value = format!(r#"[{{"content":{value},"type":"t"}}]"#);
        }
        walk(bencher, &Bytes::from(format!(r#"{{"messages":{value}}}"#)));
    }
}
