//! Answers that came in a content coding although Ferry asked for none: a decoded copy is read, so that
//! a half answer is noticed and usage counted, and the original bytes go to the client, who asked for
//! the coding. A coding that Ferry does not know is passed on unread.

use std::fmt;
use std::io::Write;

use brotli_decompressor::DecompressorWriter;
use bytes::Bytes;
use ferry_wire::sse::{Facts, Flavor, Observer};
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header as http_header};

/// Window of the brotli decoder's output buffer.
const BROTLI_BUFFER: usize = 4096;

/// The answer is not what its `Content-Encoding` says, or larger than the bound once decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Undecodable;

/// A decoder over what has come so far.
enum Decoder {
    Gzip(MultiGzDecoder<Vec<u8>>),
    Zlib(ZlibDecoder<Vec<u8>>),
    Brotli(Box<DecompressorWriter<Vec<u8>>>),
}

impl Decoder {
    /// The decoder for an answer's coding; `None` when it has none or one that is not known.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let coding = headers.get(http_header::CONTENT_ENCODING)?.to_str().ok()?;
        match coding.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(Self::Gzip(MultiGzDecoder::new(Vec::new()))),
            "deflate" => Some(Self::Zlib(ZlibDecoder::new(Vec::new()))),
            "br" => {
                let decoder = DecompressorWriter::new(Vec::new(), BROTLI_BUFFER);
                Some(Self::Brotli(Box::new(decoder)))
            }
            _unknown => None,
        }
    }

    /// Decodes what has come; returns what it gave.
    fn push(&mut self, chunk: &[u8]) -> Result<Vec<u8>, Undecodable> {
        let (written, decoded) = match self {
            Self::Gzip(decoder) => {
                let written = decoder.write_all(chunk).and_then(|()| decoder.flush());
                (written, std::mem::take(decoder.get_mut()))
            }
            Self::Zlib(decoder) => {
                let written = decoder.write_all(chunk).and_then(|()| decoder.flush());
                (written, std::mem::take(decoder.get_mut()))
            }
            Self::Brotli(decoder) => {
                let written = decoder.write_all(chunk).and_then(|()| decoder.flush());
                (written, std::mem::take(decoder.get_mut()))
            }
        };
        written.map(|()| decoded).map_err(|_not_this_coding| Undecodable)
    }
}

/// Watches coded events go by.
pub(in crate::journey) struct CodedEvents {
    decoder: Decoder,
    observer: Observer,
    broken: bool,
}

impl fmt::Debug for CodedEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodedEvents").field("broken", &self.broken).finish_non_exhaustive()
    }
}

impl CodedEvents {
    /// A watch over a stream of events; `None` when its coding is not known.
    pub(super) fn of(headers: &HeaderMap, flavor: Flavor) -> Option<Box<Self>> {
        let decoder = Decoder::of(headers)?;
        Some(Box::new(Self { decoder, observer: Observer::new(flavor), broken: false }))
    }

    /// Bytes that went by.
    pub(in crate::journey) fn push(&mut self, chunk: &[u8]) {
        match self.decoder.push(chunk) {
            Ok(decoded) => self.observer.push(Bytes::from(decoded), &mut Vec::new()),
            Err(Undecodable) => self.broken = true,
        }
    }

    /// Whether the stream may end here.
    pub(in crate::journey) fn is_whole(&self) -> bool {
        let facts = self.observer.facts();
        !self.broken && (facts.stopped || facts.error.is_some())
    }

    /// What was learnt.
    pub(in crate::journey) fn facts(&self) -> &Facts {
        self.observer.facts()
    }
}
