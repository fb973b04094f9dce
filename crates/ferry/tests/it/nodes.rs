//! Several nodes, and connections that die: what costs nothing is tried again, what may have been billed is not.

use crate::harness::{
    Node, Setup, Step, body, both, bytes, get, http_json, message, mock, request,
};

/// The URL of a port that nobody listens on.
async fn nobody() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

const WHOLE: &[u8] = br#"{"id":"msg_1","type":"message","model":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1}}"#;

#[tokio::test]
async fn a_refused_connect_goes_to_the_next_node() {
    let mock = mock().await;
    let gateway = Setup::new()
        .node("first", &nobody().await, "")
        .node("second", &nobody().await, "")
        .node("third", &mock.base_url(), "")
        .start()
        .await;
    for stream in [false, true] {
        let answer = gateway.ask(message("Hello", stream)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-ferry-node"), Some("third"));
        assert_eq!(answer.header("x-ferry-attempts"), Some("1"), "connects do not count");
    }
    let upload = vec![b'x'; 200_000];
    gateway.ask(request("POST", "/v1/things", &[], &upload)).await;
    assert_eq!(
        mock.last().unwrap().body_len,
        200_000,
        "a flowing body has lost nothing on the way"
    );
    assert_eq!(mock.stats().requests, 3);
    let failed = gateway.metric("ferry_attempts_total{node=\"first\",result=\"connect_failed\"}");
    assert!(failed.is_some_and(|failed| failed >= 1.0), "{failed:?}");
}

#[tokio::test]
async fn when_no_node_can_be_reached_it_is_a_503_that_says_when_to_come_back() {
    let gateway = Setup::new()
        .timeout("patience_ms = 0")
        .node("a", &nobody().await, "")
        .node("b", &nobody().await, "")
        .start()
        .await;
    for sent in [message("Hello", false), message("Hello", true), get("/v1/models")] {
        let answer = gateway.ask(sent).await;
        answer.assert_own(503, "no-node");
        assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
        assert!(answer.text().contains("2 node(s)"), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_standby_is_used_when_no_primary_can_be_reached() {
    let (primary, standby) = (mock().await, mock().await);
    let gateway = Setup::new()
        .node("standby", &standby.base_url(), "role = \"standby\"")
        .node("gone", &nobody().await, "")
        .node("primary", &primary.base_url(), "")
        .start()
        .await;
    let answer = gateway.ask(message("Hello", false)).await;
    assert_eq!(answer.header("x-ferry-node"), Some("primary"));
    assert_eq!(standby.stats().connections, 0);
    let gateway = Setup::new()
        .node("standby", &standby.base_url(), "role = \"standby\"")
        .node("gone", &nobody().await, "")
        .start()
        .await;
    assert_eq!(gateway.ask(message("Hello", false)).await.header("x-ferry-node"), Some("standby"));
}

#[tokio::test]
async fn preferred_addresses_are_dialled_under_the_urls_own_name() {
    let mock = mock().await;
    let url = format!("http://relay.invalid:{}", mock.addr().port());
    let gateway = Setup::new().node("n", &url, "addresses = [\"127.0.0.1\"]").start().await;
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    let host = format!("relay.invalid:{}", mock.addr().port());
    assert_eq!(mock.last().unwrap().headers["host"], host.as_str());
}

#[tokio::test]
async fn a_kept_connection_that_died_is_replaced_once_by_a_new_one() {
    let (mock, gateway) = both().await;
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    mock.set_fault("reset@nth=1").unwrap();
    let answer = gateway.ask(message("Hello", false)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-ferry-attempts"), Some("2"));
    let stats = mock.stats();
    assert_eq!(
        (stats.generations_started, stats.generations_finished),
        (2, 2),
        "one for each request"
    );
    assert_eq!(stats.connections, 2);
}

#[tokio::test]
async fn a_node_that_starts_anew_under_load_goes_on_being_used_over_kept_connections() {
    const AT_ONCE: usize = 4;
    let whole = bytes(http_json("200 OK", WHOLE));
    let node = Node::by(move |number, _request| match number / AT_ONCE {
        // All at once, so that each has a connection of its own.
        0 => vec![Step::Heard(AT_ONCE), whole.clone()],
        1 => vec![Step::Heard(2 * AT_ONCE), Step::Reset],
        _ => vec![whole.clone()],
    })
    .await;
    let gateway = Setup::new().node("n", &node.url(), "").start().await;
    for _ in 0..2 {
        let sent = message("Hello", false);
        let asked =
            (gateway.ask(&sent), gateway.ask(&sent), gateway.ask(&sent), gateway.ask(&sent));
        let (a, b, c, d) = tokio::join!(asked.0, asked.1, asked.2, asked.3);
        assert!([a, b, c, d].iter().all(|answer| answer.status == 200));
    }
    assert_eq!(node.requests().len(), 3 * AT_ONCE, "the second four died, and were sent again");
    let opened = node.connections();
    for _ in 0..20 {
        assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    }
    assert!(node.connections() <= opened + 1, "{opened}, then {}", node.connections());
}

#[tokio::test]
async fn a_connection_that_died_twice_is_not_tried_a_third_time() {
    let mock = mock().await;
    // The second one was new: what was written there may have been billed.
    let unpaid = "[retry]\npaid_burst = 0\npaid_ratio = 0";
    let gateway = Setup::new().table(unpaid).mock(&mock).start().await;
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    mock.set_fault("reset").unwrap();
    gateway.ask(message("Hello", false)).await.assert_own(502, "node-lost");
    assert_eq!(mock.stats().requests, 3);
}

#[tokio::test]
async fn a_kept_connection_that_the_node_has_closed_is_not_used() {
    let node = Node::in_turn(vec![
        vec![bytes(http_json("200 OK", WHOLE)), Step::Close],
        vec![bytes(http_json("200 OK", WHOLE))],
    ])
    .await;
    let gateway = Setup::new().node("n", &node.url(), "").start().await;
    for turn in 0..3 {
        let answer = gateway.ask(message("Hello", false)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-ferry-attempts"), Some("1"), "turn {turn}");
    }
    assert_eq!((node.connections(), node.requests().len()), (2, 3));
}

#[tokio::test]
async fn a_fresh_connection_that_dies_is_not_tried_again_for_nothing() {
    let mock = mock().await;
    for (fault, stream) in
        [("reset", false), ("reset", true), ("cut:how=fin", false), ("half", false)]
    {
        let sent =
            request("POST", "/v1/messages", &[("x-mock-fault", fault)], &body("Hello", stream));
        // A gateway of its own, so that no connection is a kept one.
        let unpaid = "[retry]\npaid_burst = 0\npaid_ratio = 0";
        let fresh = Setup::new().table(unpaid).mock(&mock).start().await;
        fresh.ask(sent).await.assert_own(502, "node-lost");
    }
    assert_eq!(mock.stats().requests, 4, "nothing is written twice");
}

#[tokio::test]
async fn an_upload_on_a_dead_connection_is_not_written_twice() {
    let (mock, gateway) = both().await;
    assert_eq!(gateway.ask(get("/v1/models")).await.status, 200);
    mock.set_fault("reset@nth=1").unwrap();
    let answer = gateway.ask(request("POST", "/v1/files", &[], &vec![b'x'; 300_000])).await;
    answer.assert_own(502, "node-lost");
    assert_eq!(mock.stats().requests, 2);
}

#[tokio::test]
async fn an_error_of_a_node_is_passed_on_and_not_tried_again_where_one_try_is_allowed() {
    let mock = mock().await;
    let other = crate::harness::mock().await;
    for fault in ["400", "401", "429", "500", "529"] {
        // Of its own, so that none is cooled by the error before.
        let gateway =
            Setup::new().one_try().mock(&mock).node("other", &other.base_url(), "").start().await;
        let sent =
            request("POST", "/v1/messages", &[("x-mock-fault", fault)], &body("Hello", false));
        assert_eq!(gateway.ask(sent).await.status.to_string(), fault);
    }
    assert_eq!((mock.stats().requests, other.stats().requests), (5, 0));
}

#[tokio::test]
async fn a_key_goes_to_its_own_node_only() {
    let (one, two) = (mock().await, mock().await);
    let gateway = Setup::new()
        .node("one", &one.base_url(), "key = \"env:ONE\"")
        .node(
            "two",
            &two.base_url(),
            "key = \"env:TWO\"\nheaders = { x-relay = \"env:SECRET\", user-agent = \"set\" }",
        )
        .env("ONE", "sk-ant-api03-one")
        .env("TWO", "sk-ant-api03-two")
        .env("SECRET", "relay-secret")
        .start()
        .await;
    gateway.ask(message("Hello", false)).await;
    let head = format!("{:?}", one.last().unwrap().headers);
    assert!(
        head.contains("sk-ant-api03-one")
            && !head.contains("two")
            && !head.contains("relay-secret"),
        "{head}"
    );
    let mut one = one;
    one.set_listening(false).await;
    let fresh = Setup::new()
        .node("one", &one.base_url(), "key = \"env:ONE\"")
        .node(
            "two",
            &two.base_url(),
            "key = \"env:TWO\"\nheaders = { x-relay = \"env:SECRET\", user-agent = \"set\" }",
        )
        .env("ONE", "sk-ant-api03-one")
        .env("TWO", "sk-ant-api03-two")
        .env("SECRET", "relay-secret")
        .start()
        .await;
    let sent = request(
        "POST",
        "/v1/messages",
        &[("user-agent", "mine"), ("x-relay", "mine")],
        &body("Hello", false),
    );
    assert_eq!(fresh.ask(sent).await.header("x-ferry-node"), Some("two"));
    let headers = two.last().unwrap().headers;
    assert_eq!(headers["x-api-key"], "sk-ant-api03-two");
    assert_eq!(headers["x-relay"], "relay-secret");
    assert_eq!(headers.get_all("user-agent").iter().count(), 1);
    assert_eq!(headers["user-agent"], "set");
}

#[tokio::test]
async fn the_time_zone_is_stamped_on_every_request() {
    let mock = mock().await;
    let gateway = Setup::new().server("timezone = \"Asia/Shanghai\"").mock(&mock).start().await;
    for sent in [
        message("Hello", false),
        get("/v1/models"),
        request("POST", "/v1/files", &[("x-claude-timezone", "UTC")], b"x"),
    ] {
        gateway.ask(sent).await;
        let headers = mock.last().unwrap().headers;
        assert_eq!(
            headers.get_all("x-claude-timezone").iter().collect::<Vec<_>>(),
            ["Asia/Shanghai"]
        );
    }
}

#[tokio::test]
async fn business_lines_are_told_apart_in_log_and_metrics_and_no_more_than_configured() {
    let mock = mock().await;
    let gateway = Setup::new()
        .table("[lines.customer_service]\n[lines.code_review]")
        .mock(&mock)
        .start()
        .await;
    for line in
        ["customer_service", "code_review", "Customer_Service", "made_up_1", "made_up_2", ""]
    {
        let sent = request("POST", "/v1/messages", &[("x-biz-type", line)], &body("Hello", false));
        assert_eq!(gateway.ask(sent).await.status, 200);
        assert!(!mock.last().unwrap().headers.contains_key("x-biz-type"));
    }
    let page = gateway.running.metrics();
    assert!(page.contains("line=\"customer_service\""), "{page}");
    assert!(!page.contains("made_up"), "{page}");
    let lines: Vec<_> = gateway
        .into_requests()
        .await
        .iter()
        .map(|line| line["line"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(lines[..2], ["customer_service", "code_review"]);
    assert_eq!(
        (lines[3].as_str(), lines[4].as_str(), lines[5].as_str()),
        ("other", "other", "default")
    );
}
