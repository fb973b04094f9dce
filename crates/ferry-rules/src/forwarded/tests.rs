//! Addresses behind proxies.

use proptest::prelude::*;

use super::*;

fn check(peer: &str, values: &[&str], trusted: &[&str], expected: &str) {
    let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
    let found = client(peer.parse().unwrap(), values.iter().map(|it| it.as_bytes()), &trusted);
    assert_eq!(found.to_string(), expected, "{peer} {values:?} {trusted:?}");
}

#[test]
fn only_what_trusted_proxies_appended_is_believed() {
    let inner = ["10.0.0.0/8"];
    check("10.0.0.1", &[], &inner, "10.0.0.1");
    check("203.0.113.9", &["1.2.3.4"], &inner, "203.0.113.9");
    check("203.0.113.9", &["1.2.3.4"], &[], "203.0.113.9");
    check("10.0.0.1", &["1.2.3.4"], &inner, "1.2.3.4");
    check("10.0.0.1", &["6.6.6.6, 1.2.3.4"], &inner, "1.2.3.4");
    check("10.0.0.1", &["6.6.6.6", "1.2.3.4,10.0.0.2"], &inner, "1.2.3.4");
    check("10.0.0.1", &["10.0.0.3, 10.0.0.2"], &inner, "10.0.0.3");
    check("10.0.0.1", &["1.2.3.4, unknown, 10.0.0.2"], &inner, "10.0.0.2");
    check("10.0.0.1", &["garbage"], &inner, "10.0.0.1");
    check("10.0.0.1", &[""], &inner, "10.0.0.1");
    check("10.0.0.1", &["1.2.3.4:5678"], &inner, "1.2.3.4");
    check("10.0.0.1", &["\"[2001:db8::1]:443\""], &inner, "2001:db8::1");
    check("10.0.0.1", &["[2001:db8::1]"], &inner, "2001:db8::1");
    check("::ffff:10.0.0.1", &["::ffff:1.2.3.4"], &inner, "1.2.3.4");
    check("2001:db8::5", &["1.2.3.4"], &["2001:db8::/32"], "1.2.3.4");
}

proptest! {
    #[test]
    fn an_untrusted_peer_is_itself_whatever_it_says(values in proptest::collection::vec(any::<Vec<u8>>(), 0..4)) {
        let peer: IpAddr = "203.0.113.9".parse().unwrap();
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        prop_assert_eq!(client(peer, values.iter().map(Vec::as_slice), &trusted), peer);
    }
}
