//! Local is not safe (design.md 5.10): browsers and rebound names are refused unless they are listed.

use crate::harness::{Setup, body, both, get, mock, request};

fn from_origin(origin: &str) -> Vec<u8> {
    request("POST", "/v1/messages", &[("origin", origin)], &body("Hello", false))
}

#[tokio::test]
async fn a_request_of_a_web_page_is_refused() {
    let (mock, gateway) = both().await;
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost:3000",
        "http://127.0.0.1:7300",
        "file://",
    ] {
        let answer = gateway.ask(from_origin(origin)).await;
        answer.assert_own(403, "origin-not-allowed");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    assert_eq!(mock.stats().requests, 0);
}

#[tokio::test]
async fn an_allowed_origin_is_let_in_and_not_told_to_the_node() {
    let mock = mock().await;
    let gateway = Setup::new()
        .server("allowed_origins = [\"https://app.example.com\"]")
        .mock(&mock)
        .start()
        .await;
    let answer = gateway.ask(from_origin("https://app.example.com")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example.com"));
    assert_eq!(answer.header("vary"), Some("origin"));
    assert!(!mock.last().unwrap().headers.contains_key("origin"));
    for other in ["https://app.example.com.evil.example", "http://app.example.com", "null"] {
        gateway.ask(from_origin(other)).await.assert_own(403, "origin-not-allowed");
    }
    let preflight = request(
        "OPTIONS",
        "/v1/messages",
        &[
            ("origin", "https://app.example.com"),
            ("access-control-request-method", "POST"),
            ("x-api-key", ""),
        ],
        b"",
    );
    let answer = gateway.ask(preflight).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"));
    assert_eq!(mock.stats().requests, 1);
}

#[tokio::test]
async fn a_name_that_is_not_loopback_is_refused_on_a_loopback_bind() {
    let (mock, gateway) = both().await;
    let asked =
        |host: &'static str| gateway.ask(request("GET", "/v1/models", &[("host", host)], b""));
    for host in [
        "evil.example",
        "evil.example:7300",
        "localhost.evil.example",
        "169.254.169.254",
        "10.0.0.1:80",
    ] {
        asked(host).await.assert_own(403, "host-not-allowed");
    }
    assert_eq!(mock.stats().requests, 0);
    for host in [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1",
        "127.0.0.1:7300",
        "[::1]:7300",
        "ferry.localhost",
        "localhost.",
    ] {
        assert_eq!(asked(host).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn an_allowed_host_is_let_in() {
    let mock = mock().await;
    let gateway =
        Setup::new().server("allowed_hosts = [\"ferry.internal\"]").mock(&mock).start().await;
    let answer =
        gateway.ask(request("GET", "/v1/models", &[("host", "ferry.internal:7300")], b"")).await;
    assert_eq!(answer.status, 200);
    let admin = crate::harness::Client::connect(gateway.admin).await.ask(get("/healthz")).await;
    assert_eq!(admin.status, 200);
}

#[tokio::test]
async fn the_admin_port_answers_no_rebound_name() {
    let (_mock, gateway) = both().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        for (headers, status) in [(&[][..], 200), (&[("host", "evil.example")], 403)] {
            let mut client = crate::harness::Client::connect(gateway.admin).await;
            let answer = client.ask(request("GET", path, headers, b"")).await;
            assert_eq!(answer.status, status, "{path} {headers:?}");
        }
    }
}
