//! No half answers (design.md 5.2): what breaks off ends in an error that a client cannot take for a whole answer.

use ferry_mock::RunningMock;

use crate::harness::{
    Answer, End, Gateway, Node, Setup, Step, body, both, bytes, get, http_json, message, mock,
    request, sse,
};

fn with_fault(fault: &str, stream: bool) -> Vec<u8> {
    request("POST", "/v1/messages", &[("x-mock-fault", fault)], &body("[mock chunks=20]", stream))
}

/// Asserts that a stream has begun, and ended in an error event of this code.
#[track_caller]
fn assert_cut(answer: &Answer, code: &str) {
    let text = answer.text();
    assert_eq!((answer.status, answer.end), (200, End::Whole), "{text}");
    assert!(!text.contains("event: message_stop"), "{text}");
    let (_events, error) =
        text.rsplit_once("event: error\ndata: ").unwrap_or_else(|| panic!("{text}"));
    let error: serde_json::Value = serde_json::from_str(error.trim_end()).unwrap();
    assert_eq!(error["type"], "error");
    assert!(matches!(error["error"]["type"].as_str(), Some("api_error" | "timeout_error")));
    assert!(error.to_string().contains(code), "{error}");
    assert_eq!(error["request_id"], answer.header("x-ferry-request-id").unwrap());
    assert!(text.ends_with("\n\n"));
}

#[tokio::test]
async fn a_stream_that_ends_without_message_stop_ends_in_an_error_event() {
    let (_mock, gateway) = both().await;
    for fault in [
        "end:after=3",
        "end:after=8",
        "cut:at=3,how=fin",
        "cut:at=3,how=rst",
        "cut:at=1000b,how=fin",
        "cut:at=1200b,how=rst",
        "chunk-cut:after=3",
        "chunk-cut:after=5",
        "crlf+end:after=4",
    ] {
        assert_cut(&gateway.ask(with_fault(fault, true)).await, "stream-cut");
    }
    for line in gateway.into_requests().await {
        assert_eq!((&line["outcome"], &line["code"]), (&"cut".into(), &"stream-cut".into()));
        assert_eq!(line["tokens_lower_bound"], true, "{line}");
    }
}

#[tokio::test]
async fn a_stream_cut_at_any_byte_never_ends_cleanly() {
    const WHOLE: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\nevent: content_block_start\r\ndata: {\"delta\":{\"text\":\"message_stop\"}}\r\n\r\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let first = WHOLE.find("\n\n").unwrap() + 2;
    let stop = WHOLE.find("event: message_stop").unwrap();
    // Until its content has begun nothing of a stream has gone out, and its status is still free.
    // A lone CR ends a line, so the last LF is not waited for.
    let content = stop - 1;
    let whole = format!("{WHOLE}event: ping\ndata: {{}}\n\n");
    for at in (0..stop).chain([stop, stop + 7, WHOLE.len() - 1]) {
        let script = vec![sse(), bytes(&whole[..at]), Step::Close];
        let node = Node::saying(script).await;
        let gateway = Setup::new().one_try().node("n", &node.url(), "").start().await;
        let answer = gateway.ask(message("Hello", true)).await;
        if at < content {
            answer.assert_own(502, "node-lost");
        } else {
            assert_cut(&answer, "stream-cut");
            assert!(answer.text().starts_with(&WHOLE[..first]), "cut at {at}");
        }
        assert_eq!(node.requests().len(), 1, "cut at {at}");
    }
}

#[tokio::test]
async fn a_stream_that_falls_silent_ends_in_an_error_event() {
    let mock = mock().await;
    let gateway = Setup::new().timeout("event_gap_ms = 60").mock(&mock).start().await;
    for fault in ["stall:at=3", "stall:at=500b"] {
        assert_cut(&gateway.ask(with_fault(fault, true)).await, "stream-silent");
    }
}

#[tokio::test]
async fn a_stream_over_its_total_ends_in_an_error_event() {
    let mock = mock().await;
    let gateway = Setup::new().timeout("stream_total_ms = 500").mock(&mock).start().await;
    let sent = message("[mock chunks=1000 delay_ms=20 tokens=1000]", true);
    assert_cut(&gateway.ask(sent).await, "stream-total");
}

#[tokio::test]
async fn a_stream_that_never_begins_is_an_error_with_its_status() {
    let mock = mock().await;
    let gateway = Setup::new().timeout("first_byte_ms = 500").one_try().mock(&mock).start().await;
    for fault in ["stall", "stall:at=0"] {
        let answer = gateway.ask(with_fault(fault, true)).await;
        answer.assert_own(504, "first-byte");
    }
    for fault in
        ["cut:at=0,how=fin", "cut:at=0,how=rst", "cut:at=20b,how=fin", "end:after=0", "end:after=1"]
    {
        gateway.ask(with_fault(fault, true)).await.assert_own(502, "node-lost");
    }
    let asked = mock.requests();
    // A silent path is probed, without a key.
    let asked = asked.iter().filter(|request| request.headers.contains_key("x-api-key"));
    assert_eq!(asked.count(), 7, "nothing is repeated that may have been billed");
}

#[tokio::test]
async fn a_json_answer_that_breaks_off_is_a_502() {
    let mock = mock().await;
    let gateway = Setup::new().one_try().mock(&mock).start().await;
    for fault in [
        "half",
        "half:bytes=10",
        "half:bytes=0",
        "cut:at=1,how=fin",
        "cut:at=1,how=rst",
        "cut:at=30b",
        "reset",
        "cut:how=fin",
        "chunked+cut:at=1,how=fin",
    ] {
        let answer = gateway.ask(with_fault(fault, false)).await;
        answer.assert_own(502, "node-lost");
        assert_eq!(answer.header("x-should-retry"), None, "{fault}: another try may help");
    }
    assert_eq!(mock.stats().requests, 9);
}

#[tokio::test]
async fn json_that_ends_in_the_middle_is_a_502_though_its_framing_is_whole() {
    let half = b"{\"type\":\"message\",\"content\":[{\"text\":\"abc";
    for path in ["/v1/messages", "/v1/messages/count_tokens", "/v1/complete"] {
        let node = Node::saying(vec![bytes(http_json("200 OK", half))]).await;
        let gateway = Setup::new().node("n", &node.url(), "").start().await;
        let answer = gateway.ask(request("POST", path, &[], &body("x", false))).await;
        answer.assert_own(502, "half-answer");
    }
    let ended_by_close =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"type\":\"mess";
    let node = Node::saying(vec![bytes(ended_by_close), Step::Close]).await;
    let gateway = Setup::new().node("n", &node.url(), "").start().await;
    gateway.ask(message("x", false)).await.assert_own(502, "half-answer");
}

#[tokio::test]
async fn an_empty_answer_of_success_is_no_success() {
    for script in [
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    ] {
        for stream in [false, true] {
            let node = Node::saying(vec![bytes(script)]).await;
            let gateway = Setup::new().node("n", &node.url(), "").start().await;
            let answer = gateway.ask(message("x", stream)).await;
            assert_eq!(answer.status, 502, "{script:?} {stream}");
        }
    }
}

#[tokio::test]
async fn a_page_of_html_where_data_was_due_is_a_502() {
    let (mock, gateway) = both().await;
    for stream in [false, true] {
        gateway.ask(with_fault("html", stream)).await.assert_own(502, "FD-U05");
    }
    gateway
        .ask(request("GET", "/v1/models", &[("x-mock-fault", "html")], b""))
        .await
        .assert_own(502, "FD-U05");
    drop(mock);
    // A portal that does not say what it sends, or lies about it.
    let page = b"<!DOCTYPE html><html><body>Sign in</body></html>";
    for head in [
        "content-type: text/plain",
        "content-type: application/json",
        "content-type: application/octet-stream",
        "x-none: 1",
        "content-type: text/event-stream",
    ] {
        let mut answer =
            format!("HTTP/1.1 200 OK\r\n{head}\r\ncontent-length: {}\r\n\r\n", page.len())
                .into_bytes();
        answer.extend_from_slice(page);
        for stream in [false, true] {
            let node = Node::saying(vec![bytes(&answer)]).await;
            let gateway = Setup::new().node("n", &node.url(), "").start().await;
            let answer = gateway.ask(message("x", stream)).await;
            assert_eq!(answer.status, 502, "{head}, stream {stream}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn an_html_error_passes_unchanged_with_a_hint() {
    let (_mock, gateway) = both().await;
    for status in [403_u16, 502, 503, 504] {
        let fault = format!("html:code={status}");
        let answer = gateway.ask(with_fault(&fault, false)).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("content-type"), Some("text/html"));
        assert!(answer.text().contains("<html>"));
        assert!(answer.code().starts_with("FD-"), "{status}");
        assert!(answer.header("x-ferry-hint").is_some());
    }
}

#[tokio::test]
async fn what_is_not_http_is_a_502() {
    for said in [
        "SSH-2.0-OpenSSH_9.2p1\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "\u{0}\u{0}\u{0}\u{0}",
        "<html></html>",
    ] {
        let node = Node::saying(vec![bytes(said), Step::Close]).await;
        let gateway = Setup::new().node("n", &node.url(), "").start().await;
        let answer = gateway.ask(message("x", false)).await;
        answer.assert_own(502, "node-not-http");
    }
}

#[tokio::test]
async fn a_redirect_is_neither_followed_nor_sent() {
    let elsewhere = mock().await;
    let (mock, gateway) = both().await;
    for status in [301_u16, 302, 303, 307, 308] {
        let fault = format!("redirect:code={status},to={}/v1/messages", elsewhere.base_url());
        let answer = gateway.ask(with_fault(&fault, false)).await;
        answer.assert_own(502, "node-redirect");
        assert_eq!(answer.header("location"), None);
        assert_eq!(answer.header("x-should-retry"), Some("false"));
    }
    assert_eq!(elsewhere.stats().connections, 0);
    assert_eq!(mock.stats().requests, 5);
}

/// A file of 200 KB in the mock; gives its path.
async fn uploaded(gateway: &Gateway) -> String {
    let mut form =
        b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n".to_vec();
    form.resize(form.len() + 200_000, b'x');
    form.extend_from_slice(b"\r\n--b--\r\n");
    let headers = [("content-type", "multipart/form-data; boundary=b")];
    let uploaded = gateway.ask(request("POST", "/v1/files", &headers, &form)).await.json();
    format!("/v1/files/{}/content", uploaded["id"].as_str().unwrap())
}

async fn batched(gateway: &Gateway, mock: &RunningMock) -> String {
    let item = |n: usize| {
        format!(
            r#"{{"custom_id":"c{n}","params":{{"model":"claude-sonnet-5","max_tokens":9,"messages":[{{"role":"user","content":"hi"}}]}}}}"#
        )
    };
    let items: Vec<_> = (0..20).map(item).collect();
    let body = format!(r#"{{"requests":[{}]}}"#, items.join(","));
    let sent = request("POST", "/v1/messages/batches", &[], body.as_bytes());
    let id = gateway.ask(sent).await.json()["id"].as_str().unwrap().to_owned();
    mock.finish_batches();
    format!("/v1/messages/batches/{id}/results")
}

#[tokio::test]
async fn a_download_that_breaks_off_aborts_the_connection() {
    let (mock, gateway) = both().await;
    for path in [uploaded(&gateway).await, batched(&gateway, &mock).await] {
        let whole = gateway.ask(get(&path)).await;
        assert_eq!((whole.status, whole.end), (200, End::Whole));
        for fault in
            ["cut:at=1,how=fin", "cut:at=1,how=rst", "cut:at=1000b,how=fin", "chunk-cut:after=1"]
        {
            let mut client = gateway.connect().await;
            let sent = request("GET", &path, &[("x-mock-fault", fault)], b"");
            let Some(answer) = client.ask_for_part(sent).await else { continue };
            assert_eq!(answer.status, 200);
            assert_ne!(answer.end, End::Whole, "{path} {fault}");
            assert!(answer.body.len() < whole.body.len());
            assert!(whole.body.starts_with(&answer.body), "{fault}");
        }
    }
    let cut = gateway.into_requests().await.into_iter().filter(|line| line["outcome"] == "cut");
    assert_eq!(cut.count(), 8);
}

#[tokio::test]
async fn an_answer_over_the_bound_flows_and_a_cut_aborts_it() {
    let mock = mock().await;
    let gateway = Setup::new().server("answer_bytes_max = 4096").mock(&mock).start().await;
    let sent = |fault: &str| {
        let large = br#"{"model":"claude-sonnet-5","max_tokens":50000,"messages":[{"role":"user","content":"[mock size=100000]"}]}"#;
        request("POST", "/v1/messages", &[("x-mock-fault", fault)], large)
    };
    let whole = gateway.ask(sent("delay:ms=0")).await;
    assert_eq!((whole.status, whole.end), (200, End::Whole));
    assert!(whole.body.len() > 4096, "{}", whole.body.len());
    let cut = gateway.connect().await.ask_for_part(sent("cut:at=1,how=fin")).await;
    assert!(cut.is_none_or(|answer| answer.status == 200 && answer.end != End::Whole));
}

#[tokio::test]
async fn a_head_that_is_too_large_is_a_502() {
    let (_mock, gateway) = both().await;
    let answer = gateway.ask(with_fault("big-head:bytes=300000", false)).await;
    assert_eq!(answer.status, 502, "{}", answer.text());
}

#[tokio::test]
async fn a_node_that_answers_nothing_in_time_is_a_504() {
    let mock = mock().await;
    let gateway = Setup::new().timeout("nonstream_total_ms = 80").mock(&mock).start().await;
    for fault in ["stall", "stall:at=1"] {
        gateway.ask(with_fault(fault, false)).await.assert_own(504, "total");
    }
}

#[tokio::test]
async fn a_node_that_takes_no_bytes_is_a_504() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let gateway = Setup::new().timeout("write_stall_ms = 100").node("n", &url, "").start().await;
    let mut large = br#"{"model":"m","messages":["#.to_vec();
    large.resize(20_000_000, b' ');
    large.extend_from_slice(b"]}");
    let answer = gateway.ask(request("POST", "/v1/messages", &[], &large)).await;
    answer.assert_own(504, "write-stall");
}

#[tokio::test]
async fn an_early_refusal_of_an_upload_reaches_the_client() {
    let (_mock, gateway) = both().await;
    let large = vec![b'x'; 3_000_000];
    let headers =
        [("x-mock-fault", "413:early"), ("content-type", "multipart/form-data; boundary=b")];
    let answer = gateway.ask(request("POST", "/v1/files", &headers, &large)).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert_eq!(answer.json()["error"]["type"], "request_too_large");
}

#[tokio::test]
async fn a_node_that_resets_in_every_state_gives_an_error_and_never_an_answer() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n";
    for said in ["", "HT", "HTTP/1.1 200 OK\r\n", head, "HTTP/1.1 200 OK\r\n\r\n"] {
        for end in [Step::Close, Step::Reset] {
            let node = Node::saying(vec![bytes(said), Step::Pause, end]).await;
            let gateway = Setup::new().one_try().node("n", &node.url(), "").start().await;
            let answer = gateway.ask(message("Hello", false)).await;
            assert_eq!(answer.status, 502, "{said:?}: {}", answer.text());
            assert_eq!(node.requests().len(), 1);
        }
    }
}

#[tokio::test]
async fn an_answer_without_a_type_is_told_by_its_first_bytes() {
    let whole = r#" {"type":"message","content":[],"usage":{"input_tokens":1,"output_tokens":1}}"#;
    let events = "event: content_block_start\ndata: {}\n\nevent: message_stop\ndata: {}\n\n";
    for kind in ["", "content-type: text/plain\r\n", "content-type: application/octet-stream\r\n"] {
        let said = |body: &str| format!("HTTP/1.1 200 OK\r\n{kind}connection: close\r\n\r\n{body}");
        let ask = async |body: &str, stream: bool| {
            let node = Node::saying(vec![bytes(said(body)), Step::Close]).await;
            let gateway = Setup::new().node("n", &node.url(), "").start().await;
            gateway.ask(message("Hello", stream)).await
        };
        for stream in [false, true] {
            let answer = ask(whole, stream).await;
            assert_eq!((answer.status, answer.text(), answer.end), (200, whole, End::Whole));
            ask(&whole[..40], stream).await.assert_own(502, "half-answer");
            ask("", stream).await.assert_own(502, "half-answer");
        }
        let answer = ask(events, true).await;
        assert_eq!((answer.status, answer.text(), answer.end), (200, events, End::Whole));
        assert_cut(&ask(&events[..60], true).await, "stream-cut");
    }
}
