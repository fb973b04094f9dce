//! Every answer is the same in whatever pieces it comes, and no byte behind it is asked for.

use proptest::prelude::*;

use super::*;

/// Reads as its reader would, at most `most` bytes at a time. Gives how many were read.
fn read(answer: &[u8], most: usize, shown: bool) -> (Result<bool, ConnectFault>, usize) {
    let mut head = Head::default();
    let mut at = 0;
    while at < answer.len() {
        let wanted = head.wants();
        assert!(wanted > 0);
        let piece = &answer[at..answer.len().min(at + wanted.min(most))];
        at += piece.len();
        match head.push(piece, shown) {
            Ok(false) => {}
            done => return (done, at),
        }
    }
    (Ok(false), at)
}

#[test]
fn every_answer_has_its_meaning() {
    let asks = |schemes: &str| format!("HTTP/1.1 407 No\r\nproxy-authenticate: {schemes}\r\n\r\n");
    let table = [
        ("HTTP/1.1 200 Connection established\r\n\r\n".to_owned(), false, Ok(true)),
        ("HTTP/1.0 200 OK\r\nvia: 1.1 x\r\n\r\n".to_owned(), true, Ok(true)),
        ("HTTP/1.1 204\r\n\r\n".to_owned(), false, Ok(true)),
        ("HTTP/1.1 200 OK\nx: y\n\n".to_owned(), false, Ok(true)),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n".to_owned(), false, Ok(true)),
        (asks("Basic realm=\"x\""), false, Err(ConnectFault::Unknown("Basic".to_owned()))),
        (asks("NTLM, Basic realm=x"), false, Err(ConnectFault::Unknown("Basic".to_owned()))),
        (asks("basic realm=x"), true, Err(ConnectFault::Refused(407))),
        (asks("Negotiate, NTLM"), true, Err(ConnectFault::Scheme("NTLM, Negotiate".to_owned()))),
        ("HTTP/1.1 407 No\r\n\r\n".to_owned(), true, Err(ConnectFault::Refused(407))),
        ("HTTP/1.0 401 No\r\n\r\n".to_owned(), true, Err(ConnectFault::Refused(401))),
        ("HTTP/1.0 401 No\r\n\r\n".to_owned(), false, Err(ConnectFault::Status(401))),
        ("HTTP/1.1 403 Forbidden\r\n\r\n".to_owned(), false, Err(ConnectFault::Forbidden(403))),
        ("HTTP/1.1 500 Unable\r\n\r\n".to_owned(), false, Err(ConnectFault::Onwards(500))),
        ("HTTP/1.1 502 Bad\r\n\r\n".to_owned(), false, Err(ConnectFault::Onwards(502))),
        ("HTTP/1.1 504 Late\r\n\r\n".to_owned(), false, Err(ConnectFault::Onwards(504))),
        ("HTTP/1.1 405 No\r\n\r\n".to_owned(), false, Err(ConnectFault::NoTunnel(405))),
        ("HTTP/1.1 418 Tea\r\n\r\n".to_owned(), false, Err(ConnectFault::Status(418))),
        ("HTTP/1.1 302 Portal\r\n\r\n".to_owned(), false, Err(ConnectFault::Status(302))),
        ("HTTP/1.1 20 x\r\n\r\n".to_owned(), false, Err(ConnectFault::NotHttp)),
        ("HTTP/1.1 000 x\r\n\r\n".to_owned(), false, Err(ConnectFault::NotHttp)),
        ("SSH-2.0-OpenSSH\r\n".to_owned(), false, Err(ConnectFault::NotHttp)),
        ("\u{5}\0".to_owned(), false, Err(ConnectFault::IsSocks)),
        ("\u{15}\u{3}\u{3}".to_owned(), false, Err(ConnectFault::IsTls)),
    ];
    for (answer, shown, due) in table {
        for most in [1, 2] {
            let (said, _) = read(answer.as_bytes(), most, shown);
            assert_eq!(said, due, "{answer:?}, {most} at a time");
        }
    }
}

#[test]
fn what_follows_the_head_is_left_to_the_node() {
    for end in ["\r\n\r\n", "\n\n", "\r\n\n"] {
        let head = format!("HTTP/1.1 200 OK\r\nx: y{end}");
        let whole = format!("{head}\n\nSETTINGS");
        assert_eq!(read(whole.as_bytes(), 2, false), (Ok(true), head.len()), "{end:?}");
    }
}

#[test]
fn a_head_without_an_end_is_given_up() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(HEAD_BYTES_MAX));
    let (said, read_bytes) = read(long.as_bytes(), 2, false);
    assert_eq!(said, Err(ConnectFault::TooLong));
    assert!(read_bytes <= HEAD_BYTES_MAX + 2);
    let endless = "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000);
    assert_eq!(read(endless.as_bytes(), 2, false).0, Err(ConnectFault::TooLong));
}

#[test]
fn the_request_names_the_node_and_shows_the_credentials() {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    assert_eq!(
        text(request("api.anthropic.com", 443, None)),
        "CONNECT api.anthropic.com:443 HTTP/1.1\r\nHost: api.anthropic.com:443\r\nUser-Agent: ferry\r\n\r\n"
    );
    let with = text(request("2001:db8::7", 8443, Some(("Aladdin", "open sesame"))));
    assert!(with.starts_with("CONNECT [2001:db8::7]:8443 HTTP/1.1\r\n"), "{with}");
    // RFC 7617 section 2.
    let basic = "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
    assert!(with.ends_with(basic), "{with}");
}

#[test]
fn base64_is_that_of_its_standard() {
    // RFC 4648 section 10.
    let table = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
    for (plain, coded) in table {
        assert_eq!(base64(plain.as_bytes()), coded);
    }
}

proptest! {
    #[test]
    fn no_bytes_break_it(answer in prop::collection::vec(any::<u8>(), 0..200), most in 1_usize..3) {
        drop(read(&answer, most, false));
        let mut head = b"HTTP/1.1 ".to_vec();
        head.extend(answer);
        head.extend(b"\r\n\r\n");
        let whole = read(&head, 2, true);
        prop_assert_eq!(&whole, &read(&head, 1, true));
    }
}
