//! Which node and which key a request goes to: roles, conversations that stay with their key, keys that are refused or
//! rest, and what is stored in one workspace.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ferry_gateway::upstream::status::{KeyState, NodeState};
use ferry_mock::RunningMock;

use crate::harness::{
    Gateway, Node, Setup, bytes, get, http_json, message, mock, nodes_when, request, status,
};

const KEYS: &str = "keys = [{ key = \"env:K1\", workspace = \"one\" }, { key = \"env:K2\", workspace = \"two\" }, { key = \"env:K3\", workspace = \"one\" }]";

/// A key's number as its node got it.
fn key_of(headers: &http::HeaderMap) -> u8 {
    headers["x-api-key"].as_bytes().last().unwrap() - b'0'
}

fn with_keys() -> Setup {
    (1..=3).fold(Setup::new(), |setup, n| setup.env(&format!("K{n}"), &format!("sk-ant-api03-{n}")))
}

/// A mock whose node has three keys, two of one workspace and one of another.
async fn three_keys() -> (RunningMock, Gateway) {
    let mock = mock().await;
    let gateway = with_keys().node("mock", &mock.base_url(), KEYS).start().await;
    (mock, gateway)
}

/// The keys that these requests went out with.
async fn keys(mock: &RunningMock, gateway: &Gateway, sent: &[Vec<u8>]) -> Vec<u8> {
    let mut keys = Vec::new();
    for request in sent {
        let answer = gateway.ask(request).await;
        assert!(answer.status < 500, "{}", answer.text());
        keys.push(key_of(&mock.last().unwrap().headers));
    }
    keys
}

fn turn(headers: &[(&str, &str)], members: &str, first: &str, turns: usize) -> Vec<u8> {
    let mut messages = format!("{{\"role\":\"user\",\"content\":\"{first}\"}}");
    for n in 0..turns {
        write!(
            messages,
            ",{{\"role\":\"assistant\",\"content\":\"a{n}\"}},{{\"role\":\"user\",\"content\":\"u{n}\"}}"
        )
        .unwrap();
    }
    let body = format!(
        "{{\"model\":\"claude-sonnet-5\",\"max_tokens\":9{members},\"messages\":[{messages}]}}"
    );
    request("POST", "/v1/messages", headers, body.as_bytes())
}

/// Asserts that each conversation has one key, and that not all have the same.
async fn assert_sticky(turns: impl Fn(usize, usize) -> Vec<u8>) {
    let (mock, gateway) = three_keys().await;
    let mut all = BTreeSet::new();
    for conversation in 0..12 {
        let sent: Vec<_> = (0..3).map(|n| turns(conversation, n)).collect();
        let keys: BTreeSet<_> = keys(&mock, &gateway, &sent).await.into_iter().collect();
        assert_eq!(keys.len(), 1, "conversation {conversation}");
        all.extend(keys);
    }
    assert!(all.len() > 1, "conversations spread: {all:?}");
}

#[tokio::test]
async fn a_session_of_a_coding_agent_stays_with_its_key() {
    assert_sticky(|session, n| {
        let id = format!("session-{session}");
        turn(&[("x-claude-code-session-id", &id)], "", &format!("whatever {n}"), n)
    })
    .await;
}

#[tokio::test]
async fn a_user_stays_with_its_key() {
    assert_sticky(|user, n| {
        let user = format!(",\"metadata\":{{\"user_id\":\"user-{user}\"}}");
        turn(&[], &user, &format!("whatever {n}"), 0)
    })
    .await;
}

#[tokio::test]
async fn the_turns_of_a_conversation_stay_with_their_key() {
    assert_sticky(|conversation, n| {
        turn(&[], ",\"system\":\"Be brief.\"", &format!("About {conversation}"), n)
    })
    .await;
}

#[tokio::test]
async fn a_session_says_more_than_a_user_and_a_user_more_than_a_prompt() {
    let (mock, gateway) = three_keys().await;
    let user = |user: usize| format!(",\"metadata\":{{\"user_id\":\"user-{user}\"}}");
    let by_session: Vec<_> = (0..8)
        .map(|n| turn(&[("x-claude-code-session-id", "s")], &user(n), &format!("{n}"), 0))
        .collect();
    let keys = keys(&mock, &gateway, &by_session).await;
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[tokio::test]
async fn two_tenants_with_one_prompt_are_two_conversations() {
    let (mock, gateway) = three_keys().await;
    let mut all = BTreeSet::new();
    for n in 0..12 {
        let key = format!("sk-ant-api03-tenant-{n}");
        let sent = turn(&[("x-api-key", &key)], "", "the same", 0);
        all.extend(keys(&mock, &gateway, &[sent]).await);
    }
    assert!(all.len() > 1, "{all:?}");
}

const REFUSED: &[u8] =
    br#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#;
const WHOLE: &[u8] = br#"{"id":"msg_1","type":"message","model":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1}}"#;

fn key_in(request: &[u8]) -> String {
    let text = String::from_utf8_lossy(request);
    let line = text.lines().find(|line| line.starts_with("x-api-key")).unwrap();
    line.rsplit_once(' ').unwrap().1.to_owned()
}

#[tokio::test]
async fn a_refused_key_is_told_to_the_operator_and_the_next_request_has_another() {
    let node = Node::in_turn(vec![
        vec![bytes(http_json("401 Unauthorized", REFUSED))],
        vec![bytes(http_json("200 OK", WHOLE))],
    ])
    .await;
    let gateway = with_keys().node("n", &node.url(), KEYS).start().await;
    let sent = turn(&[("x-claude-code-session-id", "s")], "", "x", 0);
    assert_eq!(gateway.ask(&sent).await.status, 401, "the answer of that key is final");
    let told = status(&gateway).await.swap_remove(0);
    let refused: Vec<_> = told.keys.iter().filter(|key| key.state == KeyState::Refused).collect();
    assert_eq!(refused.len(), 1, "{:?}", told.keys);
    assert!(refused[0].message.as_ref().unwrap().contains("reload"));
    assert_eq!(key_in(&node.requests()[0]), format!("sk-ant-api03-{}", refused[0].number));
    assert_eq!((told.state, told.failures), (NodeState::Closed, 0), "no fault of the path");
    let mut later = BTreeSet::new();
    for _ in 0..3 {
        assert_eq!(gateway.ask(&sent).await.status, 200);
        later.insert(key_in(node.requests().last().unwrap()));
    }
    assert_eq!(later.len(), 1, "it has moved and stays");
    assert!(!later.contains(&key_in(&node.requests()[0])));
}

#[tokio::test]
async fn a_spent_key_is_told_apart_from_one_that_rests() {
    let spent = br#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}"#;
    for code in ["402 Payment Required", "429 Too Many Requests"] {
        let node = Node::in_turn(vec![
            vec![bytes(http_json(code, spent))],
            vec![bytes(http_json("200 OK", WHOLE))],
        ])
        .await;
        let gateway = with_keys().node("n", &node.url(), KEYS).start().await;
        let sent = turn(&[("x-claude-code-session-id", "s")], "", "x", 0);
        assert!(gateway.ask(&sent).await.status >= 400);
        let told = status(&gateway).await.swap_remove(0);
        let exhausted = told.keys.iter().filter(|key| key.state == KeyState::Exhausted).count();
        assert_eq!(exhausted, 1, "{code}: {:?}", told.keys);
        assert_eq!(gateway.ask(&sent).await.status, 200);
        assert_ne!(key_in(&node.requests()[0]), key_in(&node.requests()[1]), "{code}");
    }
}

#[tokio::test]
async fn a_limited_key_rests_and_the_same_request_has_another() {
    let limited = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 30\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    let node =
        Node::in_turn(vec![vec![bytes(limited)], vec![bytes(http_json("200 OK", WHOLE))]]).await;
    let gateway = with_keys().node("n", &node.url(), KEYS).start().await;
    let sent = turn(&[("x-claude-code-session-id", "s")], "", "x", 0);
    let answer = gateway.ask(&sent).await;
    assert_eq!((answer.status, answer.header("x-ferry-attempts")), (200, Some("2")));
    assert_eq!(gateway.ask(&sent).await.status, 200);
    let keys: Vec<_> = node.requests().iter().map(|request| key_in(request)).collect();
    assert_ne!(keys[0], keys[1]);
    assert_eq!(keys[1], keys[2], "while the first rests");
    let told = status(&gateway).await.swap_remove(0);
    assert_eq!(told.cooling.len(), 1, "{told:?}");
    assert_eq!(format!("sk-ant-api03-{}", told.cooling[0].key), keys[0]);
    assert!(told.cooling[0].recover_in_ms > 20_000);
    assert_eq!(told.cooling[0].model, "claude-sonnet-5");
    // Another model has a limit of its own.
    let other = String::from_utf8(sent).unwrap().replace("sonnet-5", "haiku-5");
    let body = other.split_once("\r\n\r\n").unwrap().1.to_owned();
    let headers = [("x-claude-code-session-id", "s")];
    gateway.ask(request("POST", "/v1/messages", &headers, body.as_bytes())).await;
    assert_eq!(key_in(node.requests().last().unwrap()), keys[0]);
}

#[tokio::test]
async fn what_is_stored_stays_in_the_first_keys_workspace() {
    let (mock, gateway) = three_keys().await;
    let batch: &[u8] = br#"{"requests":[{"custom_id":"a","params":{"model":"claude-sonnet-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}}]}"#;
    let file = r#"{"role":"user","content":[{"type":"document","source":{"type":"file","file_id":"file_011"}}]}"#;
    for n in 0..10 {
        let session = format!("s{n}");
        let headers = [("x-claude-code-session-id", session.as_str())];
        let sent = [
            request("POST", "/v1/messages/batches", &headers, batch),
            request("GET", "/v1/messages/batches/msgbatch_1", &headers, b""),
            request("GET", "/v1/files", &headers, b""),
            request("DELETE", "/v1/files/file_1", &headers, b""),
            request("POST", "/v1/files", &headers, &[b'x'; 100]),
            turn(&headers, ",\"container\":\"container_1\"", "x", 0),
            request(
                "POST",
                "/v1/messages",
                &headers,
                format!("{{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{file}]}}").as_bytes(),
            ),
        ];
        let keys = keys(&mock, &gateway, &sent).await;
        assert!(keys.iter().all(|key| *key != 2), "{session}: {keys:?}");
    }
}

#[tokio::test]
async fn what_is_stored_never_goes_to_a_node_of_another_workspace() {
    let (first, second) = (mock().await, mock().await);
    let key = |n: u8| format!("keys = [{{ key = \"env:K{n}\", workspace = \"w{n}\" }}]");
    let gateway = with_keys()
        .timeout("patience_ms = 200")
        .node("first", &first.base_url(), &key(1))
        .node("second", &second.base_url(), &format!("{}\nrole = \"standby\"", key(2)))
        .start()
        .await;
    first.set_fault("529").unwrap();
    for sent in [get("/v1/files"), get("/v1/messages/batches")] {
        assert_eq!(gateway.ask(sent).await.status, 529);
    }
    assert_eq!(second.stats().requests, 0);
    assert_eq!(gateway.ask(message("Hello", false)).await.header("x-ferry-node"), Some("second"));
}

#[tokio::test]
async fn what_a_caller_stored_with_its_own_key_never_goes_out_with_a_nodes() {
    let key = "keys = [{ key = \"env:K1\", workspace = \"w\" }]";
    for (of_first, of_second) in [("", key), (key, "")] {
        let (first, second) = (mock().await, mock().await);
        let gateway = with_keys()
            .timeout("patience_ms = 200")
            .node("first", &first.base_url(), of_first)
            .node("second", &second.base_url(), &format!("{of_second}\nrole = \"standby\""))
            .start()
            .await;
        first.set_fault("529").unwrap();
        for sent in [get("/v1/files"), get("/v1/messages/batches")] {
            assert_eq!(gateway.ask(sent).await.status, 529);
        }
        assert_eq!(second.stats().requests, 0, "{of_first:?}");
        let answer = gateway.ask(message("Hello", false)).await;
        assert_eq!(answer.header("x-ferry-node"), Some("second"));
    }
    // Two nodes that pass the caller's key on have the same workspace.
    let (first, second) = (mock().await, mock().await);
    let gateway = Setup::new()
        .node("first", &first.base_url(), "")
        .node("second", &second.base_url(), "role = \"standby\"")
        .start()
        .await;
    first.set_fault("529").unwrap();
    assert_eq!(gateway.ask(get("/v1/files")).await.header("x-ferry-node"), Some("second"));
}

#[tokio::test]
async fn a_standby_is_not_dialled_while_the_primary_serves() {
    let (primary, standby) = (mock().await, mock().await);
    let gateway = Setup::new()
        .node("standby", &standby.base_url(), "role = \"standby\"")
        .node("primary", &primary.base_url(), "")
        .start()
        .await;
    let calls: Vec<_> = (0..20)
        .map(|n| {
            let (address, sent) = (gateway.data, message("[mock chunks=20]", n % 2 == 0));
            tokio::spawn(
                async move { crate::harness::Client::connect(address).await.ask(sent).await },
            )
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().header("x-ferry-node"), Some("primary"));
    }
    assert_eq!(standby.stats().connections, 0);
}

#[tokio::test]
async fn a_primary_that_refuses_is_left_for_the_standby_and_taken_again() {
    let (mut primary, standby) = (mock().await, mock().await);
    let gateway = Setup::new()
        .node("primary", &primary.base_url(), "")
        .node("standby", &standby.base_url(), "role = \"standby\"")
        .start()
        .await;
    assert_eq!(gateway.ask(message("Hello", false)).await.header("x-ferry-node"), Some("primary"));
    primary.set_fault("close").unwrap();
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    primary.set_listening(false).await;
    for stream in [false, true] {
        let answer = gateway.ask(message("Hello", stream)).await;
        assert_eq!(answer.header("x-ferry-node"), Some("standby"));
        assert_eq!(answer.header("x-ferry-attempts"), Some("1"));
    }
    primary.set_listening(true).await;
    let mut admin = crate::harness::Client::connect(gateway.admin).await;
    admin.ask(request("POST", "/nodes/primary/reset", &[], b"")).await;
    nodes_when(&gateway, "the primary", |nodes| nodes[0].state == NodeState::Closed).await;
    assert_eq!(gateway.ask(message("Hello", false)).await.header("x-ferry-node"), Some("primary"));
}

#[tokio::test]
async fn a_callers_401_for_the_nodes_own_key_says_who_can_mend_it() {
    let refused = br#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#;
    let node = Node::saying(vec![bytes(http_json("401 Unauthorized", refused))]).await;
    let gateway = Setup::new()
        .env("NODE_KEY", "sk-ant-api03-0123456789abcdef")
        .node("n", &node.url(), "key = \"env:NODE_KEY\"")
        .start()
        .await;
    let answer = gateway.ask(message("Hello", false)).await;
    assert_eq!((answer.status, answer.body.as_slice()), (401, refused.as_slice()));
    assert_eq!(answer.header("x-ferry-code"), Some("node-key-refused"));
    assert!(answer.header("x-ferry-hint").unwrap().contains("ask whoever runs it"));
}
