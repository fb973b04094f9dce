//! Where an answer of HTTP/1.1 ends: by its length, by its last chunk, or with the connection. Pure: bytes in, bytes of the
//! body out. By hand, and not by hyper or by the gateway's own: a load of thousands a second must cost little beside what
//! it measures, and must not share a fault with it.

use ferry_mock::MARK;

/// More fields than any answer has.
const FIELDS_MOST: usize = 128;

/// The head of an answer, as far as it matters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// A mock says that it is one.
    pub(super) marked: bool,
    /// The connection stays open behind the answer.
    pub(super) keep: bool,
    /// Of the head itself.
    pub(super) bytes: usize,
    pub(super) body: Body,
}

/// How far the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes are to come.
    Length(u64),
    Chunked(Chunk),
    /// To the end of the connection.
    Rest,
    Done,
}

/// Where in a chunked body the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    Size {
        value: u64,
        digits: u8,
    },
    Extension {
        value: u64,
    },
    Data(u64),
    /// The line end behind the data.
    Behind,
    /// Whether the line has a byte yet.
    Trailer {
        empty: bool,
    },
}

/// What is no HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read HTTP: the answer is malformed")]
pub(super) struct Malformed;

impl Head {
    /// Reads a head that has come whole; `None` when more of it is to come.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MOST];
        let mut response = httparse::Response::new(&mut fields);
        let httparse::Status::Complete(length) = response.parse(bytes).or(Err(Malformed))? else {
            return Ok(None);
        };
        let status = response.code.ok_or(Malformed)?;
        let mut head = Self {
            status,
            marked: false,
            keep: response.version == Some(1),
            bytes: length,
            body: Body::Rest,
        };
        for field in response.headers.iter() {
            head.take(field)?;
        }
        // RFC 9112, section 6.3: these have no body, whatever their fields say.
        if matches!(status, 100..=199 | 204 | 304) {
            head.body = Body::Done;
        }
        head.body = head.body.settled();
        head.keep &= head.body != Body::Rest;
        Ok(Some(head))
    }

    fn take(&mut self, field: &httparse::Header<'_>) -> Result<(), Malformed> {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        if is("content-length") {
            let length =
                std::str::from_utf8(field.value).ok().and_then(|text| text.trim().parse().ok());
            // Chunks win over a length (RFC 9112, section 6.3).
            if self.body == Body::Rest {
                self.body = Body::Length(length.ok_or(Malformed)?);
            }
        } else if is("transfer-encoding") {
            if !field.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                return Err(Malformed);
            }
            self.body = Body::Chunked(Chunk::FIRST);
        } else if is("connection") {
            self.keep &= !field.value.trim_ascii().eq_ignore_ascii_case(b"close");
        } else if is(MARK) {
            self.marked = true;
        }
        Ok(())
    }
}

impl Body {
    /// Takes the bytes that came; hands on those of the body.
    ///
    /// # Errors
    /// They are no chunks, or more than the body has.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), Malformed> {
        while !bytes.is_empty() {
            let (length, next) = match *self {
                Self::Done => return Err(Malformed),
                Self::Rest => (bytes.len(), Self::Rest),
                Self::Length(left) => {
                    let length = shorter(left, bytes);
                    (length, Self::Length(left - length as u64).settled())
                }
                Self::Chunked(Chunk::Data(left)) => {
                    let length = shorter(left, bytes);
                    let left = left - length as u64;
                    (
                        length,
                        Self::Chunked(if left == 0 { Chunk::Behind } else { Chunk::Data(left) }),
                    )
                }
                Self::Chunked(chunk) => {
                    let (byte, rest) = bytes.split_first().ok_or(Malformed)?;
                    *self = chunk.step(*byte)?;
                    bytes = rest;
                    continue;
                }
            };
            let (data, rest) = bytes.split_at(length);
            take(data);
            (*self, bytes) = (next, rest);
        }
        Ok(())
    }

    fn settled(self) -> Self {
        if self == Self::Length(0) { Self::Done } else { self }
    }
}

impl Chunk {
    const FIRST: Self = Self::Size { value: 0, digits: 0 };

    /// The byte of a line around the data.
    fn step(self, byte: u8) -> Result<Body, Malformed> {
        let next = match (self, byte) {
            (Self::Size { digits: 0, .. }, b'\n' | b'\r' | b';') => return Err(Malformed),
            (Self::Size { value, .. } | Self::Extension { value }, b'\n') if value > 0 => {
                Self::Data(value)
            }
            (Self::Size { .. } | Self::Extension { .. }, b'\n') => Self::Trailer { empty: true },
            (Self::Size { value, .. }, b';' | b'\r' | b' ') => Self::Extension { value },
            (Self::Size { value, digits }, byte) => {
                let digit = char::from(byte).to_digit(16).ok_or(Malformed)?;
                // Sixteen digits would be the last that fit.
                let digits = if digits < 15 { digits + 1 } else { return Err(Malformed) };
                Self::Size { value: value * 16 + u64::from(digit), digits }
            }
            (Self::Extension { .. }, _) => self,
            (Self::Behind, b'\r') => Self::Behind,
            (Self::Behind, b'\n') => Self::FIRST,
            (Self::Behind | Self::Data(_), _) => return Err(Malformed),
            (Self::Trailer { empty: true }, b'\n') => return Ok(Body::Done),
            (Self::Trailer { empty }, b'\r') => Self::Trailer { empty },
            (Self::Trailer { .. }, byte) => Self::Trailer { empty: byte == b'\n' },
        };
        Ok(Body::Chunked(next))
    }
}

fn shorter(left: u64, bytes: &[u8]) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Option<Head>, Malformed> {
        Head::read(text.as_bytes())
    }

    #[test]
    fn a_head_says_how_long_its_body_is() {
        let chunked = Body::Chunked(Chunk::FIRST);
        for (fields, keep, body) in [
            ("content-length: 12\r\n", true, Body::Length(12)),
            ("Content-Length: 0\r\n", true, Body::Done),
            ("transfer-encoding: Chunked\r\n", true, chunked),
            ("content-length: 3\r\ntransfer-encoding: chunked\r\n", true, chunked),
            ("transfer-encoding: chunked\r\ncontent-length: 3\r\n", true, chunked),
            ("content-length: 1\r\nconnection: close\r\n", false, Body::Length(1)),
            ("", false, Body::Rest),
        ] {
            let text = format!("HTTP/1.1 200 OK\r\n{fields}X-Mock-Server: ferry\r\n\r\nabc");
            let got = head(&text).unwrap().unwrap();
            assert_eq!(
                (got.status, got.marked, got.keep, got.body),
                (200, true, keep, body),
                "{fields}"
            );
            assert_eq!(got.bytes, text.len() - 3);
            for cut in 0..got.bytes {
                assert_eq!(Head::read(&text.as_bytes()[..cut]), Ok(None), "{fields} cut at {cut}");
            }
        }
        let no_body = head("HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap();
        assert_eq!((no_body.keep, no_body.body, no_body.marked), (true, Body::Done, false));
        let old = head("HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n").unwrap().unwrap();
        assert!(!old.keep);
    }

    #[test]
    fn what_is_no_head_is_malformed() {
        for text in [
            "SSH-2.0-x\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        ] {
            assert_eq!(head(text), Err(Malformed), "{text}");
        }
    }

    fn read(mut body: Body, text: &str, size: usize) -> Result<(String, Body), Malformed> {
        let mut read = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            body.feed(piece, |data| read.extend_from_slice(data))?;
        }
        Ok((String::from_utf8(read).unwrap(), body))
    }

    #[test]
    fn bodies_read_alike_however_they_are_cut() {
        let chunks = "5\r\nhello\r\n1a;ext=1\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nx: y\r\n\r\n";
        for size in 1..=chunks.len() {
            let (text, end) = read(Body::Chunked(Chunk::FIRST), chunks, size).unwrap();
            assert_eq!((text.as_str(), end), ("helloabcdefghijklmnopqrstuvwxyz", Body::Done));
            let (text, end) = read(Body::Length(5), "hello", size).unwrap();
            assert_eq!((text.as_str(), end), ("hello", Body::Done));
        }
        for cut in 1..chunks.len() {
            let (_, end) =
                read(Body::Chunked(Chunk::FIRST), chunks.get(..cut).unwrap(), 7).unwrap();
            assert_ne!(end, Body::Done, "cut at {cut}");
        }
        assert_eq!(read(Body::Rest, "hello", 2).unwrap(), ("hello".to_owned(), Body::Rest));
    }

    #[test]
    fn what_is_no_body_is_malformed() {
        for text in ["x\r\n", "\r\n", "5\r\nhelloX", "fffffffffffffffff\r\n", "0\r\n\r\nmore"] {
            assert_eq!(read(Body::Chunked(Chunk::FIRST), text, 3), Err(Malformed), "{text}");
        }
        assert_eq!(read(Body::Length(2), "hello", 9), Err(Malformed));
    }
}
