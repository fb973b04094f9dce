//! The breaker of a node: what opens it and what does not, what an operator sees and may do, and that it never shuts the
//! last node.

use ferry_gateway::upstream::status::{NodeState, NodeStatus};
use ferry_mock::RunningMock;

use crate::harness::{
    Client, Gateway, Setup, body, get, message, mock, nodes_when, request, status,
};

async fn two(setup: Setup) -> (RunningMock, RunningMock, Gateway) {
    let (first, second) = (mock().await, mock().await);
    let gateway = setup
        .node("first", &first.base_url(), "")
        .node("second", &second.base_url(), "role = \"standby\"")
        .start()
        .await;
    (first, second, gateway)
}

async fn reset(gateway: &Gateway, node: &str) {
    let mut admin = Client::connect(gateway.admin).await;
    let answer = admin.ask(request("POST", &format!("/nodes/{node}/reset"), &[], b"")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Requests that the first node loses and the second one serves, until the breaker is open.
async fn open(first: &RunningMock, gateway: &Gateway) -> NodeStatus {
    first.set_fault("reset@path=/v1/messages").unwrap();
    for n in 1..=3 {
        let answer = gateway.ask(message("Hello", n % 2 == 0)).await;
        assert_eq!((answer.status, answer.header("x-ferry-node")), (200, Some("second")), "{n}");
        assert_eq!(answer.header("x-ferry-attempts"), Some("2"), "{n}");
    }
    status(gateway).await.swap_remove(0)
}

#[tokio::test]
async fn three_failures_of_the_path_in_a_row_open_it_and_operators_are_told_why() {
    let (first, second, gateway) = two(Setup::new()).await;
    let node = open(&first, &gateway).await;
    assert_eq!(node.state, NodeState::Open);
    let reason = node.reason.unwrap();
    assert!(reason.contains("3 failures in a row"), "{reason}");
    assert!(reason.contains("connection was lost"), "{reason}");
    assert!((1..=5000).contains(&node.recover_in_ms.unwrap()), "{:?}", node.recover_in_ms);
    assert_eq!(first.stats().requests, 3);
    for stream in [false, true] {
        let answer = gateway.ask(message("Hello", stream)).await;
        assert_eq!(answer.header("x-ferry-node"), Some("second"));
        assert_eq!(answer.header("x-ferry-attempts"), Some("1"));
    }
    assert_eq!((first.stats().requests, second.stats().requests), (3, 5));
    let page = Client::connect(gateway.admin).await.ask(get("/nodes")).await;
    assert!(page.text().contains("\"state\":\"open\""), "{}", page.text());
}

#[tokio::test]
async fn an_open_node_gets_nothing_though_the_others_have_no_connection_ready() {
    let (first, second, gateway) = two(Setup::new()).await;
    open(&first, &gateway).await;
    first.set_fault("delay:ms=0").unwrap();
    second.set_fault("close").unwrap();
    // Each on a connection of its own, dialled for it.
    for _ in 0..8 {
        let answer = gateway.ask(message("Hello", false)).await;
        assert_eq!(answer.header("x-ferry-node"), Some("second"));
    }
    assert_eq!(first.stats().requests, 3);
}

#[tokio::test]
async fn what_the_api_answers_never_opens_it() {
    let (first, _second, gateway) = two(Setup::new().one_try()).await;
    for fault in ["400", "401", "403", "404", "413", "422", "html:code=403"] {
        first.set_fault(fault).unwrap();
        for _ in 0..8 {
            let answer = gateway.ask(message("Hello", false)).await;
            assert_eq!(answer.header("x-ferry-node"), Some("first"), "{fault}");
            assert!(answer.status >= 400, "{fault}");
        }
        let node = status(&gateway).await.swap_remove(0);
        assert_eq!((node.state, node.failures), (NodeState::Closed, 0), "{fault}");
    }
    for fault in ["500", "503", "529", "429:retry_after=1", "429:retry_after=none"] {
        first.set_fault(fault).unwrap();
        let sent = |n| request("POST", "/v1/messages", &[("x-api-key", n)], &body("x", false));
        for key in ["sk-ant-api03-a", "sk-ant-api03-b", "sk-ant-api03-c", "sk-ant-api03-d"] {
            gateway.ask(sent(key)).await;
        }
        let node = status(&gateway).await.swap_remove(0);
        assert_eq!((node.state, node.failures), (NodeState::Closed, 0), "{fault}");
        assert!(!node.suspect);
    }
}

#[tokio::test]
async fn a_client_that_leaves_never_opens_it() {
    let (first, _second, gateway) = two(Setup::new()).await;
    for n in 1..=6 {
        let mut client = gateway.connect().await;
        client.send(message("[mock latency_ms=600000]", n % 2 == 0)).await;
        first.stats_when(|stats| stats.generations_started == n).await;
        drop(client);
        first.stats_when(|stats| stats.generations_aborted == n).await;
    }
    let node = status(&gateway).await.swap_remove(0);
    assert_eq!((node.state, node.failures), (NodeState::Closed, 0));
}

#[tokio::test]
async fn a_reset_closes_it() {
    let (first, _second, gateway) = two(Setup::new()).await;
    assert_eq!(open(&first, &gateway).await.state, NodeState::Open);
    first.set_fault("delay:ms=0").unwrap();
    reset(&gateway, "first").await;
    let node = status(&gateway).await.swap_remove(0);
    assert_eq!((node.state, node.reason, node.recover_in_ms), (NodeState::Closed, None, None));
    assert_eq!(node.addresses[0].last_error, None);
    // A standby that was moved to is left when a primary is back for good.
    assert_eq!(gateway.ask(message("Hello", false)).await.header("x-ferry-node"), Some("first"));
}

#[tokio::test]
async fn the_last_node_is_never_shut() {
    let mock = mock().await;
    let gateway = Setup::new().one_try().mock(&mock).start().await;
    mock.set_fault("reset").unwrap();
    for _ in 0..6 {
        gateway.ask(message("Hello", false)).await.assert_own(502, "node-lost");
    }
    assert_eq!(status(&gateway).await[0].state, NodeState::Open);
    assert_eq!(mock.stats().requests, 6, "each was tried");
    mock.set_fault("delay:ms=0").unwrap();
    for stream in [false, true] {
        assert_eq!(gateway.ask(message("Hello", stream)).await.status, 200);
    }
}

#[tokio::test]
async fn when_all_are_open_all_are_tried() {
    let (first, second, gateway) = two(Setup::new()).await;
    for mock in [&first, &second] {
        mock.set_fault("reset").unwrap();
    }
    for _ in 0..4 {
        gateway.ask(message("Hello", false)).await.assert_own(502, "node-lost");
    }
    let nodes = status(&gateway).await;
    assert!(nodes.iter().all(|node| node.state == NodeState::Open), "{nodes:?}");
    second.set_fault("delay:ms=0").unwrap();
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
}

#[tokio::test]
async fn a_node_that_opened_is_probed_without_a_key_and_without_a_request() {
    let (first, _second, gateway) = two(Setup::new().table("[breaker]\nopen_s = 1")).await;
    open(&first, &gateway).await;
    first.set_fault("delay:ms=0").unwrap();
    let generations = first.stats().generations_started;
    let back = |nodes: &[NodeStatus]| {
        nodes[0].state == NodeState::HalfOpen && nodes[0].recover_in_ms.is_some()
    };
    nodes_when(&gateway, "the ramp", back).await;
    let seen = first.requests();
    let probes: Vec<_> = seen.iter().skip(3).collect();
    assert!(probes.len() >= 3, "{}", probes.len());
    for probe in probes {
        assert!(
            !probe.headers.contains_key("x-api-key")
                && !probe.headers.contains_key("authorization")
        );
        assert_eq!(probe.body, b"{}"[..]);
    }
    assert_eq!(first.stats().generations_started, generations, "no request was spent");
}

#[tokio::test]
async fn dials_that_fail_open_it_when_nothing_else_gets_through() {
    let (mut first, _second, gateway) = two(Setup::new()).await;
    first.set_listening(false).await;
    for _ in 0..6 {
        assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    }
    let node = status(&gateway).await.swap_remove(0);
    if node.state == NodeState::Open {
        assert!(node.reason.as_ref().unwrap().contains("connect to 127.0.0.1"));
    }
    assert!(node.addresses[0].last_error.as_ref().unwrap().contains("refused"), "{node:?}");
    // It is back, and an operator says so.
    first.set_listening(true).await;
    reset(&gateway, "first").await;
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
}
