//! `ferry demo` as its users meet it: what the dial deals and what became of it, exit codes, and an end at any time.
//! Counts that are dealt are asserted; times are not, nor what a machine short of breath may lose: the demo judges those
//! itself, and its exit code must say what it found.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::process::blocking;

/// Three decks of connections on the direct side: every fault is met, and it is over sooner than the usual trial.
const REQUESTS: [&str; 2] = ["--requests", "60"];

/// A demo that is killed when it is dropped.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn start(args: &[&str]) -> Demo {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
    // Free ports, so that demos do not see each other.
    command.arg("demo").args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    command.args(args).env_clear().env("LANG", "en_US.UTF-8");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Demo(command.spawn().unwrap())
}

fn end(mut demo: Demo, mut stdout: String) -> Said {
    let mut stderr = String::new();
    demo.0.stdout.take().map(|mut out| out.read_to_string(&mut stdout).unwrap());
    demo.0.stderr.take().map(|mut out| out.read_to_string(&mut stderr).unwrap());
    Said { code: demo.0.wait().unwrap().code(), stdout, stderr }
}

async fn whole(args: &[&str]) -> Said {
    let demo = start(args);
    blocking(move || end(demo, String::new())).await
}

/// The objects of one type.
fn objects(said: &Said, kind: &str) -> Vec<Value> {
    let lines = said.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|object| object["type"] == kind).collect()
}

fn counts(object: &Value, names: &[&str]) -> Vec<u64> {
    names.iter().map(|name| object.pointer(name).and_then(Value::as_u64).unwrap()).collect()
}

/// One seed: what is dealt is met, and the exit code says what the lines say.
async fn plays(seed: &str) -> Said {
    let said = whole(&["--once", "--json", "--seed", seed, REQUESTS[0], REQUESTS[1]]).await;
    let trial = objects(&said, "trial");
    let [direct, ferry] = trial.as_slice() else { panic!("{}{}", said.stdout, said.stderr) };
    let met =
        ["/ended", "/connects/tried", "/connects/reset", "/connects/unanswered", "/connects/slow"];
    assert_eq!(counts(direct, &met), [60, 60, 12, 12, 6], "{direct}");
    // 36 connections stand, and one at least of the answers that come over them is cut.
    let [direct_whole, reset, unanswered] =
        counts(direct, &["/whole", "/failed/connect_reset", "/failed/connect_unanswered"])[..]
    else {
        panic!("{direct}")
    };
    assert!(direct_whole <= 35 && reset + unanswered >= 24, "{direct}");
    // Faults at set-up reach no caller of Ferry, half an answer always says so, and Ferry does better.
    let spared =
        ["/ended", "/failed/connect_reset", "/failed/connect_unanswered", "/failed/cut_after_text"];
    assert_eq!(counts(ferry, &spared), [60, 0, 0, 0], "{ferry}");
    let [whole, begun, cut] = counts(ferry, &["/whole", "/generations", "/generations_cut"])[..]
    else {
        panic!("{ferry}")
    };
    assert!(whole > direct_whole, "{direct} {ferry}");
    // What was begun twice had been cut: no generation is raced.
    assert!((whole..=60).contains(&(begun - cut)), "{ferry}");
    let verdict = &objects(&said, "verdict")[0];
    let summary = &objects(&said, "summary")[0];
    assert_eq!(summary["right"], summary["requests"], "{}", said.stdout);
    let right = verdict["right"] == true;
    assert_eq!(said.code, Some(i32::from(!right)), "{verdict}");
    said
}

#[tokio::test]
async fn every_seed_meets_the_same_faults_and_no_caller_of_ferry_meets_those_of_set_up() {
    let one = plays("1").await;
    drop(plays("2").await);
    let trial: Vec<_> =
        one.stdout.lines().filter(|line| line.contains(r#""type":"trial""#)).collect();
    // What depends on the machine's breath; the counts that do not are asserted above.
    let filters = [(r":\d+(\.\d+)?", ":[figure]")];
    insta::with_settings!({ filters => filters }, {
        insta::assert_snapshot!("the_trial_for_machines", trial.join("\n"));
    });
}

#[tokio::test]
async fn a_stop_in_the_middle_keeps_and_says_what_there_is() {
    let demo = start(&[]);
    let said = blocking(move || {
        let mut demo = demo;
        let mut out = BufReader::new(demo.0.stdout.take().unwrap());
        let mut stdout = String::new();
        while !stdout.contains(" so far; Ferry: ") {
            assert!(out.read_line(&mut stdout).unwrap() > 0, "{stdout}");
        }
        let kill = format!("kill -INT {}", demo.0.id());
        assert!(Command::new("sh").arg("-c").arg(kill).status().unwrap().success());
        out.read_to_string(&mut stdout).unwrap();
        end(demo, stdout)
    })
    .await;
    assert_eq!(said.code, Some(130), "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("Stopped early: these are the "), "{}", said.stdout);
    assert!(said.stdout.contains("whole answers"), "{}", said.stdout);
    assert!(said.stdout.ends_with("Interrupted.\n"), "{}", said.stdout);
}

#[tokio::test]
async fn a_port_that_was_asked_for_and_is_taken_is_an_error_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
    command.args(["demo", "--once", "--listen", &address]).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let demo = Demo(command.spawn().unwrap());
    let said = blocking(move || end(demo, String::new())).await;
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(said.stderr.contains("leave --listen and --admin-listen away"), "{}", said.stderr);
}
