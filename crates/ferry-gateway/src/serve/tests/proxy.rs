//! The PROXY header over real sockets.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

fn behind_proxy() -> Settings {
    Settings {
        proxy_protocol: true,
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..settings()
    }
}

async fn answer(running: &Running, header: &[u8]) -> String {
    let mut stream = running.connect().await;
    let request = b"GET /peer HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    stream.write_all(&[header, request].concat()).await.unwrap();
    let mut text = Vec::new();
    // A refused connection may end in a reset, since its bytes stay unread.
    let _end = stream.read_to_end(&mut text).await;
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_trusted_proxy_names_the_client() {
    let running = start(behind_proxy());
    let text = answer(&running, b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n").await;
    assert!(text.ends_with("192.0.2.7:4711 tls=false http2=false"), "{text}");
    let header =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x08\xc6\x33\x64\x01\x12\x67\x01\xbb";
    let text = answer(&running, header).await;
    assert!(text.ends_with("192.0.2.8:4711 tls=false http2=false"), "{text}");
    for unsaid in [&b"PROXY UNKNOWN\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"] {
        let text = answer(&running, unsaid).await;
        assert!(text.contains("127.0.0.1:"), "{text}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_connection_without_the_header_is_closed_with_a_notice() {
    let mut running = start(behind_proxy());
    assert_eq!(answer(&running, b"").await, "");
    let notice = running.notices.recv().await.unwrap();
    assert!(notice.starts_with("ProxyRefused") && notice.contains("Malformed"), "{notice}");
    running.stop().await;
}

#[tokio::test]
async fn a_stranger_is_not_believed() {
    let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    let mut running = start(Settings { trusted_proxies, ..behind_proxy() });
    let text = answer(&running, b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n").await;
    assert_eq!(text, "");
    assert!(running.notices.recv().await.unwrap().contains("error: None"));
    running.stop().await;
}

#[tokio::test]
async fn a_header_that_does_not_come_is_not_waited_for() {
    let mut running = start(Settings { head_timeout: Duration::from_millis(20), ..behind_proxy() });
    let mut stream = running.connect().await;
    stream.write_all(b"PROXY TCP4 192").await.unwrap();
    assert_eq!(stream.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    assert!(running.notices.recv().await.unwrap().contains("error: None"));
    running.stop().await;
}
