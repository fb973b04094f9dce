//! Malformed requests by kind, each with the fault that the guard must name.

use super::super::FramingError as E;
use super::{HEAD_BYTES_MAX, post};

/// What is wrong in a word, the request, and the fault.
pub(super) type Malformed = (&'static str, Vec<u8>, E);

/// The 21 requests on which two other proxies were compared.
pub(super) fn compared() -> Vec<Malformed> {
    let host = |fields: &str| post(&format!("Host: a\r\n{fields}"), "0\r\n\r\n");
    let chunked = |body: &str| post("Host: a\r\nTransfer-Encoding: chunked\r\n", body);
    vec![
        ("two lengths", host("Content-Length: 5\r\nContent-Length: 6\r\n"), E::TwoLengths),
        ("length +5", host("Content-Length: +5\r\n"), E::Length),
        ("length 0x5", host("Content-Length: 0x5\r\n"), E::Length),
        ("length -1", host("Content-Length: -1\r\n"), E::Length),
        ("negative chunk", chunked("-1\r\n"), E::ChunkSize),
        ("overflowing chunk", chunked("ffffffffffffffff1\r\n"), E::ChunkSize),
        ("xchunked", host("Transfer-Encoding: xchunked\r\n"), E::Coding),
        (
            "two codings",
            host("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
            E::TwoCodings,
        ),
        ("space before colon", host("Content-Length : 5\r\n"), E::SpaceBeforeColon),
        ("two hosts", post("Host: a\r\nHost: b\r\n", ""), E::TwoHosts),
        (
            "both lengths",
            host("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
            E::BothLengths,
        ),
        ("obs-fold", host("X-A: 1\r\n 2\r\n"), E::FoldedLine),
        ("NUL in a value", host("X-A: a\0b\r\n"), E::ControlByte),
        ("no host", post("X-A: 1\r\n", ""), E::MissingHost),
        (
            "1.0 and chunked",
            b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
            E::CodingIn10,
        ),
        ("chunked with a control", host("Transfer-Encoding: \x0bchunked\r\n"), E::ControlByte),
        ("bare LF", b"GET / HTTP/1.1\nHost: a\n\n".to_vec(), E::BareLf),
        ("bare LF in a chunk size", chunked("5\nhello\r\n0\r\n\r\n"), E::ChunkSize),
        ("underscore twin", host("Content-Length: 5\r\nContent_Length: 6\r\n"), E::TwinField),
        ("chunked, identity", host("Transfer-Encoding: chunked, identity\r\n"), E::Coding),
        ("equal lengths", host("Content-Length: 5\r\nContent-Length: 5\r\n"), E::TwoLengths),
    ]
}

/// Further faults of the fields.
pub(super) fn fields() -> Vec<Malformed> {
    let host = |fields: &str| post(&format!("Host: a\r\n{fields}"), "0\r\n\r\n");
    vec![
        ("length list", host("Content-Length: 5, 5\r\n"), E::Length),
        ("length empty", host("Content-Length:\r\n"), E::Length),
        ("length 1 2", host("Content-Length: 1 2\r\n"), E::Length),
        ("length overflow", host("Content-Length: 18446744073709551616\r\n"), E::Length),
        (
            "coding first",
            host("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
            E::BothLengths,
        ),
        ("coding twin", host("Transfer_Encoding: chunked\r\n"), E::TwinField),
        ("coding mixed twin", host("CONTENT_length: 1\r\n"), E::TwinField),
        ("coding empty", host("Transfer-Encoding:\r\n"), E::Coding),
        ("gzip, chunked", host("Transfer-Encoding: gzip, chunked\r\n"), E::Coding),
        ("chunked;x", host("Transfer-Encoding: chunked;x=1\r\n"), E::Coding),
        ("quoted chunked", host("Transfer-Encoding: \"chunked\"\r\n"), E::Coding),
        ("equal hosts", post("Host: a\r\nhost: a\r\n", ""), E::TwoHosts),
        ("empty host", post("Host:\r\n", ""), E::MissingHost),
        ("two hosts in one", post("Host: a, b\r\n", ""), E::Host),
        ("host with a path", post("Host: a/b\r\n", ""), E::Host),
        ("host with a user", post("Host: u@a\r\n", ""), E::Host),
        ("folded first field", post(" Host: a\r\n", ""), E::FoldedLine),
        ("folded tab", host("X-A: 1\r\n\t2\r\n"), E::FoldedLine),
        ("tab before colon", host("X-A\t: 1\r\n"), E::SpaceBeforeColon),
        ("no colon", host("X-A\r\n"), E::FieldName),
        ("empty name", host(": 1\r\n"), E::FieldName),
        ("name with a space", host("X A: 1\r\n"), E::FieldName),
        ("name with a bracket", host("X(A: 1\r\n"), E::FieldName),
        ("name beyond ASCII", host("X\u{e9}: 1\r\n"), E::FieldName),
        ("bare CR in a value", host("X-A: 1\r2\r\n"), E::BareCr),
        ("CR CR LF", host("X-A: 1\r\r\n"), E::BareCr),
        ("bare LF in a value", host("X-A: 1\nX-B: 2\r\n"), E::BareLf),
        ("DEL in a value", host("X-A: \x7f\r\n"), E::ControlByte),
        ("ESC in a value", host("X-A: \x1b[1m\r\n"), E::ControlByte),
        ("LF first", b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), E::BareLf),
        (
            "two empty lines first",
            b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
            E::RequestLine,
        ),
        ("two spaces", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), E::RequestLine),
        ("space at the end", b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n".to_vec(), E::RequestLine),
        ("space at the start", b" GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), E::RequestLine),
        ("tabs", b"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), E::RequestLine),
        ("tab in the target", b"GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), E::Target),
        ("method with a brace", b"G{T / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), E::RequestLine),
    ]
}

/// Faults of the request line.
pub(super) fn request_lines() -> Vec<Malformed> {
    vec![
        ("no version", b"GET /\r\nHost: a\r\n\r\n".to_vec(), E::RequestLine),
        ("version 1.2", b"GET / HTTP/1.2\r\nHost: a\r\n\r\n".to_vec(), E::Version),
        ("version 0.9", b"GET / HTTP/0.9\r\nHost: a\r\n\r\n".to_vec(), E::Version),
        ("version 2.0", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n".to_vec(), E::Version),
        ("version 1.10", b"GET / HTTP/1.10\r\nHost: a\r\n\r\n".to_vec(), E::Version),
        ("version in lower case", b"GET / http/1.1\r\nHost: a\r\n\r\n".to_vec(), E::RequestLine),
        ("half a preface", b"PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n".to_vec(), E::Version),
        ("CONNECT", b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n".to_vec(), E::Connect),
        ("authority form", b"GET a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n".to_vec(), E::Target),
        ("relative target", b"GET v1/messages HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), E::Target),
        ("asterisk of a GET", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), E::Target),
        ("ftp", b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), E::Target),
        ("other authority", b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), E::Authority),
        ("other port", b"GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), E::Authority),
        (
            "user in the authority",
            b"GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n".to_vec(),
            E::Authority,
        ),
    ]
}

/// Faults of chunked bodies.
pub(super) fn chunked_bodies() -> Vec<Malformed> {
    let chunked = |body: &str| post("Host: a\r\nTransfer-Encoding: chunked\r\n", body);
    vec![
        ("chunk size 0x5", chunked("0x5\r\nhello\r\n0\r\n\r\n"), E::ChunkSize),
        ("chunk size +5", chunked("+5\r\nhello\r\n0\r\n\r\n"), E::ChunkSize),
        ("chunk size with a space", chunked("5 \r\nhello\r\n0\r\n\r\n"), E::ChunkSize),
        ("chunk size after a space", chunked(" 5\r\nhello\r\n0\r\n\r\n"), E::ChunkSize),
        ("chunk size empty", chunked("\r\nhello\r\n0\r\n\r\n"), E::ChunkSize),
        ("chunk size of 16 digits", chunked("0000000000000005\r\nhello"), E::ChunkSize),
        ("chunk size CR only", chunked("5\rhello\r\n0\r\n\r\n"), E::ChunkSize),
        ("chunk too long", chunked("4\r\nhello\r\n0\r\n\r\n"), E::ChunkEnd),
        ("chunk too short", chunked("6\r\nhello\r\n0\r\n\r\n"), E::ChunkEnd),
        ("chunk ends in LF", chunked("5\r\nhello\n0\r\n\r\n"), E::ChunkEnd),
        ("extension with LF", chunked("5;a\nhello\r\n0\r\n\r\n"), E::ChunkExtension),
        ("extension with NUL", chunked("5;a\0\r\nhello\r\n0\r\n\r\n"), E::ChunkExtension),
        ("long extension", chunked(&format!("5;{}\r\n", "x".repeat(1024))), E::ChunkExtension),
        ("trailer length", chunked("0\r\nContent-Length: 5\r\n\r\n"), E::TrailerField),
        ("trailer with LF", chunked("0\r\nX: 5\n\r\n"), E::BareLf),
        ("trailer end with LF", chunked("0\r\n\n"), E::BareLf),
        ("trailer folded", chunked("0\r\nX: 5\r\n 6\r\n\r\n"), E::FoldedLine),
        ("trailer with NUL", chunked("0\r\nX: \0\r\n\r\n"), E::ControlByte),
        (
            "long trailers",
            chunked(&format!("0\r\nX: {}\r\n\r\n", "x".repeat(4096))),
            E::TrailersTooLarge,
        ),
    ]
}

/// Heads without an end.
pub(super) fn endless() -> Vec<Malformed> {
    let host = |fields: &str| post(&format!("Host: a\r\n{fields}"), "0\r\n\r\n");
    vec![
        ("long head", host(&format!("X: {}\r\n", "x".repeat(HEAD_BYTES_MAX))), E::HeadTooLarge),
        ("endless line", vec![b'x'; HEAD_BYTES_MAX + 1], E::HeadTooLarge),
        ("TLS hello", b"\x16\x03\x01\x02\x00\x01\x00".to_vec(), E::ControlByte),
    ]
}
