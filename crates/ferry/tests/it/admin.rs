//! The nodes as operators see and reset them over the admin port.

use ferry_gateway::upstream::status::{NodeState, NodeStatus};
use serde_json::json;

use crate::harness::{Client, Gateway, Setup, get, message, mock, request};

/// A gateway before a mock and a node that nobody serves.
async fn gateway() -> (ferry_mock::RunningMock, Gateway) {
    let mock = mock().await;
    let lines = "role = \"standby\"";
    let gateway =
        Setup::new().mock(&mock).node("spare", "https://127.0.0.1:9/base", lines).start().await;
    (mock, gateway)
}

fn reset(name: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    request("POST", &format!("/nodes/{name}/reset"), headers, b"")
}

#[tokio::test]
async fn nodes_are_told_in_the_order_of_the_configuration() {
    let (_mock, gateway) = gateway().await;
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    let answer = Client::connect(gateway.admin).await.ask(get("/nodes")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let nodes: Vec<NodeStatus> = serde_json::from_slice(&answer.body).unwrap();
    let names: Vec<_> = nodes.iter().map(|node| (node.name.as_str(), node.current)).collect();
    assert_eq!(names, [("mock", true), ("spare", false)]);
    assert!(nodes[0].connections_opened > 0);
    assert_eq!(nodes[0].state, NodeState::Closed);
    assert_eq!(nodes[1].url, "https://127.0.0.1:9", "the path is nobody's business");
    assert!(!answer.text().contains(crate::harness::KEY));
}

#[tokio::test]
async fn a_reset_is_a_post_of_no_web_page_to_a_known_node() {
    let (_mock, gateway) = gateway().await;
    let mut admin = Client::connect(gateway.admin).await;
    let answer = admin.ask(reset("spare", &[])).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "reset": "spare" })));
    let answer = admin.ask(reset("spar", &[])).await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("no node `spar`; the nodes of this Ferry are mock, spare."));
    assert_eq!(admin.ask(get("/nodes/spare/reset")).await.status, 405);
    for origin in ["https://evil.example", "null", "http://localhost:7300"] {
        let answer = admin.ask(reset("spare", &[("origin", origin)])).await;
        assert_eq!(answer.status, 403, "{origin}");
        assert_eq!(answer.json()["error"]["type"], "permission_error");
    }
    let host = gateway.admin.to_string();
    let own = [("host", host.as_str()), ("origin", &format!("http://{host}"))];
    assert_eq!(admin.ask(reset("spare", &own)).await.status, 200);
}
