//! Tables with fixed figures, as people see them.

use super::*;

fn node(name: &str) -> NodeStatus {
    NodeStatus {
        name: name.to_owned(),
        role: Role::Primary,
        url: "https://relay.example.com".to_owned(),
        proxy: None,
        current: false,
        state: NodeState::Closed,
        reason: None,
        recover_in_ms: None,
        suspect: false,
        attempts: 0,
        failures: 0,
        rtt_ms: None,
        pending: 0,
        in_flight: 0,
        idle_connections: 0,
        http2_connections: 0,
        connections_opened: 0,
        addresses: Vec::new(),
        keys: Vec::new(),
        cooling: Vec::new(),
    }
}

fn address(address: &str, source: AddressSource, state: AddressState) -> AddressStatus {
    let address = address.to_owned();
    AddressStatus { address, source, rtt_ms: None, state, last_error: None, half_open: 0 }
}

fn healthy() -> NodeStatus {
    NodeStatus {
        current: true,
        attempts: 412,
        failures: 1,
        rtt_ms: Some(181.7),
        in_flight: 23,
        idle_connections: 4,
        http2_connections: 1,
        connections_opened: 12,
        addresses: vec![
            AddressStatus {
                rtt_ms: Some(8.44),
                ..address("203.0.113.7", AddressSource::Configured, AddressState::Up)
            },
            AddressStatus {
                rtt_ms: Some(310.0),
                half_open: 2,
                ..address("2001:db8:85a3::8a2e:370:7334", AddressSource::Dns, AddressState::Up)
            },
        ],
        ..node("tokyo-1")
    }
}

fn open() -> NodeStatus {
    NodeStatus {
        state: NodeState::Open,
        reason: Some("12 of 12 attempts in 10 s failed to connect".to_owned()),
        recover_in_ms: Some(3_200),
        attempts: 12,
        failures: 12,
        addresses: vec![AddressStatus {
            last_error: Some("connect to 203.0.113.9:443 within 800 ms".to_owned()),
            ..address("203.0.113.9", AddressSource::Configured, AddressState::Down)
        }],
        ..node("tokyo-2")
    }
}

fn troubled() -> NodeStatus {
    let key = |number, state| KeyStatus {
        number,
        workspace: None,
        state,
        message: None,
        recover_in_ms: None,
    };
    NodeStatus {
        role: Role::Standby,
        state: NodeState::HalfOpen,
        attempts: 40,
        failures: 3,
        in_flight: 1,
        pending: 5,
        addresses: vec![address("198.51.100.4", AddressSource::Dns, AddressState::Unknown)],
        keys: vec![
            key(1, KeyState::Usable),
            KeyStatus {
                workspace: Some("acme".to_owned()),
                message: Some("its credit is used up".to_owned()),
                recover_in_ms: Some(150_000),
                ..key(2, KeyState::Exhausted)
            },
            KeyStatus {
                message: Some("the provider does not know it".to_owned()),
                ..key(3, KeyState::Refused)
            },
            key(4, KeyState::Exhausted),
        ],
        cooling: vec![
            CoolingStatus {
                key: 1,
                model: "claude-sonnet-5".to_owned(),
                reason: "529 overloaded".to_owned(),
                recover_in_ms: 20_000,
            },
            CoolingStatus {
                key: 0,
                model: "claude-haiku-5-5".to_owned(),
                reason: "429 with retry-after".to_owned(),
                recover_in_ms: 0,
            },
        ],
        ..node("osaka-standby")
    }
}

fn shown(nodes: &[NodeStatus], width: Option<usize>) -> String {
    let lines = Paper { width, colour: false }.lines(nodes);
    for line in &lines {
        assert!(width.is_none_or(|width| line.width() <= width), "{line}");
        assert_eq!(line.trim_end(), line);
    }
    lines.join("\n")
}

#[test]
fn nodes_in_all_states() {
    let nodes = [healthy(), open(), troubled()];
    insta::assert_snapshot!("piped", shown(&nodes, None));
    insta::assert_snapshot!("wide_100", shown(&nodes, Some(100)));
    insta::assert_snapshot!("usual_80", shown(&nodes, Some(80)));
    insta::assert_snapshot!("narrow_40", shown(&nodes, Some(40)));
}

#[test]
fn a_ferry_that_has_just_started() {
    insta::assert_snapshot!("fresh", shown(&[node("anthropic")], Some(80)));
    assert_eq!(shown(&[], Some(80)), "This Ferry has no nodes.");
}

#[test]
fn no_width_is_too_little_and_no_figure_too_large() {
    let giant = NodeStatus {
        name: "n".repeat(64),
        attempts: u64::MAX,
        failures: u64::MAX,
        rtt_ms: Some(1e12),
        recover_in_ms: Some(u64::MAX),
        pending: usize::MAX,
        connections_opened: u64::MAX,
        ..troubled()
    };
    for width in [24, 40, 80, 200] {
        shown(&[giant.clone(), healthy(), open()], Some(width));
    }
}

#[test]
fn colours_change_no_text() {
    let nodes = [healthy(), open(), troubled()];
    for width in [None, Some(100), Some(40)] {
        let coloured = Paper { width, colour: true }.lines(&nodes).join("\n");
        assert!(coloured.contains("\u{1b}[32m") && coloured.contains("\u{1b}[1;31m"));
        let mut bare = coloured;
        for code in ["1", "32", "33", "1;31", "2", "0"] {
            bare = bare.replace(&format!("\u{1b}[{code}m"), "");
        }
        assert_eq!(bare, shown(&nodes, width));
    }
}

#[test]
fn waits_are_rounded_up_and_shares_say_what_they_are_made_of() {
    let waits = [
        (0, "now"),
        (1, "in 1 s"),
        (3_200, "in 4 s"),
        (119_000, "in 119 s"),
        (120_001, "in 3 min"),
    ];
    for (millis, text) in waits {
        assert_eq!(back_in(millis), format!("back {text}"));
    }
    assert_eq!(back_in(7_200_000), "back in 2 h");
    for ((failures, attempts), full, brief) in [
        ((0, 0), "-", "-"),
        ((0, 40), "0 (0/40)", "0"),
        ((1, 40), "2.5 (1/40)", "2.5"),
        ((12, 12), "100 (12/12)", "100"),
    ] {
        assert_eq!(share(failures, attempts, false), full);
        assert_eq!(share(failures, attempts, true), brief);
    }
}

#[test]
fn a_proxy_stands_above_its_addresses() {
    let proxied = NodeStatus {
        proxy: Some("socks5h://proxy.corp:1080".to_owned()),
        addresses: vec![address("10.0.0.7:1080", AddressSource::Proxy, AddressState::Up)],
        ..node("relay")
    };
    let shown = shown(&[proxied], Some(80));
    let at = shown.find("through the proxy socks5h://proxy.corp:1080").unwrap();
    assert!(shown.find("10.0.0.7:1080").unwrap() > at, "{shown}");
}
