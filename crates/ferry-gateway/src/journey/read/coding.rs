//! Reading the envelope of a coded body: a decoded copy is walked and dropped, under a bound, while
//! the original bytes go on untouched. A coding that Ferry does not know is left to upstream.

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use ferry_wire::envelope::{Envelope, EnvelopeError, EnvelopeWalk};
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header as http_header};

/// Window of the brotli decoder's output buffer.
const BROTLI_BUFFER: usize = 4096;

/// Why a coded body is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::journey) enum CodingFault {
    /// It is not what its `Content-Encoding` says.
    Invalid,
    /// Decoded, it is over the size for its path.
    TooLarge {
        /// The size that is allowed.
        max: u64,
    },
    /// More than one coding, one inside the other.
    Nested,
}

/// Why the envelope cannot be read.
#[derive(Debug)]
pub(super) enum ReadFault {
    Envelope(EnvelopeError),
    Coding(CodingFault),
}

/// Walks the envelope of a body in any coding.
pub(super) enum EnvelopeReader {
    Plain(EnvelopeWalk),
    Gzip(MultiGzDecoder<Walked>),
    Zlib(ZlibDecoder<Walked>),
    Brotli(Box<DecompressorWriter<Walked>>),
    /// A coding that Ferry does not know: the body passes unread.
    Unread,
}

/// Where a decoder writes: counts, bounds, walks, and keeps the first fault.
pub(super) struct Walked {
    walk: EnvelopeWalk,
    left: u64,
    max: u64,
    fault: Option<ReadFault>,
}

impl Write for Walked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.fault.is_some() {
            return Err(io::ErrorKind::Other.into());
        }
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            self.fault = Some(ReadFault::Coding(CodingFault::TooLarge { max: self.max }));
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        self.left = left;
        if let Err(error) = self.walk.push(bytes) {
            self.fault = Some(ReadFault::Envelope(error));
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl EnvelopeReader {
    /// Chooses the decoder by `Content-Encoding`.
    pub(super) fn new(headers: &HeaderMap, max: u64) -> Result<Self, CodingFault> {
        let mut codings = headers.get_all(http_header::CONTENT_ENCODING).iter();
        let coding = match (codings.next(), codings.next()) {
            (None, _) => return Ok(Self::Plain(EnvelopeWalk::new())),
            (Some(coding), None) => coding.to_str().unwrap_or("").trim().to_ascii_lowercase(),
            (Some(_), Some(_)) => return Err(CodingFault::Nested),
        };
        let walked = || Walked { walk: EnvelopeWalk::new(), left: max, max, fault: None };
        Ok(match coding.as_str() {
            "" | "identity" => Self::Plain(EnvelopeWalk::new()),
            "gzip" | "x-gzip" => Self::Gzip(MultiGzDecoder::new(walked())),
            "deflate" => Self::Zlib(ZlibDecoder::new(walked())),
            "br" => Self::Brotli(Box::new(DecompressorWriter::new(walked(), BROTLI_BUFFER))),
            nested if nested.contains(',') => return Err(CodingFault::Nested),
            _unknown => Self::Unread,
        })
    }

    /// Reads on.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<(), ReadFault> {
        let written = match self {
            Self::Plain(walk) => return walk.push(chunk).map_err(ReadFault::Envelope),
            Self::Gzip(decoder) => decoder.write_all(chunk),
            Self::Zlib(decoder) => decoder.write_all(chunk),
            Self::Brotli(decoder) => decoder.write_all(chunk),
            Self::Unread => return Ok(()),
        };
        match written {
            Ok(()) => Ok(()),
            Err(_kept_in_walked) => Err(self.take_fault()),
        }
    }

    /// The envelope, or `None` when the coding is unknown.
    pub(super) fn finish(mut self) -> Result<Option<Envelope>, ReadFault> {
        let finished = match &mut self {
            Self::Plain(_) | Self::Unread => Ok(()),
            Self::Gzip(decoder) => decoder.try_finish(),
            Self::Zlib(decoder) => decoder.try_finish(),
            Self::Brotli(decoder) => decoder.close(),
        };
        if finished.is_err() {
            return Err(self.take_fault());
        }
        let walk = match self {
            Self::Plain(walk) => walk,
            Self::Gzip(decoder) => decoder.finish().map_err(invalid)?.walk,
            Self::Zlib(decoder) => decoder.finish().map_err(invalid)?.walk,
            Self::Brotli(decoder) => decoder.into_inner().map_err(|_walked| invalid(()))?.walk,
            Self::Unread => return Ok(None),
        };
        walk.finish().map(Some).map_err(ReadFault::Envelope)
    }

    fn take_fault(&mut self) -> ReadFault {
        let walked = match self {
            Self::Gzip(decoder) => Some(decoder.get_mut()),
            Self::Zlib(decoder) => Some(decoder.get_mut()),
            Self::Brotli(decoder) => Some(decoder.get_mut()),
            Self::Plain(_) | Self::Unread => None,
        };
        walked.and_then(|walked| walked.fault.take()).unwrap_or_else(|| invalid(()))
    }
}

fn invalid<E>(_error: E) -> ReadFault {
    ReadFault::Coding(CodingFault::Invalid)
}
