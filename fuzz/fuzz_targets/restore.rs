//! Any stream in any pieces: what leaves does not depend on the pieces, nothing is held but the beginning of a
//! pseudonym, and a stream without one passes as it came.

#![no_main]

use std::sync::Arc;

use bytes::Bytes;
use ferry_wire::restore::{Counts, RestoreStream, Restorer, Token};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const VALUE: &str = "a \"value\"\n张";

fn restorer() -> Arc<Restorer> {
    let pairs = [(Token::new(*b"CARD", 0), VALUE), (Token::new(*b"CARD", u128::MAX), "1")];
    Arc::new(Restorer::new(pairs).expect("it has pairs"))
}

fn restore(stream: &[u8], size: usize) -> (Vec<u8>, Counts) {
    let mut restore = RestoreStream::new(restorer());
    let mut out = Vec::new();
    for piece in stream.chunks(size) {
        restore.push(Bytes::copy_from_slice(piece), &mut out);
    }
    restore.end(&mut out);
    (out.concat(), restore.counts())
}

fn without_line_ends(stream: &[u8]) -> Vec<u8> {
    stream.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect()
}

/// The text that a client puts together of deltas made of `text`, cut where `cuts` says.
fn through_deltas(text: &str, cuts: &[u8]) -> String {
    let mut stream = String::new();
    let mut rest = text;
    let mut cuts = cuts.iter().cycle();
    while !rest.is_empty() {
        let wanted = cuts.next().map_or(1, |cut| usize::from(cut % 40) + 1);
        let at = rest.ceil_char_boundary(wanted.min(rest.len()));
        let (piece, after) = rest.split_at(at);
        rest = after;
        let piece = serde_json::to_string(piece).expect("a string");
        stream.push_str(&format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":{piece}}}}}\n\n"
        ));
    }
    stream.push_str("event: content_block_stop\ndata: {\"index\":0}\n\n");
    let (out, _) = restore(stream.as_bytes(), cuts.next().map_or(1, |cut| usize::from(*cut) + 1));
    let out = String::from_utf8(out).expect("text");
    out.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str::<Value>(data).ok())
        .filter_map(|data| data["delta"]["text"].as_str().map(str::to_owned))
        .collect()
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, stream)) = input.split_first() else { return };
    let (whole, counts) = restore(stream, stream.len().max(1));
    let (pieces, counts_of_pieces) = restore(stream, usize::from(choice) + 1);
    // A line feed that comes after its carriage return stays behind when the event before it is dropped.
    assert_eq!(without_line_ends(&pieces), without_line_ends(&whole));
    assert_eq!(counts_of_pieces, counts);
    if !stream.contains(&b'P') {
        assert_eq!(whole, stream);
    }

    let body = Bytes::copy_from_slice(stream);
    if let Some(pieces) = restorer().answer(&body, &mut Counts::default())
        && serde_json::from_slice::<Value>(&body).is_ok()
    {
        serde_json::from_slice::<Value>(&pieces.concat()).expect("still JSON");
    }

    if let Ok(text) = std::str::from_utf8(stream) {
        let expected = text
            .replace(Token::new(*b"CARD", 0).as_str(), VALUE)
            .replace(Token::new(*b"CARD", u128::MAX).as_str(), "1");
        assert_eq!(through_deltas(text, stream), expected);
    }
});
