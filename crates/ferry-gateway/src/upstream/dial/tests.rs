//! What a dialled socket is set to.

use tokio::net::TcpListener;

use super::*;

#[tokio::test]
async fn a_dead_path_is_found_with_and_without_bytes_under_way() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let socket = try_address(address, Duration::from_secs(30)).await.unwrap();
    assert!(socket.nodelay().unwrap());
    let socket = SockRef::from(&socket);
    assert!(socket.keepalive().unwrap());
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(10));
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(15)));
    }
}
