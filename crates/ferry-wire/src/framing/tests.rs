//! Malformed requests in a table, whole, behind a sound one, and split at every byte.

use proptest::prelude::*;

use super::*;

mod malformed;

use malformed::Malformed;

const HEAD_BYTES_MAX: usize = 4096;

/// Shows the pieces to a new guard; answers the bytes that were passed on and the refusal.
fn check(pieces: &[&[u8]]) -> (Vec<u8>, Option<FramingError>) {
    let mut guard = HeadGuard::new(HEAD_BYTES_MAX);
    let mut passed = Vec::new();
    for piece in pieces {
        match guard.check(piece) {
            Verdict::Pass | Verdict::Http2 => passed.extend_from_slice(piece),
            Verdict::Refuse { at, why } => {
                passed.extend_from_slice(&piece[..at]);
                assert_eq!(guard.check(b"GET"), Verdict::Refuse { at: 0, why }, "a refusal stays");
                return (passed, Some(why));
            }
        }
    }
    (passed, None)
}

/// A request with `fields` (each with its line end) and a body.
fn post(fields: &str, body: &str) -> Vec<u8> {
    format!("POST /v1/messages HTTP/1.1\r\n{fields}\r\n{body}").into_bytes()
}

const SOUND: &[u8] = b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /";

fn all_malformed() -> Vec<Malformed> {
    [
        malformed::compared(),
        malformed::fields(),
        malformed::request_lines(),
        malformed::chunked_bodies(),
        malformed::endless(),
    ]
    .concat()
}

#[test]
fn all_21_of_the_comparison_are_there() {
    assert_eq!(malformed::compared().len(), 21);
}

#[test]
fn malformed_requests_are_refused_and_their_heads_held_back() {
    for (name, request, why) in all_malformed() {
        let (passed, refusal) = check(&[&request]);
        assert_eq!(refusal, Some(why), "{name}");
        let head_end = request.windows(4).position(|window| window == b"\r\n\r\n");
        let is_of_body = passed.len() == head_end.map_or(0, |end| end + 4) || passed.len() > 60;
        assert!(passed.is_empty() || is_of_body, "{name}: {:?}", String::from_utf8_lossy(&passed));

        // Behind a sound request only that one is passed on; a preface is one at the start only.
        let mut pipelined = SOUND.to_vec();
        pipelined.extend_from_slice(&request);
        let (passed, refusal) = check(&[&pipelined]);
        assert_eq!(refusal, Some(why), "{name} pipelined");
        assert!(passed.starts_with(SOUND) && passed.len() < pipelined.len(), "{name} pipelined");
    }
}

#[test]
fn a_split_at_any_byte_finds_the_same_fault() {
    for (name, request, why) in all_malformed() {
        let step = (request.len() / 200).max(1);
        for cut in (0..=request.len()).step_by(step) {
            let (left, right) = request.split_at(cut);
            let (passed, refusal) = check(&[left, right]);
            assert_eq!(refusal, Some(why), "{name} cut at {cut}");
            assert!(request.starts_with(&passed) && passed.len() < request.len());
        }
        let each: Vec<&[u8]> = request.chunks(1).collect();
        let (passed, refusal) = check(&each);
        // A NUL is seen at once, before the head is complete.
        let is_same = refusal == Some(why) || request.contains(&0);
        assert!(is_same, "{name} byte by byte: {refusal:?}");
        assert!(passed.len() < request.len(), "{name}");
    }
}

#[test]
fn what_a_parser_stumbles_over_first_is_told_by_the_place() {
    for (begun, suspect) in [
        ("G\u{1}T", FramingError::RequestLine),
        ("GET\r", FramingError::RequestLine),
        ("GET /\r", FramingError::RequestLine),
        ("GET /<", FramingError::Target),
        ("GET / HTTP/2", FramingError::Version),
        ("GET / HTTP/2.0\r\nHost", FramingError::Version),
        ("GET /\r\n", FramingError::RequestLine),
        ("GET / HTTP/1.1\r\nHo st", FramingError::FieldName),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", FramingError::Target),
    ] {
        let mut guard = HeadGuard::new(HEAD_BYTES_MAX);
        assert_eq!(guard.check(begun.as_bytes()), Verdict::Pass, "{begun:?}");
        assert_eq!(guard.suspect(), suspect, "{begun:?}");
    }
}

/// Requests that must pass, several of which may stand on one connection.
fn sound() -> Vec<Vec<u8>> {
    let chunked = |body: &str| post("Host: a\r\nTransfer-Encoding: chunked\r\n", body);
    vec![
        SOUND.to_vec(),
        b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1:7300\r\n\r\n".to_vec(),
        b"GET /v1/models HTTP/1.1\r\nHost: [::1]:7300\r\nX-Empty:\r\nX-Tab:\ta\tb \r\n\r\n".to_vec(),
        b"GET / HTTP/1.0\r\n\r\n".to_vec(),
        b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        b"HEAD http://A:80/v1/models HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        b"GET HTTPS://a?x HTTP/1.1\r\nHost: a:443\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\ncontent-length: 0\r\n\r\n".to_vec(),
        post("Host: a\r\nTRANSFER-ENCODING:\t Chunked \r\n", "0\r\n\r\n"),
        chunked("5\r\nhello\r\n0\r\n\r\n"),
        chunked("5;name=\"v\"\r\nhello\r\n00A\r\n0123456789\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n"),
        post("Host: a\r\nX-Latin: \u{e9}\r\nContent-Length: 12\r\n", "\n\n\0 : x\r\n\r\nG"),
        post("Host: a\r\nContent_Type: x\r\nTransfer-Codings: y\r\n", ""),
    ]
}

#[test]
fn sound_requests_pass_in_any_pieces() {
    let connection: Vec<u8> = sound().concat();
    assert_eq!(check(&[&connection]), (connection.clone(), None));
    for cut in 0..=connection.len() {
        let (left, right) = connection.split_at(cut);
        let (passed, refusal) = check(&[left, right]);
        assert_eq!(refusal, None, "cut at {cut}");
        assert_eq!(passed, connection);
    }
    let mut guard = HeadGuard::new(HEAD_BYTES_MAX);
    assert!(guard.is_at_rest());
    for byte in &connection {
        assert_eq!(guard.check(&[*byte]), Verdict::Pass);
    }
    assert!(guard.is_at_rest());
    assert_eq!(guard.check(b"GET"), Verdict::Pass);
    assert!(!guard.is_at_rest());
}

#[test]
fn a_connection_of_http_2_is_left_alone() {
    let mut guard = HeadGuard::new(HEAD_BYTES_MAX);
    let mut first = PREFACE.to_vec();
    first.extend_from_slice(b"\0\0\0\x04\0\0\0\0\0\n");
    assert_eq!(guard.check(&first), Verdict::Http2);
    assert_eq!(guard.check(b"\n\0"), Verdict::Http2);
    for cut in 1..PREFACE.len() {
        let mut guard = HeadGuard::new(HEAD_BYTES_MAX);
        assert_eq!(guard.check(&PREFACE[..cut]), Verdict::Pass);
        assert_eq!(guard.check(&PREFACE[cut..]), Verdict::Http2);
    }
    // Later on a connection it is no preface but a version that is not served.
    let mut guard = HeadGuard::new(HEAD_BYTES_MAX);
    assert_eq!(guard.check(SOUND), Verdict::Pass);
    let refusal = guard.check(PREFACE);
    assert_eq!(refusal, Verdict::Refuse { at: 0, why: FramingError::Version });
}

#[test]
fn bodies_are_skipped_whatever_their_length() {
    let mut guard = HeadGuard::new(HEAD_BYTES_MAX);
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n";
    assert_eq!(guard.check(head), Verdict::Pass);
    let zeroes = vec![0; 1 << 20];
    for _ in 0..64 {
        assert_eq!(guard.check(&zeroes), Verdict::Pass);
    }
}

#[test]
fn every_fault_has_its_own_code_a_status_and_a_sentence() {
    let codes: std::collections::BTreeSet<_> =
        FramingError::ALL.iter().map(|why| why.code()).collect();
    assert_eq!(codes.len(), FramingError::ALL.len());
    for why in FramingError::ALL {
        assert!(why.code().starts_with("framing-"));
        assert!(matches!(why.status(), 400 | 431 | 501 | 505));
        assert!(why.sentence().ends_with('.'));
        assert_eq!(why.to_string(), format!("frame the request ({})", why.code()));
    }
    let seen: std::collections::BTreeSet<_> =
        all_malformed().into_iter().map(|(_, _, why)| why.code()).collect();
    assert_eq!(seen, codes, "the table shows every fault");
}

proptest! {
    #[test]
    fn pieces_never_change_what_is_refused(
        parts in proptest::collection::vec(prop_oneof![
            Just("GET / HTTP/1.1\r\n"), Just("POST / HTTP/1.1\r\n"), Just("Host: a\r\n"),
            Just("Content-Length: 3\r\n"), Just("Transfer-Encoding: chunked\r\n"), Just("\r\n"),
            Just("abc"), Just("3\r\n"), Just("0\r\n"), Just("\n"), Just("\r"), Just("PRI * HTTP/2.0\r\n"),
            Just("SM\r\n"),
        ], 0..16),
        cut in any::<prop::sample::Index>(),
    ) {
        let stream = parts.concat();
        let (whole_passed, whole) = check(&[stream.as_bytes()]);
        let cut = cut.index(stream.len() + 1);
        let (left, right) = stream.as_bytes().split_at(cut);
        let (passed, refusal) = check(&[left, right]);
        prop_assert_eq!(refusal, whole);
        // Cut up, more of the offending head may have left before it showed; never all of it.
        prop_assert!(passed.len() >= whole_passed.len() && stream.as_bytes().starts_with(&passed));
        prop_assert!(refusal.is_none() || passed.len() < stream.len());
    }
}

#[test]
fn a_fault_in_a_body_is_told_from_one_in_a_head() {
    let head = "Host: a\r\nTransfer-Encoding: chunked\r\n";
    let table = [
        (post(head, "x\r\n"), true),
        (post(head, "0\r\n\r\nGET / HTTP/1.1\n"), false),
        (post("Host: a\r\nHost: a\r\n", ""), false),
    ];
    for (request, is_in_body) in table {
        let mut guard = HeadGuard::new(HEAD_BYTES_MAX);
        assert!(matches!(guard.check(&request), Verdict::Refuse { .. }));
        assert_eq!(guard.is_refused_in_body(), is_in_body);
    }
}
