//! A node before a listener of this process: HTTP/2 by prior knowledge, so that no certificate is needed.

mod egress;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::clock;
use crate::tasks::Tasks;
use crate::upstream::{Ask, Fleet, HttpVersion, NodeKind, Nonstream, Outgoing, Role, Unreached};

const IDLE: Duration = Duration::from_secs(55);

fn node_at(address: SocketAddr, scheme: &str, http: HttpVersion) -> Arc<Node> {
    node_on(&Base::new(&Tasks::default(), 1), address, scheme, http)
}

fn node_on(base: &Base, address: SocketAddr, scheme: &str, http: HttpVersion) -> Arc<Node> {
    let settings = Arc::new(NodeSettings {
        name: Arc::from("n"),
        kind: NodeKind::Messages,
        url: format!("{scheme}://{address}").parse().unwrap(),
        keys: Vec::new(),
        addresses: Vec::new(),
        proxy: None,
        role: Role::Primary,
        headers: Vec::new(),
        extra_ca_file: None,
        client_cert: None,
        http,
        nonstream: Nonstream::Pass,
    });
    let bounds = bounds();
    Arc::new(Node::new(&settings, &bounds, base).unwrap())
}

fn bounds() -> Settings {
    Settings {
        nodes: Vec::new(),
        connect_timeout: Duration::from_secs(30),
        tls_timeout: Duration::from_secs(30),
        idle_timeout: IDLE,
        idle_max: 4,
        breaker: ferry_rules::breaker::Settings {
            error_rate: 0.05,
            min_attempts: 20,
            window: Duration::from_secs(30),
            open: Duration::from_secs(5),
            open_max: Duration::from_mins(1),
        },
        probe_every: None,
        warm: 0,
    }
}

/// A connection as a request without any history gets it.
async fn connect(node: &Arc<Node>, born_after: Option<Instant>) -> Result<Connection, Unreached> {
    let fleet = Fleet::new(vec![Arc::clone(node)], &bounds(), &node.base);
    let ask = Ask {
        tried: &[],
        born_after,
        patience: Duration::ZERO,
        until: clock::now() + Duration::from_hours(1),
        held_bytes: 0,
        conversation: 0,
        home: false,
        caller: Some(1),
        model: 1,
    };
    fleet.reach(&ask).await.map(|reached| reached.connection)
}

/// A node that takes `streams` at once and answers nothing.
async fn granting(streams: u32) -> (Arc<Node>, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepted = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&accepted);
    let tasks = Tasks::default();
    drop(tasks.clone().spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            drop(tasks.spawn(async move {
                let mut builder = h2::server::Builder::new();
                let builder = builder.max_concurrent_streams(streams);
                let mut open = builder.handshake::<_, bytes::Bytes>(socket).await.unwrap();
                let mut held = Vec::new();
                while let Some(Ok(stream)) = open.accept().await {
                    held.push(stream);
                }
            }));
        }
    }));
    (node_at(address, "http", HttpVersion::Http2), accepted)
}

async fn take(node: &Arc<Node>, count: usize) -> Vec<Connection> {
    let mut taken = Vec::new();
    for _ in 0..count {
        taken.push(connect(node, None).await.unwrap());
    }
    taken
}

#[tokio::test]
async fn a_full_connection_gets_no_further_stream_and_an_emptier_one_gets_it_back() {
    let (node, _accepted) = granting(1000).await;
    let mut taken = take(&node, 32).await;
    assert_eq!(node.counts(), (0, 1, 1));
    taken.extend(take(&node, 33).await);
    assert_eq!(node.counts(), (0, 3, 3));
    // Two seats of the first connection: one given back, one dropped.
    node.give_back(taken.remove(0));
    drop(taken.remove(0));
    taken.extend(take(&node, 2).await);
    assert_eq!(node.counts(), (0, 3, 3));
    drop(taken);
    assert_eq!(take(&node, 32).await.len(), 32);
    assert_eq!(node.counts(), (0, 3, 3));
}

#[tokio::test]
async fn a_fresh_request_opens_a_connection_of_its_own() {
    let (node, _accepted) = granting(1000).await;
    let kept = connect(&node, None).await.unwrap();
    drop(connect(&node, Some(clock::now())).await.unwrap());
    assert_eq!(node.counts(), (0, 2, 2));
    drop(kept);
}

#[tokio::test]
async fn the_number_that_the_node_grants_counts_when_it_is_smaller() {
    let (node, _accepted) = granting(3).await;
    loop {
        let held = take(&node, 4).await;
        if node.counts().2 == 2 {
            break;
        }
        drop(held);
        // The driver looks at the node's SETTINGS when it sends, and they may not be here yet.
        let mut stream = connect(&node, None).await.unwrap();
        let body = Outgoing::held(Arc::new([]));
        let request = http::Request::get(node.settings.url.clone()).body(body).unwrap();
        let mut sent = Box::pin(stream.send(request));
        let pending = poll_fn(|cx| std::task::Poll::Ready(sent.as_mut().poll(cx).is_pending()));
        assert!(pending.await);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn cold_requests_wait_for_one_connection() {
    let (node, accepted) = granting(1000).await;
    let tasks = Tasks::default();
    let asked: Vec<_> = (0..200)
        .map(|_| {
            let node = Arc::clone(&node);
            tasks.spawn(async move { connect(&node, None).await.unwrap() })
        })
        .collect();
    let mut held = Vec::new();
    for one in asked {
        held.push(one.await.unwrap());
    }
    let connections = node.counts().1;
    assert!((7..=17).contains(&connections), "{connections}: at most 32 on each");
    drop(held);
    assert!(accepted.load(Ordering::Relaxed) <= 17);
}

#[tokio::test]
async fn those_who_waited_for_a_dial_that_failed_fail_with_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let node = node_at(listener.local_addr().unwrap(), "https", HttpVersion::Auto);
    let tasks = Tasks::default();
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let node = Arc::clone(&node);
            tasks.spawn(async move { connect(&node, None).await.map(drop) })
        })
        .collect();
    // Closed only when all have asked: the handshake fails then.
    let (socket, _) = listener.accept().await.unwrap();
    drop(socket);
    for one in asked {
        let Unreached::Away { last: Some(PathFault::Dial(error)), .. } =
            one.await.unwrap().unwrap_err()
        else {
            panic!("no dial failed")
        };
        assert!(error.is_tls());
    }
    // Whoever comes later dials again.
    let (again, accepted) =
        tokio::join!(connect(&node, None), async { listener.accept().await.map(drop) });
    assert!(again.is_err());
    accepted.unwrap();
    let later = listener.into_std().unwrap().accept();
    assert_eq!(later.unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "two dials in all");
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_one_in_use_is_not() {
    let (node, _accepted) = granting(1000).await;
    let held = take(&node, 33).await;
    let later = || clock::now() + IDLE;
    node.sweep(later());
    assert_eq!(node.counts().1, 2);
    drop(held);
    node.sweep(clock::now());
    assert_eq!(node.counts().1, 2, "not idle for long enough");
    let first = connect(&node, None).await.unwrap();
    node.sweep(later());
    assert_eq!(node.counts().1, 1, "the surplus one is gone");
    drop(first);
    node.sweep(later());
    assert_eq!(node.counts().1, 0);
}

/// Reads one frame (RFC 9113 section 4.1); gives its type and flags.
async fn frame(socket: &mut tokio::net::TcpStream) -> (u8, u8) {
    let mut head = [0; 9];
    socket.read_exact(&mut head).await.unwrap();
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; length as usize];
    socket.read_exact(&mut payload).await.unwrap();
    (head[3], head[4])
}

#[tokio::test]
async fn an_idle_connection_is_kept_alive_by_ping() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let node = node_at(listener.local_addr().unwrap(), "http", HttpVersion::Http2);
    let (stream, accepted) = tokio::join!(connect(&node, None), listener.accept());
    let (mut socket, _) = accepted.unwrap();
    drop(stream.unwrap());
    let mut preface = [0; 24];
    socket.read_exact(&mut preface).await.unwrap();
    // An empty SETTINGS frame, and the acknowledgement of the node's own.
    socket.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0]).await.unwrap();
    let (ping, settings) = (6, 4);
    while frame(&mut socket).await != (settings, 1) {}
    // From here on time passes only while nothing else is to be done.
    tokio::time::pause();
    assert_eq!(frame(&mut socket).await, (ping, 0));
}

#[tokio::test]
async fn connections_live_over_a_reload_that_leaves_the_way_as_it_is() {
    let (node, _accepted) = granting(1000).await;
    drop(connect(&node, None).await.unwrap());
    let address = node.settings.url.authority().unwrap().as_str().parse().unwrap();
    let same = Arc::into_inner(node_at(address, "http", HttpVersion::Http2)).unwrap();
    let same = same.succeeding(&node);
    assert_eq!(same.counts(), (0, 1, 1));
    let other = Arc::into_inner(node_at(address, "http", HttpVersion::Http1)).unwrap();
    assert_eq!(other.succeeding(&same).counts(), (0, 0, 0));
}
