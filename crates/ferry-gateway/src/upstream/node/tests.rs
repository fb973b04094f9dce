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
use crate::upstream::{
    Ask, Fleet, HttpVersion, NodeKind, Nonstream, Outgoing, Pending, Role, Transport, Unreached,
    Wire,
};

const IDLE: Duration = Duration::from_secs(55);

fn node_at(address: SocketAddr, scheme: &str, http: HttpVersion) -> Arc<Node> {
    node_on(&Base::new(&Tasks::default(), 1), address, scheme, http)
}

fn node_on(base: &Base, address: SocketAddr, scheme: &str, http: HttpVersion) -> Arc<Node> {
    node_with(base, &settings_of(address, scheme, http))
}

fn node_with(base: &Base, settings: &NodeSettings) -> Arc<Node> {
    Arc::new(Node::new(&Arc::new(settings.clone()), &bounds(), base).unwrap())
}

fn settings_of(address: SocketAddr, scheme: &str, http: HttpVersion) -> NodeSettings {
    NodeSettings {
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
    }
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
    reach(node, born_after, Duration::ZERO).await
}

async fn reach(
    node: &Arc<Node>,
    born_after: Option<Instant>,
    patience: Duration,
) -> Result<Connection, Unreached> {
    let fleet = Fleet::new(vec![Arc::clone(node)], &bounds(), &node.base);
    let ask = Ask {
        tried: &[],
        born_after,
        patience,
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
    let dials = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&dials);
    let accepting = tasks.spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    for one in asked {
        let Unreached::Away { last: Some(PathFault::Dial(error)), .. } =
            one.await.unwrap().unwrap_err()
        else {
            panic!("no dial failed")
        };
        assert!(error.is_tls());
    }
    // On a busy machine the race may have dialled again before the first one failed.
    let together = dials.load(Ordering::Relaxed);
    assert!((1..10).contains(&together), "{together} dials for twenty requests");
    // Whoever comes later dials again.
    assert!(connect(&node, None).await.is_err());
    assert!(dials.load(Ordering::Relaxed) > together);
    accepting.abort();
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

/// Dials an address and waits for what comes of it.
async fn dialled(node: &Arc<Node>, at: SocketAddr) {
    assert!(node.dial(at, clock::now()));
    while node.known().get_mut(at).unwrap().half_open > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_dead_second_address_costs_nothing_while_the_first_stands() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let first = listener.local_addr().unwrap();
    // Nobody listens there.
    let second = SocketAddr::new([127, 0, 0, 2].into(), first.port());
    let mut settings = settings_of(first, "http", HttpVersion::Http1);
    settings.addresses = vec![second.ip()];
    let node = node_with(&Base::new(&Tasks::default(), 1), &settings);
    assert_eq!(node.addresses(clock::now()).len(), 2);
    dialled(&node, first).await;
    for _ in 0..5 {
        dialled(&node, second).await;
    }
    let view = node.health().breaker().view(clock::now());
    assert_eq!((view.state, view.failures), (ferry_rules::breaker::State::Closed, 0));
    assert_eq!(node.addresses(clock::now()), [first, second], "and it is tried last");
    // Both of them are the node.
    drop(listener);
    dialled(&node, first).await;
    for _ in 0..2 {
        dialled(&node, second).await;
    }
    let view = node.health().breaker().view(clock::now());
    assert_eq!(view.reason, Some(ferry_rules::breaker::Reason::Consecutive(3)));
}

/// Refuses every connect until it is back; then it takes them, and says nothing.
#[derive(Debug)]
struct Closed {
    back_at: Instant,
    refused: AtomicUsize,
    taken: Mutex<Vec<tokio::io::DuplexStream>>,
}

impl Transport for Closed {
    fn connect(&self, _to: SocketAddr) -> Pending<Wire> {
        let answer = if clock::now() < self.back_at {
            self.refused.fetch_add(1, Ordering::Relaxed);
            Err(std::io::ErrorKind::ConnectionRefused.into())
        } else {
            let (ours, theirs) = tokio::io::duplex(1024);
            self.taken.lock().unwrap().push(theirs);
            Ok(Wire::Pipe(ours))
        };
        Box::pin(std::future::ready(answer))
    }

    fn resolve(&self, _host: String, _port: u16) -> Pending<Vec<SocketAddr>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_are_held_knock_seldom_and_are_let_in_at_once() {
    const WAITING: usize = 100;
    let back_at = clock::now() + Duration::from_secs(3);
    let closed =
        Arc::new(Closed { back_at, refused: AtomicUsize::new(0), taken: Mutex::default() });
    let tasks = Tasks::default();
    let transport = Arc::clone(&closed);
    let base = Base::over(&tasks, 1, transport);
    let node = node_on(&base, ([10, 0, 0, 1], 80).into(), "http", HttpVersion::Http1);
    let asked: Vec<_> = (0..WAITING)
        .map(|n| {
            let node = Arc::clone(&node);
            tasks.spawn(async move {
                tokio::time::sleep(Duration::from_millis(n as u64 * 7)).await;
                let reached = reach(&node, None, Duration::from_secs(10)).await;
                reached.map(|connection| (connection, clock::now()))
            })
        })
        .collect();
    for one in asked {
        let (_connection, at) = one.await.unwrap().unwrap();
        assert!(at <= back_at + Duration::from_millis(300), "{:?} late", at - back_at);
    }
    let again = closed.refused.load(Ordering::Relaxed) - WAITING;
    assert!((15..=25).contains(&again), "each once, then together {again} times in three seconds");
}

/// A resolver that says the same whatever it is asked.
#[derive(Debug)]
struct Resolver(&'static str, AtomicUsize);

impl Transport for Resolver {
    fn connect(&self, _to: SocketAddr) -> Pending<Wire> {
        Box::pin(std::future::pending())
    }

    fn resolve(&self, _host: String, _port: u16) -> Pending<Vec<SocketAddr>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::ready(Err(std::io::Error::other(self.0))))
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_name_is_asked_twice_and_a_resolver_that_fails_as_long_as_patience_lasts() {
    let patience = Duration::from_secs(10);
    for (said, least, most, asked) in [
        ("Name or service not known", 1.0, 1.2, 2),
        ("Temporary failure in name resolution", 10.0, 10.2, 10),
    ] {
        let resolver = Arc::new(Resolver(said, AtomicUsize::new(0)));
        let tasks = Tasks::default();
        let transport = Arc::clone(&resolver);
        let base = Base::over(&tasks, 1, transport);
        let mut settings = settings_of(([0, 0, 0, 0], 80).into(), "http", HttpVersion::Http1);
        settings.url = "http://nobody.invalid".parse().unwrap();
        let node = node_with(&base, &settings);
        let begun = clock::now();
        let Unreached::Away { hopeless, .. } = reach(&node, None, patience).await.unwrap_err()
        else {
            panic!("{said}")
        };
        let took = (clock::now() - begun).as_secs_f64();
        assert!((least..most).contains(&took), "{said}: {took} s");
        assert!(resolver.1.load(Ordering::Relaxed).abs_diff(asked) <= 1, "{said}");
        assert_eq!(hopeless, asked == 2, "{said}");
    }
}
