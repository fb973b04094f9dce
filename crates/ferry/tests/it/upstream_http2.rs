//! How many connections Ferry opens to a node that speaks HTTP/2, and that streams on one do not harm each other.

use ferry_mock::{MockSettings, RunningMock, TlsSettings};
use tokio::net::TcpSocket;

use crate::harness::{
    Client, End, Gateway, Setup, body, guarded, message, mock, mock_with, request, seen, until,
};

/// A mock over TLS and the file of its authority.
async fn secure(http1_only: bool) -> (RunningMock, tempfile::TempDir, String) {
    let tls = Some(TlsSettings { http1_only, ..TlsSettings::default() });
    let mock = mock_with(MockSettings { tls, ..MockSettings::default() }).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, mock.ca_pem().unwrap()).unwrap();
    let line = format!("extra_ca_file = \"{}\"", file.display());
    (mock, dir, line)
}

/// A mock behind a gateway that speaks HTTP/2 to it in cleartext.
async fn prior_knowledge() -> (RunningMock, Gateway) {
    let mock = mock().await;
    let gateway = Setup::new().node("mock", &mock.base_url(), "http = \"2\"").start().await;
    (mock, gateway)
}

/// Requests at once whose streams begin and then stand still; gives their clients.
async fn standing(gateway: &Gateway, count: usize) -> Vec<Client> {
    let stall =
        request("POST", "/v1/messages", &[("x-mock-fault", "stall:at=3")], &body("Hello", true));
    let calls = (0..count).map(|_| {
        let (address, stall) = (gateway.data, stall.clone());
        tokio::spawn(async move {
            let mut client = Client::connect(address).await;
            client.send(stall).await;
            let answer = client.head().await;
            assert_eq!(answer.status, 200);
            client
        })
    });
    let mut clients = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        clients.push(guarded("a head", call).await.unwrap());
    }
    clients
}

#[tokio::test]
async fn streams_beyond_thirty_two_get_a_connection_of_their_own() {
    let (mock, gateway) = prior_knowledge().await;
    let clients = standing(&gateway, 66).await;
    let connections = mock.stats().connections;
    assert!((3..=17).contains(&connections), "{connections}: four to thirty-two on each");
    drop(clients);
    seen(&mock, "the cancels", |stats| stats.generations_aborted == 66).await;
    until("rest", || gateway.running.in_flight() == 0).await;
    // The seats are free again, however the streams ended.
    let mut client = gateway.connect().await;
    for n in 0..200 {
        let answer = client.ask(message("Hello", n % 2 == 0)).await;
        assert_eq!((answer.status, answer.end), (200, End::Whole));
    }
    assert_eq!(standing(&gateway, 96).await.len(), 96);
    let after = mock.stats().connections;
    assert!(after <= 17, "{after}: seats are used again");
}

#[tokio::test]
async fn cold_requests_at_once_open_no_connection_each() {
    let (mock, _dir, ca) = secure(false).await;
    let known = format!("{ca}\nhttp = \"2\"");
    for lines in [ca.as_str(), known.as_str()] {
        let before = mock.stats().connections;
        let gateway = Setup::new().node("mock", &mock.base_url(), lines).start().await;
        let clients = standing(&gateway, 100).await;
        // 32 on each, and on a loaded machine what the race dials once more.
        let opened = mock.stats().connections - before;
        assert!((4..=20).contains(&opened), "{opened}");
        drop(clients);
    }
}

#[tokio::test]
async fn cold_requests_at_once_to_a_node_of_http1_are_all_served() {
    let (mock, _dir, ca) = secure(true).await;
    let gateway = Setup::new().node("mock", &mock.base_url(), &ca).start().await;
    assert_eq!(standing(&gateway, 100).await.len(), 100);
    // On a loaded machine the race may dial once more for those who still wait.
    let connections = mock.stats().connections;
    assert!((100..=200).contains(&connections), "{connections}");
}

#[tokio::test]
async fn an_upload_that_flows_opens_its_own_connection() {
    let (mock, gateway) = prior_knowledge().await;
    let _standing = standing(&gateway, 1).await;
    assert_eq!(mock.stats().connections, 1);
    gateway.ask(request("POST", "/v1/things", &[], &vec![b'x'; 200_000])).await;
    assert_eq!(mock.last().unwrap().body_len, 200_000);
    assert_eq!(mock.stats().connections, 2);
}

#[tokio::test]
async fn clients_that_stop_reading_hold_up_nobody_on_their_connection() {
    let (mock, gateway) = prior_knowledge().await;
    let large = |bytes: usize| [("x-mock-fault".to_owned(), format!("big-event:bytes={bytes}"))];
    let ask = |bytes: usize| {
        let headers = large(bytes);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        request("POST", "/v1/messages", &headers, &body("Hello", true))
    };
    let mut stuck = Vec::new();
    // Fewer than would have another connection opened beside them.
    for _ in 0..2 {
        // A small buffer, so that what is unread stays with Ferry and the node.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut client = Client::over(socket.connect(gateway.data).await.unwrap());
        client.send(ask(24_000_000)).await;
        client.head().await;
        stuck.push(client);
    }
    for _ in 0..4 {
        let answer = gateway.ask(ask(4_000_000)).await;
        assert_eq!((answer.status, answer.end), (200, End::Whole));
        assert!(answer.body.len() > 4_000_000);
    }
    let stats = mock.stats();
    assert_eq!((stats.connections, stats.generations_finished), (1, 4), "and the others wait");
}

#[tokio::test]
async fn a_reload_keeps_connections_unless_the_files_of_the_node_changed() {
    let (mock, dir, ca) = secure(false).await;
    let mut gateway = Setup::new().node("mock", &mock.base_url(), &ca).start().await;
    let inputs = gateway.inputs.clone();
    for _ in 0..2 {
        assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
        gateway.running.reload(&inputs).unwrap();
    }
    assert_eq!(mock.stats().connections, 1);
    let other = rcgen::generate_simple_self_signed(["elsewhere.example".to_owned()]).unwrap();
    let both = format!("{}{}", mock.ca_pem().unwrap(), other.cert.pem());
    std::fs::write(dir.path().join("ca.pem"), both).unwrap();
    gateway.running.reload(&inputs).unwrap();
    assert_eq!(gateway.ask(message("Hello", true)).await.status, 200);
    assert_eq!(mock.stats().connections, 2);
}

#[tokio::test]
async fn a_node_that_cannot_be_reached_fails_all_who_waited_and_serves_when_it_is_back() {
    let mut mock = mock().await;
    let gateway = Setup::new()
        .timeout("patience_ms = 0")
        .node("mock", &mock.base_url(), "http = \"2\"")
        .start()
        .await;
    mock.set_listening(false).await;
    let calls = (0..50).map(|_| {
        let address = gateway.data;
        tokio::spawn(async move { Client::connect(address).await.ask(message("Hi", false)).await })
    });
    for call in calls.collect::<Vec<_>>() {
        guarded("an error", call).await.unwrap().assert_own(503, "no-node");
    }
    mock.set_listening(true).await;
    assert_eq!(gateway.ask(message("Hello", false)).await.status, 200);
    assert_eq!(mock.stats().connections, 1);
}
