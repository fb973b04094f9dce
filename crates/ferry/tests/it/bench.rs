//! `ferry bench` as a user meets it: the process, what it prints, what it sends to whom, and what it refuses to send.
//! Requests are counted and never timed; how long anything takes is nowhere part of an assertion.

use std::process::{Command, Output, Stdio};

use ferry_mock::MARK;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::harness::{Gateway, Node, Setup, Step, bytes, http_json, mock, seen};
use crate::process::blocking;

const MODELS: &[u8] = br#"{"data":[],"has_more":false}"#;
const MESSAGE: &[u8] = br#"{"id":"msg_1","type":"message","content":[]}"#;
/// Twenty requests, no warm-up.
const TWENTY: [&str; 6] = ["--rate", "100", "--duration", "200ms", "--warm-up", "0"];

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
    command.arg("bench").args(args).env("NO_COLOR", "1").env_remove("FERRY_CONFIG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end.
async fn bench(args: &[&str]) -> Output {
    let mut command = command(args);
    blocking(move || command.output().unwrap()).await
}

/// Twenty requests to a target, as JSON; with the exit code.
async fn twenty(target: &str, more: &[&str]) -> (i32, Value) {
    let args = [&["--json", "--url", target], &TWENTY[..], more].concat();
    ended(&bench(&args).await)
}

fn ended(output: &Output) -> (i32, Value) {
    let value = serde_json::from_slice(&output.stdout);
    let value = value.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), value)
}

/// An answer that says it is a mock's.
fn marked(body: &[u8]) -> Vec<u8> {
    let plain = String::from_utf8(http_json("200 OK", body)).unwrap();
    plain.replacen("\r\n", &format!("\r\n{MARK}: ferry\r\n"), 1).into_bytes()
}

/// Each request that reached the mock is counted as sent, and those that are over have reached it.
fn assert_counted(value: &Value, asked: u64) {
    let count = |name: &str| value[name].as_u64().unwrap();
    assert!(count("ok") + count("failed") <= asked && asked <= count("sent"), "{asked} of {value}");
}

/// The object with what differs from run to run taken out.
fn shape(value: &Value) -> Value {
    match value {
        Value::Number(_) => json!("number"),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| match name.as_str() {
                // A loaded machine sends late, and says so.
                "caveats" => (name.clone(), json!("texts")),
                "target" => (name.clone(), json!("url")),
                _ => (name.clone(), shape(value)),
            });
            Value::Object(members.collect())
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => value.clone(),
    }
}

#[tokio::test]
async fn every_request_of_the_schedule_is_sent_and_counted() {
    let mock = mock().await;
    for (kind, path) in [
        ("message", "/v1/messages"),
        ("stream", "/v1/messages"),
        ("tokens", "/v1/messages/count_tokens"),
    ] {
        mock.reset();
        let (code, value) = twenty(&mock.base_url(), &["--kind", kind, "--bytes", "1000"]).await;
        assert_eq!((code, &value["sent"], &value["ok"]), (0, &json!(20), &json!(20)), "{value}");
        assert_eq!(value["ended"], "whole");
        let last = mock.last().unwrap();
        assert_eq!((last.uri.path(), last.body_len), (path, 1000));
        // One more asked who is there.
        assert_eq!(mock.stats().requests, 21);
    }
}

#[tokio::test]
async fn the_json_of_a_run_and_of_a_comparison() {
    let mock = mock().await;
    let (_, value) = twenty(&mock.base_url(), &["--kind", "stream"]).await;
    insta::assert_snapshot!("run", format!("{:#}", shape(&value)));
    let url = mock.base_url();
    let args = ["--json", "--compare", &url, &url, "--rounds", "2"];
    let (code, value) = ended(&bench(&[&args, &TWENTY[..]].concat()).await);
    assert_eq!((code, &value["a"]["sent"], &value["b"]["ok"]), (0, &json!(20), &json!(20)));
    insta::assert_snapshot!("comparison", format!("{:#}", shape(&value)));
}

#[tokio::test]
async fn without_a_url_it_brings_its_own_target() {
    let (code, value) = ended(&bench(&[&["--json"], &TWENTY[..]].concat()).await);
    assert_eq!((code, &value["ok"]), (0, &json!(20)), "{value}");
}

#[tokio::test]
async fn a_target_that_does_not_show_a_mock_is_not_measured() {
    let node = Node::saying(vec![bytes(http_json("200 OK", MODELS))]).await;
    let gateway = Setup::new().node("real", &node.url(), "").start().await;
    // Loopback proves nothing: the gateway leads to the same provider.
    for url in [node.url(), format!("http://{}", gateway.data)] {
        let before = node.requests().len();
        let output = bench(&[&["--url", &url], &TWENTY[..]].concat()).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("failed to see a mock") && said.contains("--yes-spend"), "{said}");
        let sent = node.requests();
        assert_eq!(sent.len(), before + 1);
        assert!(sent.last().unwrap().starts_with(b"GET /v1/models "), "nothing that is paid for");
    }
}

#[tokio::test]
async fn a_target_that_wants_a_key_is_told_from_a_provider() {
    let node = Node::saying(vec![bytes(http_json("401 Unauthorized", b"{}"))]).await;
    let output = bench(&["--url", &node.url()]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("status 401") && said.contains("--key env:NAME"), "{said}");
}

#[tokio::test]
async fn a_gateway_before_a_mock_is_known_as_one() {
    let mock = mock().await;
    let gateway = Gateway::before(&mock).await;
    let (code, value) = twenty(&format!("http://{}/v1", gateway.data), &[]).await;
    assert_eq!((code, &value["ok"]), (0, &json!(20)), "{value}");
}

#[tokio::test]
async fn whoever_says_yes_may_measure_anything() {
    let node = Node::saying(vec![bytes(http_json("200 OK", MESSAGE))]).await;
    let (code, value) = twenty(&node.url(), &["--yes-spend"]).await;
    assert_eq!((code, &value["ok"]), (0, &json!(20)), "{value}");
    assert!(node.requests().iter().all(|request| request.starts_with(b"POST /v1/messages ")));
}

#[tokio::test]
async fn the_first_answer_that_is_no_mocks_ends_the_run() {
    let scripts = vec![vec![bytes(marked(MODELS))], vec![bytes(http_json("200 OK", MESSAGE))]];
    let node = Node::in_turn(scripts).await;
    let args = ["--json", "--url", &node.url(), "--rate", "20", "--duration", "1h"];
    let (code, value) = ended(&bench(&args).await);
    assert_eq!((code, &value["ended"]), (1, &json!("unmarked")), "{value}");
}

#[tokio::test]
async fn a_head_that_is_no_mocks_ends_the_run_before_its_body() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    for (then, due) in [(vec![bytes(head), Step::Hold], "unmarked"), (vec![Step::Hold], "silent")] {
        let node = Node::in_turn(vec![vec![bytes(marked(MODELS))], then]).await;
        let url = node.url();
        let slow = ["--json", "--url", &url, "--rate", "1", "--duration", "1h"];
        let timeout = if due == "silent" { "300ms" } else { "1h" };
        let more = ["--kind", "stream", "--warm-up", "0", "--timeout", timeout];
        let (code, value) = ended(&bench(&[&slow[..], &more].concat()).await);
        assert_eq!((code, &value["ended"]), (1, &json!(due)), "{value}");
        assert_eq!(value["sent"], 1, "{value}");
        assert!(value["caveats"][0].as_str().unwrap().contains("paid for"), "{value}");
    }
}

#[tokio::test]
async fn an_interrupt_keeps_what_there_is() {
    for (json, name) in [(true, "INT"), (false, "TERM"), (true, "HUP")] {
        let mock = mock().await;
        let url = mock.base_url();
        let mut args = vec!["--url", &url, "--rate", "50", "--duration", "1h", "--warm-up", "0"];
        args.extend(json.then_some("--json"));
        let child = command(&args).spawn().unwrap();
        seen(&mock, "some answers", |stats| stats.generations_finished >= 5).await;
        let kill = format!("kill -{name} {}", child.id());
        assert!(Command::new("sh").arg("-c").arg(kill).status().unwrap().success());
        let output = blocking(move || child.wait_with_output().unwrap()).await;
        assert_eq!(output.status.code(), Some(130));
        let text = String::from_utf8(output.stdout).unwrap();
        if json {
            let value: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["ended"], "interrupted");
            let count = |name: &str| value[name].as_u64().unwrap();
            assert!(count("ok") >= 4, "{value}");
            // One more was the list of models.
            assert_counted(&value, mock.stats().requests - 1);
        } else {
            assert!(text.contains("Interrupted: these are the results until then."), "{text}");
            assert!(!text.contains('\x1b'), "no terminal, no escape sequences: {text}");
        }
    }
}

#[tokio::test]
async fn a_target_that_refuses_is_named_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for more in [&[][..], &["--yes-spend"]] {
        let output = bench(&[&["--url", &url], &TWENTY[..], more].concat()).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said.contains(&format!("failed to connect to {url}")), "{said}");
    }
}

#[tokio::test]
async fn a_port_that_speaks_something_else_is_named_with_what_to_check() {
    let node = Node::saying(vec![bytes(b"\x15\x03\x03\x00\x02\x02\x46")]).await;
    let output = bench(&[&["--url", &node.url()], &TWENTY[..]].concat()).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains(&format!("failed to ask {}", node.url())), "{said}");
    assert!(said.contains("https://"), "{said}");
}

#[tokio::test]
async fn a_run_of_no_time_is_refused() {
    let output = bench(&["--duration", "0"]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("write a time above 0"), "{said}");
}

#[tokio::test]
async fn the_rate_of_answers_is_at_most_that_of_the_requests() {
    let mock = mock().await;
    let args = ["--json", "--url", &mock.base_url(), "--rate", "4", "--duration", "300ms"];
    let (_, value) = ended(&bench(&[&args[..], &["--warm-up", "0"]].concat()).await);
    assert_eq!(value["ok"], 2, "{value}");
    assert!(value["throughput_per_second"].as_f64().unwrap() <= 6.667, "{value}");
}

#[tokio::test]
async fn a_target_that_dies_is_a_failure_of_each_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let dying = tokio::spawn(async move {
        let (mut stream, _peer) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        // Before the answer, so that nobody is there any more when the first request is due.
        drop(listener);
        stream.write_all(&marked(MODELS)).await.unwrap();
    });
    let (code, value) = twenty(&url, &[]).await;
    dying.await.unwrap();
    assert_eq!((code, &value["sent"], &value["ok"]), (1, &json!(20), &json!(0)), "{value}");
    assert_eq!(value["failures"], json!({ "connect": 20 }));
    assert!(value["first_failure"].as_str().unwrap().starts_with("connect to http"), "{value}");
}

#[tokio::test]
async fn a_target_that_falls_silent_holds_nobody_up() {
    let mock = mock().await;
    mock.set_fault("stall@path=/v1/messages").unwrap();
    // Of one that is silent nobody knows whether it is a mock.
    let more = ["--timeout", "300ms", "--connections", "2", "--yes-spend"];
    let (code, value) = twenty(&mock.base_url(), &more).await;
    assert_eq!((code, &value["ok"]), (1, &json!(0)), "{value}");
    let count = |name: &str| value[name].as_u64().unwrap();
    let timeouts = value["failures"]["timeout"].as_u64().unwrap_or(0);
    assert_eq!(timeouts, count("failed"), "{value}");
    // No list of models is asked for.
    assert_counted(&value, mock.stats().requests);
    assert!(count("not_sent") > 0, "what waited is counted: {value}");
    assert_eq!(value["ended"], "behind");
}

#[tokio::test]
async fn streams_that_are_not_whole_are_found() {
    let mock = mock().await;
    for (fault, found) in [
        // The first ends cleanly, and only the missing last event tells.
        ("end:after=4", "truncated"),
        ("cut:at=4", "truncated"),
        ("chunk-cut:after=4", "truncated"),
        ("error-event:after=4", "error_event"),
        ("html", "not_an_answer"),
        ("529", "status_529"),
        ("reset", "lost"),
    ] {
        mock.set_fault(&format!("{fault}@path=/v1/messages")).unwrap();
        let (code, value) = twenty(&mock.base_url(), &["--kind", "stream"]).await;
        assert_eq!((code, &value["failures"]), (1, &json!({ found: 20 })), "{fault}: {value}");
    }
}

#[tokio::test]
async fn a_key_is_sent_and_not_shown() {
    let mock = mock().await;
    let mut command = command(&["--json", "--url", &mock.base_url(), "--key", "env:BENCH_KEY"]);
    command.args(TWENTY).env("BENCH_KEY", "sk-ant-of-the-bench");
    let output = blocking(move || command.output().unwrap()).await;
    assert_eq!(mock.last().unwrap().headers["x-api-key"], "sk-ant-of-the-bench");
    let said = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8(said).unwrap().contains("sk-ant-of"));
}

#[tokio::test]
async fn what_cannot_be_measured_is_refused_with_an_example() {
    for (args, needle) in [
        (&["--rate", "0"][..], "requests a second"),
        (&["--duration", "soon"], "as in 10, 500ms"),
        (&["--connections", "0"], "1..=10000"),
        (&["--bytes", "0"], "1..=32000000"),
        (&["--compare", "http://127.0.0.1:1"], "2 values required"),
        (&["--url", "http://x", "--compare", "http://x", "http://y"], "cannot be used with"),
    ] {
        let output = bench(args).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(needle), "{args:?}: {said}");
    }
    let output = bench(&["--url", "127.0.0.1:7300"]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("as in http://127.0.0.1:7300"), "{said}");
    let output = bench(&["--key", "env:NOBODY_SETS_THIS"]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("failed to find a key"), "{said}");
}

#[tokio::test]
async fn a_secret_in_the_wrong_place_is_refused_and_not_repeated() {
    let good = "http://127.0.0.1:1";
    for (args, needle) in [
        (&["--key", "sk-ant-hunter2"][..], "env:NAME"),
        (&["--key", "hunter2=", "--url", good], "env:NAME"),
        (&["--url", "http://me:hunter2@127.0.0.1:1"], "--key env:NAME"),
        (&["--url", "http://me:hunter2 @127.0.0.1:1"], "write it as http://"),
        (&["--url", "ftp://hunter2"], "write it as http://"),
        (&["--compare", good, "https://me:hunter2@h"], "--key env:NAME"),
    ] {
        let output = bench(args).await;
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(needle), "{args:?}: {said}");
        assert!(!said.contains("hunter2"), "{args:?}: {said}");
    }
}
