//! Tables of what the environment and a node may say.

use proptest::prelude::*;

use super::no_proxy::covers;
use super::proxy_url::{ProxyUrl, Scheme, UrlFault, decoded, parse};
use super::*;

#[test]
fn no_proxy_covers_what_curl_and_go_let_pass() {
    let table = [
        ("", "api.test", 443, false),
        ("*", "api.test", 443, true),
        ("a.test, *", "b.test", 443, true),
        ("api.test", "api.test", 443, true),
        ("API.Test", "api.TEST", 443, true),
        ("api.test.", "api.test", 443, true),
        ("api.test", "api.test.", 443, true),
        ("test", "api.test", 443, true),
        (".test", "api.test", 443, true),
        (".api.test", "api.test", 443, true),
        ("*.test", "api.test", 443, true),
        ("*.api.test", "api.test", 443, false),
        ("*.api.test", "eu.api.test", 443, true),
        ("pi.test", "api.test", 443, false),
        ("api.test.com", "api.test", 443, false),
        ("a.test,b.test", "b.test", 443, true),
        ("a.test b.test", "b.test", 443, true),
        (" a.test ,, b.test ", "b.test", 443, true),
        ("api.test:443", "api.test", 443, true),
        ("api.test:8443", "api.test", 443, false),
        (".test:443", "api.test", 443, true),
        ("*:443", "api.test", 443, true),
        ("*:80", "api.test", 443, false),
        ("192.0.2.7", "192.0.2.7", 80, true),
        ("192.0.2.7:80", "192.0.2.7", 80, true),
        ("192.0.2.7:81", "192.0.2.7", 80, false),
        ("192.0.2.7", "192.0.2.70", 80, false),
        ("2.7", "192.0.2.7", 80, false),
        (".2.7", "192.0.2.7", 80, false),
        ("*.2.7", "192.0.2.7", 80, false),
        ("192.0.2.0/24", "192.0.2.7", 80, true),
        ("192.0.3.0/24", "192.0.2.7", 80, false),
        ("0.0.0.0/0", "api.test", 443, false),
        ("10.0.0.0/8,192.168.0.0/16", "192.168.1.1", 443, true),
        ("2001:db8::7", "2001:db8::7", 443, true),
        ("[2001:db8::7]", "2001:db8::7", 443, true),
        ("[2001:db8::7]:443", "2001:db8::7", 443, true),
        ("[2001:db8::7]:80", "2001:db8::7", 443, false),
        ("2001:DB8:0::7", "2001:db8::7", 443, true),
        ("2001:db8::/32", "2001:db8::7", 443, true),
        ("fd00::/8", "2001:db8::7", 443, false),
        ("::ffff:192.0.2.7", "192.0.2.7", 443, true),
        ("api.test:port", "api.test", 443, false),
        (".", "api.test", 443, false),
        ("*.", "api.test", 443, false),
    ];
    for (list, host, port, due) in table {
        assert_eq!(covers(list, host, port), due, "{list:?} and {host}:{port}");
    }
}

#[test]
fn the_environment_speaks_for_nodes_that_say_nothing() {
    let var = |name, value| Some(Variable { name, value });
    let https = var("HTTPS_PROXY", "http://p");
    let all = var("all_proxy", "socks5h://s");
    let none = var("NO_PROXY", ".corp.test,10.0.0.0/8");
    let both = Environment { https, all, none };
    let through = |found: Option<Variable<'static>>| Way::Through(found.unwrap());
    let table = [
        (both, true, "api.test", through(https)),
        (both, false, "api.test", through(all)),
        (Environment { https, ..Environment::default() }, false, "api.test", Way::Direct),
        (Environment { all, ..Environment::default() }, true, "api.test", through(all)),
        (Environment::default(), true, "api.test", Way::Direct),
        (Environment { none, ..Environment::default() }, true, "x.corp.test", Way::Direct),
        (both, true, "relay.corp.test", Way::Excepted(none.unwrap())),
        (both, true, "10.1.2.3", Way::Excepted(none.unwrap())),
        (both, true, "localhost", Way::Direct),
        (both, true, "relay.localhost", Way::Direct),
        (both, true, "LocalHost.", Way::Direct),
        (both, true, "127.0.0.1", Way::Direct),
        (both, true, "127.8.8.8", Way::Direct),
        (both, true, "::1", Way::Direct),
        (both, true, "::ffff:127.0.0.1", Way::Direct),
        (both, true, "notlocalhost", through(https)),
    ];
    for (environment, secure, host, due) in table {
        assert_eq!(way(&environment, secure, host, 443), due, "{host}, https: {secure}");
    }
    assert!(!format!("{both:?}").contains("://"), "values may hold passwords");
}

#[test]
fn a_proxys_url_is_taken_apart() {
    let login = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
    let table = [
        ("http://proxy.corp:3128", Scheme::Http, "proxy.corp", 3128, None),
        ("http://proxy.corp:3128/", Scheme::Http, "proxy.corp", 3128, None),
        ("proxy.corp:3128", Scheme::Http, "proxy.corp", 3128, None),
        (" HTTP://proxy_1 ", Scheme::Http, "proxy_1", 80, None),
        ("https://proxy", Scheme::Https, "proxy", 443, None),
        ("socks5://10.0.0.1", Scheme::Socks5, "10.0.0.1", 1080, None),
        ("socks5h://[2001:db8::7]:99", Scheme::Socks5h, "2001:db8::7", 99, None),
        ("http://[::1]", Scheme::Http, "::1", 80, None),
        ("http://u:p@h:1", Scheme::Http, "h", 1, login("u", "p")),
        ("u:p@h:1", Scheme::Http, "h", 1, login("u", "p")),
        ("http://u:@h:1", Scheme::Http, "h", 1, login("u", "")),
        ("http://@h:1", Scheme::Http, "h", 1, None),
        ("http://u:a:b@c@h:1", Scheme::Http, "h", 1, login("u", "a:b@c")),
        ("http://u:env:PW@h:1", Scheme::Http, "h", 1, login("u", "env:PW")),
        ("http://u:file:/run/pw@h:1", Scheme::Http, "h", 1, login("u", "file:/run/pw")),
    ];
    for (text, scheme, host, port, login) in table {
        let due = ProxyUrl { scheme, host: host.to_owned(), port, login };
        let found = parse(text).unwrap();
        // Not by `assert_eq`, which would not show a login that differs.
        assert!(found == due, "{text}: {found:?}");
    }
}

#[test]
fn what_is_no_proxy_is_refused() {
    let table = [
        ("", UrlFault::Host),
        ("http://", UrlFault::Host),
        ("ftp://h", UrlFault::Scheme),
        ("socks4://h", UrlFault::OldSocks),
        ("socks://h", UrlFault::OldSocks),
        ("http://h:0", UrlFault::Port),
        ("http://h:65536", UrlFault::Port),
        ("http://h:", UrlFault::Port),
        ("http://h:x", UrlFault::Port),
        ("http://[::1]x", UrlFault::Port),
        ("http://[::1", UrlFault::Host),
        ("http://[h]:1", UrlFault::Host),
        ("http://h x:1", UrlFault::Host),
        ("http://h/path", UrlFault::Rest),
        ("http://h:1?q", UrlFault::Rest),
        ("http://user@h:1", UrlFault::NoPassword),
    ];
    for (text, due) in table {
        assert_eq!(parse(text), Err(due), "{text}");
        assert!(!due.hint().is_empty());
    }
}

#[test]
fn percent_encoding_is_undone_once() {
    let table = [
        ("plain", "plain"),
        ("CORP%5Cuser", "CORP\\user"),
        ("p%40ss%3aw", "p@ss:w"),
        ("100%", "100%"),
        ("%zz%4", "%zz%4"),
        ("%2540", "%40"),
        ("%ff", "%ff"),
        ("%E4%BD%A0", "\u{4f60}"),
        ("\u{4f60}%40", "\u{4f60}@"),
    ];
    for (text, due) in table {
        assert_eq!(decoded(text), due, "{text}");
    }
}

#[test]
fn no_login_is_printed() {
    let url = parse("http://u53r:hunter2@h:1").unwrap();
    let printed = format!("{url} {url:?}");
    assert_eq!(printed, "http://h:1 http://h:1");
}

proptest! {
    #[test]
    fn no_text_breaks_it(text in ".{0,40}", host in "[a-z0-9.:]{0,20}") {
        drop(parse(&text));
        prop_assert!(decoded(&text).len() <= text.len());
        covers(&text, &host, 443);
        let everything = text + ",*";
        prop_assert!(covers(&everything, &host, 443));
    }

    #[test]
    fn a_name_covers_what_is_below_it(name in "[a-z]{1,9}(\\.[a-z]{1,9}){0,3}", port in any::<u16>()) {
        let below = ["x.", &name].concat();
        let beside = ["x", &name].concat();
        prop_assert!(covers(&name, &name, port));
        prop_assert!(covers(&name, &below, port));
        prop_assert!(!covers(&name, &beside, port));
    }
}
