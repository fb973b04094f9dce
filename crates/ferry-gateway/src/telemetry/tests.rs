//! What an operator reads: the metrics page and both forms of the log, as snapshots; and what a
//! hostile client cannot do to them.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::*;

/// Ends a test that hangs; never reached otherwise.
const HANG: Duration = Duration::from_mins(1);

/// 2026-03-08T15:30:00.042Z.
fn at() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_772_983_800_042)
}

fn names(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

fn telemetry(file: &Path, format: LogFormat) -> Telemetry {
    let settings =
        Settings { format, file: Some(file.to_owned()), level: LogLevel::Info, queue_lines: 64 };
    Telemetry::new(settings, &names(&["default", "customer_service"]), &names(&["tokyo-1"]))
        .unwrap()
}

fn full() -> RequestEvent {
    RequestEvent {
        at: at(),
        request_id: "fr_0198c0ffee".into(),
        tenant: "t_0123456789abcdef".into(),
        line: "customer_service".into(),
        method: http::Method::POST,
        family: "messages",
        path: "/v1/messages".into(),
        status: 200,
        outcome: Outcome::Ok,
        node: Some("tokyo-1".into()),
        attempts: 1,
        client_retry: 2,
        model: Some("claude-opus-4-8".into()),
        stream: true,
        duration: Duration::from_micros(1_234_567),
        first_event: Some(Duration::from_micros(412_005)),
        upstream_request_id: Some("req_011CS".into()),
        tokens: Some(Tokens {
            input: 100,
            output: 20,
            cache_read: 3000,
            cache_write_5m: 400,
            cache_write_1h: 5,
            lower_bound: true,
        }),
        bytes_in: 4096,
        bytes_out: 8192,
        redactions: 3,
        code: Some("FD-P01"),
        client: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)),
    }
}

fn bare() -> RequestEvent {
    RequestEvent {
        tenant: "default".into(),
        line: "default".into(),
        method: http::Method::GET,
        family: "models",
        path: "/v1/models".into(),
        status: 401,
        outcome: Outcome::Refused,
        node: None,
        attempts: 0,
        client_retry: 0,
        model: None,
        stream: false,
        duration: Duration::from_micros(90),
        first_event: None,
        upstream_request_id: None,
        tokens: None,
        bytes_in: 0,
        bytes_out: 210,
        redactions: 0,
        code: None,
        ..full()
    }
}

fn notice() -> NoticeEvent {
    NoticeEvent::new(at(), LogLevel::Warn, "node_unreachable")
        .with("node", "tokyo-1")
        .with("reason", "connection refused")
}

/// All that a session writes.
fn log_of(format: LogFormat, events: &[RequestEvent]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ferry.log");
    let telemetry = telemetry(&file, format);
    for event in events {
        telemetry.settled(event);
    }
    telemetry.notice(&notice());
    assert!(telemetry.flush(HANG));
    std::fs::read_to_string(&file).unwrap()
}

#[test]
fn the_log_for_people() {
    insta::assert_snapshot!(log_of(LogFormat::Text, &[full(), bare()]));
}

#[test]
fn the_log_for_machines() {
    insta::assert_snapshot!(log_of(LogFormat::Json, &[full(), bare()]));
}

#[test]
fn the_metrics_page() {
    let dir = tempfile::tempdir().unwrap();
    let telemetry = telemetry(&dir.path().join("ferry.log"), LogFormat::Text);
    telemetry.settled(&full());
    telemetry.attempt(&"tokyo-1".into(), AttemptResult::Ok);
    telemetry.request_began();
    telemetry.request_began();
    telemetry.request_ended();
    telemetry.connection_opened();
    telemetry.held_bytes(4096);
    telemetry.held_bytes(-96);
    telemetry.config_reloaded(ReloadResult::Rejected);
    telemetry.panicked();
    let found = |count| RedactEvent { kind: "CN_ID".into(), action: "redact", count };
    telemetry.redacted(&full().line, &found(2));
    telemetry.redacted(&"made-up".into(), &found(1));
    telemetry.answer_redacted(&full().line, &found(4));
    telemetry.answers_unread(&full().line, 1);
    telemetry.answers_unread(&full().line, 0);
    telemetry.restored(&full().line, RestoreResult::Restored, 3);
    telemetry.restored(&full().line, RestoreResult::Unknown, 0);
    // Families keep no order, so the lines of one block are sorted.
    let page = telemetry.render();
    let mut sorted: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
    sorted.sort_unstable();
    let heads: Vec<&str> = page.lines().filter(|line| line.starts_with('#')).collect();
    let text = format!("{}\n{}", heads.join("\n"), sorted.join("\n"));
    insta::with_settings!({filters => vec![(r#"version="[^"]+""#, r#"version="VERSION""#)]}, {
        insta::assert_snapshot!(text);
    });
    assert!(page.ends_with("# EOF\n"));
}

#[test]
fn a_made_up_name_grows_no_metric() {
    let dir = tempfile::tempdir().unwrap();
    let telemetry = telemetry(&dir.path().join("ferry.log"), LogFormat::Text);
    let series = || telemetry.render().lines().count();
    telemetry.settled(&RequestEvent { line: "x0".into(), node: Some("y0".into()), ..full() });
    telemetry.attempt(&"y0".into(), AttemptResult::Cut);
    let before = series();
    for i in 1..50 {
        let line = format!("x{i}").into();
        let node: Arc<str> = format!("y{i}").into();
        telemetry.attempt(&node, AttemptResult::Cut);
        telemetry.settled(&RequestEvent { line, node: Some(node), ..full() });
    }
    assert_eq!(series(), before);
    let page = telemetry.render();
    assert!(page.contains(r#"ferry_requests_total{line="other",node="other",outcome="ok"} 50"#));
    telemetry.know(&names(&["x7"]), &names(&["y7"]));
    telemetry.settled(&RequestEvent { line: "x7".into(), node: Some("y7".into()), ..full() });
    let page = telemetry.render();
    assert!(page.contains(r#"ferry_requests_total{line="x7",node="y7",outcome="ok"} 1"#), "{page}");
}

#[test]
fn every_outcome_and_result_has_a_word_of_its_own() {
    let outcomes = Outcome::ALL.map(Outcome::as_str);
    let results = AttemptResult::ALL.map(AttemptResult::as_str);
    for words in [&outcomes[..], &results[..]] {
        let unique: std::collections::BTreeSet<_> = words.iter().collect();
        assert_eq!(unique.len(), words.len());
        assert!(words.iter().all(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
    }
}

#[test]
fn a_client_cannot_forge_a_line_or_colour_a_terminal() {
    let hostile = RequestEvent {
        path: "/v1/x\n2026-01-01T00:00:00.000Z info  request status=200 \u{1b}[31m\u{9b}".into(),
        model: Some("a\" status=200 \\ \u{202e}evil\r\n\u{2028}\u{7f}\u{0}".into()),
        upstream_request_id: Some("客服 ok".into()),
        ..bare()
    };
    for format in [LogFormat::Text, LogFormat::Json] {
        let log = log_of(format, std::slice::from_ref(&hostile));
        assert_eq!(log.lines().count(), 2, "{log}");
        let unseen =
            |c: char| (c.is_control() && c != '\n') || ('\u{2028}'..='\u{202e}').contains(&c);
        assert!(!log.contains(unseen), "{log:?}");
        assert!(log.contains("客服 ok"), "what people can read stays readable: {log}");
    }
    let log = log_of(LogFormat::Json, std::slice::from_ref(&hostile));
    let first: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!(first["path"].as_str(), Some(&*hostile.path));
    assert_eq!(first["model"].as_str(), hostile.model.as_deref());
    insta::assert_snapshot!(log_of(LogFormat::Text, &[hostile]));
}

#[test]
fn a_long_value_is_cut_at_a_character() {
    let long = RequestEvent { path: "é".repeat(5000).into(), ..bare() };
    for format in [LogFormat::Text, LogFormat::Json] {
        let log = log_of(format, std::slice::from_ref(&long));
        assert!(log.len() < 2000, "{} bytes", log.len());
        assert!(log.contains("... (10000 bytes)"), "{log}");
    }
}

#[test]
fn the_level_follows_the_outcome() {
    let level = |outcome| RequestEvent { outcome, ..bare() }.level();
    assert_eq!(level(Outcome::Ok), LogLevel::Info);
    assert_eq!(level(Outcome::HangUp), LogLevel::Info);
    assert_eq!(level(Outcome::NodeFailed), LogLevel::Warn);
    assert_eq!(level(Outcome::Panic), LogLevel::Error);
}

proptest::proptest! {
    #[test]
    fn any_text_gives_one_line_of_json(path in ".{0,200}", model in ".{0,40}") {
        let event = RequestEvent { path: path.clone().into(), model: Some(model.clone().into()), ..bare() };
        let line = log::one_line(LogFormat::Json, &event);
        proptest::prop_assert_eq!(line.matches('\n').count(), 1);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        proptest::prop_assert_eq!(value["model"].as_str(), Some(model.as_str()));
        if path.len() <= 512 {
            proptest::prop_assert_eq!(value["path"].as_str(), Some(path.as_str()));
        }
        let text = log::one_line(LogFormat::Text, &event);
        proptest::prop_assert_eq!(text.matches('\n').count(), 1);
    }
}
