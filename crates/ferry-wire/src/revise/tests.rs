//! Texts in any deltas and chunks go through a hand once, in order, and leave as it says.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::script::{delta, event, input_delta, message_stop, stop, text_delta};
use crate::sse::ping;

/// Takes `secret` out and keeps back an end that may become it; whatever else it sees it keeps as well, up to a blank.
#[derive(Debug, Default)]
struct Words {
    kept: String,
}

fn hand(words: &mut Words, part: Part<'_>, out: &mut String) {
    match part {
        Part::More(text) => {
            words.kept.push_str(text);
            let whole = words.kept.rfind(' ').map_or(0, |blank| blank + 1);
            let rest = words.kept.split_off(whole);
            out.push_str(&words.kept.replace("secret", "[gone]"));
            words.kept = rest;
        }
        Part::End => out.push_str(&std::mem::take(&mut words.kept).replace("secret", "[gone]")),
    }
}

/// What leaves of a stream that comes in chunks of `size`.
fn revised(stream: &[u8], size: usize) -> String {
    let mut revise = ReviseStream::new(true);
    let mut out = Vec::new();
    for chunk in stream.chunks(size) {
        revise.push(Bytes::copy_from_slice(chunk), &mut out, &mut hand);
    }
    revise.end(&mut out, &mut hand);
    String::from_utf8(out.concat()).unwrap()
}

/// What leaves after each chunk.
fn pushed(chunks: &[&str]) -> (Vec<String>, ReviseStream<Words>) {
    let mut revise = ReviseStream::new(true);
    let mut each = Vec::new();
    for chunk in chunks {
        let mut out = Vec::new();
        revise.push(Bytes::copy_from_slice(chunk.as_bytes()), &mut out, &mut hand);
        each.push(String::from_utf8(out.concat()).unwrap());
    }
    (each, revise)
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

fn text_of(stream: &str) -> String {
    blocks(stream).into_iter().map(|(_, text)| text).collect()
}

fn words() -> impl Strategy<Value = String> {
    let word = proptest::sample::select(vec![
        "secret", "sec", "ret", " ", "\n", "\"", "\\", "张", "🂡", " a ", "{", "}", ",", ":",
    ]);
    proptest::collection::vec(word, 0..12).prop_map(|words| words.concat())
}

/// The pieces of a text between borders of characters.
fn split(text: &str, cuts: &[prop::sample::Index]) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(letters.len() + 1)).collect();
    at.extend([0, letters.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| letters[pair[0]..pair[1]].iter().collect()).collect()
}

/// The same JSON without a letter beyond ASCII.
fn ascii(json: &str) -> String {
    let mut out = String::new();
    for letter in json.chars() {
        if letter.is_ascii() {
            out.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}").unwrap();
        }
    }
    out
}

fn turned(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '"' => '\\',
            '\\' => '"',
            letter => letter,
        })
        .collect()
}

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    proptest::collection::vec(any::<prop::sample::Index>(), 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_text_is_revised_however_it_is_split(text in words(), cuts in cuts(), size in 1_usize..400) {
        let mut stream: String =
            split(&text, &cuts).iter().map(|piece| text_delta(0, piece)).collect();
        stream.push_str(&stop(0));
        stream.push_str(&message_stop());
        let out = revised(stream.as_bytes(), size);
        prop_assert_eq!(text_of(&out), text.replace("secret", "[gone]"));
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
        for (index, text) in blocks(&revised(stream.as_bytes(), 77)) {
            let whole = if index == 3 { &first } else { &second };
            prop_assert_eq!(text, whole.replace("secret", "[gone]"));
        }
    }

    #[test]
    fn a_tools_input_stays_json_and_its_keys_stay_as_they_are(
        value in words(), other in words(), cuts in cuts(), size in 1_usize..400,
    ) {
        let input = |value: &str, other: &str| {
            json!({"secret": [1, value, {"in\"ner secret": other, "n": null}], "z": value})
        };
        let whole = input(&value, &other).to_string();
        let mut stream: String =
            split(&whole, &cuts).iter().map(|piece| input_delta(1, piece)).collect();
        stream.push_str(&stop(1));
        let got = text_of(&revised(stream.as_bytes(), size));
        let got: Json = serde_json::from_str(&got).unwrap();
        let gone = |text: &str| text.replace("secret", "[gone]");
        prop_assert_eq!(got, input(&gone(&value), &gone(&other)));
    }

    #[test]
    fn a_hand_may_take_quotes_backslashes_and_half_pairs_out_of_a_tools_input(
        value in "(secret|[\"\\\\/\u{7}é🂡u0-9d]){0,24}", cuts in cuts(), size in 1_usize..400,
        is_ascii in any::<bool>(),
    ) {
        let whole = json!({"a": [value], "b": "z"}).to_string();
        let whole = if is_ascii { ascii(&whole) } else { whole };
        let mut stream: String =
            split(&whole, &cuts).iter().map(|piece| input_delta(1, piece)).collect();
        stream.push_str(&stop(1));
        // Every sign that needs an escape is turned into another that needs one.
        let mut turn = |(): &mut (), part: Part<'_>, out: &mut String| if let Part::More(text) = part {
            out.push_str(&turned(text));
        };
        let (mut revise, mut out) = (ReviseStream::<()>::new(true), Vec::new());
        for chunk in stream.as_bytes().chunks(size) {
            revise.push(Bytes::copy_from_slice(chunk), &mut out, &mut turn);
        }
        revise.end(&mut out, &mut turn);
        let got = text_of(std::str::from_utf8(&out.concat()).unwrap());
        let got: Json = serde_json::from_str(&got).unwrap();
        prop_assert_eq!(got, json!({"a": [turned(&value)], "b": "z"}));
        prop_assert_eq!(revise.unread(), 0);
    }

    #[test]
    fn a_legacy_answer_is_revised_however_it_is_split(text in words(), cuts in cuts()) {
        let pieces = split(&text, &cuts);
        let last = pieces.len() - 1;
        let completion = |(place, piece): (usize, &String)| {
            let reason = (place == last).then_some("stop_sequence");
            event("completion", &json!({"completion": piece, "stop_reason": reason, "model": "m"}))
        };
        let stream: String = pieces.iter().enumerate().map(completion).collect();
        let out = revised(stream.as_bytes(), 300);
        prop_assert!(out.contains("\"stop_sequence\""));
        prop_assert_eq!(text_of(&out), text.replace("secret", "[gone]"));
    }

    #[test]
    fn a_hand_that_only_looks_holds_nothing_back(
        text in words(), cuts in cuts(), size in 1_usize..400,
    ) {
        let mut stream: String =
            split(&text, &cuts).iter().map(|piece| text_delta(0, piece)).collect();
        stream.push_str(&stop(0));
        let (mut revise, mut seen) = (ReviseStream::<String>::new(false), Vec::new());
        let mut look = |state: &mut String, part: Part<'_>, _: &mut String| match part {
            Part::More(text) => state.push_str(text),
            Part::End => seen.push(std::mem::take(state)),
        };
        for chunk in stream.as_bytes().chunks(size) {
            let mut out = Vec::new();
            revise.push(Bytes::copy_from_slice(chunk), &mut out, &mut look);
            prop_assert_eq!(out.concat(), chunk);
        }
        revise.end(&mut Vec::new(), &mut look);
        prop_assert_eq!(seen.concat(), text);
    }

    #[test]
    fn any_bytes_pass_through_once(
        stream in proptest::collection::vec(any::<u8>(), 0..300), size in 1_usize..50,
    ) {
        let mut revise = ReviseStream::new(true);
        let mut out = Vec::new();
        for chunk in stream.chunks(size) {
            revise.push(Bytes::copy_from_slice(chunk), &mut out, &mut hand);
        }
        revise.end(&mut out, &mut hand);
        prop_assert_eq!(out.concat(), stream);
    }
}

#[test]
fn what_is_kept_leaves_before_the_end_of_block_message_and_stream() {
    let error = event("error", &json!({"type": "error", "error": {"type": "api_error"}}));
    let kept = text_delta(2, "a \"secret\"");
    let left = text_delta(2, "a ");
    let flushed = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"text_delta\",\"text\":\"\\\"[gone]\\\"\"}}\n\n";
    for last in [stop(2), message_stop(), error] {
        let (out, _) = pushed(&[&kept, &last]);
        assert_eq!(out, [left.clone(), flushed.to_owned() + &last]);
    }
    let (_, mut revise) = pushed(&[&kept, "event: content_block_delta\ndata: {\"ty"]);
    let mut out = Vec::new();
    revise.cut(&mut out, &mut hand);
    assert_eq!(out.concat(), flushed.as_bytes());
    out.clear();
    revise.end(&mut out, &mut hand);
    assert!(out.is_empty());
}

#[test]
fn what_does_not_change_leaves_as_the_slice_that_came() {
    let thinking = delta(0, &json!({"type": "thinking_delta", "thinking": "secret "}));
    let signature = delta(0, &json!({"type": "signature_delta", "signature": "secret "}));
    let unknown = event("later", &json!({"text": "secret "}));
    let plain = text_delta(1, "\u{5f20} ").replace('\u{5f20}', "\\u5f20");
    let stream = Bytes::from([thinking, signature, unknown, plain].concat());
    let (mut revise, mut out) = (ReviseStream::new(true), Vec::new());
    revise.push(stream.clone(), &mut out, &mut hand);
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].as_ptr(), stream.as_ptr());
    assert_eq!((out[0].clone(), revise.unread()), (stream, 0));
}

#[test]
fn a_delta_of_which_nothing_is_left_is_dropped_and_a_comment_before_it_stays() {
    let (out, _) = pushed(&[&text_delta(0, "sec"), &text_delta(0, ""), &text_delta(0, "ret ")]);
    assert_eq!(out, [String::new(), text_delta(0, ""), text_delta(0, "[gone] ")]);
    let (out, _) = pushed(&[&format!(": hello\n{}", text_delta(0, "sec"))]);
    assert_eq!(out, [": hello\n"]);
}

#[test]
fn blocks_that_come_whole_and_citations_are_seen() {
    let start = |block: &Json| {
        let data = json!({"type": "content_block_start", "index": 0, "content_block": block});
        event("content_block_start", &data)
    };
    let text = |text: &str| {
        start(&json!({
            "type": "text", "text": text, "citations": [{"cited_text": text, "document_title": "secret"}],
        }))
    };
    let tool = |text: &str| {
        start(
            &json!({"type": "tool_use", "id": "secret", "name": "secret", "input": {"secret": text}}),
        )
    };
    let cited = |text: &str| {
        let citation = json!({"cited_text": text, "document_title": "secret"});
        delta(0, &json!({"type": "citations_delta", "citation": citation}))
    };
    let found = start(&json!({"type": "web_search_tool_result", "content": [{"title": "secret"}]}));
    let (out, _) = pushed(&[&text("a secret"), &tool("secret"), &cited("secret"), &found]);
    assert_eq!(out, [text("a [gone]"), tool("[gone]"), cited("[gone]"), found]);
}

#[test]
fn what_cannot_be_read_passes_and_is_counted() {
    let lone = text_delta(0, "X").replace('X', "\\ud83d");
    let (out, revise) = pushed(&[&text_delta(0, "a secret"), &lone]);
    assert!(out[1].ends_with(&lone) && out[1].contains("[gone]"), "{out:?}");
    assert_eq!(revise.unread(), 1);
    let many: String = (0..40).map(|index| text_delta(index, "secret")).collect();
    let (out, revise) = pushed(&[&many, &message_stop()]);
    assert_eq!(blocks(&out.concat()).len(), 40);
    assert_eq!(revise.unread(), 8);
    let long = text_delta(0, &"x".repeat(EVENT_BYTES_MAX + 1));
    let (head, tail) = long.split_at(EVENT_BYTES_MAX + 20);
    let (out, revise) = pushed(&[head, tail]);
    assert_eq!((out.concat(), revise.unread()), (long, 1));
}

#[test]
fn a_tools_input_that_ends_within_a_string_is_flushed_as_input() {
    let (out, _) = pushed(&[&input_delta(1, "{\"a\":\"secret"), &stop(1)]);
    assert_eq!(out[0], input_delta(1, "{\"a\":\""));
    assert_eq!(text_of(&out.concat()), "{\"a\":\"[gone]");
}

#[test]
fn a_tools_input_keeps_its_spelling_where_nothing_changes_and_what_is_broken() {
    let whole = r#"{"a\u0031":"\u0061\/\ud83c\udca1 b \"","b":" "}"#;
    let mut pass = |(): &mut (), part: Part<'_>, out: &mut String| {
        if let Part::More(text) = part {
            out.push_str(text);
        }
    };
    let letters: Vec<char> = whole.chars().collect();
    for size in 1..whole.len() {
        let (mut revise, mut out) = (ReviseStream::<()>::new(true), Vec::new());
        for piece in letters.chunks(size) {
            let delta = input_delta(1, &piece.iter().collect::<String>());
            revise.push(delta.into(), &mut out, &mut pass);
        }
        revise.push(stop(1).into(), &mut out, &mut pass);
        let got = text_of(std::str::from_utf8(&out.concat()).unwrap());
        assert_eq!((got.as_str(), revise.unread()), (whole, 0), "{size}");
    }
    for broken in [r#"{"a":"x \q secret "}"#, r#"{"a":"x \ud83c! secret "}"#] {
        let (out, revise) = pushed(&[&input_delta(1, broken), &stop(1)]);
        assert_eq!((text_of(&out.concat()), revise.unread()), (broken.to_owned(), 1));
    }
    let (out, _) = pushed(&[&input_delta(1, r#"{"a":"secret \ud83"#), &stop(1)]);
    assert_eq!(text_of(&out.concat()), r#"{"a":"[gone] \ud83"#);
}
