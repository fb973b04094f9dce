use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::sse::ping;

const CARD: &str = "6222 0212 3456 7890";
const NAME: &str = "C:\\tmp\\\"张三\"\n";

fn token(number: u128) -> Token {
    Token::new(*b"CARD", number)
}

/// Two pseudonyms that share all but their last letters, and one whose value needs escapes.
fn pairs() -> Vec<(Token, &'static str)> {
    let near = 7 + 20_u128.pow(19);
    vec![(token(7), CARD), (token(near), "🂡"), (Token::new(*b"PPPI", u128::MAX), NAME)]
}

fn restorer() -> Arc<Restorer> {
    Arc::new(Restorer::new(pairs()).unwrap())
}


/// What a text should become: by plain search, which is slow and simple.
fn expected(text: &str) -> String {
    let mut text = text.to_owned();
    for (token, value) in pairs() {
        text = text.replace(token.as_str(), value);
    }
    text
}

fn event(name: &str, data: &Json) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

fn delta(index: u64, delta: &Json) -> String {
    let data = json!({"type": "content_block_delta", "index": index, "delta": delta});
    event("content_block_delta", &data)
}

fn text_delta(index: u64, text: &str) -> String {
    delta(index, &json!({"type": "text_delta", "text": text}))
}

fn input_delta(index: u64, text: &str) -> String {
    delta(index, &json!({"type": "input_json_delta", "partial_json": text}))
}

fn stop(index: u64) -> String {
    event("content_block_stop", &json!({"type": "content_block_stop", "index": index}))
}

fn message_stop() -> String {
    event("message_stop", &json!({"type": "message_stop"}))
}

fn restored(stream: &[u8], size: usize) -> (String, Counts) {
    let mut restore = RestoreStream::new(restorer());
    let mut out = Vec::new();
    for chunk in stream.chunks(size.max(1)) {
        restore.push(Bytes::copy_from_slice(chunk), &mut out);
    }
    restore.end(&mut out);
    (String::from_utf8(out.concat()).unwrap(), restore.counts())
}

/// What a client puts together of a stream: the text or the input of each block.
fn blocks(stream: &str) -> Vec<(u64, String)> {
    let mut blocks: Vec<(u64, String)> = Vec::new();
    let mut is_open = true;
    for event in stream.split("\n\n").filter(|event| !event.is_empty()) {
        let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let data: Json = serde_json::from_str(data).unwrap();
        let index = data["index"].as_u64().unwrap_or(0);
        is_open &= data["type"] != "message_stop";
        let piece = data["delta"]["text"].as_str().or(data["delta"]["partial_json"].as_str());
        let Some(piece) = piece.or(data["completion"].as_str()) else { continue };
        assert!(is_open, "text behind the end");
        match blocks.iter_mut().find(|(known, _)| *known == index) {
            Some((_, text)) => text.push_str(piece),
            None => blocks.push((index, piece.to_owned())),
        }
    }
    blocks
}

/// Words among which pseudonyms, their beginnings and their likes are frequent.
fn words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        proptest::sample::select(pairs()).prop_map(|(token, _)| token.to_string()),
        (proptest::sample::select(pairs()), 0_usize..29)
            .prop_map(|((token, _), end)| token.as_str()[..end].to_owned()),
        Just(token(9).to_string()),
        proptest::sample::select(vec![
            "P", "PI", "PII_", "II_CARD_", "B", "\n", "\"", "\\", "张", "🂡", " a "
        ])
        .prop_map(str::to_owned),
    ];
    proptest::collection::vec(word, 0..8).prop_map(|words| words.concat())
}

/// The pieces of a text between borders of characters.
fn split(text: &str, cuts: &[prop::sample::Index]) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(letters.len() + 1)).collect();
    at.extend([0, letters.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| letters[pair[0]..pair[1]].iter().collect()).collect()
}

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    proptest::collection::vec(any::<prop::sample::Index>(), 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_text_is_restored_however_it_is_split(text in words(), cuts in cuts(), size in 1_usize..400) {
        let pieces = split(&text, &cuts);
        let mut stream: String = pieces.iter().map(|piece| text_delta(0, piece)).collect();
        stream.push_str(&stop(0));
        stream.push_str(&message_stop());
        let (out, counts) = restored(stream.as_bytes(), size);
        let got: String = blocks(&out).into_iter().map(|(_, text)| text).collect();
        prop_assert_eq!(&got, &expected(&text));
        let (_, whole) = restored((text_delta(0, &text) + &stop(0)).as_bytes(), 1 << 20);
        prop_assert_eq!(counts, whole);
    }

    #[test]
    fn blocks_may_stand_between_each_other(
        first in words(), second in words(), cuts in cuts(), cuts_too in cuts(),
    ) {
        let (one, two) = (split(&first, &cuts), split(&second, &cuts_too));
        let mut stream = String::new();
        for place in 0..one.len().max(two.len()) {
            if let Some(piece) = one.get(place) {
                stream.push_str(&text_delta(3, piece));
                stream.push_str(std::str::from_utf8(&ping()).unwrap());
            }
            if let Some(piece) = two.get(place) {
                stream.push_str(&text_delta(4, piece));
            }
        }
        stream.push_str(&message_stop());
        let (out, _) = restored(stream.as_bytes(), 77);
        for (index, text) in blocks(&out) {
            let whole = if index == 3 { &first } else { &second };
            prop_assert_eq!(text, expected(whole));
        }
    }

    #[test]
    fn a_tools_input_stays_json_and_its_keys_stay_as_they_are(
        key in words(), value in words(), cuts in cuts(), size in 1_usize..400,
    ) {
        let input = json!({&key: [1, &value, {"in\"ner": &value, "n": null}], "last": &value}).to_string();
        let pieces = split(&input, &cuts);
        let mut stream: String = pieces.iter().map(|piece| input_delta(1, piece)).collect();
        stream.push_str(&stop(1));
        let (out, _) = restored(stream.as_bytes(), size);
        let got: String = blocks(&out).into_iter().map(|(_, text)| text).collect();
        let got: Json = serde_json::from_str(&got).unwrap();
        let value = expected(&value);
        prop_assert_eq!(got, json!({&key: [1, &value, {"in\"ner": &value, "n": null}], "last": &value}));
    }

    #[test]
    fn a_legacy_answer_is_restored_however_it_is_split(text in words(), cuts in cuts()) {
        let pieces = split(&text, &cuts);
        let last = pieces.len() - 1;
        let stream: String = pieces
            .iter()
            .enumerate()
            .map(|(place, piece)| {
                let reason = (place == last).then_some("stop_sequence");
                event("completion", &json!({"completion": piece, "stop_reason": reason, "model": "m"}))
            })
            .collect();
        let (out, _) = restored(stream.as_bytes(), 300);
        prop_assert!(out.contains("\"stop_sequence\""));
        let got: String = blocks(&out).into_iter().map(|(_, text)| text).collect();
        prop_assert_eq!(got, expected(&text));
    }

    #[test]
    fn an_answer_that_is_no_stream_is_the_same(text in words(), key in words()) {
        let answer = |text: &str, thought: &str| json!({
            "id": thought, "completion": text,
            "content": [
                {"type": "thinking", "thinking": thought, "signature": thought},
                {"text": text, "type": "text", "citations": [{"cited_text": text, "document_title": thought}]},
                {"type": "tool_use", "id": thought, "name": thought, "input": {&key: [text, 1]}},
                {"type": "web_search_tool_result", "content": [{"text": thought}]},
            ],
            "usage": {"output_tokens": 1.0},
        });
        let body = Bytes::from(answer(&text, &text).to_string());
        let mut counts = Counts::default();
        let got = restorer().answer(&body, &mut counts).map_or(body, |pieces| pieces.concat().into());
        let got: Json = serde_json::from_slice(&got).unwrap();
        prop_assert_eq!(got, answer(&expected(&text), &text));
    }

    #[test]
    fn any_bytes_pass_through_once_where_no_pseudonym_is(
        stream in proptest::collection::vec(any::<u8>(), 0..300), size in 1_usize..50,
    ) {
        let mut restore = RestoreStream::new(restorer());
        let mut out = Vec::new();
        for chunk in stream.chunks(size) {
            restore.push(Bytes::copy_from_slice(chunk), &mut out);
        }
        restore.end(&mut out);
        prop_assert_eq!(out.concat(), stream);
    }
}
