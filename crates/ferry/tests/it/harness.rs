//! What every test stands on: a gateway in this process, a client that speaks raw bytes, a node that says what a
//! test tells it. Nothing here sleeps; a hang is a failure after `GUARD`.

mod client;
mod gateway;
mod node;
mod proxy;

use std::time::Duration;

use ferry_gateway::upstream::status::NodeStatus;
use ferry_mock::{Mock, MockSettings, RunningMock, Stats};

pub(crate) use client::{Answer, Client, End, Io, Piece};
pub(crate) use gateway::{Gateway, Setup};
pub(crate) use node::{Node, Step, bytes, http_json, sse};
pub(crate) use proxy::{Manner, Proxy};

/// How long anything may take before it counts as a hang. Never part of an assertion.
pub(crate) const GUARD: Duration = Duration::from_secs(30);

/// A key of the usual form; the mock takes any.
pub(crate) const KEY: &str = "sk-ant-api03-k3yOfTheCaller";

/// Waits for `work`, and fails when it hangs.
pub(crate) async fn guarded<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(GUARD, work).await {
        Ok(done) => done,
        Err(tokio::time::error::Elapsed { .. }) => panic!("hung while waiting for {what}"),
    }
}

/// A mock with default settings.
pub(crate) async fn mock() -> RunningMock {
    mock_with(MockSettings::default()).await
}

/// A mock with these settings.
pub(crate) async fn mock_with(settings: MockSettings) -> RunningMock {
    Mock::start(settings).await.unwrap()
}

/// A mock behind a gateway.
pub(crate) async fn both() -> (RunningMock, Gateway) {
    let mock = mock().await;
    let gateway = Gateway::before(&mock).await;
    (mock, gateway)
}

/// Waits until the mock's counters are so.
pub(crate) async fn seen(mock: &RunningMock, what: &str, enough: impl Fn(&Stats) -> bool) -> Stats {
    guarded(what, mock.stats_when(enough)).await
}

/// Waits until something that has no event of its own is so, yielding to the other tasks.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    guarded(what, async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// A request with the usual headers, `headers` and a length. A header of `headers` replaces a usual one of that
/// name, an empty value takes it away.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    let mut lines = vec![
        ("host", "localhost"),
        ("x-api-key", KEY),
        ("anthropic-version", "2023-06-01"),
        ("content-type", "application/json"),
    ];
    if !body.is_empty() || method == "POST" {
        lines.push(("content-length", length.as_str()));
    }
    lines.retain(|(name, _)| !headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)));
    let mut bytes = format!("{method} {path} HTTP/1.1\r\n").into_bytes();
    for (name, value) in lines.iter().chain(headers).filter(|(_, value)| !value.is_empty()) {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// `POST /v1/messages` with a prompt (which may hold a `[mock ...]` marker).
pub(crate) fn message(prompt: &str, stream: bool) -> Vec<u8> {
    request("POST", "/v1/messages", &[], &body(prompt, stream))
}

/// The body of such a request.
pub(crate) fn body(prompt: &str, stream: bool) -> Vec<u8> {
    format!(
        r#"{{"model":"claude-sonnet-5","max_tokens":64,"stream":{stream},"messages":[{{"role":"user","content":"{prompt}"}}]}}"#
    )
    .into_bytes()
}

/// The nodes as the admin port tells them.
pub(crate) async fn status(gateway: &Gateway) -> Vec<NodeStatus> {
    let answer = Client::connect(gateway.admin).await.ask(get("/nodes")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

/// Waits until the nodes are so, as the admin port tells them.
pub(crate) async fn nodes_when(
    gateway: &Gateway,
    what: &str,
    enough: impl Fn(&[NodeStatus]) -> bool,
) -> Vec<NodeStatus> {
    guarded(what, async {
        loop {
            let nodes = status(gateway).await;
            if enough(&nodes) {
                return nodes;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// A `GET` with the usual headers.
pub(crate) fn get(path: &str) -> Vec<u8> {
    request("GET", path, &[], b"")
}
