//! `ferry nodes test` and `ferry nodes report` as an operator runs them, without a terminal: what is ranked and why, what
//! is written into a configuration, and what a comparison leaves behind when it is stopped, refused or out of disk.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use ferry_mock::RunningMock;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{GUARD, Manner, Node, Proxy, Setup, Step, bytes, http_json, mock};
use crate::process::blocking;

/// The API's own answer to a request without a key.
const REFUSED: &[u8] =
    br#"{"type":"error","error":{"type":"authentication_error","message":"x-api-key header is required"}}"#;

/// A folder with a configuration, and what the command said in it.
struct Desk {
    dir: TempDir,
}

#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Desk {
    fn with(setup: &Setup) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ferry.toml"), setup.toml(dir.path())).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
        command
            .arg("nodes")
            .args(args)
            .env_clear()
            .env("HOME", self.dir.path())
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    async fn run(&self, args: &[&str]) -> Said {
        self.run_in(&[], args).await
    }

    /// With these variables.
    async fn run_in(&self, env: &[(&str, &str)], args: &[&str]) -> Said {
        let mut command = self.command(args);
        command.envs(env.iter().copied());
        let output = blocking(move || command.output().unwrap()).await;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        Said { code: output.status.code().unwrap(), out, err }
    }
}

/// A node that answers as the API does, after so many milliseconds.
async fn answering(delay_ms: u64) -> Node {
    let answer = bytes(http_json("401 Unauthorized", REFUSED));
    Node::saying(vec![Step::Wait(delay_ms), answer]).await
}

/// The URL of a port that nobody listens on.
async fn nobody() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn rounds(dir: &Path) -> usize {
    let text = fs::read_to_string(dir.join("rounds.jsonl")).unwrap_or_default();
    text.lines().filter(|line| line.contains("\"type\":\"round\"")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_candidates_are_ranked_by_unpaid_requests_and_at_most_twelve_each() {
    let (near, far, farther) = (answering(0).await, answering(150).await, answering(400).await);
    let page = bytes(
        "HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>",
    );
    let broken = Node::saying(vec![page]).await;
    let lossy_answer = bytes(http_json("401 Unauthorized", REFUSED));
    let lossy = Node::in_turn(vec![vec![Step::Reset], vec![lossy_answer]]).await;
    let elsewhere = Node::saying(vec![bytes(http_json("404 Not Found", b"{}"))]).await;
    let silent = Node::saying(vec![Step::Hold]).await;
    // Keys and secret headers are not asked for: these names are not set.
    let secret = "key = \"env:NOT_SET\"\nheaders = { x-team = \"env:NOT_SET_EITHER\" }";
    let setup = Setup::new()
        .timeout("connect_ms = 700\ntls_ms = 500")
        .node("far", &far.url(), secret)
        .node("silent", &silent.url(), "")
        .node("gone", &nobody().await, "")
        .node("broken", &broken.url(), "")
        .node("lossy", &lossy.url(), "")
        .node("elsewhere", &elsewhere.url(), "")
        .node("near", &near.url(), "")
        .node("farther", &farther.url(), "");
    let said = Desk::with(&setup).run(&["test", "--json"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let ranking: Value = serde_json::from_str(&said.out).unwrap();
    let rows = ranking["candidates"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["node"].as_str().unwrap()).collect();
    assert_eq!(names[..4], ["near", "far", "farther", "lossy"]);
    assert_eq!(rows.len(), 8);
    let row = |name: &str| rows.iter().find(|row| row["node"] == name).unwrap();
    let reason = |name: &str| row(name)["reason"].as_str().unwrap();
    assert_eq!(
        (row("near")["sent"].as_u64(), row("near")["received"].as_u64()),
        (Some(10), Some(10))
    );
    assert_eq!(
        (row("lossy")["verdict"].as_str(), row("lossy")["received"].as_u64()),
        (Some("lossy"), Some(9))
    );
    assert_eq!(row("silent")["sent"], 3, "more tries would say nothing new");
    for (name, said) in [
        ("gone", "refused"),
        ("broken", "a page came, with status 502"),
        ("elsewhere", "it answered 404"),
        ("silent", "nothing came in time"),
    ] {
        assert_eq!(row(name)["verdict"], "dead");
        assert!(reason(name).contains(said), "{}", reason(name));
    }
    for node in [&near, &far, &farther, &lossy, &broken, &elsewhere, &silent] {
        let requests = node.requests();
        assert!(requests.len() <= 12, "{}", requests.len());
        for request in requests {
            let request = String::from_utf8(request).unwrap().to_ascii_lowercase();
            assert!(request.starts_with("post /v1/messages "), "{request}");
            assert!(request.ends_with("\r\n\r\n{}"), "it asks no model: {request}");
            let paid = ["x-api-key", "authorization", "x-team"];
            assert!(!paid.iter().any(|name| request.contains(name)), "{request}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ranking_goes_into_the_configuration_once_it_is_wanted() {
    let mock = mock().await;
    let url = format!("http://relay.invalid:{}", mock.addr().port());
    // Nothing listens at the first address, nor at the first node.
    let addresses = "# where it moved\naddresses = [\"127.0.0.2\", \"127.0.0.1\"] # both";
    let setup = Setup::new().node("gone", &nobody().await, "").node("relay", &url, addresses);
    let desk = Desk::with(&setup);
    let file = desk.path("ferry.toml");
    let before = fs::read_to_string(&file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();

    let asked = desk.run(&["test", "-t", "1", "--apply"]).await;
    assert_eq!(asked.code, 1, "{asked:?}");
    assert!(
        asked.out.contains("-addresses = [\"127.0.0.2\", \"127.0.0.1\"] # both"),
        "{}",
        asked.out
    );
    assert!(
        asked.out.contains("+addresses = [\"127.0.0.1\", \"127.0.0.2\"] # both"),
        "{}",
        asked.out
    );
    assert!(asked.out.contains("add --yes"), "{}", asked.out);
    assert_eq!(fs::read_to_string(&file).unwrap(), before, "nobody could be asked");

    let written = desk.run(&["test", "-t", "1", "--apply", "--yes"]).await;
    assert_eq!(written.code, 0, "{written:?}");
    let after = fs::read_to_string(&file).unwrap();
    assert!(
        after.contains("# where it moved\naddresses = [\"127.0.0.1\", \"127.0.0.2\"] # both"),
        "{after}"
    );
    assert!(after.find("name = \"relay\"") < after.find("name = \"gone\""), "{after}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(desk.dir.path()).unwrap().count(), 1, "no draft is left");

    let again = desk.run(&["test", "-t", "1", "--apply", "--yes"]).await;
    assert!(again.out.contains("nothing to write"), "{}", again.out);
    assert_eq!(mock.stats().generations_started, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_the_operators_is_tried_and_saved_under_flags_that_people_know() {
    let mock = mock().await;
    let url = format!("http://relay.invalid:{}", mock.addr().port());
    let desk = Desk::with(&Setup::new().node("relay", &url, ""));
    fs::write(desk.path("mine.txt"), "# mine\n127.0.0.1\n").unwrap();
    let said = desk
        .run(&["test", "-t", "2", "-f", "mine.txt", "-tlr", "0.5", "-p", "5", "-o", "r.csv"])
        .await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.starts_with("NODE   ADDRESS    SENT  RECV  LOSS"), "{}", said.out);
    assert!(said.out.contains("relay: failed to resolve relay.invalid"), "{}", said.out);
    let csv = fs::read(desk.path("r.csv")).unwrap();
    assert!(csv.starts_with(b"\xef\xbb\xbfrank,node,address,"));
    assert!(String::from_utf8(csv).unwrap().contains("\r\n1,relay,127.0.0.1,"));
    assert!(said.err.is_empty(), "no bar where nobody looks: {}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_takes_no_ranking_is_named_before_anything_is_measured() {
    let node = answering(0).await;
    let desk = Desk::with(&Setup::new().node("n", &node.url(), ""));
    for place in ["no/such/r.csv", "."] {
        let said = desk.run(&["test", "-t", "1", "-o", place]).await;
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.err.contains(&format!("failed to write {place}: ")), "{}", said.err);
        assert!(said.err.contains("name a file with -o"), "{}", said.err);
        assert!(!said.err.contains(".ferry-") && !said.err.contains(".tmp"), "{}", said.err);
    }
    assert_eq!(node.connections(), 0);
    assert_eq!(fs::read_dir(desk.dir.path()).unwrap().count(), 1, "no draft is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_tested_is_refused_with_a_sentence() {
    let desk = Desk::with(&Setup::new().node("a", "http://relay.invalid", ""));
    fs::write(desk.path("bad.txt"), "203.0.113.7\n\nrelay # two\n").unwrap();
    for (args, code, sentence) in [
        (&["--address", "203.0.113.0/24"][..], 1, "scans none"),
        (&["--address", "203.0.113.1-9"], 1, "scans none"),
        (&["--address", "relay.example.com"], 1, "it is no IP"),
        (&["--address", "b=203.0.113.7"], 1, "no node `b` is tested"),
        (&["-f", "missing.txt"], 1, "failed to read missing.txt"),
        (&["-f", "missing.txt"], 1, "one IP or NODE=IP on each line"),
        (&["-f", "bad.txt"], 1, "bad.txt:3: failed to use `relay`: it is no IP"),
        (&["--node", "b"], 1, "failed to find node `b`"),
        (&["--node", "b"], 1, "name one of the configuration's nodes: a"),
        (&["--lang", "zh"], 2, "--for"),
        (&["--every", "5s"], 2, "--for"),
        (&["--for", "1h", "--against", "http://a", "-t", "2"], 2, "cannot be used with"),
        (&["--for", "1h", "--against", "http://a", "-n", "2"], 2, "cannot be used with"),
        (&["--for", "367d", "--against", "http://a"], 2, "at most 366d"),
        (&["--url", "relay.example.com"], 1, "it is no base URL"),
        (&["-dn", "10"], 1, "nothing is downloaded here"),
        (&["-t", "13"], 2, "13 is not in 1..=12"),
        (&["--for", "1h"], 2, "--against"),
        (&["--for", "soon", "--against", "http://a"], 2, "24h"),
        (
            &["--for", "1h", "--against", "http://a", "--every", "0.1"],
            1,
            "failed to ask every 100 ms",
        ),
        (&["--for", "1h", "--against", "http://a", "--every", "0.1"], 1, "takes 1s to 366d"),
        (&["--for", "90d", "--against", "http://a", "--every", "1s"], 1, "so many rounds"),
    ] {
        let args: Vec<&str> = ["test"].iter().chain(args).copied().collect();
        let said = desk.run(&args).await;
        assert_eq!(said.code, code, "{said:?}");
        // Reports are folded at the edge.
        let folded = said.err.replace("\n  │ ", " ");
        assert!(folded.contains(sentence), "{folded}");
    }
    let dead = desk.run(&["test"]).await;
    assert_eq!(dead.code, 1, "{dead:?}");
    assert!(dead.out.contains("a: failed to resolve relay.invalid"), "{}", dead.out);
    assert!(dead.out.contains("No candidate can be used"), "{}", dead.out);
    for args in [&["report"][..], &["report", "nosuch"]] {
        let none = desk.run(args).await;
        assert_eq!(none.code, 1, "{none:?}");
        assert!(none.err.contains("name the folder of a comparison"), "{}", none.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_refused_where_it_would_be_taken_for_the_proxy() {
    let stranger = Node::saying(vec![Step::Hold]).await;
    let port = stranger.url().rsplit(':').next().unwrap().to_owned();
    for scheme in ["http", "https", "socks5", "socks5h"] {
        let proxy = format!("proxy = \"{scheme}://me:hunter2@proxy.invalid:{port}\"");
        let desk = Desk::with(&Setup::new().node("n", "https://relay.invalid", &proxy));
        fs::write(desk.path("mine.txt"), "127.0.0.1\n").unwrap();
        for args in [
            &["test", "--address", "127.0.0.1"][..],
            &["test", "-f", "mine.txt"],
            &["test", "--address", "127.0.0.1", "--for", "1s", "--against", "http://a.invalid"],
        ] {
            let said = desk.run(args).await;
            assert_eq!(said.code, 1, "{said:?}");
            let folded = said.err.replace("\n  │ ", " ");
            assert!(folded.contains("`n` is reached through a proxy"), "{folded}");
        }
    }
    assert_eq!(stranger.connections(), 0, "nobody is shown the login");
}

/// Waits for so many rounds in a folder, and stops the process as Ctrl-C does.
async fn interrupted(desk: &Desk, args: &[&str], dir: PathBuf, enough: usize) -> Said {
    let mut child = desk.command(args).spawn().unwrap();
    blocking(move || {
        // The first line says that it has begun; the journal says how far it is.
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        out.read_line(&mut text).unwrap();
        let hung = Instant::now() + GUARD;
        while rounds(&dir) < enough {
            if child.try_wait().unwrap().is_some() || Instant::now() > hung {
                child.kill().unwrap();
                panic!("{}", std::io::read_to_string(child.stderr.take().unwrap()).unwrap());
            }
            std::thread::yield_now();
        }
        let kill = format!("kill -INT {}", child.id());
        assert!(Command::new("sh").arg("-c").arg(kill).status().unwrap().success());
        std::io::Read::read_to_string(&mut out, &mut text).unwrap();
        let err = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
        Said { code: child.wait().unwrap().code().unwrap(), out: text, err }
    })
    .await
}

async fn beside(mock: &RunningMock) -> (Desk, String) {
    (Desk::with(&Setup::new().mock(mock)), nobody().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_is_stopped_goes_on_and_ends_in_one_page() {
    let mock = mock().await;
    let (desk, gone) = beside(&mock).await;
    let args =
        ["test", "--for", "24h", "--every", "1s", "--against", &gone, "-o", "day", "--lang", "en"];
    let said = interrupted(&desk, &args, desk.path("day"), 2).await;
    assert_eq!(said.code, 130, "{said:?}");
    assert!(said.err.contains("today's way failed to connect"), "{}", said.err);
    assert!(said.err.contains("the same command goes on from here"), "{}", said.err);
    assert!(said.out.contains("Ended before its time"), "{}", said.out);
    assert!(
        said.out.contains("Success                       0.00%           100%"),
        "{}",
        said.out
    );
    assert!(said.out.contains("Ferry bridged 1 of 1 outage of today's way"), "{}", said.out);
    let html = fs::read_to_string(desk.path("day/report.html")).unwrap();
    assert!(html.contains("<svg") && !html.contains("<script"), "{html}");

    let other =
        desk.run(&["test", "--for", "1s", "--against", "http://other.invalid", "-o", "day"]).await;
    assert!(other.err.contains("it compares with"), "{}", other.err);
    let measured = rounds(&desk.path("day"));
    let again = ["test", "--for", "1s", "--every", "1s", "--against", &gone, "-o", "day"];
    let over = desk.run(&again).await;
    assert_eq!(over.code, 0, "{over:?}");
    assert!(over.err.contains("has been measured before"), "{}", over.err);
    assert!(!over.out.contains("one round every"), "nothing begins: {}", over.out);
    let chinese = desk.run(&[&again[..], &["--lang", "zh"]].concat()).await;
    assert!(chinese.err.contains("此前已经测完"), "{}", chinese.err);
    assert_eq!(rounds(&desk.path("day")), measured, "nothing is measured twice");

    // A power cut left half a line.
    let journal = desk.path("day/rounds.jsonl");
    let mut text = fs::read_to_string(&journal).unwrap();
    text.push_str("{\"type\":\"round\",\"at_");
    fs::write(&journal, text).unwrap();
    let page = desk.run(&["report", "day", "--lang", "zh"]).await;
    assert_eq!(page.code, 0, "{page:?}");
    assert!(page.err.contains("day 中有 1 行无法读取"), "{}", page.err);
    assert!(page.out.contains("现有方式与 Ferry 同时对比"), "{}", page.out);
    let over = desk.run(&again).await;
    assert!(over.err.contains("1 line of day could not be read"), "{}", over.err);
    assert_eq!(mock.stats().generations_started, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_whose_disk_takes_nothing_ends_with_what_it_has() {
    let mock = mock().await;
    let (desk, gone) = beside(&mock).await;
    fs::write(desk.path("taken"), "").unwrap();
    let args = ["test", "--for", "1s", "--every", "1s", "--against", &gone, "-o", "taken/day"];
    let said = desk.run(&args).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("goes on in memory"), "{}", said.err);
    assert!(said.err.contains("the page stands above"), "{}", said.err);
    assert!(said.out.contains("Ferry bridged 1 of 1 outage"), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cuts_costs_ferry_nothing_while_another_answers() {
    let cut = Node::saying(vec![Step::Reset]).await;
    let good = answering(0).await;
    let setup = Setup::new().node("cut", &cut.url(), "").node("good", &good.url(), "");
    let desk = Desk::with(&setup);
    let args = ["test", "--for", "1s", "--every", "1s", "--against", &cut.url(), "-o", "day"];
    let said = desk.run(&args).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("0.00%           100%"), "{}", said.out);
}

/// What stands on the page: today's way, and Ferry's.
fn success(said: &Said) -> Vec<&str> {
    let line = said.out.lines().find_map(|line| line.strip_prefix("Success"));
    line.unwrap_or_default().split_whitespace().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn todays_way_goes_through_the_proxy_of_the_environment() {
    let (good, proxy) = (answering(0).await, Proxy::http(Manner::Open).await);
    let port = good.url().rsplit(':').next().unwrap().to_owned();
    let url = format!("http://relay.invalid:{port}");
    let desk = Desk::with(&Setup::new().node("good", &good.url(), ""));
    let through = proxy.url("http", "me:hunter2@");
    let env = [("ALL_PROXY", through.as_str())];
    let ranked = desk.run_in(&env, &["test", "-t", "1", "--url", &url]).await;
    assert_eq!(ranked.code, 0, "{ranked:?}");
    let asked = proxy.asked().len();
    assert!(asked > 0);
    let against = ["test", "--for", "1s", "--every", "1s", "--against", &url, "-o"];
    let day = desk.run_in(&env, &[&against[..], &["day", "--lang", "en"]].concat()).await;
    assert_eq!(success(&day), ["100%", "100%"], "{}", day.out);
    assert!(proxy.asked().len() > asked);
    let env = [env[0], ("NO_PROXY", "relay.invalid")];
    let none = desk.run_in(&env, &[&against[..], &["none", "--lang", "en"]].concat()).await;
    assert_eq!(success(&none), ["0.00%", "100%"], "{}", none.out);
    let env = [("ALL_PROXY", "gopher://me:hunter2@h")];
    let refused = desk.run_in(&env, &["test", "--url", &url]).await;
    assert!(refused.err.contains("the proxy of ALL_PROXY"), "{refused:?}");
    for said in [ranked, day, none, refused] {
        assert!(!said.out.contains("hunter2") && !said.err.contains("hunter2"), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_must_be_told_an_address_is_told_that_of_the_name() {
    let (good, proxy) = (answering(0).await, Proxy::socks(Manner::Open, None).await);
    let url = good.url().replace("127.0.0.1", "localhost");
    let desk = Desk::with(&Setup::new().node("n", &url, &proxy.line("socks5", "")));
    let said = desk.run(&["test", "-t", "2"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("good"), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_a_url_is_refused_and_not_repeated() {
    let desk = Desk::with(&Setup::new().node("a", "http://relay.invalid", ""));
    for url in
        ["https://me:hunter2@h", "https://me:hunter2 @h", "hunter2", "https://h/?key=hunter2"]
    {
        for args in [&["test", "--url", url][..], &["test", "--for", "1h", "--against", url]] {
            let said = desk.run(args).await;
            assert_eq!(said.code, 1, "{said:?}");
            assert!(said.err.contains("it is no base URL"), "{said:?}");
            assert!(!said.err.contains("hunter2") && !said.out.contains("hunter2"), "{said:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_nothing_keeps_the_file_of_before() {
    let good = answering(0).await;
    let desk = Desk::with(&Setup::new().node("good", &good.url(), ""));
    fs::write(desk.path("r.csv"), "before").unwrap();
    // No file may grow, and who tries is told so.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""]);
    command.arg(env!("CARGO_BIN_EXE_ferry")).args(["nodes", "test", "-t", "1", "-o", "r.csv"]);
    command.env_clear().env("HOME", desk.dir.path()).current_dir(desk.dir.path());
    let output = blocking(move || command.output().unwrap()).await;
    let said = String::from_utf8(output.stderr).unwrap().replace("\n  │ ", " ");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("failed to write r.csv") && said.contains("is as it was"), "{said}");
    assert_eq!(fs::read_to_string(desk.path("r.csv")).unwrap(), "before");
    assert_eq!(fs::read_dir(desk.dir.path()).unwrap().count(), 2, "no draft is left");
}
