//! A client that sends the bytes it is given and reads an answer without forgiving anything.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::guarded;

pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// One connection.
pub(crate) struct Client {
    io: Box<dyn Io>,
    kept: Vec<u8>,
    body: Framing,
}

/// How the body of the present answer is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Done,
    Length(usize),
    Chunked,
    ToClose,
}

/// What came of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Data(Vec<u8>),
    /// The body's own end.
    End,
    /// The connection ended before it, with FIN.
    Cut,
    /// The connection ended with RST.
    Reset,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Whole,
    Cut,
    Reset,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) end: End,
}

impl Answer {
    /// The one value of a header; `None` without, a panic with two.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "two of {name} in {:?}", self.headers);
        value
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&self.body)))
    }

    /// `x-ferry-code`.
    pub(crate) fn code(&self) -> &str {
        self.header("x-ferry-code").unwrap_or("")
    }

    /// Asserts that it is an error of Ferry's: the API's shape, and everything that stands beside it.
    #[track_caller]
    pub(crate) fn assert_own(&self, status: u16, code: &str) {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!((self.status, self.code()), (status, code), "{text}");
        assert_eq!(self.end, End::Whole, "{text}");
        assert_eq!(self.header("content-type"), Some("application/json"));
        let json = self.json();
        assert_eq!(json["type"], "error", "{text}");
        assert!(
            json["error"]["type"].as_str().unwrap().ends_with("_error")
                || json["error"]["type"] == "request_too_large"
        );
        assert!(json["error"]["message"].as_str().unwrap().len() > 10);
        let id = self.header("x-ferry-request-id").unwrap();
        assert!(id.starts_with("fry_"));
        assert_eq!(json["request_id"], id);
        assert_eq!(self.header("request-id"), Some(id));
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = guarded("a connection", TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
    }

    pub(crate) fn over(io: impl Io + 'static) -> Self {
        Self { io: Box::new(io), kept: Vec::new(), body: Framing::Done }
    }

    /// Sends bytes. A peer that has closed already is no failure: its answer counts.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let sent = guarded("the peer to take bytes", self.io.write_all(bytes.as_ref())).await;
        drop(sent);
        self
    }

    /// Closes the sending side.
    pub(crate) async fn finish(&mut self) -> &mut Self {
        drop(guarded("a half-close", self.io.shutdown()).await);
        self
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request.as_ref()).await;
        let head_only = request.as_ref().starts_with(b"HEAD ");
        let mut answer = self.head().await;
        if head_only {
            self.body = Framing::Done;
        }
        self.rest(&mut answer).await;
        answer
    }

    /// Sends a request whose answer may be aborted so early that not even its head comes; `None` then.
    pub(crate) async fn ask_for_part(&mut self, request: impl AsRef<[u8]>) -> Option<Answer> {
        self.send(request.as_ref()).await;
        while find(&self.kept, b"\r\n\r\n").is_none() {
            match self.fill().await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
        Some(self.answer().await)
    }

    /// Reads an answer.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        self.rest(&mut answer).await;
        answer
    }

    /// Reads the rest of an answer whose head has been read.
    pub(crate) async fn rest(&mut self, answer: &mut Answer) {
        loop {
            match self.piece().await {
                Piece::Data(data) => answer.body.extend_from_slice(&data),
                Piece::End => answer.end = End::Whole,
                Piece::Cut => answer.end = End::Cut,
                Piece::Reset => answer.end = End::Reset,
            }
            if self.body == Framing::Done {
                return;
            }
        }
    }

    /// Reads bodies' pieces until they hold `needle`.
    pub(crate) async fn body_until(&mut self, needle: &str) -> Vec<u8> {
        let mut got = Vec::new();
        while !String::from_utf8_lossy(&got).contains(needle) {
            match self.piece().await {
                Piece::Data(data) => got.extend_from_slice(&data),
                over @ (Piece::End | Piece::Cut | Piece::Reset) => {
                    panic!("{over:?} before {needle:?}: {:?}", String::from_utf8_lossy(&got))
                }
            }
        }
        got
    }

    /// Reads the head of an answer; interim answers are skipped but for 101.
    pub(crate) async fn head(&mut self) -> Answer {
        loop {
            let end = loop {
                if let Some(at) = find(&self.kept, b"\r\n\r\n") {
                    break at + 4;
                }
                match self.fill().await {
                    Ok(0) => {
                        panic!("closed before a head: {:?}", String::from_utf8_lossy(&self.kept))
                    }
                    Ok(_) => {}
                    Err(error) => {
                        panic!("{error} before a head: {:?}", String::from_utf8_lossy(&self.kept))
                    }
                }
            };
            let head: Vec<u8> = self.kept.drain(..end).collect();
            let head = String::from_utf8(head).unwrap();
            let mut lines = head.trim_end().split("\r\n");
            let status_line = lines.next().unwrap();
            let status: u16 = status_line.split(' ').nth(1).unwrap().parse().unwrap();
            assert!(status_line.starts_with("HTTP/1."), "{status_line}");
            let headers: Vec<(String, String)> = lines
                .map(|line| line.split_once(':').unwrap())
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect();
            if status == 100 {
                continue;
            }
            let answer = Answer { status, headers, body: Vec::new(), end: End::Whole };
            let bodiless = matches!(status, 204 | 304 | 101);
            self.body = match (answer.header("transfer-encoding"), answer.header("content-length"))
            {
                _ if bodiless => Framing::Done,
                (Some(coding), length) => {
                    assert_eq!((coding, length), ("chunked", None), "{head}");
                    Framing::Chunked
                }
                (None, Some(length)) => Framing::Length(length.parse().unwrap()),
                (None, None) => Framing::ToClose,
            };
            return answer;
        }
    }

    /// Waits for `100 Continue`.
    pub(crate) async fn interim(&mut self) -> String {
        loop {
            if let Some(at) = find(&self.kept, b"\r\n\r\n") {
                return String::from_utf8(self.kept.drain(..at + 4).collect()).unwrap();
            }
            assert_ne!(self.fill().await.unwrap(), 0, "closed");
        }
    }

    /// The next piece of the present answer's body: one chunk, or what one read gave.
    pub(crate) async fn piece(&mut self) -> Piece {
        let piece = match self.body {
            Framing::Done | Framing::Length(0) => Piece::End,
            Framing::Length(left) => match self.some().await {
                Ok(()) if self.kept.is_empty() => Piece::Cut,
                Ok(()) => {
                    let taken = left.min(self.kept.len());
                    self.body = Framing::Length(left - taken);
                    Piece::Data(self.kept.drain(..taken).collect())
                }
                Err(piece) => piece,
            },
            Framing::ToClose => match self.some().await {
                Ok(()) if self.kept.is_empty() => Piece::End,
                Ok(()) => Piece::Data(std::mem::take(&mut self.kept)),
                Err(piece) => piece,
            },
            Framing::Chunked => self.chunk().await,
        };
        if !matches!(piece, Piece::Data(_)) {
            self.body = Framing::Done;
        }
        piece
    }

    async fn chunk(&mut self) -> Piece {
        loop {
            if let Some(line) = find(&self.kept, b"\r\n") {
                let size = std::str::from_utf8(&self.kept[..line]).unwrap();
                let size = usize::from_str_radix(size, 16).unwrap();
                if self.kept.len() >= line + 2 + size + 2 {
                    assert_eq!(&self.kept[line + 2 + size..line + 4 + size], b"\r\n");
                    let data = self.kept[line + 2..line + 2 + size].to_vec();
                    self.kept.drain(..line + 4 + size);
                    return if size == 0 { Piece::End } else { Piece::Data(data) };
                }
            }
            match self.fill().await {
                Ok(0) => return Piece::Cut,
                Ok(_) => {}
                Err(_) => return Piece::Reset,
            }
        }
    }

    async fn some(&mut self) -> Result<(), Piece> {
        if !self.kept.is_empty() {
            return Ok(());
        }
        self.fill().await.map(|_read| ()).map_err(|_reset| Piece::Reset)
    }

    async fn fill(&mut self) -> std::io::Result<usize> {
        let mut buffer = vec![0; 64 * 1024];
        let read = guarded("bytes from the peer", self.io.read(&mut buffer)).await?;
        self.kept.extend_from_slice(&buffer[..read]);
        Ok(read)
    }

    /// Everything up to the connection's end, as it comes.
    pub(crate) async fn until_close(&mut self) -> (Vec<u8>, End) {
        loop {
            match self.fill().await {
                Ok(0) => return (std::mem::take(&mut self.kept), End::Cut),
                Ok(_) => {}
                Err(_) => return (std::mem::take(&mut self.kept), End::Reset),
            }
        }
    }

    /// Asserts that the connection is closed and nothing more came.
    pub(crate) async fn assert_closed(&mut self) {
        let (rest, _how) = self.until_close().await;
        assert!(rest.is_empty(), "{:?}", String::from_utf8_lossy(&rest));
    }
}

pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
