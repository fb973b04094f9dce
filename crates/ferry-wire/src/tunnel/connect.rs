//! HTTP CONNECT: the request, and the head of its answer.

#[cfg(test)]
mod tests;

use thiserror::Error;

/// The most that the head of an answer may have. Proxies answer in a few hundred bytes.
pub const HEAD_BYTES_MAX: usize = 8 * 1024;

/// What an HTTP proxy said in place of opening a tunnel. Fits behind "the proxy ...:".
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConnectFault {
    /// 407 to a request without credentials. Holds the schemes that it asks for.
    #[error(
        "it asks for credentials (407, {0}): put them into the proxy's URL, as \
         http://USER:env:NAME@HOST:PORT in the configuration"
    )]
    Unknown(String),
    /// 407 to a request with credentials; tinyproxy says 401.
    #[error("it refuses the credentials ({0}): check user name and password of the proxy")]
    Refused(u16),
    /// 407, and none of the schemes is Basic.
    #[error(
        "it asks for credentials by {0} (407), and Ferry knows Basic alone: let a local helper that knows \
         {0} stand in between, or have this machine exempted"
    )]
    Scheme(String),
    /// 403, 451.
    #[error("it forbids this host ({0}): have host and port of the node allowed there")]
    Forbidden(u16),
    /// 500, 502, 503, 504: its own way onwards failed.
    #[error(
        "it cannot reach the node itself ({0}): check the node's url, and the way from the proxy"
    )]
    Onwards(u16),
    /// 400, 405, 501: no forward proxy, or one that takes no CONNECT.
    #[error(
        "it opens no tunnel ({0} to CONNECT): check that this is a forward proxy, and its port"
    )]
    NoTunnel(u16),
    /// Another status.
    #[error("it answered CONNECT with status {0}: look into the proxy's log")]
    Status(u16),
    /// Its answer is not HTTP.
    #[error("its answer is not HTTP: check the proxy's scheme and port")]
    NotHttp,
    /// Its answer is that of a SOCKS server.
    #[error("it speaks SOCKS: write socks5h:// in place of its scheme")]
    IsSocks,
    /// Its answer is a TLS record.
    #[error("it speaks TLS: write https:// in place of its scheme")]
    IsTls,
    /// The head of its answer does not end.
    #[error(
        "the head of its answer has more than {HEAD_BYTES_MAX} bytes: check that this is a proxy"
    )]
    TooLong,
}

/// The request. `host` is a name, or an address without brackets; `login` is user name and password.
pub fn request(host: &str, port: u16, login: Option<(&str, &str)>) -> Vec<u8> {
    let authority =
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut request =
        format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: ferry\r\n");
    if let Some((user, password)) = login {
        let pair = base64(format!("{user}:{password}").as_bytes());
        request.push_str("Proxy-Authorization: Basic ");
        request.push_str(&pair);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    request.into_bytes()
}

/// The head of an answer, as it comes.
#[derive(Debug, Default)]
pub struct Head {
    bytes: Vec<u8>,
    /// Of interim answers before.
    passed: usize,
}

impl Head {
    /// So many bytes may be read without reading beyond the head; never 0.
    pub fn wants(&self) -> usize {
        let line_ended = self.bytes.ends_with(b"\n") || self.bytes.ends_with(b"\n\r");
        if line_ended { 1 } else { 2 }
    }

    /// Takes bytes; true when a tunnel stands. `shown` says that credentials were sent.
    ///
    /// # Errors
    /// [`ConnectFault`]: there will be no tunnel.
    pub fn push(&mut self, bytes: &[u8], shown: bool) -> Result<bool, ConnectFault> {
        self.bytes.extend_from_slice(bytes);
        match self.bytes.first() {
            // A version and a method; a handshake or an alert.
            Some(5) => return Err(ConnectFault::IsSocks),
            Some(0x15 | 0x16) => return Err(ConnectFault::IsTls),
            _ => {}
        }
        if !self.bytes.iter().zip(b"HTTP/1.").all(|(came, due)| came == due) {
            return Err(ConnectFault::NotHttp);
        }
        if self.passed + self.bytes.len() > HEAD_BYTES_MAX {
            return Err(ConnectFault::TooLong);
        }
        if !(self.bytes.ends_with(b"\n\n") || self.bytes.ends_with(b"\n\r\n")) {
            return Ok(false);
        }
        match self.status().ok_or(ConnectFault::NotHttp)? {
            // An answer before the answer (RFC 9110 section 15.2).
            100..=199 => {
                self.passed += self.bytes.len();
                self.bytes.clear();
                Ok(false)
            }
            200..=299 => Ok(true),
            401 if shown => Err(ConnectFault::Refused(401)),
            407 => Err(self.credentials(shown)),
            status @ (403 | 451) => Err(ConnectFault::Forbidden(status)),
            status @ (500 | 502..=504) => Err(ConnectFault::Onwards(status)),
            status @ (400 | 405 | 501) => Err(ConnectFault::NoTunnel(status)),
            status => Err(ConnectFault::Status(status)),
        }
    }

    fn status(&self) -> Option<u16> {
        let line = self.bytes.split(|byte| *byte == b'\n').next()?;
        let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
        let digits = words.nth(1).filter(|digits| digits.len() == 3)?;
        digits.parse().ok().filter(|status| *status >= 100)
    }

    fn credentials(&self, shown: bool) -> ConnectFault {
        let schemes = self.schemes();
        let basic = schemes.is_empty() || schemes.iter().any(|scheme| scheme == "Basic");
        match (basic, shown) {
            (true, true) => ConnectFault::Refused(407),
            (true, false) => ConnectFault::Unknown("Basic".to_owned()),
            (false, _) => ConnectFault::Scheme(schemes.join(", ")),
        }
    }

    /// The schemes of `Proxy-Authenticate` that the field knows, each once. Others are the proxy's own words,
    /// which are not repeated.
    fn schemes(&self) -> Vec<String> {
        const KNOWN: [&str; 5] = ["Basic", "Digest", "NTLM", "Negotiate", "Bearer"];
        let head = String::from_utf8_lossy(&self.bytes);
        let fields = head.lines().filter_map(|line| line.split_once(':'));
        let asks = fields.filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authenticate"));
        let challenges: Vec<&str> = asks.flat_map(|(_, value)| value.split(',')).collect();
        let is_asked = |scheme: &&str| {
            challenges.iter().any(|challenge| {
                let first = challenge.split_ascii_whitespace().next();
                first.is_some_and(|word| word.eq_ignore_ascii_case(scheme))
            })
        };
        KNOWN.into_iter().filter(is_asked).map(str::to_owned).collect()
    }
}

/// RFC 4648 section 4, padded.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = LETTERS.get((bits >> (18 - 6 * place)) as usize & 63);
            let letter = letter.filter(|_| place <= group.len()).map_or('=', |byte| (*byte).into());
            text.push(letter);
        }
    }
    text
}
