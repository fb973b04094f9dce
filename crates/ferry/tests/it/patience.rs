//! Requests wait, bounded, rather than fail at once while no node can be reached.

use ferry_mock::{MockSettings, RunningMock, TlsSettings};
use tokio::time::Instant;

use crate::harness::{
    Answer, Client, End, Gateway, Setup, get, guarded, message, mock, mock_with, nodes_when, status,
};

async fn away(setup: Setup) -> (RunningMock, Gateway) {
    let mut mock = mock().await;
    mock.set_listening(false).await;
    let gateway = setup.mock(&mock).start().await;
    (mock, gateway)
}

fn ask(gateway: &Gateway, sent: Vec<u8>) -> tokio::task::JoinHandle<Answer> {
    let address = gateway.data;
    tokio::spawn(async move { Client::connect(address).await.ask(sent).await })
}

#[tokio::test]
async fn a_request_waits_for_the_first_node_that_comes_back() {
    let (mut mock, gateway) = away(Setup::new().timeout("patience_ms = 25000")).await;
    let calls = [message("Hello", false), message("Hello", true), get("/v1/models")];
    let calls = calls.map(|sent| ask(&gateway, sent));
    nodes_when(&gateway, "three who wait", |nodes| nodes[0].pending == 3).await;
    mock.set_listening(true).await;
    for call in calls {
        let answer = guarded("an answer", call).await.unwrap();
        assert_eq!((answer.status, answer.end), (200, End::Whole), "{}", answer.text());
        assert_eq!(answer.header("x-ferry-attempts"), Some("1"), "connects do not count");
    }
    assert_eq!(mock.stats().requests, 3);
    assert_eq!(status(&gateway).await[0].pending, 0);
}

#[tokio::test]
async fn two_hundred_wait_and_one_more_is_told_at_once() {
    let (mut mock, gateway) = away(Setup::new().timeout("patience_ms = 25000")).await;
    let calls: Vec<_> = (0..201).map(|_| ask(&gateway, message("Hello", false))).collect();
    // Whichever comes last: it is answered while the others wait.
    nodes_when(&gateway, "the queue to be full", |nodes| {
        nodes[0].pending == 200 && calls.iter().filter(|call| call.is_finished()).count() == 1
    })
    .await;
    mock.set_listening(true).await;
    let mut full = 0;
    for call in calls {
        let answer = guarded("an answer", call).await.unwrap();
        if answer.status != 200 {
            answer.assert_own(503, "nodes-away");
            assert!(answer.header("retry-after").is_some());
            assert_ne!(answer.header("x-should-retry"), Some("true"));
            full += 1;
        }
    }
    assert_eq!((full, mock.stats().requests), (1, 200));
}

#[tokio::test]
async fn a_client_that_leaves_the_queue_makes_room() {
    let (mut mock, gateway) = away(Setup::new().timeout("patience_ms = 25000")).await;
    let mut client = gateway.connect().await;
    client.send(message("Hello", false)).await;
    nodes_when(&gateway, "one who waits", |nodes| nodes[0].pending == 1).await;
    drop(client);
    nodes_when(&gateway, "nobody who waits", |nodes| nodes[0].pending == 0).await;
    mock.set_listening(true).await;
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    assert_eq!(mock.stats().requests, 1);
}

#[tokio::test]
async fn without_patience_the_answer_comes_at_once() {
    let (_mock, gateway) = away(Setup::new().timeout("patience_ms = 0")).await;
    let begun = Instant::now();
    for sent in [message("Hello", false), message("Hello", true), get("/v1/models")] {
        let answer = gateway.ask(sent).await;
        answer.assert_own(503, "no-node");
        assert!(answer.text().contains("Connection refused"), "{}", answer.text());
    }
    // The default patience is ten seconds for each.
    assert!(begun.elapsed().as_secs() < 9, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn patience_has_an_end() {
    let (_mock, gateway) = away(Setup::new().timeout("patience_ms = 400")).await;
    let begun = Instant::now();
    gateway.ask(message("Hello", false)).await.assert_own(503, "no-node");
    assert!(begun.elapsed().as_millis() >= 400, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn no_patience_outlasts_the_request() {
    let setup = Setup::new().timeout("patience_ms = 600000\nnonstream_total_ms = 500");
    let (_mock, gateway) = away(setup).await;
    let answer = gateway.ask(message("Hello", false)).await;
    answer.assert_own(503, "no-node");
}

#[tokio::test]
async fn a_machine_without_a_network_is_told_apart_from_nodes_that_are_down() {
    // The kernel has no route to it, whatever the machine's network is.
    let nowhere = "http://255.255.255.255:80";
    let gateway = Setup::new()
        .timeout("patience_ms = 0")
        .node("a", nowhere, "")
        .node("b", nowhere, "role = \"standby\"")
        .start()
        .await;
    let answer = gateway.ask(message("Hello", false)).await;
    answer.assert_own(503, "local-network-down");
    assert!(answer.header("retry-after").is_some());
    let nodes = status(&gateway).await;
    assert!(
        nodes.iter().all(|node| node.state == ferry_gateway::upstream::status::NodeState::Closed)
    );
    // One that refuses says that the network is there.
    let (gone, _) = away(Setup::new()).await;
    let gateway = Setup::new()
        .timeout("patience_ms = 0")
        .node("a", nowhere, "")
        .node("b", &gone.base_url(), "")
        .start()
        .await;
    gateway.ask(message("Hello", false)).await.assert_own(503, "no-node");
}

/// So long that nobody waits for it in a test.
const FOR_EVER: &str = "patience_ms = 600000";

#[tokio::test]
async fn nobody_waits_for_a_name_that_nobody_knows() {
    let gateway = Setup::new().timeout(FOR_EVER).node("n", "http://nobody.invalid", "");
    let gateway = gateway.start().await;
    for _ in 0..2 {
        let answer = gateway.ask(message("Hello", false)).await;
        if answer.text().contains("Temporary failure") {
            // A machine without a resolver cannot tell.
            return;
        }
        answer.assert_own(503, "no-node");
        assert!(answer.text().contains("resolve nobody.invalid"), "{}", answer.text());
        assert!(answer.text().contains("Waiting does not mend that"), "{}", answer.text());
        assert_eq!(answer.header("x-should-retry"), Some("false"));
        assert!(answer.header("retry-after").is_some());
    }
}

#[tokio::test]
async fn nobody_waits_for_a_certificate_that_is_not_valid() {
    let tls = Some(TlsSettings::default());
    // Of an authority that nobody here knows.
    let stranger = mock_with(MockSettings { tls, ..MockSettings::default() }).await;
    let url = stranger.base_url();
    let setup = || Setup::new().timeout(FOR_EVER).node("a", &url, "");
    for setup in [setup(), setup().node("b", &url, "role = \"standby\"")] {
        let gateway = setup.start().await;
        // More often than opens a breaker.
        for stream in [false, true, false, true, false] {
            let answer = gateway.ask(message("Hello", stream)).await;
            answer.assert_own(503, "no-node");
            assert!(answer.text().contains("certificate"), "{}", answer.text());
            assert!(answer.text().contains("Waiting does not mend that"), "{}", answer.text());
            assert_eq!(answer.header("x-should-retry"), Some("false"));
        }
    }
    // One node of two that may come back is worth the wait.
    let (mut mock, gateway) = away(setup()).await;
    let call = ask(&gateway, message("Hello", false));
    nodes_when(&gateway, "one who waits for both", |nodes| {
        nodes.iter().all(|node| node.pending == 1 && node.addresses[0].last_error.is_some())
    })
    .await;
    mock.set_listening(true).await;
    let answer = guarded("an answer", call).await.unwrap();
    assert_eq!((answer.status, answer.header("x-ferry-node")), (200, Some("mock")));
}
