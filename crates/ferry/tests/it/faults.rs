//! What can go wrong on the way to a node: each ends in a try elsewhere where there is an elsewhere, else in an error of the
//! API's shape with a code, within its deadline; and nothing of it stays behind.

use std::sync::Arc;
use std::time::Duration;

use ferry_mock::{MockSettings, RunningMock, TlsSettings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;

use crate::harness::{
    Answer, Client, End, Gateway, Node, Piece, Setup, Step, body, bytes, guarded, message, mock,
    mock_with, request, sse, status,
};

/// A node of this URL alone, and the same with a standby that is well.
async fn alone_and_with_another(url: &str, lines: &str) -> (Answer, Answer) {
    let other = mock().await;
    let setup = || Setup::new().timeout("patience_ms = 0\nconnect_ms = 400\ntls_ms = 400");
    let alone = setup().node("bad", url, lines).start().await;
    let both = setup()
        .node("bad", url, lines)
        .node("other", &other.base_url(), "role = \"standby\"")
        .start()
        .await;
    (alone.ask(message("Hello", false)).await, both.ask(message("Hello", true)).await)
}

#[track_caller]
fn assert_other(answer: &Answer) {
    assert_eq!((answer.status, answer.end), (200, End::Whole), "{}", answer.text());
    assert_eq!(answer.header("x-ferry-node"), Some("other"));
    assert_eq!(answer.header("x-ferry-attempts"), Some("1"), "connects do not count");
}

#[tokio::test]
async fn a_name_that_nobody_knows() {
    let (alone, both) = alone_and_with_another("http://nobody.invalid:80", "").await;
    // A machine without a resolver is told something else than one with a wrong name.
    let unheard = alone.text().contains("Temporary failure");
    alone.assert_own(503, if unheard { "local-network-down" } else { "no-node" });
    assert!(alone.text().contains("resolve nobody.invalid"), "{}", alone.text());
    assert_other(&both);
}

#[tokio::test]
async fn a_port_that_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (alone, both) = alone_and_with_another(&url, "").await;
    alone.assert_own(503, "no-node");
    assert!(alone.text().contains("refused"), "{}", alone.text());
    assert_other(&both);
}

/// A listener whose queue is full: the kernel drops what else comes, as a blackhole does.
async fn blackhole() -> (TcpListener, Vec<TcpStream>, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let at = listener.local_addr().unwrap();
    let mut fill = Vec::new();
    while let Ok(Ok(taken)) =
        tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(at)).await
    {
        fill.push(taken);
    }
    (listener, fill, format!("http://{at}"))
}

#[tokio::test]
async fn a_path_that_swallows_everything() {
    let (_listener, _fill, url) = blackhole().await;
    let (alone, both) = alone_and_with_another(&url, "").await;
    alone.assert_own(503, "no-node");
    assert!(alone.text().contains("no answer within 400 ms"), "{}", alone.text());
    assert_other(&both);
}

/// Takes connections, reads what comes first and ends them so.
async fn tls_that_ends(reset: bool) -> (tokio::task::JoinHandle<()>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut hello = [0; 1024];
            drop(stream.read(&mut hello).await);
            if reset {
                stream.set_zero_linger().unwrap();
            }
        }
    });
    (task, url)
}

#[tokio::test]
async fn a_handshake_that_is_cut() {
    for reset in [false, true] {
        let (task, url) = tls_that_ends(reset).await;
        let (alone, both) = alone_and_with_another(&url, "").await;
        alone.assert_own(503, "no-node");
        assert!(alone.text().contains("shake hands (TLS)"), "{}", alone.text());
        assert_other(&both);
        task.abort();
    }
}

#[tokio::test]
async fn a_handshake_that_never_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let (alone, both) = alone_and_with_another(&url, "").await;
    alone.assert_own(503, "no-node");
    assert!(alone.text().contains("no answer within 400 ms"), "{}", alone.text());
    assert_other(&both);
}

#[tokio::test]
async fn a_port_that_speaks_no_tls() {
    let node = Node::saying(vec![bytes("HTTP/1.1 400 Bad Request\r\n\r\n"), Step::Close]).await;
    let (alone, both) = alone_and_with_another(&node.url().replace("http:", "https:"), "").await;
    alone.assert_own(503, "no-node");
    assert_other(&both);
    assert!(node.requests().is_empty(), "no byte of a request in the clear");
}

/// A TLS server whose leaf has these parameters; gives its URL and the file of its authority.
async fn tls_with(
    dir: &std::path::Path,
    leaf: impl FnOnce(&mut CertificateParams),
) -> (tokio::task::JoinHandle<()>, String, String) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(dir.join("ca.pem"), authority.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    leaf(&mut params);
    let certificate = params.signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            drop(acceptor.accept(stream).await);
        }
    });
    (task, url, format!("extra_ca_file = \"{}/ca.pem\"", dir.display()))
}

#[tokio::test]
async fn a_certificate_that_is_expired_or_of_the_future_or_of_another_name() {
    type Change = fn(&mut CertificateParams);
    let dir = tempfile::tempdir().unwrap();
    let changes: [(Change, &str); 3] = [
        (|leaf| leaf.not_after = rcgen::date_time_ymd(2020, 1, 1), "expired"),
        (|leaf| leaf.not_before = rcgen::date_time_ymd(2999, 1, 1), "not valid yet"),
        (
            |leaf| {
                let name = "elsewhere.example".try_into().unwrap();
                leaf.subject_alt_names = vec![rcgen::SanType::DnsName(name)];
            },
            "not valid for",
        ),
    ];
    for (change, said) in changes {
        let (task, url, lines) = tls_with(dir.path(), change).await;
        let (alone, both) = alone_and_with_another(&url, &lines).await;
        alone.assert_own(503, "no-node");
        assert!(alone.text().contains(said), "{said}: {}", alone.text());
        assert_other(&both);
        task.abort();
    }
}

/// What a scripted node says, with small deadlines and one try.
async fn said(script: Vec<Step>, stream: bool) -> (Answer, Duration) {
    let node = Node::saying(script).await;
    let gateway = Setup::new()
        .timeout("first_byte_ms = 400\nevent_gap_ms = 400\nnonstream_total_ms = 700\nstream_total_ms = 900")
        .one_try()
        .node("n", &node.url(), "")
        .start()
        .await;
    let begun = Instant::now();
    let mut client = gateway.connect().await;
    let answer = client.ask_for_part(message("Hello", stream)).await;
    let answer = answer.unwrap_or_else(|| Answer {
        status: 0,
        headers: Vec::new(),
        body: Vec::new(),
        end: End::Cut,
    });
    crate::harness::until("rest", || gateway.running.in_flight() == 0).await;
    (answer, begun.elapsed())
}

#[tokio::test]
async fn a_head_without_end() {
    for endless in ["x-more: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", "a"] {
        for stream in [false, true] {
            let script = vec![
                bytes("HTTP/1.1 200 OK\r\nx: "),
                Step::SayEndlessly(endless.repeat(100).into()),
            ];
            let (answer, _) = said(script, stream).await;
            assert_eq!(answer.status, 502, "{}", answer.text());
            assert_ne!(answer.code(), "");
        }
    }
}

#[tokio::test]
async fn interim_answers_without_end() {
    for interim in
        ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"]
    {
        for stream in [false, true] {
            let (answer, took) = said(vec![Step::SayEndlessly(interim.into())], stream).await;
            assert!(matches!(answer.status, 502 | 504), "{}", answer.text());
            assert_ne!(answer.code(), "");
            assert!(took < Duration::from_secs(20), "{took:?}");
        }
    }
}

#[tokio::test]
async fn a_line_of_events_without_end() {
    let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n";
    for begins in ["data: ".to_owned(), format!("{start}event: content_block_delta\ndata: ")] {
        let script = vec![sse(), bytes(begins), Step::SayEndlessly(vec![b'x'; 1000])];
        let (answer, _) = said(script, true).await;
        assert_eq!((answer.status, answer.end), (200, End::Whole));
        let text = String::from_utf8_lossy(&answer.body);
        let end = &text[text.len().saturating_sub(400)..];
        assert!(end.contains("event: error\n") && end.contains("stream-total"), "{end}");
    }
}

#[tokio::test]
async fn json_without_end_flows_and_ends_with_its_client() {
    let node = Node::saying(vec![
        bytes("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{\"a\":\""),
        Step::SayEndlessly(vec![b'x'; 1000]),
    ])
    .await;
    let gateway =
        Setup::new().server("answer_bytes_max = 65536").node("n", &node.url(), "").start().await;
    let mut client = gateway.connect().await;
    client.send(message("Hello", false)).await;
    assert_eq!(client.head().await.status, 200);
    let mut got = 0;
    while got < 1_000_000 {
        let Piece::Data(data) = client.piece().await else { panic!("it ended") };
        got += data.len();
    }
    drop(client);
    crate::harness::until("rest", || gateway.running.in_flight() == 0).await;
    assert_eq!(gateway.metric("ferry_held_bytes"), Some(0.0));
}

#[tokio::test]
async fn an_early_end() {
    for begins in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
    ] {
        for stream in [false, true] {
            let (answer, _) = said(vec![bytes(begins), Step::Close], stream).await;
            answer.assert_own(502, "node-lost");
        }
    }
}

#[tokio::test]
async fn a_drip_that_outlasts_the_total() {
    let mock = mock().await;
    let gateway = Setup::new()
        .timeout("nonstream_total_ms = 400\nstream_total_ms = 800")
        .mock(&mock)
        .start()
        .await;
    let drip = [("x-mock-fault", "drip:bytes=1,ms=30")];
    let sent = |stream| request("POST", "/v1/messages", &drip, &body("Hello", stream));
    gateway.ask(sent(false)).await.assert_own(504, "total");
    let answer = gateway.ask(sent(true)).await;
    if answer.status == 200 {
        assert!(answer.text().contains("stream-total"), "{}", answer.text());
    } else {
        answer.assert_own(504, "first-byte");
    }
}

#[tokio::test]
async fn what_goes_wrong_over_http2_goes_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let tls = Some(TlsSettings::default());
    let bad = mock_with(MockSettings { tls, ..MockSettings::default() }).await;
    std::fs::write(dir.path().join("ca.pem"), bad.ca_pem().unwrap()).unwrap();
    let lines = format!("extra_ca_file = \"{}/ca.pem\"", dir.path().display());
    for fault in
        ["goaway", "refused-stream", "stream-reset", "stream-reset:at=1", "cut", "cut:how=fin"]
    {
        let other = mock().await;
        let gateway = Setup::new()
            .timeout("patience_ms = 1000")
            .node("bad", &bad.base_url(), &lines)
            .node("other", &other.base_url(), "role = \"standby\"")
            .start()
            .await;
        bad.set_fault(fault).unwrap();
        for stream in [false, true] {
            let answer = gateway.ask(message("Hello", stream)).await;
            let given_back = matches!(fault, "goaway" | "refused-stream");
            if given_back && answer.status != 200 {
                // Given back by all connections of the one node that takes any.
                assert_eq!(answer.code(), "not-taken", "{fault}");
                continue;
            }
            assert_eq!(
                (answer.status, answer.end),
                (200, End::Whole),
                "{fault}: {}",
                answer.text()
            );
            assert!(!answer.text().contains("event: error"), "{fault}");
        }
    }
}

/// Sockets of this process.
fn sockets() -> usize {
    let links = std::fs::read_dir("/proc/self/fd").unwrap();
    links
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter(|link| link.to_string_lossy().starts_with("socket:"))
        .count()
}

const FAULTS: [&str; 30] = [
    "delay:ms=0",
    "400",
    "401",
    "429:retry_after=1",
    "500",
    "502",
    "529",
    "html",
    "html:code=502",
    "html:code=504",
    "empty",
    "empty:code=503",
    "redirect",
    "reset",
    "cut:how=fin",
    "cut:at=0",
    "cut:at=1,how=fin",
    "cut:at=3,how=rst",
    "end:after=0",
    "end:after=4",
    "half",
    "chunk-cut:after=2",
    "error-event:after=1",
    "error-event:after=4",
    "big-head:bytes=300000",
    "gzip",
    "close",
    "split:bytes=200",
    "stall:at=1,ms=40",
    "delay:ms=30",
];
/// Those that only HTTP/2 has.
const FAULTS_HTTP2: [&str; 3] = ["refused-stream", "stream-reset:at=1", "goaway"];

async fn faulty(gateway: std::net::SocketAddr, number: usize) {
    let mut client = Client::connect(gateway).await;
    let all = FAULTS.iter().chain(&FAULTS_HTTP2);
    let fault = all.cycle().nth(number % (FAULTS.len() + FAULTS_HTTP2.len())).unwrap();
    let key = format!("sk-ant-api03-{number}");
    let headers = [("x-mock-fault", *fault), ("x-api-key", key.as_str())];
    let sent = match number % 7 {
        0 => request("GET", "/v1/models", &headers, b""),
        1 => request("POST", "/v1/files", &headers, &[b'x'; 500]),
        n => request("POST", "/v1/messages", &headers, &body("Hello", n % 2 == 0)),
    };
    match number % 13 {
        // Leaves at once, or with the head.
        5 => drop(client.send(&sent).await),
        6 => {
            client.send(&sent).await;
        }
        7 => {
            client.send(&sent[..sent.len() / 2]).await;
        }
        _ => drop(client.ask_for_part(&sent).await),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_faults_leave_nothing_behind() {
    const EACH: usize = 200;
    const AT_ONCE: usize = 50;
    let dir = tempfile::tempdir().unwrap();
    let tls = Some(TlsSettings::default());
    let (plain, secure): (RunningMock, RunningMock) =
        (mock().await, mock_with(MockSettings { tls, ..MockSettings::default() }).await);
    std::fs::write(dir.path().join("ca.pem"), secure.ca_pem().unwrap()).unwrap();
    let lines = format!("extra_ca_file = \"{}/ca.pem\"", dir.path().display());
    let gateway: Gateway = Setup::new()
        .timeout("patience_ms = 50\nfirst_byte_ms = 300\nevent_gap_ms = 300\nnonstream_total_ms = 600\nidle_ms = 500")
        .node("plain", &plain.base_url(), "")
        .node("secure", &secure.base_url(), &lines)
        .node("gone", "http://127.0.0.1:1", "role = \"standby\"")
        .start()
        .await;
    let tasks = gateway.running.tasks_alive();
    let open = sockets();
    let address = gateway.data;
    let calls: Vec<_> = (0..AT_ONCE)
        .map(|worker| {
            tokio::spawn(async move {
                for n in 0..EACH {
                    guarded("a faulty request", faulty(address, worker + n * AT_ONCE)).await;
                }
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    let settled = || gateway.running.in_flight() == 0;
    crate::harness::until("no request in flight", settled).await;
    let nodes = crate::harness::nodes_when(&gateway, "no connection to a node", |nodes| {
        nodes
            .iter()
            .all(|node| node.idle_connections + node.http2_connections + node.in_flight == 0)
    })
    .await;
    assert!(nodes.iter().all(|node| node.pending == 0), "{nodes:?}");
    crate::harness::until("the tasks of before", || gateway.running.tasks_alive() <= tasks).await;
    assert_eq!(gateway.metric("ferry_held_bytes"), Some(0.0));
    assert_eq!(gateway.metric("ferry_requests_in_flight"), Some(0.0));
    assert_eq!(gateway.metric("ferry_panics_total"), Some(0.0));
    // In a process of its own the sockets can be counted, too.
    if std::env::var_os("NEXTEST").is_some() {
        crate::harness::until("the sockets of before", || sockets() <= open).await;
    }
    let answer = gateway.ask(message("Hello", true)).await;
    assert_eq!(answer.status, 200, "{}: {:?}", answer.text(), status(&gateway).await);
}
