//! A node behind a proxy of two addresses, of which one takes no connection, over a network of the test's own.

use std::io;

use ferry_rules::egress::proxy_url;

use super::*;
use crate::upstream::{Pending, ProxySettings, Transport, Wire};

const SILENT: &str = "192.0.2.1";
const OPEN: &str = "192.0.2.2";

/// Knows the proxy's name and the node's, and lets nobody through but the proxy's second address.
#[derive(Debug, Default)]
struct Corporate {
    looked_up: Mutex<Vec<String>>,
    dialled: Mutex<Vec<SocketAddr>>,
    heard: Arc<Mutex<Vec<u8>>>,
    tasks: Tasks,
}

impl Transport for Corporate {
    fn connect(&self, to: SocketAddr) -> Pending<Wire> {
        self.dialled.lock().unwrap().push(to);
        if to.ip().to_string() != OPEN {
            return Box::pin(std::future::pending());
        }
        let (ours, mut proxys) = tokio::io::duplex(4096);
        let heard = Arc::clone(&self.heard);
        drop(self.tasks.spawn(async move {
            let mut piece = [0; 512];
            while let Ok(read @ 1..) = proxys.read(&mut piece).await {
                heard.lock().unwrap().extend(&piece[..read]);
                let answer: &[u8] = match piece[..read] {
                    [5, 1, 0] => &[5, 0],
                    [5, 1, 0, ..] => &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0],
                    [b'C', ..] => b"HTTP/1.1 200 OK\r\n\r\n",
                    _ => &[],
                };
                proxys.write_all(answer).await.unwrap();
            }
        }));
        Box::pin(async move { Ok(Wire::Pipe(ours)) })
    }

    fn resolve(&self, host: String, port: u16) -> Pending<Vec<SocketAddr>> {
        let found = match host.as_str() {
            "proxy.corp" => vec![SILENT, OPEN],
            "node.test" => vec!["198.51.100.7"],
            "two.test" => vec!["198.51.100.7", "198.51.100.8"],
            _ => Vec::new(),
        };
        let found: Vec<_> =
            found.into_iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), port)).collect();
        self.looked_up.lock().unwrap().push(host);
        Box::pin(async move {
            if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) }
        })
    }
}

fn behind(proxy: &str, network: &Arc<Corporate>) -> Arc<Node> {
    node_behind("http://node.test:8080", proxy, network)
}

fn node_behind(url: &str, proxy: &str, network: &Arc<Corporate>) -> Arc<Node> {
    let base = Base::over(&Tasks::default(), 1, Arc::clone(network) as Arc<dyn Transport>);
    let plain = node_on(&base, "127.0.0.1:1".parse().unwrap(), "http", HttpVersion::Http1);
    let settings = NodeSettings {
        url: url.parse().unwrap(),
        proxy: Some(ProxySettings::new(&proxy_url::parse(proxy).unwrap(), None)),
        ..(*plain.settings).clone()
    };
    Arc::new(Node::new(&Arc::new(settings), &bounds(), &base).unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_proxys_addresses_are_raced_and_nobody_else_is_dialled() {
    let connect_head = b"CONNECT node.test:8080 HTTP/1.1\r\n".as_slice();
    let socks_name = b"\x05\x01\x00\x05\x01\x00\x03\x09node.test\x1f\x90".as_slice();
    let socks_address = b"\x05\x01\x00\x05\x01\x00\x01\xc6\x33\x64\x07\x1f\x90".as_slice();
    let table = [
        ("http://proxy.corp:3128", vec!["proxy.corp"], connect_head),
        ("socks5h://proxy.corp:3128", vec!["proxy.corp"], socks_name),
        ("socks5://proxy.corp:3128", vec!["node.test", "proxy.corp"], socks_address),
    ];
    for (proxy, names, asked) in table {
        let network = Arc::<Corporate>::default();
        let node = behind(proxy, &network);
        let begun = clock::now();
        let reached = connect(&node, None).await.unwrap();
        assert_eq!(reached.birth().address, format!("{OPEN}:3128").parse().unwrap());
        assert!(
            clock::now() - begun < Duration::from_secs(1),
            "{proxy}: the silent one held it up"
        );
        let mut looked_up = network.looked_up.lock().unwrap().clone();
        looked_up.sort();
        assert_eq!(looked_up, names, "{proxy}");
        let dialled = network.dialled.lock().unwrap().clone();
        assert!(dialled.iter().all(|at| at.port() == 3128), "{proxy}: {dialled:?}");
        let heard = network.heard.lock().unwrap().clone();
        assert!(heard.starts_with(asked), "{proxy}: {:?}", String::from_utf8_lossy(&heard));
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_unknown_is_told_whoever_it_belongs_to() {
    let table = [
        ("http://gone.corp:3128", "reach node.test through the proxy http://gone.corp:3128"),
        ("socks5://gone.corp:3128", "reach node.test through the proxy socks5://gone.corp:3128"),
    ];
    for (proxy, due) in table {
        let node = behind(proxy, &Arc::default());
        let Err(Unreached::Away { last: Some(fault), .. }) = connect(&node, None).await else {
            panic!("{proxy}: no fault")
        };
        assert_eq!(fault.to_string(), due);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_name_that_is_unknown_to_a_proxy_of_addresses_is_told_at_once() {
    let node = node_behind("http://gone.test:8080", "socks5://proxy.corp:3128", &Arc::default());
    let begun = clock::now();
    let Err(Unreached::Away { hopeless, .. }) = reach(&node, None, Duration::from_mins(1)).await
    else {
        panic!("reached")
    };
    assert!(hopeless, "it says to check the node's url");
    assert!(clock::now() - begun < Duration::from_secs(5), "{:?}", clock::now() - begun);
}

#[tokio::test(start_paused = true)]
async fn an_address_on_which_tls_stalls_behind_a_proxy_is_left_for_the_next() {
    let network = Arc::<Corporate>::default();
    let node = node_behind("https://two.test", "socks5://proxy.corp:3128", &network);
    // The tunnels open, and nothing comes through them.
    reach(&node, None, Duration::from_mins(5)).await.unwrap_err();
    let heard = network.heard.lock().unwrap().clone();
    for last in [7, 8] {
        let asked = [5, 1, 0, 1, 198, 51, 100, last, 1, 187];
        assert!(heard.windows(10).any(|bytes| bytes == asked), "never asked for .{last}");
    }
}
