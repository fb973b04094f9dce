//! Streams whole, cut at every byte, and in every line ending: the bytes never change, only
//! whole events leave, and what is learnt is the same.

use proptest::prelude::*;

use super::*;

const MESSAGE: &str = "event: message_start\n\
data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-opus-5-5\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":25,\"cache_creation_input_tokens\":7,\"cache_read_input_tokens\":3,\"cache_creation\":{\"ephemeral_5m_input_tokens\":5,\"ephemeral_1h_input_tokens\":2},\"output_tokens\":1}}}\n\n\
event: content_block_start\n\
data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
event: ping\n\
data: {\"type\": \"ping\"}\n\n\
event: content_block_delta\n\
data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello \\n\\n event: error\"}}\n\n\
event: something_new\n\
data: {\"usage\":{\"input_tokens\":999}}\n\n\
event: content_block_delta\n\
data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"\u{4e2d}\u{6587}\"}}\n\n\
event: content_block_stop\n\
data: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
event: message_delta\n\
data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":15}}\n\n\
event: message_stop\n\
data: {\"type\":\"message_stop\"}\n\n";

/// Pushes the pieces; answers the observer, what left after each piece, and checks as it goes.
fn observe(flavor: Flavor, pieces: &[&[u8]]) -> (Observer, Vec<u8>) {
    let mut observer = Observer::new(flavor);
    let mut left = Vec::new();
    let mut came = 0;
    for piece in pieces {
        let mut out = Vec::new();
        observer.push(Bytes::copy_from_slice(piece), &mut out);
        came += piece.len();
        assert!(out.iter().all(|slice| !slice.is_empty()), "no empty piece");
        left.extend_from_slice(&out.concat());
        assert_eq!(left.len() + observer.tail_len(), came, "nothing is lost");
    }
    (observer, left)
}

fn facts_of(flavor: Flavor, stream: &str) -> Facts {
    let (observer, left) = observe(flavor, &[stream.as_bytes()]);
    assert_eq!(left.len() + observer.tail_len(), stream.len());
    observer.into_facts()
}

/// The longest beginning of `bytes` that ends with a whole event, found byte by byte.
fn whole_events(bytes: &[u8]) -> usize {
    let (mut end, mut at, mut line_start) = (0, 0, 0);
    while at < bytes.len() {
        let width = match (bytes[at], bytes.get(at + 1)) {
            (b'\r', Some(b'\n')) => 2,
            (b'\r' | b'\n', _) => 1,
            _ => 0,
        };
        if width > 0 && line_start == at {
            end = at + width;
        }
        at += width.max(1);
        if width > 0 {
            line_start = at;
        }
    }
    end
}

#[test]
fn a_message_tells_its_facts() {
    let facts = facts_of(Flavor::Messages, MESSAGE);
    let usage = Usage {
        input: 25,
        output: 15,
        cache_read: 3,
        cache_write_5m: 5,
        cache_write_1h: 2,
        known: true,
        split_missing: false,
    };
    assert_eq!(
        facts,
        Facts {
            events: 9,
            content_events: 3,
            content_started: true,
            message_start: true,
            stopped: true,
            error: None,
            usage,
            model: Some("claude-opus-5-5".into()),
            stop_reason: Some("end_turn".into()),
            message_id: Some("msg_1".into()),
        }
    );
}

#[test]
fn a_cut_at_any_byte_lets_whole_events_go_and_changes_nothing() {
    for line_end in ["\n", "\r\n", "\r"] {
        let stream = MESSAGE.replace('\n', line_end);
        let bytes = stream.as_bytes();
        let facts = facts_of(Flavor::Messages, MESSAGE);
        for cut in 0..=bytes.len() {
            let (first, second) = bytes.split_at(cut);
            let (observer, left) = observe(Flavor::Messages, &[first]);
            assert_eq!(left, bytes[..whole_events(first)], "{line_end:?} cut at {cut}");
            assert_eq!(observer.at_boundary(), left.len() == cut);
            assert!(!observer.mid_event());

            let (observer, left) = observe(Flavor::Messages, &[first, second]);
            assert_eq!(left, bytes, "{line_end:?} cut at {cut}");
            assert_eq!(*observer.facts(), facts, "{line_end:?} cut at {cut}");
            assert!(observer.at_boundary());
        }
        let each: Vec<&[u8]> = bytes.chunks(1).collect();
        let (observer, left) = observe(Flavor::Messages, &each);
        assert_eq!(left, bytes);
        assert_eq!(*observer.facts(), facts, "{line_end:?} byte by byte");
    }
}

#[test]
fn whole_events_of_one_chunk_leave_as_one_slice_of_it() {
    let chunk = Bytes::from(format!("{MESSAGE}event: message"));
    let mut observer = Observer::new(Flavor::Messages);
    let mut out = Vec::new();
    observer.push(chunk.clone(), &mut out);
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].as_ptr(), chunk.as_ptr(), "no copy");
    assert_eq!(out[0].len(), MESSAGE.len());
    observer.push(Bytes::from_static(b"_stop\n\n"), &mut out);
    assert_eq!(out.len(), 2);
    assert_eq!(out[1], "event: message_stop\n\n", "in one piece");
    observer.push(Bytes::new(), &mut out);
    assert_eq!(out.len(), 2);
}

#[test]
fn what_waits_keeps_no_buffer_it_came_in() {
    let text = "x".repeat(60 * 1024);
    let start = MESSAGE.split_inclusive("\n\n").next().unwrap();
    let delta = format!("event: content_block_delta\ndata: {{\"text\":\"{text}\"}}\n\n");
    let mut observer = Observer::new(Flavor::Messages);
    let mut out = Vec::new();
    let buffer = Bytes::from(format!("{start}{delta}"));
    let begun = start.len() + 1;
    observer.push(buffer.slice(..begun), &mut out);
    for at in begun..buffer.len() {
        // As hyper reads: each byte is a slice of a buffer of its own.
        let own = Bytes::from([&buffer[at..=at], &[0; 63]].concat());
        observer.push(own.slice(..1), &mut out);
        assert!(own.is_unique() || at + 1 == buffer.len(), "byte {at} keeps its buffer");
        assert_eq!(out.len(), if at + 1 == buffer.len() { 2 } else { 1 });
    }
    assert_eq!(out[0], start);
    assert_eq!(out[1], delta, "in one piece");
    let facts = observer.facts();
    assert_eq!((facts.events, facts.content_events, facts.usage.input), (2, 1, 25));
    assert!(facts.message_start && !facts.stopped && facts.error.is_none());
    assert!(observer.at_boundary());
}

/// A stream, its number of events, and its error.
type Form<'a> = (String, u64, Option<(ApiErrorKind, &'a str)>);

#[test]
fn forms_of_lines_are_read_as_the_standard_says() {
    let error = Some((ApiErrorKind::Overloaded, "m"));
    let data = "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}";
    let (left, right) = data.split_at(16);
    let table: &[Form<'_>] = &[
        (format!("event: error\ndata: {data}\n\n"), 1, error),
        (format!("event:error\ndata:{data}\n\n"), 1, error),
        (format!("\u{feff}event: error\ndata: {data}\n\n"), 1, error),
        (format!("data: {data}\nevent: error\n\n"), 1, error),
        (format!("event: x\nevent: error\ndata: {data}\n\n"), 1, error),
        (format!("event: error\nevent: x\ndata: {data}\n\n"), 1, None),
        (format!("event: error\ndata: {left}\ndata: {right}\n\n"), 1, error),
        (format!(": comment\nevent: error\n:\nid: 5\nretry: 1\ndata: {data}\n\n"), 1, error),
        (format!("event: error\r\ndata: {data}\r\r"), 1, error),
        (format!("event: error\ndata: {data}\n\r\n"), 1, error),
        // Two spaces: one belongs to the name.
        (format!("event:  error\ndata: {data}\n\n"), 1, None),
        (format!("events: error\ndata: {data}\n\n"), 1, None),
        (format!("data: {data}\n\n"), 1, None),
        ("event: error\ndata: not json\n\n".to_owned(), 1, Some((ApiErrorKind::Unknown, ""))),
        ("event: error\n\n".to_owned(), 1, Some((ApiErrorKind::Unknown, ""))),
        ("\n\n\r\n: only a comment\n\n".to_owned(), 0, None),
        ("event\n\n".to_owned(), 1, None),
        (format!("event: error\ndata: {data}\n"), 0, None),
    ];
    for (stream, events, expected) in table {
        for pieces in [vec![stream.as_bytes()], stream.as_bytes().chunks(1).collect()] {
            let (observer, _) = observe(Flavor::Messages, &pieces);
            let facts = observer.facts();
            let found = facts.error.as_ref().map(|error| (error.kind, error.message.as_ref()));
            assert_eq!((facts.events, found), (*events, *expected), "{stream:?}");
        }
    }
}

#[test]
fn a_lone_comment_leaves_at_once() {
    for pieces in [vec![": keep-alive\n"], vec![":", " keep-", "alive\n"], vec![":\r", "\n"]] {
        let pieces: Vec<&[u8]> = pieces.iter().map(|piece| piece.as_bytes()).collect();
        let (observer, left) = observe(Flavor::Messages, &pieces);
        assert_eq!(left, pieces.concat());
        assert!(observer.at_boundary());
        assert_eq!(observer.facts().events, 0);
    }
    // Inside an event it waits with the event.
    let (observer, left) = observe(Flavor::Messages, &[b"event: ping\n", b": x\n"]);
    assert!(left.is_empty());
    assert_eq!(observer.tail_len(), 16);
}

#[test]
fn a_long_event_flows_in_pieces_and_is_known_by_its_name() {
    let head = "event: content_block_start\ndata: {\"text\":\"";
    let long = "x".repeat(3 * TAIL_BYTES_MAX);
    let stream =
        format!("{MESSAGE}{head}{long}\"}}\n\nevent: message_stop\ndata: {{}}\n\nevent: pi");
    for size in [1000, 16 * 1024, TAIL_BYTES_MAX + 100, stream.len()] {
        let mut observer = Observer::new(Flavor::Messages);
        let mut left = Vec::new();
        let mut was_mid_event = false;
        for piece in stream.as_bytes().chunks(size) {
            let mut out = Vec::new();
            observer.push(Bytes::copy_from_slice(piece), &mut out);
            left.extend_from_slice(&out.concat());
            was_mid_event |= observer.mid_event();
            assert!(observer.tail_len() <= TAIL_BYTES_MAX);
            assert_eq!(observer.before() == Before::PartialEvent, observer.mid_event());
            assert_eq!(observer.mid_event(), whole_events(&left) < left.len());
        }
        assert_eq!(was_mid_event, size < stream.len(), "pieces of {size}");
        assert!(!observer.mid_event());
        assert_eq!(observer.facts().content_events, 4);
        assert_eq!(observer.facts().events, 11);
        assert_eq!(observer.tail_len(), "event: pi".len());
        assert_eq!(observer.take_tail().unwrap(), "event: pi");
        assert_eq!(observer.take_tail(), None);
        assert!(observer.at_boundary());
        assert_eq!(left, stream.as_bytes()[..stream.len() - "event: pi".len()]);
    }
}

#[test]
fn a_completion_ends_when_its_stop_reason_is_set() {
    let going = "event: completion\ndata: {\"type\":\"completion\",\"completion\":\" Hi\",\"stop_reason\":null,\"model\":\"claude-2.1\"}\n\n";
    let last = "event: completion\ndata: {\"type\":\"completion\",\"completion\":\"\",\"stop_reason\":\"stop_sequence\",\"model\":\"claude-2.1\"}\n\n";
    let facts = facts_of(Flavor::Complete, &format!("{going}event: ping\ndata: {{}}\n\n{going}"));
    assert_eq!((facts.events, facts.content_events, facts.stopped), (3, 2, false));
    let facts = facts_of(Flavor::Complete, &format!("{going}{last}"));
    assert!(facts.stopped && facts.content_started);
    assert_eq!(facts.stop_reason.as_deref(), Some("stop_sequence"));
    assert_eq!(facts.model.as_deref(), Some("claude-2.1"));
    // Events of one API do not count in the other.
    assert!(!facts_of(Flavor::Complete, MESSAGE).stopped);
    assert!(!facts_of(Flavor::Messages, last).stopped);
    let facts = facts_of(Flavor::Other, MESSAGE);
    assert_eq!((facts.events, facts.content_events, facts.stopped), (9, 0, false));
}

#[test]
fn an_error_tells_whether_it_came_before_any_content() {
    let error = |kind: &str| {
        format!(
            "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":\"m\"}}}}\n\n"
        )
    };
    let events: Vec<&str> = MESSAGE.split_inclusive("\n\n").collect();
    let completion = "event: completion\ndata: {\"completion\":\"\",\"stop_reason\":null}\n\n";
    let ping = "event: ping\ndata: {}\n\n";
    let table: &[(Flavor, String, bool)] = &[
        (Flavor::Messages, String::new(), true),
        (Flavor::Messages, events[0].to_owned(), true),
        (Flavor::Messages, format!("{}{ping}: comment\n", events[0]), true),
        (Flavor::Messages, events[..2].concat(), false),
        (Flavor::Messages, events[..4].concat(), false),
        (Flavor::Complete, ping.to_owned(), true),
        (Flavor::Complete, completion.to_owned(), false),
    ];
    for (flavor, before, expected) in table {
        let facts = facts_of(*flavor, &format!("{before}{}", error("overloaded_error")));
        assert_eq!(facts.content_started, !expected, "{before}");
        let found = facts.error.unwrap();
        assert_eq!((found.kind.status(), found.before_content), (529, *expected), "{before}");
        assert_eq!(&*found.kind_text, "overloaded_error");
    }
    let found = facts_of(Flavor::Messages, &error("forbidden")).error.unwrap();
    assert_eq!((found.kind, &*found.kind_text), (ApiErrorKind::Unknown, "forbidden"));
    let found = facts_of(Flavor::Messages, "event: error\ndata: cut\n\n").error.unwrap();
    assert_eq!((&*found.kind_text, found.before_content), ("", true));
}

#[test]
fn a_ping_is_one_event_and_no_content() {
    let ping = ping();
    let facts = facts_of(Flavor::Messages, std::str::from_utf8(&ping).unwrap());
    assert_eq!(facts, Facts { events: 1, ..Facts::default() });
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_leave_unchanged_and_teach_the_same(
        text in proptest::collection::vec(prop_oneof![
            Just("\n"), Just("\r"), Just("\r\n"), Just("\n\n"), Just(":"), Just("event: "),
            Just("event:error"), Just("data: "), Just("data:{}"), Just("message_stop"),
            Just("content_block_start"), Just("x"), Just("\u{feff}"),
        ], 0..24),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        let stream = text.concat();
        let bytes = stream.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts {
            pieces.push(&bytes[from..cut]);
            from = cut;
        }
        pieces.push(&bytes[from..]);
        let (mut observer, mut left) = observe(Flavor::Messages, &pieces);
        prop_assert!(left.len() >= whole_events(bytes));
        prop_assert!(!observer.mid_event());
        left.extend(observer.take_tail().unwrap_or_default());
        prop_assert_eq!(&left, bytes);
        let (whole, _) = observe(Flavor::Messages, &[bytes]);
        prop_assert_eq!(observer.facts(), whole.facts());
    }
}
