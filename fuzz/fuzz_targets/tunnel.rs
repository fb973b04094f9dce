//! Any bytes of a proxy: how they are cut changes nothing, nothing is kept beyond the bound, and a tunnel is
//! only ever found at the end of a head.

#![no_main]

use ferry_wire::tunnel::connect::{ConnectFault, HEAD_BYTES_MAX, Head};
use ferry_wire::tunnel::socks::{Handshake, Target};
use libfuzzer_sys::fuzz_target;

fn connect(bytes: &[u8], most: usize) -> (Result<bool, ConnectFault>, usize) {
    let mut head = Head::default();
    let mut at = 0;
    while at < bytes.len() {
        let wanted = head.wants().min(most);
        let piece = &bytes[at..bytes.len().min(at + wanted)];
        at += piece.len();
        assert!(at <= HEAD_BYTES_MAX + 2);
        match head.push(piece, true) {
            Ok(false) => {}
            Ok(true) => {
                assert_eq!(piece.last(), Some(&b'\n'));
                return (Ok(true), at);
            }
            fault => return (fault, 0),
        }
    }
    (Ok(false), at)
}

fn socks(bytes: &[u8], login: Option<(&str, &str)>) {
    let Ok((mut handshake, mut next)) = Handshake::begin(Target::Name("n"), 443, login) else { return };
    let mut rest = bytes;
    while next.read > 0 {
        let Some((read, after)) = rest.split_at_checked(next.read) else { return };
        rest = after;
        match handshake.take(read) {
            Ok(step) => next = step,
            Err(_fault) => return,
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let whole = connect(bytes, 2);
    assert_eq!(whole, connect(bytes, 1));
    socks(bytes, None);
    socks(bytes, Some(("u", "p")));
});
