//! The process as an operator meets it: exit codes and what stands on standard error, signals, inherited sockets; and a
//! reload of a running gateway.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;

use ferry_mock::RunningMock;

use crate::harness::{Client, End, GUARD, Gateway, Setup, body, get, message, mock, request, seen};

/// The command with a configuration in a folder of its own.
struct Ferry {
    dir: tempfile::TempDir,
    command: Command,
}

/// A process that serves; killed when it is dropped.
struct Serving {
    child: Child,
    data: SocketAddr,
    admin: SocketAddr,
    dir: tempfile::TempDir,
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Ferry {
    fn serve(setup: &Setup) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ferry.toml"), setup.toml(dir.path())).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
        command.arg("serve");
        Self::in_folder(dir, command)
    }

    fn in_folder(dir: tempfile::TempDir, mut command: Command) -> Self {
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", dir.path())
            .env("NO_COLOR", "1")
            .current_dir(dir.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { dir, command }
    }

    fn write(self, text: &str) -> Self {
        fs::write(self.dir.path().join("ferry.toml"), text).unwrap();
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end; gives exit code and standard error.
    async fn end(mut self) -> (i32, String) {
        let mut child = self.command.spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let (status, text) = blocking(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            (child.wait().unwrap(), text)
        })
        .await;
        (status.code().unwrap(), text)
    }

    /// Starts it and waits for the two lines that say where it serves.
    async fn start(mut self) -> Serving {
        let mut child = self.command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let lines = blocking(move || {
            BufReader::new(stdout).lines().take(2).map(Result::unwrap).collect::<Vec<_>>()
        })
        .await;
        let address = |line: usize, name: &str| {
            let line = lines.get(line).unwrap_or_else(|| panic!("it did not start"));
            line.strip_prefix(name).unwrap().parse().unwrap()
        };
        let (data, admin) = (address(0, "data http://"), address(1, "admin http://"));
        Serving { child, data, admin, dir: self.dir }
    }
}

/// Blocking work off the runtime, under the guard.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || drop(sender.send(work())));
    let received = tokio::task::spawn_blocking(move || receiver.recv_timeout(GUARD));
    received.await.unwrap().expect("the process hung")
}

impl Serving {
    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").arg("-c").arg(kill).status().unwrap().success());
    }

    /// Waits for the end of the process.
    async fn ended(mut self) -> ExitStatus {
        crate::harness::guarded("the process to end", async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    async fn ask(&self, request: impl AsRef<[u8]>) -> crate::harness::Answer {
        Client::connect(self.data).await.ask(request).await
    }

    /// Waits until the metrics page holds this.
    async fn metric(&self, needle: &str) {
        crate::harness::guarded(needle, async {
            loop {
                let page = Client::connect(self.admin).await.ask(get("/metrics")).await;
                if page.text().contains(needle) {
                    return;
                }
            }
        })
        .await;
    }
}

fn before(mock: &RunningMock) -> Setup {
    Setup::new().mock(mock)
}

#[tokio::test]
async fn it_says_where_it_serves_and_serves_there() {
    let mock = mock().await;
    let ferry = Ferry::serve(&before(&mock)).start().await;
    assert_eq!(ferry.ask(message("Hello", true)).await.status, 200);
    let health = Client::connect(ferry.admin).await.ask(get("/healthz")).await;
    assert_eq!(health.status, 200);
    let secret = fs::read_dir(ferry.dir.path().join("state")).unwrap().count();
    assert!(secret >= 1, "the state folder holds the tenant secret");
}

#[tokio::test]
async fn a_port_in_use_is_named_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for key in ["server.listen", "server.admin_listen"] {
        let mut ferry = Ferry::serve(&Setup::new());
        ferry.command.args(["--set", &format!("{key}=\"{address}\"")]);
        let (code, text) = ferry.end().await;
        assert_eq!(code, 1, "{text}");
        assert!(
            text.contains(&address) && text.contains("another process has this port"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_missing_key_is_a_broken_configuration() {
    let node = |key: &str| {
        Setup::new().node("n", "https://relay.example.com", &format!("key = \"{key}\""))
    };
    for (key, word) in [
        ("file:/nowhere/key", "/nowhere/key"),
        ("env:NOT_SET", "NOT_SET"),
        ("sk-ant-api03-literal", "env:"),
    ] {
        let (code, text) = Ferry::serve(&node(key)).end().await;
        assert_eq!(code, 78, "{text}");
        assert!(text.contains(word), "{text}");
        assert!(!text.contains("literal"), "a key is never shown: {text}");
    }
}

#[tokio::test]
async fn a_log_or_state_that_cannot_be_written_is_named() {
    let mock = mock().await;
    let (code, text) = Ferry::serve(&before(&mock))
        .env("FERRY_LOG__FILE", "/nowhere/at/all/ferry.log")
        .end()
        .await;
    assert_ne!(code, 0);
    assert!(text.contains("/nowhere/at/all/ferry.log") || text.contains("log.file"), "{text}");
    let (code, text) =
        Ferry::serve(&before(&mock)).env("FERRY_STATE__DIR", "/proc/nowhere").end().await;
    assert_ne!(code, 0);
    assert!(text.contains("/proc/nowhere"), "{text}");
}

#[tokio::test]
async fn a_broken_configuration_is_shown_with_line_and_caret() {
    for (toml, words) in [
        ("config_version = 1\n[server]\nlisten = 7300\n", ["listen", "ferry.toml:3"]),
        ("config_version = 1\n[server]\nlisten = \"nonsense\"\n", ["listen", "ferry.toml:3"]),
        ("config_version = 1\n[server]\nlisetn = \"127.0.0.1:1\"\n", ["did you mean", "listen"]),
        ("config_version = 1\n[server\n", ["TOML", "ferry.toml:2"]),
        ("config_version = 1\n[timeouts]\nconnect_ms = 0\n", ["connect_ms", "ferry.toml:3"]),
        (
            "config_version = 1\n[[nodes]]\nname = \"a\"\nurl = \"ftp://x\"\n",
            ["url", "ferry.toml:4"],
        ),
        (
            "config_version = 1\n[server]\ntimezone = \"Mars/Olympus\"\n",
            ["timezone", "ferry.toml:3"],
        ),
        ("config_version = 99\n", ["config_version", "ferry.toml:1"]),
    ] {
        let (code, text) = Ferry::serve(&Setup::new()).write(toml).end().await;
        assert_eq!(code, 78, "{text}");
        for word in words {
            assert!(text.contains(word), "{word} is not in:\n{text}");
        }
    }
}

#[tokio::test]
async fn the_report_of_a_broken_configuration() {
    let toml = "config_version = 1\n[server]\nlisetn = \"127.0.0.1:1\"\nadmin_listen = \"0.0.0.0:7301\"\n[timeouts]\nconnect_ms = \"3 s\"\n";
    let (code, text) = Ferry::serve(&Setup::new()).write(toml).end().await;
    assert_eq!(code, 78);
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn a_configuration_file_that_is_not_there_is_named() {
    let mut ferry = Ferry::serve(&Setup::new());
    ferry.command.args(["--config", "elsewhere.toml"]);
    let (code, text) = ferry.end().await;
    assert_eq!(code, 78, "{text}");
    assert!(text.contains("elsewhere.toml") && text.contains("--config"), "{text}");
}

#[tokio::test]
async fn a_public_bind_with_a_node_key_and_no_access_control_does_not_start() {
    let setup = Setup::new().listen("0.0.0.0:0").node(
        "n",
        "https://relay.example.com",
        "key = \"env:NODE_KEY\"",
    );
    let (code, text) = Ferry::serve(&setup).env("NODE_KEY", "sk-ant-api03-abc").end().await;
    assert_eq!(code, 78, "{text}");
    assert!(text.contains("access.keys"), "the mend is named: {text}");
}

#[tokio::test]
async fn sighup_applies_a_new_line_and_keeps_the_connections_to_the_nodes() {
    let mock = mock().await;
    let ferry = Ferry::serve(&before(&mock)).start().await;
    let mut client = Client::connect(ferry.data).await;
    assert_eq!(client.ask(message("Hello", false)).await.status, 200);
    let path = ferry.dir.path().join("ferry.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text + "\n[lines.customer_service]\n").unwrap();
    ferry.signal("HUP");
    ferry.metric("ferry_config_reloads_total{result=\"applied\"} ").await;
    ferry.metric("line=\"customer_service\"").await;
    let sent = request(
        "POST",
        "/v1/messages",
        &[("x-biz-type", "customer_service")],
        &body("Hello", false),
    );
    assert_eq!(client.ask(sent).await.status, 200);
    ferry
        .metric("ferry_requests_total{line=\"customer_service\",node=\"mock\",outcome=\"ok\"} 1")
        .await;
    assert_eq!(mock.stats().connections, 1, "the node's connection is kept, and the client's");
    // A broken one changes nothing.
    fs::write(&path, "config_version = 1\n[server\n").unwrap();
    ferry.signal("HUP");
    ferry.metric("ferry_config_reloads_total{result=\"rejected\"} ").await;
    assert_eq!(client.ask(message("Hello", false)).await.status, 200);
}

#[tokio::test]
async fn a_refused_reload_is_tried_again_when_a_file_that_it_names_has_come() {
    let mock = mock().await;
    let ferry = Ferry::serve(&before(&mock)).start().await;
    let folder = ferry.dir.path();
    fs::create_dir(folder.join("keys")).unwrap();
    let key = folder.join("keys/node.key");
    let line = format!("key = \"file:{}\"", key.display());
    let keyed = Setup::new().node("mock", &mock.base_url(), &line).toml(folder);
    fs::write(folder.join("ferry.toml"), keyed).unwrap();
    ferry.metric("ferry_config_reloads_total{result=\"rejected\"} 1").await;
    fs::write(&key, "sk-ant-api03-thekeythatcamelate").unwrap();
    ferry.metric("ferry_config_reloads_total{result=\"applied\"} 1").await;
    assert_eq!(ferry.ask(message("Hello", false)).await.status, 200);
    assert_eq!(mock.last().unwrap().headers["x-api-key"], "sk-ant-api03-thekeythatcamelate");
}

#[tokio::test]
async fn a_refused_reload_says_the_cause_in_the_log() {
    let mock = mock().await;
    let ferry = Ferry::serve(&before(&mock)).start().await;
    let folder = ferry.dir.path();
    fs::write(folder.join("ca.pem"), "no certificate").unwrap();
    let node = Setup::new().node("mock", "https://127.0.0.1:1", "extra_ca_file = \"ca.pem\"");
    fs::write(folder.join("ferry.toml"), node.toml(folder)).unwrap();
    let read = || fs::read_to_string(folder.join("ferry.log")).unwrap();
    crate::harness::until("the refusal", || read().contains("reload_refused")).await;
    let log = read();
    let line = log.lines().find(|line| line.contains("reload_refused")).unwrap();
    assert!(line.contains("failed to ") && line.contains("ca.pem"), "{line}");
}

#[tokio::test]
async fn a_reload_says_what_deserves_a_second_look() {
    let mock = mock().await;
    let mut gateway = Gateway::before(&mock).await;
    let doubtful = Setup::new().node("a", "https://relay.example/v1", "").toml(gateway.dir.path());
    fs::write(gateway.config(), doubtful).unwrap();
    let inputs = gateway.inputs.clone();
    gateway.running.reload(&inputs).unwrap();
    let log = gateway.into_log().await;
    let line = log.iter().find(|line| line["event"] == "reloaded").unwrap();
    assert!(line["warnings"].as_str().unwrap().contains("nodes.0.url: ends in /v1"), "{line}");
}

#[tokio::test]
async fn sigusr1_opens_the_log_again_after_a_rotation() {
    let mock = mock().await;
    let ferry = Ferry::serve(&before(&mock)).start().await;
    assert_eq!(ferry.ask(message("Hello", false)).await.status, 200);
    let log = ferry.dir.path().join("ferry.log");
    let rotated = ferry.dir.path().join("ferry.log.1");
    let lines = |path: &std::path::Path, needle: &str| {
        fs::read_to_string(path).unwrap().lines().filter(|line| line.contains(needle)).count()
    };
    crate::harness::until("its line", || lines(&log, "\"path\":\"/v1/messages\"") == 1).await;
    fs::rename(&log, &rotated).unwrap();
    ferry.signal("USR1");
    crate::harness::until("the new log", || log.exists()).await;
    assert_eq!(ferry.ask(get("/v1/models")).await.status, 200);
    crate::harness::until("its line", || lines(&log, "\"path\":\"/v1/models\"") == 1).await;
    assert_eq!(lines(&rotated, "\"path\":\"/v1/messages\""), 1);
    assert_eq!(lines(&rotated, "\"path\":\"/v1/models\""), 0);
}

#[tokio::test]
async fn systemd_is_told_of_the_start_a_reload_and_the_end() {
    let mock = mock().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(GUARD)).unwrap();
    let socket = std::sync::Arc::new(socket);
    let told = || {
        let socket = std::sync::Arc::clone(&socket);
        blocking(move || {
            let mut buffer = [0; 256];
            let length = socket.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        })
    };
    let ferry = Ferry::serve(&before(&mock)).env("NOTIFY_SOCKET", path.to_str().unwrap());
    let ferry = ferry.start().await;
    assert_eq!(told().await, "READY=1\n");
    assert_eq!(ferry.ask(message("Hello", false)).await.status, 200, "ready means ready");
    ferry.signal("HUP");
    let reloading = told().await;
    let monotonic = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().trim_end();
    assert!(monotonic.parse::<u64>().unwrap() > 0, "{reloading}");
    assert_eq!(told().await, "READY=1\n");
    ferry.signal("TERM");
    assert_eq!(told().await, "STOPPING=1\n");
    assert_eq!(ferry.ended().await.code(), Some(0));
}

#[tokio::test]
async fn sigterm_drains_a_running_stream_to_its_end_and_exits_0() {
    let mock = mock().await;
    let ferry = Ferry::serve(&before(&mock)).start().await;
    let mut idle = Client::connect(ferry.data).await;
    assert_eq!(idle.ask(get("/v1/models")).await.status, 200);
    let mut client = Client::connect(ferry.data).await;
    client.send(message("[mock chunks=20 delay_ms=30]", true)).await;
    let mut answer = client.head().await;
    client.body_until("content_block_delta").await;
    ferry.signal("TERM");
    idle.assert_closed().await;
    client.rest(&mut answer).await;
    assert_eq!(answer.end, End::Whole);
    assert!(answer.text().ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
    client.assert_closed().await;
    let address = ferry.data;
    let dir = ferry.dir.path().to_owned();
    let log = dir.join("ferry.log");
    let log = fs::File::open(log).unwrap();
    assert_eq!(ferry.ended().await.code(), Some(0));
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    let log = std::io::read_to_string(log).unwrap();
    assert_eq!(log.matches("\"event\":\"drained\"").count(), 1, "{log}");
    assert_eq!(mock.stats().generations_finished, 1);
}

#[tokio::test]
async fn a_second_sigterm_ends_what_still_runs_and_says_so() {
    let mock = mock().await;
    let ferry = Ferry::serve(&before(&mock)).start().await;
    let mut client = Client::connect(ferry.data).await;
    client
        .send(request(
            "POST",
            "/v1/messages",
            &[("x-mock-fault", "stall:at=6")],
            &body("Hello", true),
        ))
        .await;
    let mut answer = client.head().await;
    client.body_until("message_start").await;
    ferry.signal("TERM");
    // The first has been heard when the port is closed.
    crate::harness::guarded("the drain", async {
        while tokio::net::TcpStream::connect(ferry.data).await.is_ok() {}
    })
    .await;
    ferry.signal("TERM");
    client.rest(&mut answer).await;
    assert!(answer.text().contains("\"error_code\":\"drain-over\""), "{}", answer.text());
    assert_eq!(ferry.ended().await.code(), Some(0));
    seen(&mock, "the cancel", |stats| stats.generations_aborted == 1).await;
}

#[tokio::test]
async fn readiness_ends_when_the_drain_begins() {
    let mock = mock().await;
    let gateway = Gateway::before(&mock).await;
    let mut admin = Client::connect(gateway.admin).await;
    assert_eq!(admin.ask(get("/readyz")).await.status, 200);
    let mut client = gateway.connect().await;
    client.send(message("[mock latency_ms=600000]", false)).await;
    seen(&mock, "the generation", |stats| stats.generations_started == 1).await;
    gateway.running.shutdown().drain();
    assert_eq!(admin.ask(get("/readyz")).await.status, 503);
    assert_eq!(Client::connect(gateway.admin).await.ask(get("/healthz")).await.status, 200);
}

#[tokio::test]
async fn a_socket_of_systemd_is_taken_over() {
    let mock = mock().await;
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("ferry.toml"), before(&mock).toml(dir.path())).unwrap();
    let mut command = Command::new("sh");
    let script = format!(
        "exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec {} serve",
        env!("CARGO_BIN_EXE_ferry")
    );
    command.arg("-c").arg(script).stdin(Stdio::from(OwnedFd::from(socket)));
    let ferry = Ferry::in_folder(dir, command).start().await;
    assert_eq!(ferry.data, address);
    assert_eq!(ferry.ask(message("Hello", false)).await.status, 200);
}

#[tokio::test]
async fn a_reload_says_what_needs_a_restart_and_applies_the_rest() {
    let mock = mock().await;
    let mut gateway = Gateway::before(&mock).await;
    let other = crate::harness::mock().await;
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    let text = Setup::new()
        .listen("127.0.0.1:1")
        .server("timezone = \"Asia/Shanghai\"\nbody_bytes_max = 65536")
        .mock(&other)
        .toml(gateway.dir.path());
    fs::write(gateway.config(), text).unwrap();
    let inputs = gateway.inputs.clone();
    let reloaded = gateway.running.reload(&inputs).unwrap();
    assert_eq!(reloaded.restart_needed, ["server.listen"]);
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    assert_eq!(other.last().unwrap().headers["x-claude-timezone"], "Asia/Shanghai");
    gateway
        .ask(request("POST", "/v1/messages", &[], &vec![b' '; 70_000]))
        .await
        .assert_own(413, "body-too-large");
    fs::write(gateway.config(), "config_version = 1\n[server\n").unwrap();
    assert!(gateway.running.reload(&inputs).is_err());
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    assert_eq!((mock.stats().requests, other.stats().requests), (1, 2));
}

#[tokio::test]
async fn a_request_under_way_keeps_the_configuration_it_began_with() {
    let mock = mock().await;
    let mut gateway = Gateway::before(&mock).await;
    let mut client = gateway.connect().await;
    client.send(message("[mock chunks=20 delay_ms=10]", true)).await;
    client.head().await;
    let text = Setup::new().node("elsewhere", "http://127.0.0.1:1", "").toml(gateway.dir.path());
    fs::write(gateway.config(), text).unwrap();
    let inputs = gateway.inputs.clone();
    gateway.running.reload(&inputs).unwrap();
    client.body_until("event: message_stop").await;
    gateway.ask(message("Hello", false)).await.assert_own(503, "no-node");
}
