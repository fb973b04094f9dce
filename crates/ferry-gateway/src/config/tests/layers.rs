//! Defaults, the file, the environment and flags, laid over each other.

use super::*;

#[test]
fn flags_win_over_the_environment_and_it_over_the_file() {
    let listen = |file: bool, env: bool, flag: bool| {
        let folder = Folder::with(if file { "[server]\nlisten = \"127.0.0.1:1\"" } else { "" });
        let env = if env { vec![("FERRY_SERVER__LISTEN", "127.0.0.1:2")] } else { vec![] };
        let flag = if flag { vec![("listen", "127.0.0.1:3")] } else { vec![] };
        load(&folder.inputs(&env, &flag)).unwrap().resolved.serve.listen.port()
    };
    assert_eq!(listen(false, false, false), 7300);
    assert_eq!(listen(true, false, false), 1);
    assert_eq!(listen(true, true, false), 2);
    assert_eq!(listen(true, true, true), 3);
    assert_eq!(listen(false, true, false), 2);
}

#[test]
fn the_environment_reaches_every_kind_of_value() {
    let folder = Folder::with("[[nodes]]\nname = \"tokyo-1\"\nurl = \"https://a.example\"");
    let inputs = folder.inputs(
        &[
            ("FERRY_NODES__0__KEY", "env:NODE_KEY"),
            ("FERRY_NODES__TOKYO_1__HTTP", "1"),
            ("FERRY_NODES__1__NAME", "direct"),
            ("FERRY_NODES__1__URL", "https://api.anthropic.com"),
            ("FERRY_SERVER__TRUSTED_PROXIES", "[\"10.0.0.0/8\"]"),
            ("FERRY_SERVER__PROXY_PROTOCOL", "true"),
            ("FERRY_TIMEOUTS__CONNECT_MS", "1_500"),
            ("FERRY_RETRY__FREE_RATIO", "0.5"),
            ("FERRY_LINES__CUSTOMER_SERVICE", "{}"),
            ("STATE_DIRECTORY", "/var/lib/ferry:/var/lib/other"),
            ("FERRY_PORT", "tcp://10.0.0.1:7300"),
            ("FERRY_SERVICE_HOST", "10.0.0.1"),
        ],
        &[("timeouts.tls_ms", "5"), ("nodes.direct.role", "standby")],
    );
    let resolved = load(&inputs).unwrap().resolved;
    assert_eq!(resolved.upstream.nodes[0].keys.len(), 1);
    assert_eq!(resolved.upstream.nodes[0].http, crate::upstream::HttpVersion::Http1);
    assert_eq!(resolved.upstream.nodes[1].role, crate::upstream::Role::Standby);
    assert_eq!(resolved.upstream.connect_timeout, Duration::from_millis(1_500));
    assert_eq!(resolved.upstream.tls_timeout, Duration::from_millis(5));
    assert_eq!(resolved.serve.trusted_proxies.len(), 1);
    assert!(resolved.serve.proxy_protocol);
    assert!((resolved.journey.retry.free_ratio - 0.5).abs() < f64::EPSILON);
    assert!(resolved.journey.lines.contains("customer_service"));
    assert_eq!(resolved.state.dir, Path::new("/var/lib/ferry"));
}

#[test]
fn an_index_into_the_default_nodes_changes_the_provider() {
    let folder = Folder::with("");
    let resolved =
        load(&folder.inputs(&[("FERRY_NODES__0__KEY", "env:NODE_KEY")], &[])).unwrap().resolved;
    assert_eq!(resolved.upstream.nodes.len(), 1);
    assert_eq!(&*resolved.upstream.nodes[0].name, "anthropic");
    assert_eq!(resolved.upstream.nodes[0].keys.len(), 1);
}

#[test]
fn a_variable_with_one_underscore_too_few_is_noticed() {
    let folder = Folder::with("");
    let loaded = load(&folder.inputs(&[("FERRY_SERVER_LISTEN", "x")], &[])).unwrap();
    let line = loaded.warnings[0].line();
    assert!(line.contains("FERRY_SERVER__LISTEN"), "{line}");
}
