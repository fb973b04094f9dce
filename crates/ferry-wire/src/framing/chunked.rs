//! Follows a chunked body: reads its size lines and trailers strictly, skips its data.
//!
//! RFC 9112 section 7.1. White space around a size is refused, since parsers differ on it.

use memchr::memchr;

use super::error::FramingError;
use super::head::{check_bytes, check_field};

/// Longest size in hexadecimal digits; fifteen stay clear of the sign bit of any parser.
const SIZE_DIGITS_MAX: usize = 15;

/// Extension bytes allowed in one body. No client of the API sends any.
const EXTENSION_BYTES_MAX: usize = 1024;

/// Trailer bytes allowed. No client of the API sends any, and they are dropped.
const TRAILER_BYTES_MAX: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Digits of a size.
    Size,
    /// Behind a semicolon.
    Extension,
    /// Behind the CR of a size line.
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailers,
}

/// Stands inside one chunked body.
#[derive(Debug)]
pub(super) struct Chunked {
    part: Part,
    /// The size being read, then what is left of the data.
    size: u64,
    digits: usize,
    extension_bytes: usize,
    /// Whether bytes of the line in work came in an earlier call.
    is_inside_line: bool,
    trailers: Vec<u8>,
    line_start: usize,
}

impl Chunked {
    pub(super) const fn new() -> Self {
        Self {
            part: Part::Size,
            size: 0,
            digits: 0,
            extension_bytes: 0,
            is_inside_line: false,
            trailers: Vec::new(),
            line_start: 0,
        }
    }

    /// Whether the line in work began with the bytes of this call.
    pub(super) const fn is_at_line_start(&self) -> bool {
        !self.is_inside_line
    }

    /// Takes one size line, one run of data or the trailers, or as much of it as has come.
    ///
    /// Answers how many bytes were taken, and whether the body ends with them.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Result<(usize, bool), FramingError> {
        match self.part {
            Part::Size | Part::Extension | Part::SizeLf => self.size_line(bytes),
            Part::Data => {
                let taken = usize::try_from(self.size).unwrap_or(usize::MAX).min(bytes.len());
                self.size -= taken as u64;
                if self.size == 0 {
                    self.part = Part::DataCr;
                }
                Ok((taken, false))
            }
            Part::DataCr | Part::DataLf => self.data_end(bytes),
            Part::Trailers => self.trailers(bytes),
        }
    }

    fn size_line(&mut self, bytes: &[u8]) -> Result<(usize, bool), FramingError> {
        for (at, &byte) in bytes.iter().enumerate() {
            match (self.part, byte) {
                (Part::Size, b'\r') if self.digits > 0 => self.part = Part::SizeLf,
                (Part::Size, b';') if self.digits > 0 => {
                    self.part = Part::Extension;
                    self.extension_bytes += 1;
                }
                (Part::Size, _) => {
                    let digit = char::from(byte).to_digit(16).ok_or(FramingError::ChunkSize)?;
                    self.digits += 1;
                    if self.digits > SIZE_DIGITS_MAX {
                        return Err(FramingError::ChunkSize);
                    }
                    self.size = (self.size << 4) | u64::from(digit);
                }
                (Part::Extension, b'\r') => self.part = Part::SizeLf,
                (Part::Extension, 0..0x20 | 0x7f) if byte != b'\t' => {
                    return Err(FramingError::ChunkExtension);
                }
                (Part::Extension, _) => {
                    self.extension_bytes += 1;
                    if self.extension_bytes > EXTENSION_BYTES_MAX {
                        return Err(FramingError::ChunkExtension);
                    }
                }
                (_, b'\n') => {
                    self.part = if self.size == 0 { Part::Trailers } else { Part::Data };
                    self.digits = 0;
                    self.is_inside_line = false;
                    return Ok((at + 1, false));
                }
                _ => return Err(FramingError::ChunkSize),
            }
        }
        self.is_inside_line = true;
        Ok((bytes.len(), false))
    }

    fn data_end(&mut self, bytes: &[u8]) -> Result<(usize, bool), FramingError> {
        let mut taken = 0;
        for &byte in bytes {
            match (self.part, byte) {
                (Part::DataCr, b'\r') => self.part = Part::DataLf,
                (Part::DataLf, b'\n') => {
                    self.part = Part::Size;
                    return Ok((taken + 1, false));
                }
                _ => return Err(FramingError::ChunkEnd),
            }
            taken += 1;
        }
        Ok((taken, false))
    }

    fn trailers(&mut self, bytes: &[u8]) -> Result<(usize, bool), FramingError> {
        let mut taken = 0;
        while let Some(ahead) = memchr(b'\n', &bytes[taken..]) {
            self.keep_trailer(&bytes[taken..=taken + ahead])?;
            taken += ahead + 1;
            let line = self.trailers.get(self.line_start..).unwrap_or_default();
            let line = line.strip_suffix(b"\r\n").ok_or(FramingError::BareLf)?;
            if line.is_empty() {
                return Ok((taken, true));
            }
            check_bytes(line)?;
            let (name, _) = check_field(line)?;
            // RFC 9110 section 6.5.1: framing and routing have no place in trailers.
            let is_framing = ["content-length", "transfer-encoding", "host"]
                .iter()
                .any(|framing| name.eq_ignore_ascii_case(framing.as_bytes()));
            if is_framing {
                return Err(FramingError::TrailerField);
            }
            self.line_start = self.trailers.len();
        }
        self.keep_trailer(&bytes[taken..])?;
        self.is_inside_line = true;
        Ok((bytes.len(), false))
    }

    fn keep_trailer(&mut self, bytes: &[u8]) -> Result<(), FramingError> {
        if self.trailers.len() + bytes.len() > TRAILER_BYTES_MAX {
            return Err(FramingError::TrailersTooLarge);
        }
        self.trailers.extend_from_slice(bytes);
        Ok(())
    }
}
