//! SOCKS5: the client's side of a CONNECT (RFC 1928), with a user name and password (RFC 1929) or none.

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;

use thiserror::Error;

const VERSION: u8 = 5;
/// Methods of section 3.
const NO_LOGIN: u8 = 0;
const LOGIN: u8 = 2;
const NONE_FITS: u8 = 0xff;
/// The version of RFC 1929.
const LOGIN_VERSION: u8 = 1;
/// Address types of section 5.
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// What a SOCKS server said in place of opening a tunnel. Fits behind "the proxy ...:".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SocksFault {
    /// It takes no client without credentials.
    #[error(
        "it asks for credentials: put them into the proxy's URL, as socks5h://USER:env:NAME@HOST:PORT in the \
         configuration"
    )]
    Unknown,
    /// It knows neither none nor a user name with a password.
    #[error(
        "it takes neither no credentials nor a user name with a password, and Ferry knows no other"
    )]
    NoMethod,
    /// The user name or password is wrong.
    #[error("it refuses the credentials: check user name and password of the proxy")]
    Refused,
    /// A reply code of section 6.
    #[error("it says \"{}\" (code {}): {}", .0.name(), .0.code(), .0.hint())]
    Reply(Reply),
    /// A user name, password or host name is longer than the protocol can carry.
    #[error("a user name, password or host name has more than 255 bytes, which SOCKS cannot carry")]
    TooLong,
    /// Its answer is HTTP.
    #[error("it speaks HTTP: write http:// in place of its scheme")]
    IsHttp,
    /// Its answer is not SOCKS5.
    #[error("its answer is not SOCKS5: check the proxy's scheme and port")]
    NotSocks,
}

/// A reply code other than "succeeded".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply(u8);

impl Reply {
    /// Its number.
    pub fn code(self) -> u8 {
        self.0
    }

    /// Its name in RFC 1928.
    pub fn name(self) -> &'static str {
        match self.0 {
            1 => "general SOCKS server failure",
            2 => "connection not allowed by ruleset",
            3 => "network unreachable",
            4 => "host unreachable",
            5 => "connection refused",
            6 => "TTL expired",
            7 => "command not supported",
            8 => "address type not supported",
            _ => "a code that RFC 1928 does not know",
        }
    }

    /// What to do.
    fn hint(self) -> &'static str {
        match self.0 {
            2 => "have host and port of the node allowed there",
            3..=6 => {
                "it cannot reach the node itself; check the node's url, and the way from the proxy"
            }
            7 => "it opens no tunnel; check that this is a forward proxy",
            8 => "let it look names up (socks5h://), or have them looked up here (socks5://)",
            _ => "look into the proxy's log",
        }
    }
}

/// Where the tunnel shall lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// A name that the server looks up.
    Name(&'a str),
    /// An address.
    Address(IpAddr),
}

/// What comes next: bytes to write, then an exact number to read. With none to read the tunnel stands.
#[derive(PartialEq, Eq)]
pub struct Next {
    /// May hold a password.
    pub write: Vec<u8>,
    /// Bytes to read.
    pub read: usize,
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("read", &self.read).finish_non_exhaustive()
    }
}

/// A handshake under way.
pub struct Handshake {
    request: Vec<u8>,
    login: Option<Vec<u8>>,
    awaits: Awaits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    Method,
    LoginStatus,
    /// Version, code, reserved, type and the first byte of the address.
    ReplyHead,
    ReplyRest,
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").field("awaits", &self.awaits).finish_non_exhaustive()
    }
}

impl Handshake {
    /// Prepares a handshake, and gives its first step. `login` is user name and password.
    ///
    /// # Errors
    /// [`SocksFault::TooLong`].
    pub fn begin(
        target: Target<'_>,
        port: u16,
        login: Option<(&str, &str)>,
    ) -> Result<(Self, Next), SocksFault> {
        let mut request = vec![VERSION, 1, 0];
        match target {
            Target::Name(name) => {
                request.push(NAME);
                request.extend(counted(name)?);
            }
            Target::Address(IpAddr::V4(ip)) => {
                request.push(IPV4);
                request.extend(ip.octets());
            }
            Target::Address(IpAddr::V6(ip)) => {
                request.push(IPV6);
                request.extend(ip.octets());
            }
        }
        request.extend(port.to_be_bytes());
        let login = match login {
            None => None,
            Some((user, password)) => {
                Some([vec![LOGIN_VERSION], counted(user)?, counted(password)?].concat())
            }
        };
        let methods: &[u8] =
            if login.is_some() { &[VERSION, 2, NO_LOGIN, LOGIN] } else { &[VERSION, 1, NO_LOGIN] };
        let first = Next { write: methods.to_vec(), read: 2 };
        Ok((Self { request, login, awaits: Awaits::Method }, first))
    }

    /// Takes exactly the bytes that were to be read.
    ///
    /// # Errors
    /// [`SocksFault`]: there will be no tunnel.
    pub fn take(&mut self, read: &[u8]) -> Result<Next, SocksFault> {
        match (self.awaits, read) {
            (Awaits::Method, [VERSION, method]) => self.method(*method),
            (Awaits::Method, [b'H', b'T']) => Err(SocksFault::IsHttp),
            (Awaits::LoginStatus, [_version, 0]) => Ok(self.ask()),
            (Awaits::LoginStatus, [_version, _status]) => Err(SocksFault::Refused),
            (Awaits::ReplyHead, [VERSION, 0, _reserved, kind, first]) => {
                // The rest of the bound address, and its port.
                let rest = match *kind {
                    IPV4 => 4 - 1 + 2,
                    IPV6 => 16 - 1 + 2,
                    NAME => usize::from(*first) + 2,
                    _ => return Err(SocksFault::NotSocks),
                };
                self.awaits = Awaits::ReplyRest;
                Ok(Next { write: Vec::new(), read: rest })
            }
            (Awaits::ReplyHead, [VERSION, code, ..]) => Err(SocksFault::Reply(Reply(*code))),
            (Awaits::ReplyRest, _) => Ok(Next { write: Vec::new(), read: 0 }),
            (Awaits::Method | Awaits::LoginStatus | Awaits::ReplyHead, _) => {
                Err(SocksFault::NotSocks)
            }
        }
    }

    fn method(&mut self, method: u8) -> Result<Next, SocksFault> {
        match (method, &self.login) {
            (NO_LOGIN, _) => Ok(self.ask()),
            (LOGIN, Some(login)) => {
                self.awaits = Awaits::LoginStatus;
                Ok(Next { write: login.clone(), read: 2 })
            }
            (NONE_FITS, None) => Err(SocksFault::Unknown),
            (NONE_FITS, Some(_)) => Err(SocksFault::NoMethod),
            _ => Err(SocksFault::NotSocks),
        }
    }

    fn ask(&mut self) -> Next {
        self.awaits = Awaits::ReplyHead;
        Next { write: std::mem::take(&mut self.request), read: 5 }
    }
}

fn counted(text: &str) -> Result<Vec<u8>, SocksFault> {
    let length = u8::try_from(text.len()).map_err(|_longer| SocksFault::TooLong)?;
    Ok([&[length], text.as_bytes()].concat())
}
