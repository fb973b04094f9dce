//! The seam below the pool: how an address becomes a stream of bytes, and a name addresses. The system's
//! is the one that Ferry runs on; tests put a scripted network in its place, under a paused clock.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use super::wire::Wire;

/// A future of a transport.
pub(crate) type Pending<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

/// What is below the pool.
pub(crate) trait Transport: fmt::Debug + Send + Sync {
    /// Connects to an address. Dropping the future gives the try up.
    fn connect(&self, to: SocketAddr) -> Pending<Wire>;

    /// The addresses of a name. May take long, and may not be cancelled.
    fn resolve(&self, host: String, port: u16) -> Pending<Vec<SocketAddr>>;
}

/// The system's sockets and resolver.
#[derive(Debug, Clone, Copy)]
pub(super) struct System;

impl Transport for System {
    fn connect(&self, to: SocketAddr) -> Pending<Wire> {
        Box::pin(async move {
            let socket = TcpStream::connect(to).await?;
            // Without it Nagle's algorithm waits for the peer's delayed acknowledgement: 40 ms per event.
            socket.set_nodelay(true)?;
            set_liveness(&socket)?;
            Ok(Wire::Tcp(socket))
        })
    }

    fn resolve(&self, host: String, port: u16) -> Pending<Vec<SocketAddr>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}

/// A dead path is known within 20 s while a slow model is left alone (reliability.md 2.2). While nothing
/// is under way, keepalive asks the peer: 10 s of silence, then three probes 3 s apart. It asks nothing
/// while written bytes wait to be acknowledged: then `TCP_USER_TIMEOUT` counts, without which the
/// kernel sends them again for a quarter of an hour. It also ends a connection whose peer has taken no
/// byte for so long, though it acknowledges (a window of zero).
fn set_liveness(socket: &TcpStream) -> io::Result<()> {
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(10))
        .with_interval(Duration::from_secs(3))
        .with_retries(3);
    let socket = SockRef::from(socket);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))?;
    Ok(())
}

/// Several retransmissions even over a path of 600 ms, and less than the 20 s after which a request
/// counts as stalled.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_dead_path_is_found_with_and_without_bytes_under_way() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let Wire::Tcp(socket) = System.connect(address).await.unwrap() else { panic!("no socket") };
        assert!(socket.nodelay().unwrap());
        let socket = SockRef::from(&socket);
        assert!(socket.keepalive().unwrap());
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(10));
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(15)));
        }
    }
}
