//! A coded body decoded whole, under a bound: for whoever has to see all of it at once. A coding that is not known is no
//! fault here.

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use bytes::Bytes;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header as http_header};

use super::read::CodingFault;

/// Window of the brotli decoder's output buffer.
const BROTLI_BUFFER: usize = 4096;

/// Why a body is not decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DecodeFault {
    /// Its coding cannot be undone.
    Coding(CodingFault),
    /// There is no memory for it.
    NoMemory,
}

/// Whether a body has a content coding that is one: `identity` names the absence of it (RFC 9110 section 8.4.1).
pub(super) fn is_coded(headers: &HeaderMap) -> bool {
    let names = headers.get_all(http_header::CONTENT_ENCODING).iter();
    names
        .map(|name| name.as_bytes().trim_ascii())
        .any(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity"))
}

/// A coded body, decoded whole; nothing when its coding is unknown. `grow` sets memory aside before it is used, and says
/// whether there is some.
pub(super) fn decoded(
    headers: &HeaderMap,
    chunks: &[Bytes],
    max: u64,
    grow: &mut dyn FnMut(u64) -> bool,
) -> Result<Option<Bytes>, DecodeFault> {
    let coding = headers.get(http_header::CONTENT_ENCODING);
    let coding = coding.and_then(|coding| coding.to_str().ok()).unwrap_or("").trim();
    let whole = Whole { bytes: Vec::new(), max, grow };
    let decode = |mut decoder: Box<dyn Decode + '_>| {
        for chunk in chunks {
            decoder.write_all(chunk).map_err(|error| fault(&error, max))?;
        }
        decoder.end().map_err(|error| fault(&error, max)).map(|bytes| Some(bytes.into()))
    };
    match coding.to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => decode(Box::new(MultiGzDecoder::new(whole))),
        "deflate" => decode(Box::new(ZlibDecoder::new(whole))),
        "br" => decode(Box::new(DecompressorWriter::new(whole, BROTLI_BUFFER))),
        _unknown => Ok(None),
    }
}

fn fault(error: &io::Error, max: u64) -> DecodeFault {
    if error.kind() == io::ErrorKind::OutOfMemory {
        DecodeFault::NoMemory
    } else if error.kind() == io::ErrorKind::FileTooLarge {
        DecodeFault::Coding(CodingFault::TooLarge { max })
    } else {
        DecodeFault::Coding(CodingFault::Invalid)
    }
}

/// A decoder of any coding.
trait Decode: Write {
    /// Everything that was decoded.
    fn end(self: Box<Self>) -> io::Result<Vec<u8>>;
}

impl Decode for MultiGzDecoder<Whole<'_>> {
    fn end(mut self: Box<Self>) -> io::Result<Vec<u8>> {
        self.try_finish()?;
        Ok(std::mem::take(&mut self.get_mut().bytes))
    }
}

impl Decode for ZlibDecoder<Whole<'_>> {
    fn end(mut self: Box<Self>) -> io::Result<Vec<u8>> {
        self.try_finish()?;
        Ok(std::mem::take(&mut self.get_mut().bytes))
    }
}

impl Decode for DecompressorWriter<Whole<'_>> {
    fn end(mut self: Box<Self>) -> io::Result<Vec<u8>> {
        self.close()?;
        Ok(std::mem::take(&mut self.get_mut().bytes))
    }
}

/// Keeps what is decoded, up to a bound.
struct Whole<'a> {
    bytes: Vec<u8>,
    max: u64,
    grow: &'a mut dyn FnMut(u64) -> bool,
}

impl Write for Whole<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + bytes.len()) as u64 > self.max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if !(self.grow)(bytes.len() as u64) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn identity_and_nothing_are_no_codings() {
        let table: [(&[&str], bool); 7] = [
            (&[], false),
            (&[""], false),
            (&["identity"], false),
            (&[" Identity "], false),
            (&["gzip"], true),
            (&["identity", "br"], true),
            (&["identity, gzip"], true),
        ];
        for (names, due) in table {
            let headers = names
                .iter()
                .map(|name| (http_header::CONTENT_ENCODING, HeaderValue::from_str(name).unwrap()))
                .collect();
            assert_eq!(is_coded(&headers), due, "{names:?}");
        }
    }
}
