//! Any text in any deltas and chunks becomes what a plain replacement of the whole gives.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::script::{delta, event, input_delta, message_stop, stop, text_delta};
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
        let piece =
            data["delta"]["text"].as_str().or_else(|| data["delta"]["partial_json"].as_str());
        let Some(piece) = piece.or_else(|| data["completion"].as_str()) else { continue };
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
        (proptest::sample::select(pairs()), 0_usize..29).prop_map(|((token, _), end)| token
            .to_string()
            .chars()
            .take(end)
            .collect()),
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
        let second = format!("{key}2");
        let input = json!({&key: [1, &value, {"in\"ner": &value, "n": null}], &second: &value}).to_string();
        let pieces = split(&input, &cuts);
        let mut stream: String = pieces.iter().map(|piece| input_delta(1, piece)).collect();
        stream.push_str(&stop(1));
        let (out, _) = restored(stream.as_bytes(), size);
        let got: String = blocks(&out).into_iter().map(|(_, text)| text).collect();
        let got: Json = serde_json::from_str(&got).unwrap();
        let value = expected(&value);
        prop_assert_eq!(got, json!({&key: [1, &value, {"in\"ner": &value, "n": null}], &second: &value}));
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
                {"text": text, "type": "text", "citations": [
                    {"document_title": text, "cited_text": text, "type": thought}, {"title": text, "source": text, "url": thought},
                ]},
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

fn pushed(chunks: &[&str]) -> (Vec<String>, RestoreStream) {
    let mut restore = RestoreStream::new(restorer());
    let mut each = Vec::new();
    for chunk in chunks {
        let mut out = Vec::new();
        restore.push(Bytes::copy_from_slice(chunk.as_bytes()), &mut out);
        each.push(String::from_utf8(out.concat()).unwrap());
    }
    (each, restore)
}

#[test]
fn only_an_end_that_can_become_a_pseudonym_of_this_request_is_held() {
    let long = token(7).to_string();
    let half: String = long.chars().take(12).collect();
    for (text, sent) in [
        ("GDP", "GD"),
        ("P is", "P is"),
        ("to PII_", "to "),
        ("to PII_MAIL_", "to PII_MAIL_"),
        (&format!("to {half}"), "to "),
        (&format!("to {half}ZZZ"), &format!("to {half}ZZZ")),
    ] {
        let (out, _) = pushed(&[&text_delta(0, text)]);
        assert_eq!(out, [text_delta(0, sent)], "{text}");
    }
}

#[test]
fn a_delta_of_which_nothing_is_left_is_dropped() {
    let (out, _) = pushed(&[&text_delta(0, "PII_"), &text_delta(0, ""), &text_delta(0, "x")]);
    assert_eq!(out, [String::new(), text_delta(0, ""), text_delta(0, "PII_x")]);
}

#[test]
fn what_is_held_leaves_before_the_end_of_block_message_and_stream() {
    let error = event("error", &json!({"type": "error", "error": {"type": "api_error"}}));
    let held = text_delta(2, "PI");
    let flushed = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"text_delta\",\"text\":\"PI\"}}\n\n";
    for last in [stop(2), message_stop(), error] {
        let (out, _) = pushed(&[&held, &last]);
        assert_eq!(out, [String::new(), flushed.to_owned() + &last]);
    }
    let (_, mut restore) = pushed(&[&held, "event: content_block_delta\ndata: {\"ty"]);
    let mut out = Vec::new();
    restore.cut(&mut out);
    assert_eq!(out.concat(), flushed.as_bytes());
    out.clear();
    restore.cut(&mut out);
    restore.end(&mut out);
    assert!(out.is_empty());
    let (_, mut restore) = pushed(&[&held]);
    restore.end(&mut out);
    assert_eq!(out.concat(), flushed.as_bytes());
}

#[test]
fn a_tools_input_that_ends_within_a_string_is_flushed_as_input() {
    let (out, _) = pushed(&[&input_delta(1, "{\"a\":\"P"), &stop(1)]);
    assert_eq!(out[0], input_delta(1, "{\"a\":\""));
    assert_eq!(blocks(&out.concat()), [(1, "{\"a\":\"P".to_owned())]);
}

#[test]
fn thinking_and_what_is_unknown_pass_as_the_same_slice() {
    let token = token(7);
    let thinking = delta(0, &json!({"type": "thinking_delta", "thinking": token.as_str()}));
    let signature = delta(0, &json!({"type": "signature_delta", "signature": token.as_str()}));
    let unknown = event("later", &json!({"text": token.as_str()}));
    let bad = format!("event: content_block_delta\ndata: {{\"index\":{token}\n\n");
    let lines =
        format!("event: content_block_delta\ndata: {{\"index\":0,\ndata: \"{token}\"}}\n\n");
    let stream = Bytes::from([thinking, signature, unknown, bad, lines].concat());
    let mut restore = RestoreStream::new(restorer());
    let mut out = Vec::new();
    restore.push(stream.clone(), &mut out);
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].as_ptr(), stream.as_ptr());
    assert_eq!(out[0], stream);
    assert_eq!(restore.counts(), Counts::default());
}

#[test]
fn a_citation_and_a_block_that_comes_whole_are_restored() {
    let token = token(7).to_string();
    let cited = |text: &str| {
        let citation = json!({"type": "char_location", "cited_text": text, "document_title": text, "file_id": &token});
        delta(0, &json!({"type": "citations_delta", "citation": citation}))
    };
    let start = |text: &str| {
        let block = json!({"type": "text", "text": text});
        let data = json!({"type": "content_block_start", "index": 0, "content_block": block});
        event("content_block_start", &data)
    };
    let (out, restore) = pushed(&[&start(&token), &cited(&token)]);
    assert_eq!(out, [start(CARD), cited(CARD)]);
    assert_eq!(restore.counts().restored, 3);
    let cited = |text: &str| {
        let citation = json!({"type": "search_result_location", "title": text, "source": text, "cited_text": text});
        delta(0, &json!({"type": "citations_delta", "citation": citation}))
    };
    let (out, _) = pushed(&[&cited(&token)]);
    assert_eq!(out, [cited(CARD)]);
}

#[test]
fn an_unknown_pseudonym_is_counted_once_wherever_it_is_split() {
    let text = format!("a{}b", token(9));
    for at in 0..text.len() {
        let (head, tail) = text.split_at(at);
        let (out, restore) = pushed(&[&text_delta(0, head), &text_delta(0, tail), &stop(0)]);
        assert_eq!(blocks(&out.concat())[0].1, text);
        assert_eq!(restore.counts(), Counts { unknown: 1, ..Counts::default() }, "{at}");
    }
}

#[test]
fn a_long_event_is_held_whole_and_one_too_long_passes_unread() {
    let token = token(7).to_string();
    let filler = "x".repeat(300_000);
    let long = text_delta(0, &format!("{token}{filler}P"));
    let stream = long + &text_delta(0, "x");
    let (out, counts) = restored(stream.as_bytes(), 16 * 1024);
    assert_eq!(blocks(&out)[0].1, format!("{CARD}{filler}Px"));
    assert_eq!(counts.unread, 0);

    let filler = "x".repeat(EVENT_BYTES_MAX + 20_000);
    let long = text_delta(0, &format!("{token}{filler}"));
    let stream = text_delta(0, "P") + &long + &text_delta(0, &token) + &stop(0);
    for size in [16 * 1024, 3 * EVENT_BYTES_MAX] {
        let (out, counts) = restored(stream.as_bytes(), size);
        let is_read = size > EVENT_BYTES_MAX;
        let middle = if is_read { CARD } else { &token };
        assert_eq!(blocks(&out)[0].1, format!("P{middle}{filler}{CARD}"), "{size}");
        assert_eq!(counts.unread, u64::from(!is_read));
    }
}

#[test]
fn behind_the_observer_the_stream_is_the_same() {
    let stream: String = (0..200).map(|place| text_delta(0, &format!("{place} PII_"))).collect();
    let stream = format!(": hello\n{stream}{}{}", stop(0), message_stop());
    let mut observer = crate::sse::Observer::new(crate::sse::Flavor::Messages);
    let mut restore = RestoreStream::new(restorer());
    let (mut pieces, mut out) = (Vec::new(), Vec::new());
    for chunk in stream.as_bytes().chunks(50) {
        observer.push(Bytes::copy_from_slice(chunk), &mut pieces);
        pieces.drain(..).for_each(|piece| restore.push(piece, &mut out));
    }
    restore.end(&mut out);
    let out = String::from_utf8(out.concat()).unwrap();
    assert!(out.starts_with(": hello\n"));
    let texts = |stream: &str| blocks(stream.strip_prefix(": hello\n").unwrap());
    assert_eq!(texts(&out), texts(&stream));
}

#[test]
fn more_blocks_at_once_than_lanes_pass_as_they_are() {
    let stream: String = (0..100).map(|index| text_delta(index, "P")).collect();
    let (out, _) = restored((stream + &message_stop()).as_bytes(), 1000);
    let blocks = blocks(&out);
    assert_eq!(blocks.len(), 100);
    assert!(blocks.iter().all(|(_, text)| text == "P"));
}

#[test]
fn an_answer_without_a_pseudonym_or_that_is_no_json_is_left_alone() {
    let token = token(7);
    for body in [
        "{\"content\":[{\"type\":\"text\",\"text\":\"P\"}]}".to_owned(),
        format!("<html>{token}</html>"),
        format!("{{\"content\":[{{\"type\":\"text\",\"text\":\"{token}\"}}"),
        format!("{{\"id\":\"{token}\",\"content\":null}}"),
        format!("[\"{token}\"]"),
    ] {
        let body = Bytes::from(body);
        assert_eq!(restorer().answer(&body, &mut Counts::default()), None);
    }
    assert!(Restorer::new(Vec::<(Token, &str)>::new()).is_none());
    assert_eq!(format!("{:?}", restorer()), "Restorer { pairs: 3, .. }");
}

#[test]
fn a_comment_before_a_delta_that_is_dropped_stays() {
    let stream = format!(": hello\n{}", text_delta(0, "P"));
    for size in [1, 1000] {
        let mut restore = RestoreStream::new(restorer());
        let mut out = Vec::new();
        for chunk in stream.as_bytes().chunks(size) {
            restore.push(Bytes::copy_from_slice(chunk), &mut out);
        }
        assert_eq!(out.concat(), b": hello\n");
    }
}
