//! The proxy's bytes in any pieces, at any pace, and the node's right behind them.

use ferry_rules::egress::proxy_url;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::tasks::Tasks;

const PATIENCE: Patience =
    Patience { connect: Duration::from_secs(3), tls: Duration::from_secs(4) };
const NODE: &[u8] = b"\n\nthe node's first bytes";

fn proxy(url: &str) -> ProxySettings {
    let url = proxy_url::parse(url).unwrap();
    let login = url.login.clone().map(|(user, password)| (user.into(), password.into()));
    ProxySettings::new(&url, login)
}

fn via(proxy: &ProxySettings) -> Via<'_> {
    Via { proxy, tls: None, host: "n.test", address: None, port: 443 }
}

/// What the proxy writes after so many bytes have come.
type Script = &'static [(usize, &'static [u8])];

const CONNECT: &str =
    "CONNECT n.test:443 HTTP/1.1\r\nHost: n.test:443\r\nUser-Agent: ferry\r\n\r\n";
const HTTP: Script = &[(CONNECT.len(), b"HTTP/1.1 200 OK\r\nvia: proxy\r\n\r\n")];
const SOCKS: Script = &[(3, &[5, 0]), (13, &[5, 0, 0, 1, 10, 0, 0, 1, 4, 56])];
const SOCKS_LOGIN: Script =
    &[(4, &[5, 2]), (5, &[1, 0]), (13, &[5, 0, 0, 3, 2, b'i', b'f', 0, 80])];

/// Plays the script; its bytes are cut at `cut`, and the node's come with the last of them.
async fn play(mut server: DuplexStream, script: Script, cut: usize) -> DuplexStream {
    let mut written = 0;
    for (at, (wanted, answer)) in script.iter().enumerate() {
        let mut came = vec![0; *wanted];
        server.read_exact(&mut came).await.unwrap();
        let last = at + 1 == script.len();
        let answer = if last { [answer, NODE].concat() } else { answer.to_vec() };
        let here = cut.saturating_sub(written).min(answer.len());
        written += answer.len();
        server.write_all(&answer[..here]).await.unwrap();
        tokio::task::yield_now().await;
        server.write_all(&answer[here..]).await.unwrap();
    }
    server
}

#[tokio::test]
async fn an_answer_may_come_in_any_two_pieces_and_the_nodes_bytes_stay_the_nodes() {
    let table =
        [("http://p:1", HTTP), ("socks5h://p:1", SOCKS), ("socks5h://u:p@p:1", SOCKS_LOGIN)];
    for (url, script) in table {
        let proxy = proxy(url);
        let length: usize = script.iter().map(|(_, answer)| answer.len()).sum();
        for cut in 0..=length + NODE.len() {
            let (client, server) = duplex(4096);
            let via = via(&proxy);
            let opened = tunnel(Wire::Pipe(client), &via, PATIENCE);
            let (opened, _server) = tokio::join!(opened, play(server, script, cut));
            let mut came = vec![0; NODE.len()];
            opened.unwrap().read_exact(&mut came).await.unwrap();
            assert_eq!(came, NODE, "{url}, cut at {cut}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_hangs_or_drips_has_as_long_as_a_connect() {
    for url in ["http://p:1", "socks5h://p:1"] {
        for dripping in [false, true] {
            let (client, mut server) = duplex(4096);
            let tasks = Tasks::default();
            let dripped = tasks.spawn(async move {
                while dripping && server.write_all(b"H").await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                if !dripping {
                    tokio::time::sleep(Duration::from_mins(1)).await;
                }
            });
            let begun = tokio::time::Instant::now();
            let proxy = proxy(url);
            let fault = tunnel(Wire::Pipe(client), &via(&proxy), PATIENCE).await.unwrap_err();
            let http_drip = dripping && url.starts_with("http");
            let expected = match &fault {
                ProxyFault::Late(after) => *after == PATIENCE.connect,
                ProxyFault::Http(fault) => http_drip && *fault == ConnectFault::NotHttp,
                ProxyFault::Socks(fault) => dripping && *fault == SocksFault::NotSocks,
                ProxyFault::Resolve(_)
                | ProxyFault::Connect { .. }
                | ProxyFault::Tls(_)
                | ProxyFault::Issuer(_)
                | ProxyFault::Closed(_) => false,
            };
            assert!(expected, "{url}, {dripping}: {fault}");
            assert!(begun.elapsed() <= PATIENCE.connect, "{url}");
            drop(dripped);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_is_given_up_in_time() {
    let (client, mut server) = duplex(4096);
    let tasks = Tasks::default();
    drop(tasks.spawn(async move {
        for byte in b"HTTP/1.1 200 OK\r\nx: ".iter().chain([b'y'; 100].iter()) {
            if server.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }));
    let proxy = proxy("http://p:1");
    let fault = tunnel(Wire::Pipe(client), &via(&proxy), PATIENCE).await.unwrap_err();
    assert!(matches!(fault, ProxyFault::Late(_)), "{fault}");
    assert!(!fault.was_answered());
    assert_eq!(fault.end(), PathEnd::TimedOut);
}

#[tokio::test]
async fn a_proxy_that_closes_in_place_of_an_answer_is_told_apart() {
    for url in ["http://p:1", "socks5h://u:p@p:1"] {
        let proxy = proxy(url);
        let (client, server) = duplex(4096);
        drop(server);
        let fault = tunnel(Wire::Pipe(client), &via(&proxy), PATIENCE).await.unwrap_err();
        assert!(matches!(fault, ProxyFault::Closed(_)), "{fault}");
        assert!(fault.was_answered());
    }
}

#[tokio::test]
async fn what_the_proxy_is_shown_is_what_the_url_says() {
    let proxy = proxy("http://user:pass@p:1");
    let (client, mut server) = duplex(4096);
    let via = Via { address: None, host: "2001:db8::7", ..via(&proxy) };
    let asked = async {
        let mut came = [0; 256];
        let read = server.read(&mut came).await.unwrap();
        server.write_all(b"HTTP/1.1 403 No\r\n\r\n").await.unwrap();
        String::from_utf8(came[..read].to_vec()).unwrap()
    };
    let (fault, asked) = tokio::join!(tunnel(Wire::Pipe(client), &via, PATIENCE), asked);
    assert!(asked.starts_with("CONNECT [2001:db8::7]:443 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"), "{asked}");
    assert!(matches!(fault, Err(ProxyFault::Http(ConnectFault::Forbidden(403)))));
    assert!(!format!("{proxy:?} {via:?} {fault:?}").contains("pass"), "{proxy:?}");
}

#[test]
fn refused_credentials_are_shown_twice_and_then_left_alone_for_a_while() {
    let begun = crate::clock::now();
    let at = |seconds| begun + Duration::from_secs(seconds);
    let refused = || ProxyFault::Http(ConnectFault::Refused(407)).refusal().unwrap();
    let once = Unwelcome::after(None, refused(), at(0));
    assert!(once.again(at(0)).is_none(), "a slip");
    let twice = Unwelcome::after(Some(once), refused(), at(1));
    assert!(matches!(twice.again(at(30)), Some(ProxyFault::Http(ConnectFault::Refused(407)))));
    assert!(twice.again(at(31)).is_none(), "one more try");
    let thrice = Unwelcome::after(Some(twice), refused(), at(31));
    assert!(thrice.again(at(60)).is_some());
    assert!(ProxyFault::Socks(SocksFault::Refused).refusal().is_some());
    assert!(ProxyFault::Http(ConnectFault::Forbidden(403)).refusal().is_none());
    assert!(ProxyFault::Socks(SocksFault::Unknown).refusal().is_none());
}
