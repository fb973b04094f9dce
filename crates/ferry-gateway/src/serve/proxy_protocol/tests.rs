//! The parser by table and by property.

use proptest::prelude::*;

use super::*;

fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
    let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, addresses].concat()
}

fn client(address: &str) -> String {
    format!("{:?}", Parsed::Whole(Origin::Client(address.parse().unwrap())))
}

fn check(bytes: &[u8], expected: &str) {
    let parsed = parse(bytes);
    let text = parsed.map_or_else(|error| format!("{error:?}"), |parsed| format!("{parsed:?}"));
    assert_eq!(text, expected, "{}", bytes.escape_ascii());
}

#[test]
fn version_1_lines() {
    check(b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", &client("192.0.2.1:56324"));
    check(b"PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", &client("[2001:db8::1]:1"));
    check(b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", &client("192.0.2.1:1"));
    check(b"PROXY UNKNOWN\r\n", "Whole(Unsaid)");
    check(b"PROXY UNKNOWN ff:: whatever 1\r\n", "Whole(Unsaid)");
    check(b"PROXY TCP4 192.0.2.1", "Needs(2)");
    check(b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r", "Needs(1)");
    for line in [
        "GET / HTTP/1.1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 \r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.2 56324 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 056324 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 +1 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n",
        "PROXY TCP4 2001:db8::1 198.51.100.2 1 443\r\n",
        "PROXY TCP6 192.0.2.1 ::1 1 443\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.2 1 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n",
        "PROXY \r\n",
    ] {
        check(line.as_bytes(), "Malformed");
    }
    let long = format!("PROXY UNKNOWN {}", "x".repeat(V1_MAX));
    check(long.as_bytes(), "TooLong");
}

#[test]
fn version_2_blocks() {
    let tcp4 = [192, 0, 2, 1, 198, 51, 100, 2, 0xdc, 0x04, 1, 187];
    check(&v2(0x21, 0x11, &tcp4), &client("192.0.2.1:56324"));
    // TLVs after the addresses are skipped.
    check(&v2(0x21, 0x11, &[&tcp4[..], &[4, 0, 1, 0]].concat()), &client("192.0.2.1:56324"));
    let mut tcp6 = [0; 36];
    tcp6[15] = 1;
    tcp6[33] = 7;
    check(&v2(0x21, 0x21, &tcp6), &client("[::1]:7"));
    check(&v2(0x20, 0x00, &[]), "Whole(Unsaid)");
    check(&v2(0x20, 0x11, &tcp4), "Whole(Unsaid)");
    check(&v2(0x21, 0x00, &[]), "Whole(Unsaid)");
    check(&v2(0x21, 0x31, &[0; 216]), "Whole(Unsaid)");
    check(&v2(0x21, 0x11, &tcp4[..11]), "Malformed");
    check(&v2(0x21, 0x21, &tcp6[..35]), "Malformed");
    check(&v2(0x11, 0x11, &tcp4), "Malformed");
    check(&v2(0x22, 0x11, &tcp4), "Malformed");
    check(&v2(0x21, 0x41, &tcp4), "Malformed");
    check(&v2(0x21, 0x11, &[0; 4097]), "TooLong");
    check(&SIGNATURE, "Needs(4)");
    check(&v2(0x21, 0x11, &tcp4)[..20], "Needs(8)");
}

proptest! {
    #[test]
    fn foreign_bytes_never_panic(bytes: Vec<u8>) {
        drop(parse(&bytes));
        drop(parse(&[&SIGNATURE[..], &bytes].concat()));
        drop(parse(&[&b"PROXY "[..], &bytes].concat()));
    }

    /// Reading what is asked for, from the signature's length on, ends exactly at the header's end.
    #[test]
    fn a_reader_never_takes_a_byte_too_many(address: SocketAddr, other: SocketAddr, tail: Vec<u8>) {
        let family = if address.is_ipv4() { "TCP4" } else { "TCP6" };
        prop_assume!(address.is_ipv4() == other.is_ipv4());
        let line = format!(
            "PROXY {family} {} {} {} {}\r\n",
            address.ip(), other.ip(), address.port(), other.port()
        );
        let wire = [line.as_bytes(), &tail].concat();
        let mut filled = SIGNATURE.len();
        let origin = loop {
            match parse(&wire[..filled]).unwrap() {
                Parsed::Whole(origin) => break origin,
                Parsed::Needs(more) => filled += more,
            }
        };
        prop_assert_eq!(filled, line.len());
        let expected = SocketAddr::new(address.ip().to_canonical(), address.port());
        prop_assert_eq!(origin, Origin::Client(expected));
    }
}
