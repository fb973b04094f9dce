//! Paths: prefixes, a doubled `/v1`, what is not carried, and `results_url`.

use ferry_mock::{MockSettings, RunningMock};

use crate::harness::{Gateway, Setup, body, both, get, mock_with, request};

#[tokio::test]
async fn known_prefixes_are_taken_off() {
    let (mock, gateway) = both().await;
    for prefix in ["", "/api", "/proxy", "/anthropic"] {
        let path = format!("{prefix}/v1/messages?beta=true");
        let answer = gateway.ask(request("POST", &path, &[], &body("Hello", false))).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("x-ferry-hint"), None);
        assert_eq!(mock.last().unwrap().uri, "/v1/messages?beta=true");
    }
}

#[tokio::test]
async fn a_doubled_v1_is_mended_and_said() {
    let (mock, gateway) = both().await;
    for path in ["/v1/v1/messages", "/api/v1/v1/messages", "/v1/v1/v1/messages"] {
        let answer = gateway.ask(request("POST", path, &[], &body("Hello", true))).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.code(), "FD-P01");
        assert!(answer.header("x-ferry-hint").unwrap().contains("/v1"));
        assert_eq!(mock.last().unwrap().uri, "/v1/messages");
    }
}

#[tokio::test]
async fn a_node_under_a_path_gets_it_in_front() {
    let mock = crate::harness::mock().await;
    let url = format!("{}/relay/api/", mock.base_url());
    let gateway = Setup::new().node("n", &url, "").start().await;
    gateway.ask(request("POST", "/api/v1/messages?x=1", &[], &body("Hello", false))).await;
    assert_eq!(mock.last().unwrap().uri, "/relay/api/v1/messages?x=1");
}

#[tokio::test]
async fn what_is_not_carried_is_refused_before_any_node() {
    let (mock, gateway) = both().await;
    for (path, status, code) in [
        ("/", 404, "path-not-api"),
        ("/v1", 404, "path-not-api"),
        ("/v1/", 404, "path-not-api"),
        ("/v2/messages", 404, "path-not-api"),
        ("/favicon.ico", 404, "path-not-api"),
        ("/messages", 404, "path-no-v1"),
        ("/api/messages", 404, "path-no-v1"),
        ("/v1/chat/completions", 404, "path-openai"),
        ("/v1/responses", 404, "path-openai"),
        ("/v1/organizations/me", 403, "path-denied"),
        ("/api/v1/organizations/api_keys", 403, "path-denied"),
        ("/v1/v1/organizations/x", 403, "path-denied"),
        ("/v1/ORGANIZATIONS/x", 403, "path-denied"),
        ("/v1/organizations./x", 403, "path-denied"),
        ("/v1/%6frganizations/x", 403, "path-denied"),
        ("/v1/compliance/x", 403, "path-denied"),
        ("/v1/messages/../organizations/x", 400, "path-malformed"),
        ("/v1/messages/%2e%2e/organizations", 400, "path-malformed"),
        ("/v1//organizations/x", 400, "path-malformed"),
        ("//v1/organizations/x", 400, "path-malformed"),
        ("/v1/x/..%2forganizations", 400, "path-malformed"),
        ("/v1/x%00", 400, "path-malformed"),
        ("/v1/x;y", 400, "path-malformed"),
        ("/v1/x/%zz", 400, "path-malformed"),
    ] {
        let answer = gateway.ask(get(path)).await;
        answer.assert_own(status, code);
        assert_eq!(answer.header("x-should-retry"), Some("false"), "{path}");
    }
    assert_eq!(mock.stats().requests, 0);
}

#[tokio::test]
async fn an_unknown_method_is_405() {
    let (mock, gateway) = both().await;
    for method in ["OPTIONS", "TRACE", "PROPFIND", "FROB"] {
        gateway.ask(request(method, "/v1/messages", &[], b"")).await.assert_own(405, "method");
    }
    assert_eq!(mock.stats().requests, 0);
}

const BATCH: &[u8] = br#"{"requests":[{"custom_id":"a","params":{"model":"claude-sonnet-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}}]}"#;

async fn batching() -> RunningMock {
    mock_with(MockSettings {
        results_base: Some("https://api.anthropic.com".to_owned()),
        ..MockSettings::default()
    })
    .await
}

/// Asserts what `results_url` is in every answer that holds one.
async fn results_urls(gateway: &Gateway, prefix: &str, host: &str, base: &str) {
    let ask = |method: &'static str, path: String, body: &'static [u8]| {
        gateway.ask(request(method, &format!("{prefix}{path}"), &[("host", host)], body))
    };
    let created = ask("POST", "/v1/messages/batches".to_owned(), BATCH).await;
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let expected = format!("{base}/v1/messages/batches/{id}/results");
    let one = ask("GET", format!("/v1/messages/batches/{id}"), b"").await;
    assert_eq!(one.json()["results_url"], expected.as_str());
    let list = ask("GET", "/v1/messages/batches?limit=5".to_owned(), b"").await;
    let data = list.json()["data"].as_array().unwrap().clone();
    let listed = data.iter().find(|batch| batch["id"] == id.as_str()).unwrap();
    assert_eq!(listed["results_url"], expected.as_str());
    // Nothing else has changed: the length follows.
    let length = one.header("content-length").unwrap().parse::<usize>().unwrap();
    assert_eq!(length, one.body.len());
    for answer in [&created, &one, &list] {
        assert!(!answer.text().contains("api.anthropic.com"), "{}", answer.text());
    }
    let results = ask("GET", format!("/v1/messages/batches/{id}/results"), b"").await;
    assert_eq!(results.status, 200);
    assert_eq!(results.json()["custom_id"], "a", "one line of JSON");
}

#[tokio::test]
async fn results_url_points_at_ferry_by_the_name_that_the_client_used() {
    let mock = batching().await;
    let gateway = Gateway::before(&mock).await;
    results_urls(&gateway, "", "localhost:7300", "http://localhost:7300").await;
    results_urls(&gateway, "/api", "127.0.0.1:1", "http://127.0.0.1:1/api").await;
    results_urls(&gateway, "/anthropic", "localhost", "http://localhost/anthropic").await;
}

#[tokio::test]
async fn results_url_points_at_public_url_when_it_is_set() {
    let mock = batching().await;
    let gateway = Setup::new()
        .server("public_url = \"https://claude.example.com/gw\"")
        .mock(&mock)
        .start()
        .await;
    results_urls(&gateway, "", "localhost", "https://claude.example.com/gw").await;
}

#[tokio::test]
async fn a_cancelled_batch_points_at_ferry_too() {
    let mock = mock_with(MockSettings {
        results_base: Some("https://api.anthropic.com".to_owned()),
        batch_duration: std::time::Duration::from_hours(1),
        ..MockSettings::default()
    })
    .await;
    let gateway = Gateway::before(&mock).await;
    let created = gateway.ask(request("POST", "/v1/messages/batches", &[], BATCH)).await;
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/messages/batches/{id}/cancel");
    let cancelled = gateway.ask(request("POST", &path, &[], b"")).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text());
    assert!(!cancelled.text().contains("api.anthropic.com"));
    mock.finish_batches();
    let ended = gateway.ask(get(&format!("/v1/messages/batches/{id}"))).await;
    assert_eq!(
        ended.json()["results_url"],
        format!("http://localhost/v1/messages/batches/{id}/results").as_str()
    );
}
