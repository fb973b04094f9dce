//! Errors: a node's own pass unchanged, Ferry's have the API's shape, a stable code and the next action.

use std::fmt::Write as _;

use crate::harness::{
    Answer, Client, Gateway, KEY, Node, Setup, Step, body, both, bytes, get, http_json, message,
    mock, request, seen,
};

/// Headers that Ferry adds or a clock writes.
fn comparable(answer: &Answer) -> Vec<(String, String)> {
    let own = |name: &str| {
        name.starts_with("x-ferry-")
            || matches!(name, "date" | "anthropic-ratelimit-requests-reset")
    };
    let mut headers: Vec<_> =
        answer.headers.iter().filter(|(name, _)| !own(name)).cloned().collect();
    headers.sort();
    headers
}

#[tokio::test]
async fn every_documented_error_of_a_node_passes_unchanged() {
    let (direct, behind) = (mock().await, mock().await);
    let gateway = Setup::new().one_try().mock(&behind).start().await;
    for fault in [
        "400",
        "401",
        "402",
        "403",
        "404",
        "408",
        "409",
        "412",
        "413",
        "422",
        "429",
        "500",
        "501",
        "502",
        "503",
        "504",
        "529",
        "429:retry_after=30",
        "429:retry_after=none",
        "429:error_code=spend_limit,retry_after=none",
        "429:retry_after_ms=1500",
        "529:should_retry=false",
        "500:should_retry=true",
        "400:type=new_error,message=unheard of,error_code=x",
        "418:type=odd_error",
        "599",
    ] {
        for stream in [false, true] {
            let sent =
                request("POST", "/v1/messages", &[("x-mock-fault", fault)], &body("Hello", stream));
            let without = Client::connect(direct.addr()).await.ask(&sent).await;
            let through = gateway.ask(&sent).await;
            assert_eq!(through.status, without.status, "{fault}");
            assert_eq!(through.text(), without.text(), "{fault}");
            assert_eq!(comparable(&through), comparable(&without), "{fault}");
        }
    }
}

#[tokio::test]
async fn an_error_without_a_body_or_of_another_shape_passes_unchanged() {
    for (status, content_type, said) in [
        ("500 Internal Server Error", "text/plain", "oops"),
        ("404 Not Found", "application/json", "{\"detail\": 1.0 }"),
        ("503 Service Unavailable", "application/problem+json", "{}"),
        ("502 Bad Gateway", "application/json", "{\"half\":"),
        ("429 Too Many Requests", "application/json", "[]"),
        ("400 Bad Request", "application/json; charset=utf-8", ""),
    ] {
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\nx-odd: 1\r\ncontent-length: {}\r\n\r\n{said}",
            said.len()
        );
        let node = Node::saying(vec![bytes(answer)]).await;
        let gateway = Setup::new().node("n", &node.url(), "").start().await;
        let answer = gateway.ask(message("Hello", true)).await;
        assert_eq!(answer.status.to_string(), status[..3]);
        assert_eq!(
            (answer.text(), answer.header("content-type"), answer.header("x-odd")),
            (said, Some(content_type), Some("1"))
        );
    }
}

#[tokio::test]
async fn a_429_with_retry_after_goes_on_unmarked() {
    let (_mock, gateway) = both().await;
    let answer = gateway
        .ask(request(
            "POST",
            "/v1/messages",
            &[("x-mock-fault", "429:retry_after=7")],
            &body("x", false),
        ))
        .await;
    assert_eq!(answer.header("retry-after"), Some("7"));
    assert_eq!(answer.header("x-should-retry"), None);
}

/// One line for each error of Ferry's own, as an operator's table.
struct Table(String);

impl Table {
    fn note(&mut self, answer: &Answer) {
        answer.assert_own(answer.status, answer.code());
        let json = answer.json();
        let error = &json["error"];
        assert_eq!(error["details"]["error_code"], answer.code());
        writeln!(
            self.0,
            "{} {} {} retry-after={} x-should-retry={} hint={}\n    {}",
            answer.status,
            answer.code(),
            error["type"].as_str().unwrap(),
            answer.header("retry-after").unwrap_or("-"),
            answer.header("x-should-retry").unwrap_or("-"),
            answer.header("x-ferry-hint").unwrap_or("-"),
            error["message"].as_str().unwrap(),
        )
        .unwrap();
    }
}

fn faulty(fault: &str, stream: bool) -> Vec<u8> {
    request("POST", "/v1/messages", &[("x-mock-fault", fault)], &body("Hello", stream))
}

async fn of_the_head(table: &mut Table, gateway: &Gateway) {
    for path in ["/", "/x", "/messages", "/v1/chat/completions", "/v1/organizations/x", "/v1//x"] {
        table.note(&gateway.ask(get(path)).await);
    }
    table.note(&gateway.ask(request("TRACE", "/v1/messages", &[], b"")).await);
    for header in [
        ("origin", "https://x.example"),
        ("origin", "null"),
        ("host", "x.example"),
        ("x-api-key", ""),
        ("x-api-key", "sk-ant-oat01-abc"),
        ("x-api-key", "'quoted'"),
        ("authorization", "Basic eDp5"),
        ("authorization", "Bearer sk-ant-api03-other"),
    ] {
        let body = body("Hello", false);
        table.note(&gateway.ask(request("POST", "/v1/messages", &[header], &body)).await);
    }
}

async fn of_the_body(table: &mut Table, gateway: &Gateway) {
    let post =
        |headers: &[(&str, &str)], body: &[u8]| request("POST", "/v1/messages", headers, body);
    for body in [&b""[..], b"no json", b"[]", b"{\"model\":", b"{} x", &vec![b'x'; 70_000]] {
        table.note(&gateway.ask(post(&[], body)).await);
    }
    table.note(&gateway.ask(post(&[("content-type", "text/plain")], b"a=b")).await);
    table.note(&gateway.ask(post(&[("content-encoding", "gzip")], b"x")).await);
    table.note(&gateway.ask(post(&[("content-encoding", "gzip, br")], b"x")).await);
    let mut client = gateway.connect().await;
    client.send(post(&[("content-length", "100")], b"{")).await;
    table.note(&client.answer().await);
}

async fn of_the_node(table: &mut Table, gateway: &Gateway) {
    for fault in ["reset", "half", "html", "redirect", "stall"] {
        table.note(&gateway.ask(faulty(fault, false)).await);
    }
    table.note(&gateway.ask(faulty("stall", true)).await);
    table.note(&gateway.ask(faulty("cut:at=0", true)).await);
    for said in [&b"SSH-2.0-x\r\n"[..], &http_json("200 OK", b"{\"half")] {
        let node = Node::saying(vec![bytes(said), Step::Close]).await;
        let gateway = Setup::new().one_try().node("n", &node.url(), "").start().await;
        table.note(&gateway.ask(message("Hello", false)).await);
    }
    let gateway = Setup::new()
        .timeout("patience_ms = 0")
        .node("gone", "http://127.0.0.1:1", "")
        .start()
        .await;
    table.note(&gateway.ask(message("Hello", false)).await);
}

async fn of_bounds(table: &mut Table) {
    let mock = mock().await;
    let gateway = Setup::new()
        .server("requests_max = 1\nheld_bytes_max = 100000\nbody_bytes_max = 65536\nbatch_body_bytes_max = 65536\nanswer_bytes_max = 65536")
        .mock(&mock)
        .start()
        .await;
    let mut first = gateway.connect().await;
    first.send(message("[mock latency_ms=600000]", false)).await;
    seen(&mock, "the generation", |stats| stats.generations_started == 1).await;
    table.note(&gateway.ask(message("Hello", false)).await);
    let guarded = Setup::new()
        .table("[access]\nkeys = [\"env:FRY\"]")
        .env("FRY", "fry-0123456789abcdef")
        .env("NODE_KEY", "sk-ant-api03-node")
        .node("n", &mock.base_url(), "key = \"env:NODE_KEY\"")
        .start()
        .await;
    table.note(&guarded.ask(message("Hello", false)).await);
}

#[tokio::test]
async fn the_errors_of_ferrys_own() {
    let mock = mock().await;
    let gateway = Setup::new()
        .server("body_bytes_max = 65536")
        .timeout("client_idle_ms = 300\nfirst_byte_ms = 500\nnonstream_total_ms = 1500")
        .one_try()
        .mock(&mock)
        .start()
        .await;
    let mut table = Table(String::new());
    of_the_head(&mut table, &gateway).await;
    of_the_body(&mut table, &gateway).await;
    of_the_node(&mut table, &gateway).await;
    of_bounds(&mut table).await;
    assert!(!table.0.contains(KEY));
    insta::with_settings!({ filters => [(r"127\.0\.0\.1:\d+", "ADDRESS"), (r"within \d+ ms: could", "within TIME: could")] }, {
        insta::assert_snapshot!(table.0);
    });
}

#[tokio::test]
async fn the_errors_of_framing() {
    let (_mock, gateway) = both().await;
    let mut table = Table(String::new());
    for raw in [
        "GET /v1/models HTTP/1.1\nhost: localhost\n\n",
        "GET /v1/models HTTP/1.1\r\n\r\n",
        "GET /v1/models HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "GET /v1/models HTTP/1.1\r\nhost : localhost\r\n\r\n",
        "GET /v1/models HTTP/1.1\r\nhost: localhost\r\nx: a\r\n b\r\n\r\n",
        "GET /v1/models HTTP/1.1\r\nhost: localhost\r\nx: \u{0}\r\n\r\n",
        "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
        "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: +1\r\n\r\n",
        "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent_length: 1\r\n\r\n",
        "CONNECT api.anthropic.com:443 HTTP/1.1\r\nhost: api.anthropic.com:443\r\n\r\n",
        "GET http://localhost/v1/models HTTP/1.1\r\nhost: other\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n",
    ] {
        let mut client = gateway.connect().await;
        client.send(raw).await;
        let answer = client.answer().await;
        assert_eq!(answer.header("connection"), Some("close"), "{raw:?} {answer:?}");
        assert_ne!(answer.code(), "", "{raw:?} {answer:?}");
        table.note(&answer);
        client.assert_closed().await;
    }
    insta::assert_snapshot!(table.0);
}
