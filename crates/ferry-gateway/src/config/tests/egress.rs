//! Where a node's proxy comes from, and that no login is ever shown.

use ferry_rules::egress::proxy_url::Scheme;

use super::super::environment_proxy;
use super::*;
use crate::upstream::ProxySettings;

fn node(lines: &str) -> String {
    format!("[[nodes]]\nname = \"n\"\nurl = \"https://relay.example:8443\"\n{lines}\n")
}

fn proxy_of(toml: &str, env: &[(&str, &str)]) -> Option<ProxySettings> {
    let loaded = load(&Folder::with(toml).inputs(env, &[])).unwrap();
    loaded.resolved.upstream.nodes[0].proxy.clone()
}

fn login(proxy: &ProxySettings) -> Option<(&str, &str)> {
    proxy.login.as_ref().map(|(user, password)| (user.expose_secret(), password.expose_secret()))
}

#[test]
fn a_proxy_is_a_url_or_a_reference_to_one() {
    let env = [
        ("PW", "p@ss%41:/w"),
        ("WHOLE", "socks5h://CORP%5Cme:p%40ss@socks.corp:1081"),
        ("BARE", "proxy.corp:3128"),
    ];
    let table = [
        ("http://proxy.corp:3128", Scheme::Http, "http://proxy.corp:3128", None),
        ("https://proxy.corp", Scheme::Https, "https://proxy.corp:443", None),
        ("socks5://[::1]", Scheme::Socks5, "socks5://[::1]:1080", None),
        ("http://me:env:PW@h:1", Scheme::Http, "http://h:1", Some(("me", "p@ss%41:/w"))),
        (
            "http://me:file:key.txt@h:1",
            Scheme::Http,
            "http://h:1",
            Some(("me", "sk-ant-api03-from-file")),
        ),
        ("http://me:p%40ss@h:1", Scheme::Http, "http://h:1", Some(("me", "p@ss"))),
        ("env:WHOLE", Scheme::Socks5h, "socks5h://socks.corp:1081", Some(("CORP\\me", "p@ss"))),
        ("env:BARE", Scheme::Http, "http://proxy.corp:3128", None),
    ];
    for (text, scheme, shown, due) in table {
        let proxy = proxy_of(&node(&format!("proxy = \"{text}\"")), &env).unwrap();
        assert_eq!((proxy.scheme, &*proxy.shown), (scheme, shown), "{text}");
        assert!(login(&proxy) == due, "{text}");
    }
    for none in ["direct", "Direct", ""] {
        let env = [("HTTPS_PROXY", "http://p:1")];
        assert!(proxy_of(&node(&format!("proxy = \"{none}\"")), &env).is_none(), "{none}");
    }
}

#[test]
fn what_is_no_proxy_is_refused_without_a_word_of_its_login() {
    let table = [
        ("ftp://h", "its scheme is none of"),
        ("socks4://h", "of a version that Ferry does not speak"),
        ("http://", "has no host"),
        ("http://h:99999", "a port that is none"),
        ("http://me:hunter2@h/path", "something behind its port"),
        ("http://hunter2@h", "a user name without a password"),
        ("http://me:hunter2%0d%0aX: y@h", "that no proxy can be shown"),
        ("env:MISSING", "`MISSING` is not set"),
        ("http://me:env:MISSING@h", "`MISSING` is not set"),
        ("http://me:file:missing.txt@h", "cannot read"),
        ("env:BAD", "something behind its port"),
    ];
    for (text, due) in table {
        let folder = Folder::with(&node(&format!("proxy = \"{text}\"")));
        let inputs = folder.inputs(&[("BAD", "http://me:hunter2/x@h/x")], &[]);
        let report = load(&inputs).unwrap_err();
        let shown =
            format!("{:?}\n{}", miette::Report::new(report.clone()), report.lines().join("\n"));
        assert!(shown.contains(due), "{text}: {shown}");
        assert!(!shown.contains("hunter2"), "{text}: {shown}");
    }
}

#[test]
fn no_login_is_shown_anywhere() {
    let toml = node("proxy = \"http://u53r:hunter2@proxy.corp:3128\"\naddresses = [\"192.0.2.1\"]");
    let loaded = accepted(&toml);
    let explained = loaded.explain("nodes.0.proxy", &unfolded).unwrap();
    let warned: Vec<String> = loaded.warnings.iter().map(|one| format!("{one:?} {one}")).collect();
    let all = [loaded.show_toml(), explained.clone(), loaded.explain_all(), format!("{loaded:?}")];
    for text in all.iter().chain(&warned) {
        assert!(!text.contains("hunter2") && !text.contains("u53r"), "{text}");
    }
    assert!(explained.contains("nodes.0.proxy = \"http://***@proxy.corp:3128\""), "{explained}");
    let warned = warned.join("\n");
    assert!(warned.contains("holds a password in plain text"), "{warned}");
    assert!(warned.contains("have no effect"), "{warned}");

    let quiet = accepted(&node("proxy = \"http://u53r:env:NODE_KEY@proxy.corp:3128\""));
    assert!(quiet.warnings.is_empty(), "{:?}", quiet.warnings);
    assert!(quiet.show_toml().contains("proxy = \"http://***@proxy.corp:3128\""));
    let whole = load(
        &Folder::with(&node("proxy = \"env:P\"")).inputs(&[("P", "http://u53r:hunter2@h:1")], &[]),
    );
    assert!(whole.unwrap().show_toml().contains("proxy = \"<secret: env:P>\""));
}

#[test]
fn explain_names_the_variable_that_decided() {
    let explained = |toml: &str, env: &[(&str, &str)]| {
        let loaded = load(&Folder::with(toml).inputs(env, &[])).unwrap();
        loaded
            .explain("nodes.0.proxy", &unfolded)
            .unwrap()
            .lines()
            .take(2)
            .collect::<Vec<_>>()
            .join("|")
    };
    let https = ("HTTPS_PROXY", "http://u53r:hunter2@proxy.corp:3128");
    let small = ("https_proxy", "http://small.corp:1");
    let all = ("ALL_PROXY", "socks5h://socks.corp");
    let none = ("NO_PROXY", "localhost,.example:8443");
    let said = explained(&node(""), &[https]);
    assert!(
        said.contains("\"http://***@proxy.corp:3128\"") && said.contains("HTTPS_PROXY"),
        "{said}"
    );
    let said = explained("", &[https, all]);
    assert!(said.contains("proxy.corp") && said.contains("HTTPS_PROXY"), "the provider: {said}");
    let said = explained(&node(""), &[https, small, all]);
    assert!(said.contains("small.corp") && said.contains("https_proxy"), "{said}");
    let said = explained(&node(""), &[all]);
    assert!(said.contains("\"socks5h://socks.corp:1080\"") && said.contains("ALL_PROXY"), "{said}");
    let said = explained(&node(""), &[https, none]);
    assert!(said.contains("\"direct\"") && said.contains("NO_PROXY"), "{said}");
    let said = explained(&node("proxy = \"http://own.corp\""), &[https, none]);
    assert!(said.contains("own.corp") && said.contains("ferry.toml"), "{said}");
    let local = "[[nodes]]\nname = \"n\"\nurl = \"http://localhost:8080\"\n";
    assert!(explained(local, &[https, all]).contains("is not set"));
    let flag = [("FERRY_NODES__0__PROXY", ""), https];
    assert!(proxy_of(&node(""), &flag).is_none());
}

#[test]
fn a_variable_that_is_no_proxy_is_named_when_a_node_would_use_it() {
    let report = |toml: &str| {
        let folder = Folder::with(toml);
        load(&folder.inputs(&[("HTTPS_PROXY", "gopher://u:hunter2@h")], &[]))
    };
    let shown = report(&node("")).unwrap_err().lines().join("\n");
    assert!(shown.contains("HTTPS_PROXY") && shown.contains("its scheme"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(report(&node("proxy = \"direct\"")).is_ok());
}

#[test]
fn a_url_in_no_configuration_goes_as_a_node_would() {
    let https = ("HTTPS_PROXY", "http://u53r:p%40ss@proxy.corp:3128");
    let all = ("ALL_PROXY", "socks5h://socks.corp");
    let none = ("NO_PROXY", "relay.example:8443");
    let table = [
        ("https://relay.example", &[https, none][..], Some("http://proxy.corp:3128")),
        ("https://relay.example:8443", &[https, none], None),
        ("http://relay.example", &[https, all], Some("socks5h://socks.corp:1080")),
        ("http://relay.example", &[https], None),
        ("https://127.0.0.1:8443", &[https, all], None),
        ("https://relay.example", &[], None),
    ];
    for (url, env, due) in table {
        let inputs = Folder::with("").inputs(env, &[]);
        let proxy = environment_proxy(&inputs, &url.parse().unwrap()).unwrap();
        assert_eq!(proxy.as_ref().map(|proxy| &*proxy.shown), due, "{url}");
        if due.is_some_and(|due| due.starts_with("http:")) {
            assert!(login(&proxy.unwrap()) == Some(("u53r", "p@ss")));
        }
    }
    for (value, due) in [
        ("gopher://u:hunter2@h", "use the proxy of HTTPS_PROXY: it is not a proxy"),
        ("http://u%0a:hunter2@h", "no proxy can be shown"),
    ] {
        let inputs = Folder::with("").inputs(&[("HTTPS_PROXY", value)], &[]);
        let url = "https://relay.example".parse().unwrap();
        let said = format!("{:?}", environment_proxy(&inputs, &url).unwrap_err());
        let fault = environment_proxy(&inputs, &url).unwrap_err().to_string();
        assert!(fault.contains(due) && !fault.contains("hunter2"), "{fault}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
