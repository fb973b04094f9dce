//! Every byte of a handshake, and every way it can end.

use proptest::prelude::*;

use super::*;

type Login = Option<(&'static str, &'static str)>;

const LOGIN_PAIR: Login = Some(("user", "pass"));

/// Plays the server's bytes; gives what was written, and how many bytes were read.
fn play(
    target: Target<'_>,
    login: Option<(&str, &str)>,
    server: &[u8],
) -> (Vec<Vec<u8>>, Result<usize, SocksFault>) {
    let (mut handshake, mut next) = Handshake::begin(target, 443, login).unwrap();
    let mut written = Vec::new();
    let mut at = 0;
    loop {
        if !next.write.is_empty() {
            written.push(std::mem::take(&mut next.write));
        }
        if next.read == 0 {
            return (written, Ok(at));
        }
        let Some(read) = server.get(at..at + next.read) else {
            return (written, Ok(usize::MAX));
        };
        at += next.read;
        next = match handshake.take(read) {
            Ok(next) => next,
            Err(fault) => return (written, Err(fault)),
        };
    }
}

#[test]
fn a_tunnel_is_asked_for_byte_by_byte_as_the_standard_has_it() {
    let granted = [5, 0, 5, 0, 0, 1, 10, 0, 0, 1, 4, 56];
    let (written, ended) = play(Target::Name("n.test"), None, &granted);
    assert_eq!(ended, Ok(granted.len()));
    assert_eq!(written, [b"\x05\x01\x00".to_vec(), b"\x05\x01\x00\x03\x06n.test\x01\xbb".to_vec()]);

    let with_login = [5, 2, 1, 0, 5, 0, 0, 1, 10, 0, 0, 1, 4, 56];
    let four = Target::Address("192.0.2.7".parse().unwrap());
    let (written, ended) = play(four, LOGIN_PAIR, &with_login);
    assert_eq!(ended, Ok(with_login.len()));
    assert_eq!(
        written,
        [
            b"\x05\x02\x00\x02".to_vec(),
            b"\x01\x04user\x04pass".to_vec(),
            b"\x05\x01\x00\x01\xc0\x00\x02\x07\x01\xbb".to_vec()
        ]
    );
    let six = Target::Address("2001:db8::7".parse().unwrap());
    let (written, _) = play(six, LOGIN_PAIR, &granted);
    assert_eq!(written[1].len(), 4 + 16 + 2, "it wanted no credentials: none are shown");
}

#[test]
fn the_bound_address_is_read_whole_and_nothing_behind_it() {
    let mut named = vec![5, 0, 5, 0, 0, 3, 9];
    named.extend(b"localhost\0\0");
    let mut six = vec![5, 0, 5, 0, 0, 4];
    six.extend([0; 18]);
    let empty = vec![5, 0, 5, 0, 0, 3, 0, 0, 0];
    for server in [named, six, empty] {
        let length = server.len();
        let more = [server, b"from the node".to_vec()].concat();
        assert_eq!(play(Target::Name("n"), None, &more).1, Ok(length), "{more:?}");
    }
}

#[test]
fn every_refusal_has_its_name() {
    let none = Target::Name("n");
    let table: [(&[u8], Login, SocksFault); 8] = [
        (&[5, 255], None, SocksFault::Unknown),
        (&[5, 255], LOGIN_PAIR, SocksFault::NoMethod),
        (&[5, 2, 1, 1], LOGIN_PAIR, SocksFault::Refused),
        (&[5, 2], None, SocksFault::NotSocks),
        (&[4, 90], None, SocksFault::NotSocks),
        (b"HTTP/1.1 400", None, SocksFault::IsHttp),
        (&[5, 0, 4, 0, 0, 1, 0], None, SocksFault::NotSocks),
        (&[5, 0, 5, 0, 0, 9, 0], None, SocksFault::NotSocks),
    ];
    for (server, login, due) in table {
        assert_eq!(play(none, login, server).1, Err(due), "{server:?}");
    }
    for code in 1..=9 {
        let (_, ended) = play(none, None, &[5, 0, 5, code, 0, 1, 0]);
        let fault = ended.unwrap_err();
        assert_eq!(fault, SocksFault::Reply(Reply(code)));
        assert!(fault.to_string().contains(&format!("(code {code})")), "{fault}");
    }
    let refused = SocksFault::Reply(Reply(5)).to_string();
    assert!(refused.starts_with("it says \"connection refused\" (code 5): "), "{refused}");
}

#[test]
fn what_the_protocol_cannot_carry_is_refused_before_a_byte_is_sent() {
    let long = "x".repeat(256);
    let too_long = |target, login| Handshake::begin(target, 1, login).map(drop);
    assert_eq!(too_long(Target::Name(&long), None), Err(SocksFault::TooLong));
    assert_eq!(too_long(Target::Name("n"), Some((&long, ""))), Err(SocksFault::TooLong));
    assert_eq!(too_long(Target::Name("n"), Some(("u", &long))), Err(SocksFault::TooLong));
    assert_eq!(too_long(Target::Name(&"x".repeat(255)), LOGIN_PAIR), Ok(()));
}

#[test]
fn no_password_is_printed() {
    let (handshake, next) = Handshake::begin(Target::Name("n"), 1, Some(("u", "hunter2"))).unwrap();
    assert!(!format!("{handshake:?} {next:?}").contains("hunter2"));
}

proptest! {
    #[test]
    fn no_bytes_break_it(server in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(play(Target::Name("n"), None, &server));
        drop(play(Target::Name("n"), LOGIN_PAIR, &[&[5, 2, 1, 0], &*server].concat()));
    }
}
