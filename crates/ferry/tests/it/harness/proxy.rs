//! A proxy that does what a test tells it: opens tunnels, refuses, hangs. For it every name is this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::client::{Io, find};

/// What the proxy does when it is asked for a tunnel.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// Opens it.
    Open,
    /// Writes these bytes and closes.
    Say(Vec<u8>),
    /// Writes them one by one, with 50 ms between, and then nothing.
    Drip(Vec<u8>),
    /// Says nothing.
    Hang,
    /// Closes at once.
    Close,
}

/// A running proxy. Dropped, it stops.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
    ca_pem: String,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Part {
    manner: Manner,
    socks: bool,
    tls: Option<TlsAcceptor>,
    /// User name and password that SOCKS asks for.
    login: Option<(&'static str, &'static str)>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// HTTP CONNECT.
    pub(crate) async fn http(manner: Manner) -> Self {
        Self::start(manner, false, None, false).await
    }

    /// HTTP CONNECT over TLS, for the name `localhost`.
    pub(crate) async fn https(manner: Manner) -> Self {
        Self::start(manner, false, None, true).await
    }

    /// SOCKS5; `manner` begins after the handshake's greeting, with the reply.
    pub(crate) async fn socks(manner: Manner, login: Option<(&'static str, &'static str)>) -> Self {
        Self::start(manner, true, login, false).await
    }

    async fn start(
        manner: Manner,
        socks: bool,
        login: Option<(&'static str, &'static str)>,
        secure: bool,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let tls = secure.then(|| {
            let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::Pkcs8(key));
            TlsAcceptor::from(Arc::new(config.unwrap()))
        });
        let part = Part { manner, socks, tls, login, asked: Arc::clone(&asked) };
        let task = tokio::spawn(async move {
            loop {
                let (stream, _peer) = listener.accept().await.unwrap();
                tokio::spawn(part.clone().serve(stream));
            }
        });
        Self { address, asked, task, ca_pem: made.cert.pem() }
    }

    /// `proxy = "..."` with this scheme and login (`user:password@` or nothing).
    pub(crate) fn line(&self, scheme: &str, login: &str) -> String {
        format!("proxy = \"{}\"", self.url(scheme, login))
    }

    pub(crate) fn url(&self, scheme: &str, login: &str) -> String {
        format!("{scheme}://{login}{}", self.address)
    }

    /// What it was asked for so far: heads of CONNECT, or `host:port` of SOCKS.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Its own certificate, when it speaks TLS.
    pub(crate) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }
}

impl Part {
    async fn serve(self, stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut io: Box<dyn Io> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => match tls.accept(stream).await {
                Ok(stream) => Box::new(stream),
                Err(_broken) => return,
            },
        };
        let port = if self.socks { self.socks(&mut io).await } else { self.connect(&mut io).await };
        let Some(port) = port else { return };
        match self.manner {
            Manner::Open => {
                let here = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
                let mut node = match TcpStream::connect(here).await {
                    Ok(node) => node,
                    Err(_refused) => return,
                };
                let granted: &[u8] = if self.socks {
                    &[5, 0, 0, 1, 127, 0, 0, 1, 0, 80]
                } else {
                    b"HTTP/1.1 200 Connection established\r\n\r\n"
                };
                io.write_all(granted).await.unwrap();
                drop(copy_bidirectional(&mut io, &mut node).await);
            }
            Manner::Say(bytes) => {
                drop(io.write_all(&bytes).await);
                drop(io.shutdown().await);
            }
            Manner::Drip(bytes) => {
                for byte in bytes {
                    if io.write_all(&[byte]).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                std::future::pending::<()>().await;
            }
            Manner::Hang => std::future::pending().await,
            Manner::Close => {}
        }
    }

    /// Reads a CONNECT; gives the port.
    async fn connect(&self, io: &mut Box<dyn Io>) -> Option<u16> {
        let mut head = Vec::new();
        while find(&head, b"\r\n\r\n").is_none() {
            let mut piece = [0; 512];
            match io.read(&mut piece).await {
                Ok(0) | Err(_) => return None,
                Ok(read) => head.extend_from_slice(&piece[..read]),
            }
        }
        let head = String::from_utf8(head).unwrap();
        let authority = head.split(' ').nth(1).unwrap_or_default().to_owned();
        self.asked.lock().unwrap().push(head);
        authority.rsplit(':').next()?.parse().ok()
    }

    /// The server's side of RFC 1928 and RFC 1929 up to its reply; gives the port.
    async fn socks(&self, io: &mut Box<dyn Io>) -> Option<u16> {
        let methods = counted(io, 1).await?;
        let method = if self.login.is_some() { 2 } else { 0 };
        if !methods.contains(&method) {
            drop(io.write_all(&[5, 255]).await);
            return None;
        }
        io.write_all(&[5, method]).await.ok()?;
        if let Some((user, password)) = self.login {
            let shown = (counted(io, 1).await?, counted(io, 0).await?);
            let fits = shown == (user.as_bytes().to_vec(), password.as_bytes().to_vec());
            io.write_all(&[1, u8::from(!fits)]).await.ok()?;
            if !fits {
                return None;
            }
        }
        let mut head = [0; 4];
        io.read_exact(&mut head).await.ok()?;
        let host = match head[3] {
            3 => String::from_utf8(counted(io, 0).await?).unwrap(),
            1 => {
                let mut ip = [0; 4];
                io.read_exact(&mut ip).await.ok()?;
                IpAddr::from(ip).to_string()
            }
            _ => {
                let mut ip = [0; 16];
                io.read_exact(&mut ip).await.ok()?;
                IpAddr::from(ip).to_string()
            }
        };
        let port = io.read_u16().await.ok()?;
        self.asked.lock().unwrap().push(format!("{host}:{port}"));
        Some(port)
    }
}

/// What stands behind `skipped` bytes and a length.
async fn counted(io: &mut Box<dyn Io>, skipped: usize) -> Option<Vec<u8>> {
    let mut head = vec![0; skipped + 1];
    io.read_exact(&mut head).await.ok()?;
    let mut text = vec![0; usize::from(*head.last()?)];
    io.read_exact(&mut text).await.ok()?;
    Some(text)
}
