//! `ferry redact`: a policy tried on a text or a body, by the program itself.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::harness::{Client, Setup, mock, request};

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn redact(config: &str, args: &[&str], input: &[u8]) -> Said {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ferry.toml");
    std::fs::write(&file, format!("[state]\ndir = \"state\"\n{config}")).unwrap();
    let mut ferry = Command::new(env!("CARGO_BIN_EXE_ferry"))
        .arg("--config")
        .arg(&file)
        .arg("redact")
        .args(args)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    ferry.stdin.take().unwrap().write_all(input).unwrap();
    let output = ferry.wait_with_output().unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

const ON: &str = "[redact]\nenabled = true\n";
const TEXT: &[u8] =
    "客户身份证11010119900307803X\n邮箱 a@example.com，手机13800138000\n".as_bytes();
/// A node whose key is not there: a trial needs none.
const KEYLESS: &str =
    "[[nodes]]\nname = \"a\"\nurl = \"https://a.example\"\nkey = \"env:NOT_SET\"\n";

#[test]
fn a_text_is_shown_as_a_diff_of_words() {
    let said = redact(&format!("{ON}{KEYLESS}"), &[], TEXT);
    assert_eq!(said.code, Some(0), "{}", said.err);
    insta::assert_snapshot!(said.out);
}

#[test]
fn counts_and_report_hold_no_value() {
    let stats = redact(ON, &["--stats"], TEXT);
    insta::assert_snapshot!(stats.out);
    let json = redact(ON, &["--json"], TEXT);
    let report: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(report["changed"], true);
    assert_eq!(
        (&report["enabled"], &report["findings"][0]["type"]),
        (&true.into(), &"CN_ID".into())
    );
    let email = TEXT.windows(2).position(|pair| pair == b"a@").unwrap();
    assert_eq!(report["findings"][1]["offset"], email);
    let off = redact("", &["--json"], TEXT).out;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&off).unwrap()["enabled"], false);
    for said in [stats.out, json.out] {
        assert!(!said.contains("11010119900307803X") && !said.contains("13800138000"));
    }
}

#[test]
fn a_refusal_has_an_exit_code_of_its_own_and_applies_nothing() {
    let key = b"token ghp_16C7e42F292c6912E7710c838347Ae178B4a";
    let said = redact(ON, &[], key);
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert!(said.out.contains("API_KEY (block)"), "{}", said.out);
    let said = redact(ON, &["--apply"], key);
    assert_eq!((said.code, said.out.as_str()), (Some(3), ""));
}

#[test]
fn what_cannot_be_tried_is_told() {
    let said = redact(ON, &[], b"{\"messages\": [}");
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("--as text"), "{}", said.err);
    let said = redact(ON, &[], b"\xff\xfe");
    assert!(said.code == Some(1) && said.err.contains("UTF-8"), "{}", said.err);
    let said = redact(ON, &["--line", "nope"], TEXT);
    assert!(said.code == Some(1) && said.err.contains("default, other"), "{}", said.err);
    let said = redact("[redact.actions]\ncn_phon = \"mask\"\n", &[], TEXT);
    assert!(said.code == Some(78) && said.err.contains("did you mean"), "{}", said.err);
    let said = redact("", &[], TEXT);
    assert!(said.code == Some(0) && said.out.contains("Redaction is off"), "{}", said.out);
}

#[test]
fn the_whole_result_can_be_had() {
    let said = redact(ON, &["--apply"], TEXT);
    assert_eq!(said.out, "客户身份证[REDACTED]\n邮箱 a@example.com，手机13800138000\n");
    // As many bytes as came: no line end more, and none less.
    for text in ["x", "x\n", "x\n\n", "\u{feff}x\r\n", ""] {
        assert_eq!(redact(ON, &["--apply"], text.as_bytes()).out, text);
    }
}

#[tokio::test]
async fn the_admin_port_tries_the_rules_in_force() {
    let mock = mock().await;
    let gateway = Setup::new().mock(&mock).table(ON).start().await;
    let ask = |target: &str| request("POST", target, &[("content-type", "text/plain")], TEXT);
    let mut admin = Client::connect(gateway.admin).await;
    let report = admin.ask(ask("/redact")).await.json();
    assert_eq!(report["changed"], true);
    assert!(report["text"].as_str().unwrap().contains("身份证[REDACTED]"), "{report}");
    for (target, told) in [
        ("/redact?line=nope", "the lines are default, other"),
        ("/redact?as=nope", "`as` is one of"),
        ("/redact?as=messages", "does not begin with {"),
    ] {
        let answer = Client::connect(gateway.admin).await.ask(ask(target)).await;
        assert_eq!(answer.status, 400, "{target}");
        assert!(answer.text().contains(told), "{target}: {}", answer.text());
    }
    assert!(mock.last().is_none());
}
