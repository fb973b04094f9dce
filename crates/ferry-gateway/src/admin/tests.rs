//! The admin port over raw bytes.

use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::telemetry;
use crate::upstream::Role;
use crate::upstream::status::{NodeState, NodeStatus};

/// Ends a test that hangs; never reached otherwise.
const HANG: Duration = Duration::from_mins(1);

struct Harness {
    address: SocketAddr,
    ready: Arc<AtomicBool>,
    /// Names of nodes that were reset, in order.
    resets: Arc<Mutex<Vec<String>>>,
    tasks: Tasks,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    _dir: tempfile::TempDir,
}

impl Harness {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = telemetry::Settings {
            format: telemetry::LogFormat::Text,
            file: Some(dir.path().join("ferry.log")),
            level: telemetry::LogLevel::Info,
            queue_lines: 8,
        };
        let ready = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&ready);
        let resets = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&resets);
        let tasks = Tasks::default();
        let admin = Admin {
            telemetry: Telemetry::new(settings, &["default".into()], &[]).unwrap(),
            readiness: Arc::new(move || Readiness {
                ready: asked.load(Ordering::Relaxed),
                detail: json!({ "nodes": 1 }),
            }),
            nodes: Arc::new(|| vec![node("tokyo-1"), node("tokyo-2")]),
            reset: Arc::new(move |name| {
                let known = ["tokyo-1", "tokyo-2"].contains(&name);
                if known {
                    told.lock().unwrap().push(name.to_owned());
                }
                known
            }),
            trials: Arc::default(),
            redact: Arc::new(|trying| match &*trying.line {
                "default" => Tried::Report(json!({ "bytes": trying.bytes.len() })),
                _ => Tried::UnknownLine(vec!["default".to_owned()]),
            }),
            tasks: tasks.clone(),
            allowed_hosts: Arc::from(["ferry.lan".to_owned()]),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let server = tasks.spawn(serve(listener, admin, async move {
            drop(stopped.await);
        }));
        Self { address, ready, resets, tasks, stop, server, _dir: dir }
    }

    /// Sends the bytes on a connection of their own and reads to its end.
    async fn raw(&self, request: &str) -> String {
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            String::from_utf8(answer).unwrap()
        };
        tokio::time::timeout(HANG, exchange).await.unwrap()
    }

    async fn get(&self, path: &str) -> String {
        self.raw(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
            .await
    }

    /// Without a body; `headers` end with a line end each.
    async fn post(&self, path: &str, headers: &str) -> String {
        let head = "Host: localhost\r\nContent-Length: 0\r\nConnection: close";
        self.raw(&format!("POST {path} HTTP/1.1\r\n{head}\r\n{headers}\r\n")).await
    }

    async fn stop(self) {
        drop(self.stop);
        tokio::time::timeout(HANG, self.server).await.unwrap().unwrap();
    }
}

fn node(name: &str) -> NodeStatus {
    NodeStatus {
        name: name.to_owned(),
        role: Role::Primary,
        url: "https://relay.example.com".to_owned(),
        proxy: None,
        current: name == "tokyo-1",
        state: NodeState::Open,
        reason: Some("12 of 12 attempts failed".to_owned()),
        recover_in_ms: Some(3_200),
        suspect: false,
        attempts: 12,
        failures: 12,
        rtt_ms: None,
        pending: 0,
        in_flight: 0,
        idle_connections: 0,
        http2_connections: 0,
        connections_opened: 3,
        addresses: Vec::new(),
        keys: Vec::new(),
        cooling: Vec::new(),
    }
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[tokio::test]
async fn health_is_told_whether_or_not_ready() {
    let harness = Harness::start().await;
    for ready in [true, false] {
        harness.ready.store(ready, Ordering::Relaxed);
        for path in ["/healthz", "/livez"] {
            let answer = harness.get(path).await;
            assert!(status(&answer) == "200" && answer.ends_with("\r\n\r\nok\n"), "{answer}");
        }
    }
    harness.stop().await;
}

#[tokio::test]
async fn readiness_follows_its_source_and_shows_why_when_asked() {
    let harness = Harness::start().await;
    let answer = harness.get("/readyz").await;
    assert!(status(&answer) == "200" && answer.ends_with("\r\n\r\nready\n"), "{answer}");
    harness.ready.store(false, Ordering::Relaxed);
    assert_eq!(status(&harness.get("/readyz").await), "503");
    let answer = harness.get("/readyz?verbose").await;
    assert!(answer.ends_with("{\"ready\":false,\"detail\":{\"nodes\":1}}\n"), "{answer}");
    assert_eq!(status(&answer), "503");
    harness.stop().await;
}

#[tokio::test]
async fn metrics_are_open_metrics() {
    let harness = Harness::start().await;
    let answer = harness.get("/metrics").await;
    assert!(answer.contains(&format!("content-type: {OPEN_METRICS}\r\n")), "{answer}");
    assert!(answer.contains("ferry_requests_in_flight 0\n") && answer.ends_with("# EOF\n"));
    harness.stop().await;
}

#[tokio::test]
async fn anything_else_gets_an_error_in_the_api_s_shape() {
    let harness = Harness::start().await;
    let answer = harness.get("/v1/messages").await;
    assert_eq!(status(&answer), "404");
    assert!(answer.contains(r#"{"type":"error","error":{"type":"not_found_error""#), "{answer}");
    let post = "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&harness.raw(post).await), "405");
    let head = "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = harness.raw(head).await;
    assert!(status(&answer) == "200" && answer.ends_with("\r\n\r\n"), "{answer}");
    harness.stop().await;
}

#[tokio::test]
async fn a_rebound_name_is_refused() {
    let harness = Harness::start().await;
    let rows = [
        ("GET /metrics HTTP/1.1\r\nHost: evil.test\r\n", "403"),
        ("GET /metrics HTTP/1.1\r\nHost: evil.test:7301\r\n", "403"),
        ("GET /nowhere HTTP/1.1\r\nHost: evil.test\r\n", "403"),
        ("GET http://evil.test/metrics HTTP/1.1\r\nHost: localhost\r\n", "403"),
        ("GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n", "403"),
        ("GET /metrics HTTP/1.1\r\n", "403"),
        ("GET /metrics HTTP/1.1\r\nHost: ferry.lan:7301\r\n", "200"),
        ("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:7301\r\n", "200"),
        ("GET /metrics HTTP/1.1\r\nHost: [::1]\r\n", "200"),
        ("GET /healthz HTTP/1.0\r\n", "200"),
    ];
    for (head, expected) in rows {
        let answer = harness.raw(&format!("{head}Connection: close\r\n\r\n")).await;
        assert_eq!(status(&answer), expected, "{head}\n{answer}");
    }
    harness.stop().await;
}

#[tokio::test]
async fn a_web_page_of_another_origin_is_refused() {
    let harness = Harness::start().await;
    let rows = [
        ("GET /metrics", "Origin: https://evil.test\r\n", "403"),
        ("POST /metrics", "Origin: https://evil.test\r\nContent-Length: 0\r\n", "403"),
        ("OPTIONS /metrics", "Origin: https://evil.test\r\n", "403"),
        ("GET /nowhere", "Origin: null\r\n", "403"),
        ("GET /metrics", "Origin: http://localhost:3000\r\n", "403"),
        (
            "GET /metrics",
            "Origin: http://localhost:7301\r\nOrigin: http://localhost:7301\r\n",
            "403",
        ),
        ("GET /metrics", "Origin: http://localhost:7301\r\n", "200"),
        ("GET /metrics", "", "200"),
    ];
    for (line, fields, expected) in rows {
        let request =
            format!("{line} HTTP/1.1\r\nHost: localhost:7301\r\n{fields}Connection: close\r\n\r\n");
        let answer = harness.raw(&request).await;
        assert_eq!(status(&answer), expected, "{request}\n{answer}");
    }
    harness.stop().await;
}

#[tokio::test]
async fn nodes_are_told_as_they_are() {
    let harness = Harness::start().await;
    let answer = harness.get("/nodes").await;
    assert_eq!(status(&answer), "200");
    assert!(answer.contains("content-type: application/json\r\n"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let nodes: Vec<NodeStatus> = serde_json::from_str(body).unwrap();
    assert_eq!(nodes, [node("tokyo-1"), node("tokyo-2")]);
    harness.stop().await;
}

#[tokio::test]
async fn a_reset_needs_a_post_and_a_known_name() {
    let harness = Harness::start().await;
    let answer = harness.get("/nodes/tokyo-2/reset").await;
    assert!(status(&answer) == "405" && answer.contains("This path takes POST."), "{answer}");
    assert!(answer.contains("allow: POST\r\n"), "{answer}");
    assert_eq!(status(&harness.post("/nodes", "").await), "405");
    let answer = harness.post("/nodes/tokyo-3/reset", "").await;
    assert_eq!(status(&answer), "404");
    assert!(answer.contains("no node `tokyo-3`; the nodes of this Ferry are tokyo-1, tokyo-2."));
    for path in ["/nodes/reset", "/nodes//reset", "/nodes/tokyo-2", "/nodes/tokyo-2/reset/"] {
        assert_eq!(status(&harness.post(path, "").await), "404", "{path}");
    }
    assert!(harness.resets.lock().unwrap().is_empty());
    let answer = harness.post("/nodes/tokyo-2/reset", "").await;
    assert!(answer.ends_with("\r\n\r\n{\"reset\":\"tokyo-2\"}\n"), "{answer}");
    assert_eq!(*harness.resets.lock().unwrap(), ["tokyo-2"]);
    harness.stop().await;
}

#[tokio::test]
async fn a_web_page_resets_no_node_unless_it_is_the_port_s_own() {
    let harness = Harness::start().await;
    let refused = [
        "Origin: https://evil.test\r\n",
        "Origin: null\r\n",
        "Origin: http://localhost:7300\r\n",
        "Origin: \r\n",
        "Origin: \u{e9}\r\n",
        "Origin: http://localhost\r\nOrigin: http://localhost\r\n",
    ];
    for origin in refused {
        let answer = harness.post("/nodes/tokyo-1/reset", origin).await;
        assert_eq!(status(&answer), "403", "{origin}\n{answer}");
        assert!(!answer.contains("access-control"), "{answer}");
    }
    assert!(harness.resets.lock().unwrap().is_empty());
    let own = harness.post("/nodes/tokyo-1/reset", "Origin: http://localhost\r\n").await;
    assert_eq!(status(&own), "200", "{own}");
    assert_eq!(harness.resets.lock().unwrap().len(), 1);
    harness.stop().await;
}

#[tokio::test]
async fn a_giant_head_is_refused() {
    let harness = Harness::start().await;
    let field = format!("x: {}\r\n", "a".repeat(HEAD_BYTES_MAX_TIMES_TWO));
    let answer =
        harness.raw(&format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{field}\r\n")).await;
    assert_eq!(status(&answer), "431", "{answer}");
    harness.stop().await;
}

/// Twice the bound of `serve.rs`, and little enough to fit socket buffers, so that the answer is seen.
const HEAD_BYTES_MAX_TIMES_TWO: usize = 16 * 1024;

#[tokio::test]
async fn stopping_closes_idle_connections_and_leaves_no_task() {
    let harness = Harness::start().await;
    let mut idle = TcpStream::connect(harness.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut first = [0; 15];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let tasks = harness.tasks.clone();
    harness.stop().await;
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(b"ok\n"));
    tokio::task::yield_now().await;
    assert_eq!(tasks.alive(), 0);
}
