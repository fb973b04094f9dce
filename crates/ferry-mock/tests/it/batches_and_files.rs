//! Batches from creation to results, files from upload to deletion.

use std::time::Duration;

use ferry_mock::{Mock, MockSettings};
use serde_json::Value;

use crate::wire::{get, head, post, post_with, send_raw, start};

const BATCH: &str = r#"{"requests":[
    {"custom_id":"good","params":{"model":"m","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}},
    {"custom_id":"bad","params":{"model":"m","messages":[{"role":"user","content":"hi"}]}},
    {"custom_id":"late","params":{"model":"m","max_tokens":50,"messages":[{"role":"user","content":"[mock result=expired]"}]}},
    {"custom_id":"off","params":{"model":"m","max_tokens":50,"messages":[{"role":"user","content":"[mock result=canceled]"}]}}]}"#;

fn lines(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_batch_ends_and_gives_every_kind_of_result() {
    let settings =
        MockSettings { batch_duration: Duration::from_hours(1), ..MockSettings::default() };
    let mock = Mock::start(settings).await.unwrap();
    let created = post(&mock, "/v1/messages/batches", BATCH).await.json();
    assert_eq!(created["processing_status"], "in_progress");
    assert_eq!(created["request_counts"]["processing"], 4);
    assert_eq!(created["results_url"], Value::Null);
    let path = format!("/v1/messages/batches/{}", created["id"].as_str().unwrap());
    assert_eq!(get(&mock, &format!("{path}/results")).await.status(), 404);
    mock.finish_batches();
    let ended = get(&mock, &path).await.json();
    assert_eq!(ended["processing_status"], "ended");
    for kind in ["succeeded", "errored", "canceled", "expired"] {
        assert_eq!(ended["request_counts"][kind], 1, "{kind}");
    }
    // The address that the client used: the SDKs follow it as it stands.
    assert_eq!(ended["results_url"], format!("http://mock.test:80{path}/results"));
    let results = get(&mock, &format!("{path}/results")).await;
    assert_eq!(results.header("content-type").unwrap(), "application/x-jsonl");
    let lines = lines(&results.body());
    let kinds: Vec<&str> =
        lines.iter().map(|line| line["result"]["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["succeeded", "errored", "expired", "canceled"]);
    assert_eq!(lines[0]["result"]["message"]["usage"]["service_tier"], "batch");
    assert_eq!(lines[1]["result"]["error"]["error"]["message"], "max_tokens: Field required");
    let deleted = send_raw(&mock, format!("{}\r\n", head("DELETE", &path, "")).as_bytes()).await;
    assert_eq!(deleted.json()["type"], "message_batch_deleted");
    assert_eq!(get(&mock, &path).await.status(), 404);
}

#[tokio::test]
async fn a_cancelled_batch_ends_with_nothing_done() {
    let settings = MockSettings {
        batch_duration: Duration::from_hours(1),
        results_base: Some("https://api.example.com/x/".to_owned()),
        ..MockSettings::default()
    };
    let mock = Mock::start(settings).await.unwrap();
    let created = post(&mock, "/v1/messages/batches", BATCH).await.json();
    let path = format!("/v1/messages/batches/{}", created["id"].as_str().unwrap());
    let running = send_raw(&mock, format!("{}\r\n", head("DELETE", &path, "")).as_bytes()).await;
    assert_eq!(running.status(), 400);
    let cancelled = post(&mock, &format!("{path}/cancel"), "").await.json();
    assert_eq!(cancelled["processing_status"], "canceling");
    assert!(cancelled["cancel_initiated_at"].is_string());
    mock.finish_batches();
    let ended = get(&mock, &path).await.json();
    assert_eq!(ended["request_counts"]["canceled"], 4);
    assert_eq!(ended["results_url"], format!("https://api.example.com/x{path}/results"));
    assert_eq!(post(&mock, &format!("{path}/cancel"), "").await.status(), 400);
}

#[tokio::test]
async fn a_wrong_batch_is_refused_and_batches_page() {
    let mock = start().await;
    for body in [
        "{",
        "{}",
        r#"{"requests":[]}"#,
        r#"{"requests":[{"custom_id":"a b","params":{}}]}"#,
        r#"{"requests":[{"custom_id":"a"}]}"#,
        r#"{"requests":[{"custom_id":"a","params":{}},{"custom_id":"a","params":{}}]}"#,
    ] {
        assert_eq!(post(&mock, "/v1/messages/batches", body).await.status(), 400, "{body}");
    }
    for _ in 0..3 {
        assert_eq!(post(&mock, "/v1/messages/batches", BATCH).await.status(), 200);
    }
    let page = get(&mock, "/v1/messages/batches?limit=2").await.json();
    assert_eq!(page["has_more"], true);
    let rest =
        format!("/v1/messages/batches?limit=2&after_id={}", page["last_id"].as_str().unwrap());
    assert_eq!(get(&mock, &rest).await.json()["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_file_comes_back_byte_for_byte() {
    let mock = start().await;
    let content: String = (b' '..b'z').cycle().take(200_000).map(char::from).collect();
    let body = format!(
        "--bound\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\
         Content-Type: text/plain\r\n\r\n{content}\r\n--bound--\r\n"
    );
    let kind = "Content-Type: multipart/form-data; boundary=bound\r\n";
    let uploaded = post_with(&mock, "/v1/files", kind, &body).await.json();
    assert_eq!(uploaded["filename"], "a.txt");
    assert_eq!(uploaded["size_bytes"], 200_000);
    let path = format!("/v1/files/{}", uploaded["id"].as_str().unwrap());
    assert_eq!(get(&mock, &path).await.json(), uploaded);
    let downloaded = get(&mock, &format!("{path}/content")).await;
    assert_eq!(downloaded.header("content-type").unwrap(), "text/plain");
    assert_eq!(downloaded.header("content-length").unwrap(), "200000");
    assert!(downloaded.body() == content.as_bytes());
    assert_eq!(get(&mock, "/v1/files").await.json()["data"][0], uploaded);
    let deleted = send_raw(&mock, format!("{}\r\n", head("DELETE", &path, "")).as_bytes()).await;
    assert_eq!(deleted.json()["type"], "file_deleted");
    assert_eq!(get(&mock, &path).await.status(), 404);
    assert_eq!(post_with(&mock, "/v1/files", kind, "--bound--\r\n").await.status(), 400);
    assert_eq!(post(&mock, "/v1/files", "x").await.status(), 400);
}
