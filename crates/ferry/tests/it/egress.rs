//! Nodes behind a proxy: what it is told, what it may answer, and what an operator hears of it. Here no name
//! ending in `.invalid` has an address (RFC 6761), so what reaches a node of that name went through the proxy.

use ferry_mock::{MockSettings, RunningMock, TlsSettings};

use crate::harness::{
    Client, Gateway, Manner, Proxy, Setup, guarded, message, mock, mock_with, nodes_when, until,
};

/// The mock under a name that nobody but the proxy can look up.
fn hidden(mock: &RunningMock) -> String {
    format!("http://relay.invalid:{}", mock.addr().port())
}

/// One node behind a proxy, with nothing to wait for when that fails.
fn behind(proxy_line: &str, url: &str) -> Setup {
    Setup::new().timeout("patience_ms = 0").node("n", url, proxy_line)
}

async fn tls_mock() -> (RunningMock, tempfile::TempDir) {
    let tls = Some(TlsSettings::default());
    let mock = mock_with(MockSettings { tls, ..MockSettings::default() }).await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), mock.ca_pem().unwrap()).unwrap();
    (mock, dir)
}

/// What the caller and `/nodes` are told when the proxy opens no tunnel.
async fn told(gateway: &Gateway) -> String {
    let answer = gateway.ask(message("Hello", false)).await;
    answer.assert_own(503, "no-node");
    let text = answer.text().to_owned();
    let nodes = nodes_when(gateway, "the fault", |nodes| {
        nodes[0].addresses.iter().any(|address| address.last_error.is_some())
    })
    .await;
    let error = nodes[0].addresses[0].last_error.clone().unwrap();
    let heard = text.replace("\\\"", "\"");
    assert!(heard.contains(&error), "the caller heard {heard}, the operator {error}");
    error
}

#[tokio::test]
async fn connect_names_the_node_and_the_tunnel_is_kept_alive() {
    let mock = mock().await;
    let proxy = Proxy::http(Manner::Open).await;
    let gateway = behind(&proxy.line("http", ""), &hidden(&mock)).start().await;
    for stream in [false, true, false] {
        let answer = gateway.ask(message("Hello", stream)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let asked = proxy.asked();
    let authority = format!("relay.invalid:{}", mock.addr().port());
    assert_eq!(asked.len(), 1, "one tunnel carried all: {asked:?}");
    assert!(
        asked[0].starts_with(&format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n"))
    );
    assert!(!asked[0].to_lowercase().contains("proxy-authorization"));
    let arrived = mock.last().unwrap();
    assert_eq!(arrived.headers["host"], authority.as_str());
    let node = nodes_when(&gateway, "the node", |nodes| nodes[0].rtt_ms.is_some()).await.remove(0);
    assert_eq!(node.proxy, Some(format!("http://{}", proxy.address)));
    assert_eq!(node.addresses[0].address, proxy.address.to_string());
}

#[tokio::test]
async fn tls_and_http2_go_through_the_tunnel() {
    let (mock, dir) = tls_mock().await;
    let proxy = Proxy::http(Manner::Open).await;
    let lines = format!(
        "{}\nextra_ca_file = \"{}/ca.pem\"",
        proxy.line("http", "user:hunter2@"),
        dir.path().display()
    );
    let gateway = behind(&lines, &mock.base_url()).start().await;
    assert_eq!(gateway.ask(message("Hello", true)).await.status, 200);
    assert_eq!(mock.last().unwrap().version, http::Version::HTTP_2);
    let calls = (0..16).map(|_| {
        let address = gateway.data;
        tokio::spawn(async move { Client::connect(address).await.ask(message("Hi", true)).await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(guarded("a call", call).await.unwrap().status, 200);
    }
    let asked = proxy.asked();
    assert!(asked.len() < 16, "streams share tunnels: {}", asked.len());
    assert!(asked[0].contains("Proxy-Authorization: Basic dXNlcjpodW50ZXIy\r\n"), "{asked:?}");
    assert_eq!(mock.stats().connections, asked.len() as u64, "none went directly");
}

#[tokio::test]
async fn the_proxy_itself_may_be_spoken_to_over_tls() {
    let (mock, dir) = tls_mock().await;
    let proxy = Proxy::https(Manner::Open).await;
    let both = format!("{}{}", mock.ca_pem().unwrap(), proxy.ca_pem());
    std::fs::write(dir.path().join("ca.pem"), both).unwrap();
    let ca = format!("extra_ca_file = \"{}/ca.pem\"", dir.path().display());
    let at = format!("https://localhost:{}", proxy.address.port());
    let lines = format!("proxy = \"{at}\"\n{ca}");
    let plain = crate::harness::mock().await;
    for url in [mock.base_url(), hidden(&plain)] {
        let gateway = behind(&lines, &url).start().await;
        for stream in [false, true] {
            assert_eq!(gateway.ask(message("Hello", stream)).await.status, 200, "{url}");
        }
    }
    // Without its CA it is the proxy's certificate that is named, and where to put it.
    let gateway = behind(&format!("proxy = \"{at}\""), &hidden(&plain)).start().await;
    let error = told(&gateway).await;
    assert!(error.contains("the issuer of its certificate is unknown here"), "{error}");
    assert!(error.contains("extra_ca_file"), "{error}");
    // It answers a ClientHello in its own language.
    let cleartext = Proxy::socks(Manner::Open, None).await;
    let at = format!("proxy = \"https://localhost:{}\"", cleartext.address.port());
    let error = told(&behind(&at, &hidden(&plain)).start().await).await;
    assert!(error.contains("TLS with it failed: if it speaks none, write http://"), "{error}");
}

#[tokio::test]
async fn socks_is_told_a_name_or_an_address() {
    let mock = mock().await;
    let port = mock.addr().port();
    let cases = [
        ("socks5h", format!("http://relay.invalid:{port}"), format!("relay.invalid:{port}")),
        ("socks5h", format!("http://127.0.0.1:{port}"), format!("127.0.0.1:{port}")),
        ("socks5", format!("http://127.0.0.1:{port}"), format!("127.0.0.1:{port}")),
    ];
    for login in [None, Some(("user", "hunter2"))] {
        for (scheme, url, due) in &cases {
            let proxy = Proxy::socks(Manner::Open, login).await;
            let shown = if login.is_some() { "user:hunter2@" } else { "" };
            let gateway = behind(&proxy.line(scheme, shown), url).start().await;
            for _ in 0..2 {
                assert_eq!(
                    gateway.ask(message("Hello", false)).await.status,
                    200,
                    "{scheme} {url}"
                );
            }
            assert_eq!(proxy.asked(), [due.as_str()], "{scheme} {url}");
        }
    }
}

#[tokio::test]
async fn socks5_looks_the_name_up_here_and_takes_the_nodes_addresses_in_turn() {
    let mock = mock().await;
    let port = mock.addr().port();
    let proxy = Proxy::socks(Manner::Open, None).await;
    // Of the name's addresses the proxy is told one; for it both are this machine.
    let url = format!("http://localhost:{port}");
    let gateway = behind(&proxy.line("socks5", ""), &url).start().await;
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    let asked = proxy.asked();
    assert!([format!("127.0.0.1:{port}"), format!("::1:{port}")].contains(&asked[0]), "{asked:?}");

    let refusing = Proxy::socks(Manner::Say(vec![5, 4, 0, 1, 0, 0, 0, 0, 0, 0]), None).await;
    let lines =
        format!("{}\naddresses = [\"192.0.2.1\", \"192.0.2.2\"]", refusing.line("socks5", ""));
    let gateway = Setup::new()
        .timeout("patience_ms = 5000")
        .node("n", &format!("http://relay.invalid:{port}"), &lines)
        .start()
        .await;
    let address = gateway.data;
    let asking =
        tokio::spawn(
            async move { Client::connect(address).await.ask(message("Hello", false)).await },
        );
    until("both addresses", || {
        let asked = refusing.asked();
        ["192.0.2.1:", "192.0.2.2:"].iter().all(|ip| asked.iter().any(|at| at.starts_with(ip)))
    })
    .await;
    asking.abort();
    let unknown = behind(&refusing.line("socks5", ""), "http://relay.invalid:1").start().await;
    let answer = unknown.ask(message("Hello", false)).await;
    answer.assert_own(503, "no-node");
    assert!(answer.text().contains("could not resolve relay.invalid"), "{}", answer.text());
}

#[tokio::test]
async fn what_an_http_proxy_answers_is_told_with_what_to_do() {
    let head = |status: &str, fields: &str| {
        Manner::Say(format!("HTTP/1.1 {status}\r\n{fields}\r\n<p>secret page</p>").into_bytes())
    };
    let basic = "proxy-authenticate: Basic realm=\"corp\"\r\n";
    let table = [
        (head("407 Auth", basic), "", "it asks for credentials (407, Basic)"),
        (head("407 Auth", basic), "u:hunter2@", "it refuses the credentials (407)"),
        (head("407 Auth", "proxy-authenticate: NTLM\r\n"), "u:hunter2@", "by NTLM (407)"),
        (head("403 Forbidden", ""), "", "it forbids this host (403)"),
        (head("502 Bad Gateway", ""), "", "it cannot reach the node itself (502)"),
        (head("504 Gateway Timeout", ""), "", "it cannot reach the node itself (504)"),
        (head("405 No", ""), "", "it opens no tunnel (405 to CONNECT)"),
        (head("418 Teapot", ""), "", "it answered CONNECT with status 418"),
        (Manner::Say(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), "", "its answer is not HTTP"),
        (Manner::Say(vec![5, 0]), "", "it speaks SOCKS: write socks5h://"),
        (Manner::Say(vec![0x15, 3, 3, 0, 2, 2, 40]), "", "it speaks TLS: write https://"),
        (
            Manner::Say(["HTTP/1.1 200 OK\r\nx: ", &"y".repeat(9000)].concat().into_bytes()),
            "",
            "the head of its answer has more than 8192 bytes",
        ),
        (Manner::Close, "", "it closed the connection in place of an answer"),
    ];
    let mock = mock().await;
    for (manner, login, due) in table {
        let proxy = Proxy::http(manner).await;
        let gateway = behind(&proxy.line("http", login), &hidden(&mock)).start().await;
        let error = told(&gateway).await;
        let begins = format!("reach relay.invalid through the proxy http://{}: ", proxy.address);
        assert!(error.starts_with(&begins), "{error}");
        assert!(error.contains(due), "{error}");
        let log = std::fs::read_to_string(gateway.dir.path().join("ferry.log")).unwrap();
        for text in [&error, &log] {
            assert!(!text.contains("hunter2") && !text.contains("secret page"), "{text}");
        }
    }
    assert_eq!(mock.stats().connections, 0);
}

#[tokio::test]
async fn what_a_socks_server_answers_is_told_by_name() {
    let names = [
        "general SOCKS server failure",
        "connection not allowed by ruleset",
        "network unreachable",
        "host unreachable",
        "connection refused",
        "TTL expired",
        "command not supported",
        "address type not supported",
    ];
    for (code, name) in (1..).zip(names) {
        let reply = Manner::Say(vec![5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
        let proxy = Proxy::socks(reply, None).await;
        let setup = behind(&proxy.line("socks5h", ""), "http://relay.invalid:1");
        let error = told(&setup.start().await).await;
        assert!(error.contains(&format!("it says \"{name}\" (code {code})")), "{error}");
    }
    let asking = Proxy::socks(Manner::Open, Some(("user", "right"))).await;
    let table = [("", "it asks for credentials"), ("user:hunter2@", "it refuses the credentials")];
    for (login, due) in table {
        let setup = behind(&asking.line("socks5h", login), "http://relay.invalid:1");
        let error = told(&setup.start().await).await;
        assert!(error.contains(due) && !error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_proxy_that_hangs_or_drips_costs_no_longer_than_a_connect() {
    for manner in
        [Manner::Hang, Manner::Drip(b"HTTP/1.1 200 OK\r\nx: yyyyyyyyyyyyyyyyyyyy".to_vec())]
    {
        let proxy = Proxy::http(manner).await;
        let gateway = behind(&proxy.line("http", ""), "http://relay.invalid:1")
            .timeout("connect_ms = 200")
            .start()
            .await;
        let error = told(&gateway).await;
        assert!(error.contains("it opened no tunnel within 200 ms"), "{error}");
    }
}

#[tokio::test]
async fn a_node_whose_proxy_is_gone_makes_way_for_the_next() {
    let mock = mock().await;
    let gone = Proxy::http(Manner::Open).await;
    let line = gone.line("http", "");
    let address = gone.address;
    drop(gone);
    let gateway = Setup::new()
        .node("far", "http://relay.invalid:1", &line)
        .node("near", &mock.base_url(), "")
        .start()
        .await;
    let answer = gateway.ask(message("Hello", false)).await;
    assert_eq!(answer.header("x-ferry-node"), Some("near"));
    let nodes = nodes_when(&gateway, "the fault", |nodes| {
        nodes[0].addresses.iter().any(|address| address.last_error.is_some())
    })
    .await;
    let error = nodes[0].addresses[0].last_error.clone().unwrap();
    assert!(error.contains(&format!("it took no connection at {address}: ")), "{error}");
}

#[tokio::test]
async fn a_proxys_addresses_are_raced_and_a_name_without_any_is_told() {
    let mock = mock().await;
    let proxy = Proxy::http(Manner::Open).await;
    // Where `localhost` has two addresses, the proxy listens on one of them.
    let line = format!("proxy = \"http://localhost:{}\"", proxy.address.port());
    let gateway = Setup::new().node("n", &hidden(&mock), &line).start().await;
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    let gateway = behind("proxy = \"http://proxy.invalid:3128\"", &hidden(&mock)).start().await;
    let answer = gateway.ask(message("Hello", false)).await;
    answer.assert_own(503, "no-node");
    let text = answer.text();
    assert!(
        text.contains("through the proxy http://proxy.invalid:3128: its name has no address"),
        "{text}"
    );
}

#[tokio::test]
async fn a_proxy_that_opens_tls_is_told_with_where_its_ca_belongs() {
    let (mock, _dir) = tls_mock().await;
    let proxy = Proxy::http(Manner::Open).await;
    let error = told(&behind(&proxy.line("http", ""), &mock.base_url()).start().await).await;
    assert!(error.contains("trust the certificate that came for localhost"), "{error}");
    assert!(error.contains("put its CA into extra_ca_file of the node"), "{error}");
}

#[tokio::test]
async fn probes_and_measurements_go_through_the_proxy_too() {
    let mock = mock().await;
    let proxy = Proxy::http(Manner::Open).await;
    let line = proxy.line("http", "");
    let gateway = Setup::new()
        .node("n", &format!("http://127.0.0.1:{}", mock.addr().port()), &line)
        .env("FERRY_PROBE__INTERVAL_S", "1")
        .env("FERRY_PROBE__WARM_CONNECTIONS", "2")
        .start()
        .await;
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    // A measurement, its quick successors, a probe.
    until("measurements", || proxy.asked().len() >= 4).await;
    until("none but tunnels", || mock.stats().connections <= proxy.asked().len() as u64).await;
    drop(gateway);
}

#[tokio::test]
async fn the_environment_names_a_proxy_for_nodes_that_do_not() {
    let mock = mock().await;
    let (all, own) = (Proxy::http(Manner::Open).await, Proxy::http(Manner::Open).await);
    let url = hidden(&mock);
    let start = |line: &str, none: &str| {
        Setup::new()
            .timeout("patience_ms = 0")
            .node("n", &url, line)
            .env("ALL_PROXY", &all.url("http", "user:hunter2@"))
            .env("HTTPS_PROXY", "http://proxy.invalid:1")
            .env("no_proxy", none)
            .start()
    };
    let gateway = start("", "").await;
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    assert_eq!(all.asked().len(), 1);
    let shown = format!("http://{}", all.address);
    let nodes = nodes_when(&gateway, "the node", |_| true).await;
    assert_eq!(nodes[0].proxy.as_ref(), Some(&shown));

    let gateway = start(&own.line("http", ""), "*").await;
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200, "its own word goes first");
    assert_eq!((all.asked().len(), own.asked().len()), (1, 1));
    for (line, none) in [("", "relay.invalid"), ("proxy = \"direct\"", ""), ("proxy = \"\"", "")] {
        let gateway = start(line, none).await;
        let answer = gateway.ask(message("Hello", false)).await;
        answer.assert_own(503, "no-node");
        assert!(answer.text().contains("could not resolve relay.invalid"), "{}", answer.text());
    }
    let local = Setup::new()
        .node("n", &mock.base_url(), "")
        .env("ALL_PROXY", &all.url("http", ""))
        .start()
        .await;
    assert_eq!(local.ask(message("Hello", false)).await.status, 200);
    assert_eq!(all.asked().len(), 1, "this machine is reached directly");
}

#[tokio::test]
async fn a_new_password_opens_new_tunnels_and_the_same_one_keeps_the_old() {
    let mock = mock().await;
    let proxy = Proxy::http(Manner::Open).await;
    let load = |password: &str| {
        let setup = behind(&proxy.line("http", "user:env:PW@"), &hidden(&mock));
        setup.env("PW", password)
    };
    let mut gateway = load("one").start().await;
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    for (password, due) in [("one", 1), ("two", 2)] {
        let mut inputs = gateway.inputs.clone();
        inputs.env = vec![("PW".to_owned(), password.to_owned())];
        gateway.running.reload(&inputs).unwrap();
        assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
        assert_eq!(proxy.asked().len(), due, "{password}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_shown_twice_and_not_with_every_request() {
    let refusal = Manner::Say(b"HTTP/1.1 407 No\r\n\r\n".to_vec());
    let proxy = Proxy::http(refusal).await;
    let line = proxy.line("http", "user:hunter2@");
    let gateway = behind(&line, "http://relay.invalid:1").start().await;
    for _ in 0..10 {
        let error = told(&gateway).await;
        assert!(error.contains("it refuses the credentials (407)"), "{error}");
    }
    assert_eq!(proxy.asked().len(), 2);
}
