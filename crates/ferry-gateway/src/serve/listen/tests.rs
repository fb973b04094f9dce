//! Sockets, names and limits.

use super::*;

#[tokio::test]
async fn a_port_in_use_says_so() {
    let first = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let error = Listener::bind(first.local_addr()).unwrap_err();
    assert_eq!(error.to_string(), format!("listen on {}", first.local_addr()));
    assert!(error.hint().starts_with("another process has this port"), "{}", error.hint());
}

#[tokio::test]
async fn an_address_of_another_machine_says_so() {
    let error = Listener::bind("192.0.2.1:0".parse().unwrap()).unwrap_err();
    assert!(error.hint().starts_with("no interface"), "{}", error.hint());
}

#[tokio::test]
async fn the_unspecified_address_of_version_6_takes_version_4_too() {
    // Machines without IPv6 have nothing to show here.
    let Ok(listener) = Listener::bind("[::]:0".parse().unwrap()) else { return };
    let port = listener.local_addr().port();
    let client = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (_stream, remote) = listener.socket.accept().await.unwrap();
    assert_eq!(remote.ip().to_canonical(), client.local_addr().unwrap().ip());
}

#[test]
fn inherited_sockets_go_by_name_or_by_place() {
    assert_eq!(places(""), [Some(0), Some(1)]);
    assert_eq!(places("ferry.socket:ferry.socket"), [Some(0), Some(1)]);
    assert_eq!(places("admin:data"), [Some(1), Some(0)]);
    assert_eq!(places("data"), [Some(0), None]);
    assert_eq!(places("admin"), [None, Some(0)]);
}

#[test]
fn the_soft_limit_reaches_the_hard_one() {
    let descriptors = raise_descriptors().unwrap();
    assert_eq!(descriptors.now, getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX));
    assert!(descriptors.now >= descriptors.before);
}
