//! Faults as a client sees them, each by prompt marker, so that they survive a gateway that strips headers.

use std::io::Read as _;

use ferry_mock::{Mock, MockSettings, RunningMock};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::wire::{
    Exchange, ask, chunks, events, get, head, post_with, prompt, read_to_end, send_raw, start,
    stream,
};

async fn broken(fault: &str) -> Exchange {
    let mock = start().await;
    stream(&mock, &format!("hello [mock chunks=5 fault={fault}]")).await
}

#[tokio::test]
async fn a_cut_stops_at_the_event_it_names() {
    for (how, reset) in [("rst", true), ("fin", false)] {
        let exchange = broken(&format!("cut:at=4,how={how}")).await;
        assert_eq!(exchange.reset, reset, "{how}");
        assert!(!exchange.ended_cleanly());
        assert_eq!(exchange.events().len(), 4);
    }
    let bytes = broken("cut:at=100b").await;
    assert_eq!(bytes.body().len(), 100);
    assert!(bytes.reset);
    let before = broken("cut:at=0").await;
    assert_eq!(before.status(), 200);
    assert!(before.body().is_empty());
}

#[tokio::test]
async fn a_reset_gives_no_byte() {
    let exchange = broken("reset").await;
    assert!(exchange.raw.is_empty() && exchange.reset);
    let closed = broken("cut:how=fin").await;
    assert!(closed.raw.is_empty() && !closed.reset);
}

#[tokio::test]
async fn a_clean_end_lacks_the_last_event_only_in_content() {
    let exchange = broken("end:after=4").await;
    assert!(exchange.ended_cleanly());
    assert_eq!(exchange.events().len(), 4);
    let nothing = broken("end:after=0").await;
    assert!(nothing.ended_cleanly() && nothing.body().is_empty());
}

#[tokio::test]
async fn half_an_answer_promises_more_than_it_has() {
    let mock = start().await;
    let exchange = ask(&mock, "hello [mock fault=half]", "").await;
    let promised: usize = exchange.header("content-length").unwrap().parse().unwrap();
    assert_eq!(exchange.body().len(), promised / 2);
    assert!(!exchange.reset);
    let nine = ask(&mock, "hello [mock fault=half:bytes=9]", "").await;
    assert_eq!(nine.body().len(), 9);
    let cut = ask(&mock, "hello [mock fault=cut:at=1]", "").await;
    assert!(cut.reset && !cut.body().is_empty());
}

#[tokio::test]
async fn a_chunk_is_cut_in_the_middle() {
    let exchange = broken("chunk-cut:after=4").await;
    assert!(!exchange.ended_cleanly());
    assert_eq!(exchange.events().len(), 4);
    let text = exchange.text();
    let size = text.rsplit("\r\n").nth(1).unwrap();
    let size = usize::from_str_radix(size, 16).unwrap();
    let last = text.rsplit("\r\n").next().unwrap().len();
    assert!(last < size && last > 0, "{last} of {size}");
}

#[tokio::test]
async fn errors_have_the_shape_and_headers_of_the_api() {
    let mock = start().await;
    let cases = [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (409, "conflict_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ];
    for (status, kind) in cases {
        let exchange = stream(&mock, &format!("x [mock fault={status}]")).await;
        assert_eq!(exchange.status(), status);
        assert_eq!(exchange.json()["error"]["type"], kind);
        assert_eq!(exchange.header("retry-after").is_some(), status == 429);
    }
    let spent = "429:error_code=enforced_spend_limit_reached,should_retry=false";
    let spent = stream(&mock, &format!("x [mock fault={spent}]")).await;
    assert_eq!(spent.header("retry-after"), None);
    assert_eq!(spent.header("x-should-retry").unwrap(), "false");
    assert_eq!(spent.json()["error"]["details"]["error_code"], "enforced_spend_limit_reached");
    let asked =
        post_with(&mock, "/v1/messages", "x-mock-fault: 429:retry_after=7\r\n", &prompt("x", ""))
            .await;
    assert_eq!(asked.header("retry-after").unwrap(), "7");
    assert_eq!(mock.stats().generations_started, 0);
}

#[tokio::test]
async fn pages_and_redirects_stand_in_for_answers() {
    let mock = start().await;
    let page = ask(&mock, "x [mock fault=html]", "").await;
    assert_eq!((page.status(), page.header("content-type").unwrap().as_str()), (200, "text/html"));
    assert!(page.text().contains("<!DOCTYPE html>"));
    assert_eq!(ask(&mock, "x [mock fault=html:code=502]", "").await.status(), 502);
    let moved = ask(&mock, "x [mock fault=redirect:to=http://a.test/]", "").await;
    assert_eq!(
        (moved.status(), moved.header("location").unwrap().as_str()),
        (307, "http://a.test/")
    );
    let empty = ask(&mock, "x [mock fault=empty]", "").await;
    assert_eq!((empty.status(), empty.body().len()), (200, 0));
}

#[tokio::test]
async fn an_error_event_ends_a_stream_before_or_after_content() {
    let at_once = broken("error-event:after=0").await.events();
    assert_eq!(at_once.len(), 1);
    assert_eq!(at_once[0].1["error"]["type"], "overloaded_error");
    let later = broken("error-event:after=5,type=api_error").await;
    assert!(later.ended_cleanly());
    let later = later.events();
    assert_eq!(later.len(), 6);
    assert_eq!((later[5].0.as_str(), &later[5].1["error"]["type"]), ("error", &"api_error".into()));
}

#[tokio::test]
async fn the_form_of_a_stream_changes_and_its_content_does_not() {
    let mock = start().await;
    let ask = async |fault: &str| {
        // The same prompt for all: the fault comes by header.
        let fault = format!("x-mock-chunks: 5\r\nx-mock-fault: {fault}\r\n");
        post_with(&mock, "/v1/messages", &fault, &prompt("hello", r#","stream":true"#)).await
    };
    let plain = ask("delay:ms=0").await.events();
    for fault in [
        "split:bytes=1",
        "split:bytes=13",
        "join",
        "crlf",
        "comments",
        "drip:bytes=400,ms=1",
        "big-head",
        "close",
    ] {
        let exchange = ask(fault).await;
        assert_eq!(exchange.events(), plain, "{fault}");
        assert!(exchange.ended_cleanly(), "{fault}");
    }
    let crlf = String::from_utf8(ask("crlf").await.body()).unwrap();
    assert!(crlf.contains("\r\n\r\n") && !crlf.replace("\r\n", "").contains('\n'));
    assert!(ask("big-head:bytes=50000").await.raw.len() > 50_000);
    let pieces = ask("split:bytes=13").await;
    let body = memchr::memmem::find(&pieces.raw, b"\r\n\r\n").unwrap() + 4;
    assert!(chunks(&pieces.raw[body..]).iter().all(|chunk| chunk.len() <= 13));
    let joined = ask("join").await;
    assert_eq!(
        chunks(&joined.raw[memchr::memmem::find(&joined.raw, b"\r\n\r\n").unwrap() + 4..]).len(),
        1
    );
    let mut coded = flate2::read::GzDecoder::new(std::io::Cursor::new(ask("gzip").await.body()));
    let mut decoded = String::new();
    coded.read_to_string(&mut decoded).unwrap();
    assert_eq!(events(&decoded), plain);
    let unknown = ask("unknown-event:after=2").await.events();
    assert_eq!(unknown[2].0, "weather_report");
    assert_eq!(unknown.len(), plain.len() + 1);
    let big = ask("big-event").await.events();
    assert_eq!(big[3].1["delta"]["text"].as_str().unwrap().len(), 200_000);
}

#[tokio::test]
async fn a_coded_json_answer_has_no_false_length() {
    let mock = start().await;
    let exchange = ask(&mock, "hello [mock fault=gzip]", "").await;
    assert_eq!(exchange.header("content-encoding").unwrap(), "gzip");
    assert_eq!(exchange.header("content-length"), None);
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::io::Cursor::new(exchange.body()))
        .read_to_string(&mut text)
        .unwrap();
    assert!(text.contains("\"type\":\"message\""));
    let chunked = ask(&mock, "hello [mock fault=chunked]", "").await;
    assert_eq!(chunked.header("transfer-encoding").unwrap(), "chunked");
    assert!(chunked.json()["id"].is_string());
}

#[tokio::test]
async fn standing_faults_strike_by_their_conditions() {
    let mock = start().await;
    mock.set_fault("529@path=/v1/messages,skip=1,count=2").unwrap();
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(ask(&mock, "x", "").await.status());
    }
    assert_eq!(seen, [200, 529, 529, 200]);
    assert_eq!(get(&mock, "/v1/models").await.status(), 200);
    assert!(mock.set_fault("nonsense").is_err());
    let dial = "POST /__mock/fault HTTP/1.1\r\nHost: m\r\nConnection: close\r\nContent-Length: 3\r\n\r\n503";
    assert_eq!(send_raw(&mock, dial.as_bytes()).await.status(), 200);
    assert_eq!(ask(&mock, "x", "").await.status(), 503);
    mock.set_fault("").unwrap();
    assert_eq!(ask(&mock, "x", "").await.status(), 200);
}

#[tokio::test]
async fn a_wrong_spec_in_a_prompt_is_told() {
    let mock = start().await;
    let exchange = ask(&mock, "x [mock fault=nonsense]", "").await;
    assert_eq!(exchange.status(), 400);
    assert!(exchange.text().contains("no fault is named `nonsense`"));
}

#[tokio::test]
async fn an_early_error_does_not_wait_for_the_body() {
    let mock = start().await;
    mock.set_fault("413:early").unwrap();
    let mut socket = TcpStream::connect(mock.addr()).await.unwrap();
    let request = head("POST", "/v1/messages", "Content-Length: 1000000\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(read_to_end(&mut socket).await.status(), 413);
}

async fn connects(mock: &RunningMock) -> bool {
    TcpStream::connect(mock.addr()).await.is_ok()
}

#[tokio::test]
async fn a_closed_listener_refuses_and_opens_again_on_its_port() {
    let mut mock = start().await;
    mock.set_listening(false).await;
    assert!(!connects(&mock).await);
    mock.set_listening(true).await;
    assert!(connects(&mock).await);
    assert_eq!(ask(&mock, "x", "").await.status(), 200);
}

#[tokio::test]
async fn refuse_waits_for_a_request_and_answers_it() {
    let mut mock = start().await;
    // An hour: only `set_listening` opens the listener again within this test.
    mock.set_fault("refuse:ms=3600000@path=/v1/messages,count=1").unwrap();
    assert!(connects(&mock).await);
    assert_eq!(ask(&mock, "x", "").await.status(), 200);
    while connects(&mock).await {}
    mock.set_listening(true).await;
    assert_eq!(ask(&mock, "x", "").await.status(), 200);
}

#[tokio::test]
async fn connections_are_closed_or_reset_as_soon_as_they_come() {
    let mock = start().await;
    mock.set_fault("accept:do=close@count=1; accept:do=reset@count=1").unwrap();
    for reset in [false, true] {
        let mut socket = TcpStream::connect(mock.addr()).await.unwrap();
        let exchange = read_to_end(&mut socket).await;
        assert!(exchange.raw.is_empty());
        assert_eq!(exchange.reset, reset);
    }
    assert_eq!(ask(&mock, "x", "").await.status(), 200);
}

#[tokio::test]
async fn two_mocks_have_faults_of_their_own() {
    let (one, two) = (start().await, start().await);
    one.set_fault("500").unwrap();
    assert_eq!(ask(&one, "x", "").await.status(), 500);
    assert_eq!(ask(&two, "x", "").await.status(), 200);
    let taken = Mock::start(MockSettings { listen: one.addr(), ..MockSettings::default() }).await;
    assert!(taken.is_err());
}
