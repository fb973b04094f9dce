//! Times the restoring of pseudonyms: `cargo bench -p ferry-wire --bench restore`.
//!
//! Nothing here passes or fails. Most events have nothing to restore, so they are compared with a search for one byte.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up should stop")]

use std::sync::Arc;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use ferry_wire::restore::{Counts, RestoreStream, Restorer, Token};

fn main() {
    divan::main();
}

const DELTAS: usize = 100;

/// Pairs of a request with `count` values.
fn restorer(count: u128) -> Arc<Restorer> {
    let pair = |number: u128| (Token::new(*b"TELE", number << 40), format!("1380000{number:04}"));
    Arc::new(Restorer::new((0..count).map(pair)).unwrap())
}

fn delta(kind: &str, name: &str, text: &str) -> Bytes {
    Bytes::from(format!(
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"{kind}\",\"{name}\":\"{text}\"}}}}\n\n"
    ))
}

fn text(index: usize, words: &str) -> Bytes {
    delta("text_delta", "text", &format!("word {index} {words}"))
}

fn stream(bencher: Bencher<'_, '_>, restorer: &Arc<Restorer>, chunks: &[Bytes]) {
    bencher.counter(ItemsCount::new(DELTAS)).bench(|| {
        let mut restore = RestoreStream::new(Arc::clone(restorer));
        let mut out = Vec::with_capacity(8);
        for chunk in chunks {
            restore.push(chunk.clone(), &mut out);
            divan::black_box(&out);
            out.clear();
        }
        restore.counts()
    });
}

/// The least that can be done: a look for one byte that is not there.
#[divan::bench]
fn memchr_of_each_event(bencher: Bencher<'_, '_>) {
    let chunks: Vec<Bytes> = (0..DELTAS).map(|index| text(index, "and more ")).collect();
    bencher.counter(ItemsCount::new(DELTAS)).bench(|| {
        let mut out = Vec::with_capacity(8);
        for chunk in &chunks {
            divan::black_box(memchr::memchr(0, chunk));
            out.push(chunk.clone());
            divan::black_box(&out);
            out.clear();
        }
    });
}

#[divan::bench(args = [1, 1000])]
fn event_without_pseudonym(bencher: Bencher<'_, '_>, pairs: u128) {
    let chunks: Vec<Bytes> = (0..DELTAS).map(|index| text(index, "and more ")).collect();
    stream(bencher, &restorer(pairs), &chunks);
}

/// A capital P, and nothing that goes on like a pseudonym.
#[divan::bench]
fn event_with_a_capital(bencher: Bencher<'_, '_>) {
    let chunks: Vec<Bytes> = (0..DELTAS).map(|index| text(index, "of Python ")).collect();
    stream(bencher, &restorer(10), &chunks);
}

#[divan::bench]
fn events_without_pseudonym_in_one_chunk(bencher: Bencher<'_, '_>) {
    let chunk: Vec<u8> = (0..DELTAS).flat_map(|index| text(index, "and more ")).collect();
    stream(bencher, &restorer(10), &[Bytes::from(chunk)]);
}

#[divan::bench]
fn event_with_a_pseudonym(bencher: Bencher<'_, '_>) {
    let token = Token::new(*b"TELE", 3 << 40);
    let chunks: Vec<Bytes> =
        (0..DELTAS).map(|index| text(index, &format!("{token} and "))).collect();
    stream(bencher, &restorer(10), &chunks);
}

/// A pseudonym as models send it: three letters an event.
#[divan::bench]
fn event_with_a_part_of_a_pseudonym(bencher: Bencher<'_, '_>) {
    let tokens = Token::new(*b"TELE", 3 << 40).to_string().repeat(11);
    let chunks: Vec<Bytes> = tokens
        .as_bytes()
        .chunks(3)
        .take(DELTAS)
        .map(|part| delta("text_delta", "text", std::str::from_utf8(part).unwrap()))
        .collect();
    stream(bencher, &restorer(10), &chunks);
}

/// Pieces of a tool's input, whose strings are followed.
#[divan::bench]
fn event_of_a_tools_input(bencher: Bencher<'_, '_>) {
    let chunks: Vec<Bytes> = (0..DELTAS)
        .map(|_| delta("input_json_delta", "partial_json", "\\\"key\\\": \\\"some words\\\", "))
        .collect();
    stream(bencher, &restorer(10), &chunks);
}

#[divan::bench(args = [0, 20])]
fn answer_of_64_kb(bencher: Bencher<'_, '_>, pseudonyms: usize) {
    let mut text = "Some words of Python, and a line end.\\n".repeat(1700);
    for _ in 0..pseudonyms {
        text.push_str(Token::new(*b"TELE", 3 << 40).as_str());
    }
    let body = Bytes::from(format!(
        r#"{{"id":"msg_1","content":[{{"type":"text","text":"{text}"}}],"stop_reason":"end_turn"}}"#
    ));
    let restorer = restorer(10);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench(|| restorer.answer(divan::black_box(&body), &mut Counts::default()));
}
