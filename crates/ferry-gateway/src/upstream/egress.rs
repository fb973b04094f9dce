//! Through a proxy: a stage of a dial, between the connect and TLS with the node. HTTP CONNECT or SOCKS5; what is
//! written and read stands in `ferry_wire::tunnel`. Decides no race: a proxy's failure is a dial's failure.

#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferry_rules::egress::proxy_url::Scheme;
use ferry_rules::outage::PathEnd;
use ferry_wire::tunnel::connect::{self, ConnectFault, Head};
use ferry_wire::tunnel::socks::{Handshake, SocksFault, Target};
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::dial::{Patience, connect_end, is_refused, is_unknown_issuer, resolve_end, shake_hands};
use super::settings::ProxySettings;
use super::wire::Wire;

/// Why a proxy opened no tunnel. Fits behind "reach NODE through the proxy URL:".
#[derive(Debug, thiserror::Error)]
pub enum ProxyFault {
    /// Its name has no address.
    #[error("its name has no address")]
    Resolve(#[source] io::Error),
    /// Its address did not take the connection.
    #[error("it took no connection at {address}")]
    Connect {
        /// The address tried.
        address: SocketAddr,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// TLS with the proxy itself failed.
    #[error("TLS with it failed: if it speaks none, write http:// in place of its scheme")]
    Tls(#[source] io::Error),
    /// Nobody here knows who issued its certificate.
    #[error(
        "the issuer of its certificate is unknown here: put its CA into extra_ca_file of the node"
    )]
    Issuer(#[source] io::Error),
    /// The answer did not come, or not whole.
    #[error("it opened no tunnel within {} ms", .0.as_millis())]
    Late(Duration),
    /// The end came before an answer.
    #[error(
        "it closed the connection in place of an answer: check its scheme, port and credentials"
    )]
    Closed(#[source] io::Error),
    /// It answered CONNECT, and not with a tunnel.
    #[error(transparent)]
    Http(#[from] ConnectFault),
    /// It answered in SOCKS, and not with a tunnel.
    #[error(transparent)]
    Socks(#[from] SocksFault),
}

impl ProxyFault {
    /// How the path ended, as the rule on local outages sees it.
    pub(super) fn end(&self) -> PathEnd {
        match self {
            Self::Resolve(source) => resolve_end(source),
            Self::Connect { source, .. } => connect_end(source),
            Self::Late(_) => PathEnd::TimedOut,
            Self::Tls(_) | Self::Issuer(_) | Self::Closed(_) | Self::Http(_) | Self::Socks(_) => {
                PathEnd::Reached
            }
        }
    }

    /// Credentials were shown and refused.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Http(fault @ ConnectFault::Refused(_)) => Some(Refusal::Http(fault.clone())),
            Self::Socks(fault @ SocksFault::Refused) => Some(Refusal::Socks(*fault)),
            Self::Http(_)
            | Self::Socks(_)
            | Self::Resolve(_)
            | Self::Connect { .. }
            | Self::Tls(_)
            | Self::Issuer(_)
            | Self::Late(_)
            | Self::Closed(_) => None,
        }
    }

    /// True when something said no; false when nothing was heard.
    pub(super) fn was_answered(&self) -> bool {
        match self {
            Self::Resolve(_) | Self::Late(_) => false,
            Self::Connect { source, .. } => is_refused(source),
            Self::Tls(source) => source.kind() != io::ErrorKind::TimedOut,
            Self::Issuer(_) | Self::Closed(_) | Self::Http(_) | Self::Socks(_) => true,
        }
    }
}

/// A proxy that goes on refusing the credentials is left alone for so long: companies lock accounts after a few
/// wrong passwords, and a race would show one several times a second.
const LEFT_ALONE: Duration = Duration::from_secs(30);
/// So many refusals in a row are believed; a single one may be a slip of the proxy's own directory.
const BELIEVED: u32 = 2;

/// A proxy's address that refused the credentials.
#[derive(Debug)]
pub(super) struct Unwelcome {
    refusal: Refusal,
    last: Instant,
    in_a_row: u32,
}

/// Credentials were shown and refused.
#[derive(Debug, Clone)]
pub(super) enum Refusal {
    Http(ConnectFault),
    Socks(SocksFault),
}

impl Unwelcome {
    pub(super) fn after(before: Option<Self>, refusal: Refusal, now: Instant) -> Self {
        let in_a_row = before.map_or(0, |before| before.in_a_row).saturating_add(1);
        Self { refusal, last: now, in_a_row }
    }

    /// The same fault, while the password is not to be shown again.
    pub(super) fn again(&self, now: Instant) -> Option<ProxyFault> {
        let young = now.saturating_duration_since(self.last) < LEFT_ALONE;
        (young && self.in_a_row >= BELIEVED).then(|| match self.refusal.clone() {
            Refusal::Http(fault) => ProxyFault::Http(fault),
            Refusal::Socks(fault) => ProxyFault::Socks(fault),
        })
    }
}

/// The proxy of a dial, and where it shall lead.
#[derive(Debug)]
pub(super) struct Via<'a> {
    pub(super) proxy: &'a ProxySettings,
    /// Towards the proxy itself.
    pub(super) tls: Option<&'a Arc<ClientConfig>>,
    /// The node's name, for a proxy that looks it up.
    pub(super) host: &'a str,
    /// The node's address, where it was looked up here or stands in the URL.
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
}

/// Asks for the tunnel. TLS with the proxy may take as long as TLS with a node, the answer as long as a connect:
/// what a proxy does meanwhile is one.
pub(super) async fn tunnel(
    mut wire: Wire,
    via: &Via<'_>,
    patience: Patience,
) -> Result<Wire, ProxyFault> {
    if let Some(tls) = via.tls {
        let shaken = shake_hands(wire, tls, &via.proxy.host, patience.tls).await;
        let stream = shaken.map_err(|error| {
            if is_unknown_issuer(&error) {
                ProxyFault::Issuer(error)
            } else {
                ProxyFault::Tls(error)
            }
        })?;
        wire = Wire::Tls(Box::new(stream));
    }
    match timeout(patience.connect, ask(&mut wire, via)).await {
        Ok(asked) => asked.map(|()| wire),
        Err(_elapsed) => Err(ProxyFault::Late(patience.connect)),
    }
}

async fn ask(
    wire: &mut (impl AsyncRead + AsyncWrite + Unpin),
    via: &Via<'_>,
) -> Result<(), ProxyFault> {
    match via.proxy.scheme {
        Scheme::Http | Scheme::Https => ask_http(wire, via).await,
        Scheme::Socks5 | Scheme::Socks5h => ask_socks(wire, via).await,
    }
}

async fn ask_http(
    wire: &mut (impl AsyncRead + AsyncWrite + Unpin),
    via: &Via<'_>,
) -> Result<(), ProxyFault> {
    let login = via.proxy.exposed();
    let request = connect::request(via.host, via.port, login);
    send(wire, &request).await?;
    let mut head = Head::default();
    let mut piece = [0; 2];
    loop {
        // Two bytes at most: what follows the head belongs to the node.
        let wanted = head.wants().min(piece.len());
        let read = wire.read(&mut piece[..wanted]).await.map_err(ProxyFault::Closed)?;
        if read == 0 {
            return Err(ProxyFault::Closed(io::ErrorKind::UnexpectedEof.into()));
        }
        if head.push(&piece[..read], login.is_some())? {
            return Ok(());
        }
    }
}

async fn ask_socks(
    wire: &mut (impl AsyncRead + AsyncWrite + Unpin),
    via: &Via<'_>,
) -> Result<(), ProxyFault> {
    let target = via.address.map_or(Target::Name(via.host), Target::Address);
    let (mut handshake, mut next) = Handshake::begin(target, via.port, via.proxy.exposed())?;
    loop {
        if !next.write.is_empty() {
            send(wire, &next.write).await?;
        }
        if next.read == 0 {
            return Ok(());
        }
        let mut read = vec![0; next.read];
        wire.read_exact(&mut read).await.map_err(ProxyFault::Closed)?;
        next = handshake.take(&read)?;
    }
}

async fn send(wire: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), ProxyFault> {
    wire.write_all(bytes).await.map_err(ProxyFault::Closed)?;
    wire.flush().await.map_err(ProxyFault::Closed)
}
