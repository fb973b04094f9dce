//! Times what stands on the hot path of a request: `cargo bench -p ferry-wire`.
//!
//! Nothing here passes or fails; the figures are compared by eye with the cost of one request.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up should stop")]

use bytes::Bytes;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use ferry_wire::envelope::Envelope;
use ferry_wire::error::{self, ApiErrorKind};
use ferry_wire::framing::{HeadGuard, Verdict};
use ferry_wire::sse::{Flavor, Observer};
use ferry_wire::{header, path, results_url, usage};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

fn main() {
    divan::main();
}

/// The head that the Python SDK sends, near enough.
const HEAD: &str = "POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1:7300\r\n\
    Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nx-stainless-timeout: 600\r\n\
    x-stainless-retry-count: 0\r\nx-stainless-read-timeout: 600\r\nAccept: application/json\r\n\
    Content-Type: application/json\r\nUser-Agent: Anthropic/Python 2.12.0\r\n\
    X-Stainless-Lang: python\r\nX-Stainless-Package-Version: 2.12.0\r\nX-Stainless-OS: Linux\r\n\
    X-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\n\
    X-Stainless-Runtime-Version: 3.13.1\r\n\
    Authorization: Bearer sk-ant-api03-0123456789012345678901234567890123456789\r\n\
    X-Stainless-Async: false\r\nanthropic-version: 2026-10-21\r\nContent-Length: 0\r\n\r\n";

/// A body of about `kilobytes` of chat text, with the escapes that text has.
fn text_body(kilobytes: usize) -> Bytes {
    let line = "The quick brown fox jumps over the lazy dog, and then some more text.\\n";
    let text = line.repeat(kilobytes * 1024 / 4 / line.len());
    let turn = format!(r#"{{"role":"user","content":[{{"type":"text","text":"{text}"}}]}}"#);
    let turns = vec![turn; 4].join(",");
    Bytes::from(format!(
        r#"{{"model":"claude-opus-5-5","max_tokens":1024,"stream":true,"messages":[{turns}]}}"#
    ))
}

fn image_body() -> Bytes {
    let image = "iVBORw0KGgo+/AAA".repeat(1 << 16);
    Bytes::from(format!(
        r#"{{"model":"claude-opus-5-5","messages":[{{"content":[{{"data":"{image}"}}]}}]}}"#
    ))
}

/// Many short strings and brackets: tool schemas.
fn schema_body() -> Bytes {
    let tool = r#"{"name":"t","description":"d","input_schema":{"type":"object","properties":{"a":{"type":"string","enum":["x","y"]},"b":{"type":"integer"}},"required":["a","b"]}}"#;
    let tools = vec![tool; 1200].join(",");
    Bytes::from(format!(r#"{{"tools":[{tools}],"model":"claude-opus-5-5"}}"#))
}

fn walk(bencher: Bencher<'_, '_>, body: &Bytes) {
    let pieces: Vec<Bytes> = body.chunks(16 * 1024).map(|piece| body.slice_ref(piece)).collect();
    bencher
        .counter(BytesCount::of_slice(body))
        .bench(|| Envelope::read(divan::black_box(&pieces)).unwrap());
}

#[divan::bench(args = [4, 200])]
fn envelope_text_kb(bencher: Bencher<'_, '_>, kilobytes: usize) {
    walk(bencher, &text_body(kilobytes));
}

#[divan::bench]
fn envelope_image_1_mb(bencher: Bencher<'_, '_>) {
    walk(bencher, &image_body());
}

#[divan::bench]
fn envelope_schemas_200_kb(bencher: Bencher<'_, '_>) {
    walk(bencher, &schema_body());
}

/// The least that can be done with the image: looking for one byte that is not there.
#[divan::bench]
fn memchr_of_1_mb(bencher: Bencher<'_, '_>) {
    let body = image_body();
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench(|| memchr::memchr(0, divan::black_box(&body)));
}

/// The same image by a full parse that keeps nothing.
#[divan::bench]
fn serde_json_of_1_mb(bencher: Bencher<'_, '_>) {
    let body = image_body();
    bencher.counter(BytesCount::of_slice(&body)).bench(|| {
        serde_json::from_slice::<serde::de::IgnoredAny>(divan::black_box(&body)).unwrap()
    });
}

const DELTAS: usize = 100;

fn delta(index: usize) -> String {
    format!(
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"word {index} and more \"}}}}\n\n"
    )
}

fn observe(bencher: Bencher<'_, '_>, chunks: &[Bytes]) {
    bencher.counter(ItemsCount::new(DELTAS)).bench(|| {
        let mut observer = Observer::new(Flavor::Messages);
        let mut out = Vec::with_capacity(4);
        for chunk in chunks {
            observer.push(chunk.clone(), &mut out);
            divan::black_box(&out);
            out.clear();
        }
        observer.into_facts().content_events
    });
}

/// Each event in a chunk of its own, as a paced stream brings them.
#[divan::bench]
fn sse_event_per_chunk(bencher: Bencher<'_, '_>) {
    let chunks: Vec<Bytes> = (0..DELTAS).map(|index| Bytes::from(delta(index))).collect();
    observe(bencher, &chunks);
}

#[divan::bench]
fn sse_all_events_in_one_chunk(bencher: Bencher<'_, '_>) {
    let chunk: String = (0..DELTAS).map(delta).collect();
    observe(bencher, &[Bytes::from(chunk)]);
}

/// Events that lie across chunks.
#[divan::bench]
fn sse_chunks_of_100_bytes(bencher: Bencher<'_, '_>) {
    let stream: String = (0..DELTAS).map(delta).collect();
    let chunks: Vec<Bytes> = stream.as_bytes().chunks(100).map(Bytes::copy_from_slice).collect();
    observe(bencher, &chunks);
}

#[divan::bench]
fn framing_head(bencher: Bencher<'_, '_>) {
    let mut guard = HeadGuard::new(64 * 1024);
    assert_eq!(guard.check(HEAD.as_bytes()), Verdict::Pass);
    bencher
        .counter(BytesCount::of_str(HEAD))
        .bench_local(|| guard.check(divan::black_box(HEAD.as_bytes())));
}

#[divan::bench]
fn header_clean_request(bencher: Bencher<'_, '_>) {
    let mut headers = HeaderMap::new();
    for line in HEAD.lines().skip(1) {
        if let Some((name, value)) = line.split_once(": ") {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
    }
    bencher.with_inputs(|| headers.clone()).bench_local_values(|mut headers| {
        header::clean_request(&mut headers);
        headers
    });
}

#[divan::bench]
fn path_messages() -> path::Family {
    let path = divan::black_box("/api/v1/messages?beta=true");
    path::understand(&Method::POST, path).unwrap().family
}

#[divan::bench]
fn usage_of_a_4_kb_answer(bencher: Bencher<'_, '_>) {
    let text = "Some text with \\\"quotes\\\" and line ends.\\n".repeat(90);
    let body = format!(
        r#"{{"id":"msg_1","type":"message","model":"claude-opus-5-5","content":[{{"type":"text","text":"{text}"}}],"stop_reason":"end_turn","usage":{{"input_tokens":12,"cache_creation":{{"ephemeral_5m_input_tokens":1}},"output_tokens":34}}}}"#
    );
    bencher
        .counter(BytesCount::of_str(&body))
        .bench(|| usage::from_message(divan::black_box(body.as_bytes())).unwrap());
}

#[divan::bench]
fn error_render() -> Bytes {
    let message = divan::black_box("No node answers; try again in 5 s.");
    error::render(ApiErrorKind::Overloaded, message, "no-node", "req_0123")
}

#[divan::bench]
fn results_url_of_20_batches(bencher: Bencher<'_, '_>) {
    let batch = r#"{"id":"msgbatch_1","type":"message_batch","request_counts":{"succeeded":5},"results_url":"https://api.anthropic.com/v1/messages/batches/msgbatch_1/results"}"#;
    let list = format!(r#"{{"data":[{}],"has_more":false}}"#, vec![batch; 20].join(","));
    let list = Bytes::from(list);
    bencher
        .counter(BytesCount::of_slice(&list))
        .bench(|| results_url::rewrite(divan::black_box(&list), "http://127.0.0.1:7300").unwrap());
}
