//! Origins and hosts that browsers send.

use proptest::prelude::*;

use super::*;

fn list(entries: &[&str]) -> Vec<String> {
    entries.iter().map(|entry| (*entry).to_owned()).collect()
}

/// The header, the list, and the judgement.
type Row<'a> = (Option<&'a str>, &'a [&'a str], Result<(), OriginFault>);

#[test]
fn an_origin_passes_when_it_is_listed() {
    let app = ["https://app.example.com"];
    let rows: [Row<'_>; 13] = [
        (None, &[], Ok(())),
        (Some("https://app.example.com"), &[], Err(OriginFault::NotAllowed)),
        (Some("https://app.example.com"), &app, Ok(())),
        (Some("https://APP.example.com"), &app, Ok(())),
        (Some("https://app.example.com"), &["https://app.example.com/"], Ok(())),
        (Some("http://app.example.com"), &app, Err(OriginFault::NotAllowed)),
        (Some("https://app.example.com:8443"), &app, Err(OriginFault::NotAllowed)),
        (Some("https://app.example.com.evil.test"), &app, Err(OriginFault::NotAllowed)),
        (Some("https://evil.test"), &["*"], Ok(())),
        (Some("null"), &["*"], Err(OriginFault::Null)),
        (Some("null"), &["null"], Err(OriginFault::Null)),
        (Some(""), &app, Err(OriginFault::NotAllowed)),
        (Some("http://localhost:3000"), &["http://localhost:3000"], Ok(())),
    ];
    for (origin, allowed, expected) in rows {
        assert_eq!(check_origin(origin, &list(allowed)), expected, "{origin:?} {allowed:?}");
    }
}

#[test]
fn an_own_origin_names_the_host_that_was_called() {
    let rows = [
        ("http://localhost:7301", "localhost:7301", true),
        ("http://LOCALHOST:7301", "localhost:7301", true),
        ("http://[::1]:7301", "[::1]:7301", true),
        ("https://ferry.lan", "ferry.lan", true),
        ("http://localhost:7300", "localhost:7301", false),
        ("http://127.0.0.1:7301", "localhost:7301", false),
        ("http://localhost:7301.evil.test", "localhost:7301", false),
        ("http://localhost:7301/", "localhost:7301", false),
        ("http://evil.test", "localhost:7301", false),
        ("file://localhost:7301", "localhost:7301", false),
        ("localhost:7301", "localhost:7301", false),
        ("null", "null", false),
        ("", "", false),
        ("http://", "", false),
    ];
    for (origin, host, expected) in rows {
        assert_eq!(is_own_origin(origin, host), expected, "{origin} {host}");
    }
}

#[test]
fn a_host_on_loopback_is_a_loopback_name() {
    let good = [
        "localhost",
        "localhost:7300",
        "LOCALHOST",
        "localhost.",
        "app.localhost:7300",
        "a.b.localhost",
        "127.0.0.1",
        "127.0.0.1:7300",
        "127.9.9.9:1",
        "[::1]",
        "[::1]:7300",
        "[::ffff:127.0.0.1]:7300",
        "localhost:",
    ];
    for host in good {
        assert_eq!(check_host(host, &[]), Ok(()), "{host}");
    }
    let bad = [
        "",
        ":7300",
        "evil.test",
        "evil.test:7300",
        "localhost.evil.test",
        "127.0.0.1.nip.io",
        "evil-localhost",
        ".localhost",
        "a..localhost",
        "user@localhost",
        "evil.test@127.0.0.1",
        "localhost:80:80",
        "localhost:x",
        "0.0.0.0",
        "[::]",
        "[::1",
        "::1",
        "[::1]x",
        "192.168.1.1",
        "2130706433",
        "0x7f.1",
        "127.1",
        "localhost/",
        "local host",
    ];
    for host in bad {
        assert_eq!(check_host(host, &[]), Err(HostFault), "{host}");
    }
}

#[test]
fn a_listed_host_passes_too() {
    let allowed = list(&["ferry.lan", "gw.example.com:7300"]);
    for host in ["ferry.lan", "FERRY.lan:7300", "gw.example.com:7300"] {
        assert_eq!(check_host(host, &allowed), Ok(()), "{host}");
    }
    for host in ["gw.example.com", "gw.example.com:80", "x.ferry.lan", "ferry.lan:x"] {
        assert_eq!(check_host(host, &allowed), Err(HostFault), "{host}");
    }
}

proptest! {
    #[test]
    fn no_public_name_passes(host in "[a-z0-9.-]{1,30}\\.(com|test|io)(:[0-9]{1,5})?") {
        prop_assert_eq!(check_host(&host, &[]), Err(HostFault));
    }

    #[test]
    fn any_text_is_judged(host in ".{0,60}", origin in ".{0,60}") {
        let _judged = check_host(&host, &list(&["a"])).is_ok();
        prop_assert!(check_origin(Some(&origin), &[]).is_err());
    }
}
