//! Credentials: both headers, what cannot be right, what is likely meant by a 401 or 403, and keys that stay here.

use std::fmt::Write as _;

use crate::harness::{Answer, Gateway, KEY, Setup, body, both, mock, request};

/// A message with these credential headers and no other.
fn showing(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut all = vec![("x-api-key", "")];
    all.retain(|(name, _)| !headers.iter().any(|(other, _)| other == name));
    all.extend(headers);
    request("POST", "/v1/messages", &all, &body("Hello", false))
}

/// `request` leaves out empty values; this one is sent with nothing behind the colon.
fn raw(lines: &str) -> Vec<u8> {
    let body = body("Hello", false);
    let mut bytes = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nanthropic-version: 2023-06-01\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{lines}\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(&body);
    bytes
}

#[tokio::test]
async fn both_credential_headers_travel_on_unchanged() {
    let (mock, gateway) = both().await;
    let bearer = format!("Bearer {KEY}");
    gateway.ask(showing(&[("x-api-key", KEY)])).await;
    assert_eq!(mock.last().unwrap().headers["x-api-key"], KEY);
    assert!(!mock.last().unwrap().headers.contains_key("authorization"));
    gateway.ask(showing(&[("authorization", &bearer)])).await;
    assert_eq!(mock.last().unwrap().headers["authorization"], bearer.as_str());
    assert!(!mock.last().unwrap().headers.contains_key("x-api-key"));
    let both = showing(&[("x-api-key", KEY), ("authorization", &bearer)]);
    assert_eq!(gateway.ask(both).await.status, 200);
    assert_eq!(mock.last().unwrap().headers["x-api-key"], KEY);
    assert_eq!(mock.last().unwrap().headers["authorization"], bearer.as_str());
}

#[tokio::test]
async fn keys_of_an_unexpected_form_go_on_since_a_relay_may_have_its_own() {
    let (mock, gateway) = both().await;
    for key in [
        "relay-0123456789",
        "sk-ant-sid01-abc",
        "sk-proj-abc",
        "AIzaSyA",
        "sk-ant-admin01-abc",
        "0",
    ] {
        let answer = gateway.ask(showing(&[("x-api-key", key)])).await;
        assert_eq!(answer.status, 200, "{key}");
        assert_eq!(answer.header("x-ferry-code"), None);
        assert_eq!(mock.last().unwrap().headers["x-api-key"], key);
    }
}

#[tokio::test]
async fn a_credential_that_cannot_be_right_is_refused_with_what_is_wrong() {
    let (mock, gateway) = both().await;
    for (lines, status, code, word) in [
        ("", 401, "FD-K01", "No API key"),
        ("x-api-key:\r\n", 401, "FD-K02", "empty"),
        ("x-api-key:   \r\n", 401, "FD-K02", "empty"),
        ("authorization: Bearer\r\n", 401, "FD-K02", "empty"),
        ("x-api-key: \"sk-ant-api03-abc\"\r\n", 401, "FD-K02", "quotation"),
        ("x-api-key: 'sk-ant-api03-abc'\r\n", 401, "FD-K02", "quotation"),
        ("authorization: Bearer \"sk-ant-api03-abc\"\r\n", 401, "FD-K02", "quotation"),
        ("x-api-key: sk-ant- api03\r\n", 401, "FD-K02", "space"),
        ("authorization: Bearer  sk-ant-api03-abc\r\n", 401, "FD-K02", "space"),
        ("x-api-key: sk-ant-api03-abc\\n\r\n", 401, "FD-K02", "line end"),
        ("x-api-key: sk-ant-api03-é\r\n", 401, "FD-K02", "character"),
        ("x-api-key: $ANTHROPIC_API_KEY\r\n", 401, "FD-K02", "placeholder"),
        ("x-api-key: your-api-key\r\n", 401, "FD-K02", "placeholder"),
        ("x-api-key: ANTHROPIC_API_KEY=sk-ant-api03-abc\r\n", 401, "FD-K02", "name"),
        ("x-api-key: Bearer sk-ant-api03-abc\r\n", 401, "FD-K02", "Bearer"),
        ("authorization: Bearer Bearer sk-ant-api03-abc\r\n", 401, "FD-K02", "Bearer"),
        ("authorization: Basic eDp5\r\n", 401, "FD-K06", "Basic"),
        ("authorization: sk-ant-api03-abc\r\n", 401, "FD-K06", "Bearer"),
        (
            "x-api-key: sk-ant-api03-a\r\nauthorization: Bearer sk-ant-api03-b\r\n",
            401,
            "FD-K05",
            "two different",
        ),
        (
            "x-api-key: sk-ant-api03-a\r\nx-api-key: sk-ant-api03-a\r\n",
            401,
            "FD-K05",
            "more than once",
        ),
        ("x-api-key: sk-ant-oat01-abc\r\n", 403, "FD-K03", "subscription"),
        ("authorization: Bearer sk-ant-oat01-abc\r\n", 403, "FD-K03", "subscription"),
        ("authorization: Bearer SK-ANT-OAT01-abc\r\n", 403, "FD-K03", "subscription"),
    ] {
        let answer = gateway.ask(raw(lines)).await;
        answer.assert_own(status, code);
        let kind = if status == 403 { "permission_error" } else { "authentication_error" };
        assert_eq!(answer.json()["error"]["type"], kind);
        assert!(answer.text().contains(word), "{lines:?}: {}", answer.text());
        assert!(!answer.text().contains("api03"), "{}", answer.text());
        assert_eq!(answer.header("x-should-retry"), Some("false"));
    }
    assert_eq!(mock.stats().requests, 0);
}

#[tokio::test]
async fn an_upstream_401_or_403_passes_unchanged_with_its_likely_cause_beside_it() {
    let (_mock, gateway) = both().await;
    for (key, word) in [
        ("sk-ant-api03-abc", "revoked"),
        ("relay-0123", "sk-ant-"),
        ("sk-ant-sid01-abc", "session"),
        ("sk-proj-abc", "OpenAI"),
        ("AIzaSyA", "Google"),
        ("AKIAIOSFODNN7", "AWS"),
        ("ghp_abc", "GitHub"),
        ("sk-ant-admin01-abc", "admin"),
        ("fry-abc", "Ferry key"),
    ] {
        for (fault, status) in [("401", 401), ("403", 403)] {
            let answer = gateway.ask(showing(&[("x-api-key", key), ("x-mock-fault", fault)])).await;
            assert_eq!(answer.status, status);
            assert!(answer.header("request-id").unwrap().starts_with("req_"), "the node's answer");
            assert!(answer.json()["error"]["message"].as_str().unwrap().contains(' '));
            let (code, hint) = (answer.code(), answer.header("x-ferry-hint").unwrap());
            if key.starts_with("sk-ant-api") && status == 403 {
                assert_eq!((code, hint.contains("permission")), ("FD-R02", true), "{hint}");
            } else {
                assert_eq!((code, hint.contains(word)), ("FD-K02", true), "{key}: {hint}");
            }
            assert!(!hint.contains(key));
        }
    }
}

#[tokio::test]
async fn a_403_in_the_shape_of_a_region_or_a_proxy_says_so() {
    let (_mock, gateway) = both().await;
    let asked =
        |fault: &'static str| gateway.ask(showing(&[("x-api-key", KEY), ("x-mock-fault", fault)]));
    assert_eq!(asked("403:type=forbidden").await.code(), "FD-R01");
    assert_eq!(asked("html:code=403").await.code(), "FD-R04");
    assert_eq!(asked("html:code=401").await.code(), "FD-K01");
}

async fn keyed() -> (ferry_mock::RunningMock, Gateway) {
    let mock = mock().await;
    let gateway = Setup::new()
        .node("mock", &mock.base_url(), "key = \"env:NODE_KEY\"")
        .env("NODE_KEY", "sk-ant-api03-0fTheNode")
        .start()
        .await;
    (mock, gateway)
}

#[tokio::test]
async fn a_nodes_key_replaces_the_callers_in_the_form_that_the_caller_used() {
    let (mock, gateway) = keyed().await;
    gateway.ask(showing(&[("x-api-key", KEY)])).await;
    assert_eq!(mock.last().unwrap().headers["x-api-key"], "sk-ant-api03-0fTheNode");
    assert!(!mock.last().unwrap().headers.contains_key("authorization"));
    gateway.ask(showing(&[("authorization", "Bearer whatever")])).await;
    assert_eq!(mock.last().unwrap().headers["authorization"], "Bearer sk-ant-api03-0fTheNode");
    assert!(!mock.last().unwrap().headers.contains_key("x-api-key"));
    gateway.ask(showing(&[])).await;
    assert_eq!(mock.last().unwrap().headers["x-api-key"], "sk-ant-api03-0fTheNode");
    for captured in mock.requests() {
        assert!(!format!("{:?}", captured.headers).contains(KEY), "the caller's key stays here");
    }
}

#[tokio::test]
async fn an_access_key_lets_in_and_goes_no_further() {
    let mock = mock().await;
    let gateway = Setup::new()
        .table("[access]\nkeys = [\"env:FRY\"]")
        .env("FRY", "fry-0123456789abcdef")
        .node("mock", &mock.base_url(), "key = \"env:NODE_KEY\"")
        .env("NODE_KEY", "sk-ant-api03-0fTheNode")
        .start()
        .await;
    let let_in = gateway.ask(showing(&[("authorization", "Bearer fry-0123456789abcdef")])).await;
    assert_eq!(let_in.status, 200, "{}", let_in.text());
    assert_eq!(mock.last().unwrap().headers["authorization"], "Bearer sk-ant-api03-0fTheNode");
    for key in ["fry-0123456789abcdee", "fry-0123456789abcdef0", "sk-ant-api03-0fTheNode"] {
        gateway.ask(showing(&[("x-api-key", key)])).await.assert_own(401, "FD-K07");
    }
    gateway.ask(showing(&[])).await.assert_own(401, "FD-K01");
    assert_eq!(mock.stats().requests, 1);
}

#[tokio::test]
async fn access_keys_before_a_node_without_a_key_are_refused_at_start() {
    let report = Setup::new()
        .table("[access]\nkeys = [\"env:FRY\"]")
        .env("FRY", "fry-0123456789abcdef")
        .node("n", "https://relay.example.com", "")
        .refused();
    assert!(report.contains("nodes.0.key"), "{report}");
}

#[tokio::test]
async fn an_admin_key_in_a_node_is_refused_at_start() {
    for key in ["sk-ant-admin01-abc", "sk-ant-oat01-abc", "\"sk-ant-api03\"", "sk-ant- api"] {
        let report = Setup::new()
            .node("n", "https://relay.example.com", "key = \"env:NODE_KEY\"")
            .env("NODE_KEY", key)
            .refused();
        assert!(report.contains("nodes"), "{report}");
        assert!(!report.contains(key), "{report}");
    }
}

#[tokio::test]
async fn a_public_bind_with_a_node_key_and_no_access_control_is_refused_at_start() {
    let open = || {
        Setup::new()
            .listen("0.0.0.0:0")
            .node("n", "https://relay.example.com", "key = \"env:NODE_KEY\"")
            .env("NODE_KEY", "sk-ant-api03-abc")
    };
    let report = open().refused();
    assert!(report.contains("access.keys"), "the mend is named: {report}");
    let guarded = open().table("[access]\nkeys = [\"env:FRY\"]").env("FRY", "fry-0123456789abcdef");
    drop(guarded.start().await);
}

#[tokio::test]
async fn no_key_stands_in_logs_metrics_or_answers() {
    let (mock, gateway) = keyed().await;
    let canary = "sk-ant-api03-CANARYofTheCaller";
    let mut said = String::new();
    let mut note = |answer: &Answer| {
        write!(said, "{:?} {}", answer.headers, answer.text()).unwrap();
    };
    note(&gateway.ask(showing(&[("x-api-key", canary)])).await);
    for fault in ["401", "403", "500", "reset", "html", "redirect", "half"] {
        note(&gateway.ask(showing(&[("x-api-key", canary), ("x-mock-fault", fault)])).await);
    }
    note(&gateway.ask(raw(&format!("x-api-key: {canary} x\r\n"))).await);
    note(&gateway.ask(request("GET", &format!("/v1/models?key={canary}"), &[], b"")).await);
    said += &gateway.running.metrics();
    write!(said, "{:?}", gateway.running).unwrap();
    let log = gateway.into_log().await;
    said += &serde_json::to_string(&log).unwrap();
    assert!(log.len() > 9);
    assert!(!said.contains("CANARY") && !said.contains("0fTheNode"), "{said}");
    drop(mock);
}

#[tokio::test]
async fn callers_with_keys_of_their_own_are_tenants_of_their_own() {
    let (_mock, gateway) = both().await;
    for key in ["sk-ant-api03-one", "sk-ant-api03-two", "sk-ant-api03-one"] {
        gateway.ask(showing(&[("x-api-key", key)])).await;
    }
    gateway.ask(showing(&[("authorization", "Bearer sk-ant-api03-one")])).await;
    let tenants: Vec<_> =
        gateway.into_requests().await.iter().map(|line| line["tenant"].clone()).collect();
    assert_eq!(tenants[0], tenants[2]);
    assert_eq!(tenants[0], tenants[3]);
    assert_ne!(tenants[0], tenants[1]);
    assert!(!tenants.contains(&"default".into()));
}
