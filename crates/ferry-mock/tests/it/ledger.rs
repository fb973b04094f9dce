//! Counters, captured requests, and the paths under `/__mock`.

use std::time::Duration;

use ferry_mock::{Capture, Mock, MockSettings, Timing};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire::{ask, get, head, prompt, send_raw, start, stream};

#[tokio::test]
async fn a_request_is_kept_byte_for_byte() {
    let mock = start().await;
    let body = prompt("keep", "");
    let request = format!(
        "POST /v1/messages?beta=true HTTP/1.1\r\nHost: m\r\nX-API-Key: k\r\nanthropic-VERSION: 2023-06-01\r\n\
         x-b: 1\r\nX-A: 2\r\nx-b: 3\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    send_raw(&mock, format!("{request}{body}").as_bytes()).await;
    let last = mock.last().unwrap();
    assert_eq!(last.raw_head.as_deref(), Some(request.as_bytes()));
    assert_eq!(last.body, body.as_bytes());
    assert_eq!(last.uri.query(), Some("beta=true"));
    let names: Vec<String> = last.header_lines().into_iter().map(|(name, _)| name).collect();
    let expected = [
        "Host",
        "X-API-Key",
        "anthropic-VERSION",
        "x-b",
        "X-A",
        "x-b",
        "Connection",
        "Content-Length",
    ];
    assert_eq!(names, expected);
    let raw = "GET /__mock/last/head HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n";
    assert_eq!(send_raw(&mock, raw.as_bytes()).await.body(), request.as_bytes());
}

#[tokio::test]
async fn heads_are_told_apart_on_one_connection() {
    let mock = start().await;
    let mut socket = TcpStream::connect(mock.addr()).await.unwrap();
    for number in 1..=3_usize {
        let body = "b".repeat(number * 5000);
        let head =
            head("POST", &format!("/v1/echo/{number}"), "").replace("Connection: close\r\n", "");
        let head = format!("{head}Content-Length: {}\r\n\r\n", body.len());
        socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let mut buffer = vec![0; 4096];
        assert!(socket.read(&mut buffer).await.unwrap() > 0);
        let kept = mock.last().unwrap();
        assert_eq!(kept.raw_head.as_deref(), Some(head.as_bytes()), "{number}");
        assert_eq!(kept.body, body.as_bytes(), "{number}");
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_counts_as_aborted() {
    let mock = start().await;
    let mut socket = TcpStream::connect(mock.addr()).await.unwrap();
    let body = prompt("x [mock fault=stall:at=3]", r#","stream":true"#);
    let request =
        head("POST", "/v1/messages", &format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    socket.write_all(request.as_bytes()).await.unwrap();
    mock.stats_when(|stats| stats.generations_started == 1).await;
    drop(socket);
    let stats = mock.stats_when(|stats| stats.generations_aborted == 1).await;
    assert_eq!(stats.generations_finished, 0);
}

#[tokio::test]
async fn generations_are_finished_aborted_or_cut() {
    let mock = start().await;
    let usage = ask(&mock, "one", "").await.json()["usage"]["output_tokens"].as_u64().unwrap();
    stream(&mock, "two [mock fault=cut:at=4]").await;
    ask(&mock, "three [mock fault=529]", "").await;
    let stats = mock.stats_when(|stats| stats.generations_cut == 1).await;
    assert_eq!((stats.generations_started, stats.generations_finished), (2, 1));
    assert!(stats.tokens.output >= usage && stats.tokens.input > 0);
    assert_eq!(stats.by_path["POST /v1/messages"][&200], 2);
    assert_eq!(stats.by_path["POST /v1/messages"][&529], 1);
    mock.reset();
    assert_eq!(mock.stats(), ferry_mock::Stats::default());
}

#[tokio::test]
async fn the_ring_is_bounded_and_can_be_off() {
    let capture = Capture { requests: 2, body_bytes: 10 };
    let mock = Mock::start(MockSettings { capture, ..MockSettings::default() }).await.unwrap();
    for _ in 0..3 {
        ask(&mock, "x", "").await;
    }
    let kept = mock.requests();
    assert_eq!(kept.iter().map(|kept| kept.number).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(kept[0].body.len(), 10);
    assert_eq!(
        kept[0].body_digest(),
        ferry_mock::fnv1a(ferry_mock::FNV_START, prompt("x", "").as_bytes())
    );
    let off = Capture { requests: 0, body_bytes: 0 };
    let mock = Mock::start(MockSettings { capture: off, ..MockSettings::default() }).await.unwrap();
    assert_eq!(ask(&mock, "x", "").await.status(), 200);
    assert!(mock.last().is_none() && mock.stats().requests == 1);
}

#[tokio::test]
async fn the_control_paths_answer_without_a_key_and_are_not_counted() {
    let mock = start().await;
    get(&mock, "/v1/models").await;
    let control = async |request: &str, body: &str| {
        let length = body.len();
        let raw = format!(
            "{request} HTTP/1.1\r\nHost: m\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        send_raw(&mock, raw.as_bytes()).await
    };
    assert_eq!(control("GET /__mock/stats", "").await.json()["requests"], 1);
    assert_eq!(control("GET /__mock/last", "").await.json()["path"], "/v1/models");
    assert_eq!(control("GET /__mock/requests", "").await.json().as_array().unwrap().len(), 1);
    assert_eq!(control("POST /__mock/fault", "nonsense").await.status(), 400);
    let scenario = "[[rule]]\nfault = '503'\n";
    assert_eq!(control("POST /__mock/scenario", scenario).await.json()["rules"], 1);
    assert_eq!(get(&mock, "/v1/models").await.status(), 503);
    assert_eq!(control("POST /__mock/reset", "").await.status(), 200);
    assert_eq!(control("GET /__mock/last", "").await.status(), 404);
    assert_eq!(control("GET /__mock/other", "").await.status(), 404);
}

#[tokio::test]
async fn a_paced_stream_still_says_everything_and_stamps_rise() {
    let timing =
        Timing { first_token: Duration::from_millis(2), tokens_per_second: 20_000.0, jitter: 0.5 };
    let mock = Mock::start(MockSettings { timing, ..MockSettings::default() }).await.unwrap();
    let events = stream(&mock, "x [mock chunks=4 stamp delay_ms=1 pings=2 flush]").await.events();
    let stamps: Vec<u64> = events
        .iter()
        .filter_map(|(_, data)| {
            data["delta"]["text"].as_str()?.strip_prefix("~t")?.split(';').next()?.parse().ok()
        })
        .collect();
    assert_eq!(stamps.len(), 4);
    assert!(stamps.is_sorted() && stamps[0] > 0);
    assert_eq!(events.iter().filter(|(name, _)| name == "ping").count(), 3);
}
