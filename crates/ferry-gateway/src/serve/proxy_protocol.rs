//! The PROXY header, versions 1 and 2: who the client is, told by the proxy in front of a TCP connection.
//!
//! The parser is pure and sees foreign bytes; the reader takes exactly the header from the socket, so that what
//! follows stays in the kernel for TLS or HTTP. Never decides whom to believe: its caller does.
//! Source: <https://www.haproxy.org/download/3.1/doc/proxy-protocol.txt>.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// "\r\n\r\n\0\r\nQUIT\n": chosen so that no text protocol begins with it.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family and protocol, length.
const V2_FIXED: usize = 16;

/// "108 bytes is always enough to store all the line and a trailing zero" (section 2.1).
const V1_MAX: usize = 107;

/// Addresses take 36 bytes; balancers add TLVs (unique ids, TLS facts with certificate names) of some hundreds.
const V2_MAX: usize = V2_FIXED + 4096;

/// What a header says about the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// This client is behind the proxy.
    Client(SocketAddr),
    /// The proxy speaks for itself (a health check), or knows no address: the socket's counts.
    Unsaid,
}

/// A header that is none.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The first bytes are not a PROXY header, or one that breaks its grammar.
    #[error("read the PROXY header: malformed")]
    Malformed,
    /// It goes on beyond any use.
    #[error("read the PROXY header: too long")]
    TooLong,
    /// The connection ended or broke inside it.
    #[error("read the PROXY header")]
    Io(#[from] io::Error),
}

/// Reads one header and not a byte more.
pub(super) async fn read(stream: &mut TcpStream) -> Result<Origin, ProxyError> {
    // Both versions are longer than the signature, so these bytes belong to the header in any case.
    let mut bytes = vec![0; SIGNATURE.len()];
    stream.read_exact(&mut bytes).await?;
    loop {
        match parse(&bytes)? {
            Parsed::Whole(origin) => return Ok(origin),
            Parsed::Needs(more) => {
                let filled = bytes.len();
                bytes.resize(filled + more, 0);
                stream.read_exact(&mut bytes[filled..]).await?;
            }
        }
    }
}

/// How far the bytes so far carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parsed {
    /// They are one whole header.
    Whole(Origin),
    /// At least so many more bytes belong to it.
    Needs(usize),
}

/// Parses a header that the bytes begin with and never exceed.
fn parse(bytes: &[u8]) -> Result<Parsed, ProxyError> {
    if bytes.starts_with(&SIGNATURE) { parse_v2(bytes) } else { parse_v1(bytes) }
}

fn parse_v1(bytes: &[u8]) -> Result<Parsed, ProxyError> {
    if !bytes.starts_with(b"PROXY ") {
        return Err(ProxyError::Malformed);
    }
    let Some(line) = bytes.strip_suffix(b"\r\n") else {
        if bytes.contains(&b'\n') {
            return Err(ProxyError::Malformed);
        }
        if bytes.len() >= V1_MAX {
            return Err(ProxyError::TooLong);
        }
        // The length is not said, so the line is taken in steps that cannot pass its end: one that ends in CR lacks
        // one byte, any other at least two.
        return Ok(Parsed::Needs(if bytes.ends_with(b"\r") { 1 } else { 2 }));
    };
    let line = std::str::from_utf8(line).map_err(|_not_text| ProxyError::Malformed)?;
    let mut words = line.split(' ').skip(1);
    let family = words.next();
    if family == Some("UNKNOWN") {
        // "The receiver must ignore anything presented before the CRLF" (section 2.1).
        return Ok(Parsed::Whole(Origin::Unsaid));
    }
    let (Some(source), Some(destination)) = (words.next(), words.next()) else {
        return Err(ProxyError::Malformed);
    };
    let (Some(source_port), Some(destination_port), None) =
        (words.next().and_then(port), words.next().and_then(port), words.next())
    else {
        return Err(ProxyError::Malformed);
    };
    let _ = destination_port;
    let address = match family {
        Some("TCP4") => both::<Ipv4Addr>(source, destination).map(IpAddr::V4),
        Some("TCP6") => both::<Ipv6Addr>(source, destination).map(IpAddr::V6),
        _ => None,
    };
    let address = address.ok_or(ProxyError::Malformed)?;
    Ok(Parsed::Whole(Origin::Client(SocketAddr::new(address.to_canonical(), source_port))))
}

/// The source, when both addresses are of the family.
fn both<A: std::str::FromStr>(source: &str, destination: &str) -> Option<A> {
    destination.parse::<A>().ok()?;
    source.parse().ok()
}

/// A decimal port without sign or leading zero.
fn port(word: &str) -> Option<u16> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    (digits && (word == "0" || !word.starts_with('0'))).then(|| word.parse().ok())?
}

fn parse_v2(bytes: &[u8]) -> Result<Parsed, ProxyError> {
    let Some(&[command, family, high, low]) = bytes.get(SIGNATURE.len()..V2_FIXED) else {
        return Ok(Parsed::Needs(V2_FIXED.saturating_sub(bytes.len())));
    };
    let whole = V2_FIXED + usize::from(u16::from_be_bytes([high, low]));
    if whole > V2_MAX {
        return Err(ProxyError::TooLong);
    }
    if bytes.len() < whole {
        return Ok(Parsed::Needs(whole - bytes.len()));
    }
    let addresses = &bytes[V2_FIXED..whole];
    let origin = match (command, family) {
        // LOCAL: "the receiver must discard the protocol block including the family" (section 2.2).
        // Likewise PROXY over what has no TCP address (UDP, Unix sockets, unspecified).
        (0x20, _) | (0x21, 0x00 | 0x12 | 0x22 | 0x31 | 0x32) => Origin::Unsaid,
        // PROXY over TCP4: source, destination, source port, destination port.
        (0x21, 0x11) => {
            let Some(&[a, b, c, d, _, _, _, _, high, low, _, _]) = addresses.get(..12) else {
                return Err(ProxyError::Malformed);
            };
            Origin::Client((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])).into())
        }
        // PROXY over TCP6.
        (0x21, 0x21) => {
            let Some((source, rest)) = addresses.split_first_chunk::<16>() else {
                return Err(ProxyError::Malformed);
            };
            let Some(&[high, low]) = rest.get(16..18).filter(|_| rest.len() >= 20) else {
                return Err(ProxyError::Malformed);
            };
            let address = IpAddr::V6(Ipv6Addr::from(*source)).to_canonical();
            Origin::Client(SocketAddr::new(address, u16::from_be_bytes([high, low])))
        }
        _ => return Err(ProxyError::Malformed),
    };
    Ok(Parsed::Whole(origin))
}

#[cfg(test)]
mod tests;
