//! Points `results_url` of a batch back at Ferry.
//!
//! The SDKs fetch that absolute address past the base URL and with the caller's credential, so it
//! must name the host the client talks to. The change is a splice into the original bytes: all
//! else stays as it came, and a body that is no batch is left alone.

use bytes::Bytes;
use memchr::memmem;

use crate::json::cursor::{Cursor, CursorError};
use crate::json::{escaped, key_is, unescape_each};

/// What the path of a batch's results begins with; what stands before it is replaced.
const PATH: &[u8] = b"/v1/messages/batches/";

/// Why a body could not be walked. Display fits after "failed to".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResultsUrlError {
    /// Not JSON, or cut.
    #[error("read the batch as JSON at byte {at}")]
    Malformed {
        /// Offset of the first byte that does not fit.
        at: usize,
    },
    /// Nested deeper than any batch.
    #[error("read the batch: nested too deep at byte {at}")]
    TooDeep {
        /// Offset of the bracket that is one too many.
        at: usize,
    },
}

impl From<CursorError> for ResultsUrlError {
    fn from(error: CursorError) -> Self {
        match error {
            CursorError::Malformed { at } => Self::Malformed { at },
            CursorError::TooDeep { at } => Self::TooDeep { at },
        }
    }
}

/// Replaces what stands before `/v1/messages/batches/` in each `results_url` by `public_base`.
///
/// `body` is a batch object or a list of them (`data`); `public_base` is scheme, authority and
/// any prefix (`http://127.0.0.1:7300/api`), a slash at its end is dropped. Nothing when nothing
/// is to be done: no batch, a null, a URL of another form, or one that is right already.
///
/// # Errors
/// [`ResultsUrlError`] when the body cannot be walked; it is then best passed on unchanged.
pub fn rewrite(body: &Bytes, public_base: &str) -> Result<Option<Vec<Bytes>>, ResultsUrlError> {
    // Most answers have no such member; an escape could hide its name.
    if memmem::find(body, b"results_url").is_none() && memmem::find(body, b"\\u").is_none() {
        return Ok(None);
    }
    let base = public_base.trim_end_matches('/');
    let mut walk = Walk { cursor: Cursor::new(body), splices: Vec::new(), base: base.as_bytes() };
    walk.batch_or_list()?;
    if walk.splices.is_empty() {
        return Ok(None);
    }
    // The splice stands inside the quotes of the URL.
    let replacement = escaped(base);
    let mut pieces = Vec::with_capacity(walk.splices.len() * 2 + 1);
    let mut copied_to = 0;
    for (start, end) in walk.splices {
        pieces.push(body.slice(copied_to..start));
        pieces.push(replacement.clone());
        copied_to = end;
    }
    pieces.push(body.slice(copied_to..));
    Ok(Some(pieces))
}

struct Walk<'a> {
    cursor: Cursor<'a>,
    splices: Vec<(usize, usize)>,
    base: &'a [u8],
}

impl Walk<'_> {
    fn batch_or_list(&mut self) -> Result<(), ResultsUrlError> {
        self.object(true)?;
        Ok(self.cursor.end()?)
    }

    /// Walks one object; only the outermost may hold a list.
    fn object(&mut self, is_outermost: bool) -> Result<(), ResultsUrlError> {
        self.cursor.expect(b'{')?;
        if self.cursor.take(b'}') {
            return Ok(());
        }
        loop {
            let (start, end) = self.cursor.string()?;
            let key = self.cursor.raw(start, end);
            let is_url = key_is(key, "results_url");
            let is_list = is_outermost && key_is(key, "data");
            self.cursor.expect(b':')?;
            match self.cursor.peek() {
                Some(b'"') if is_url => {
                    let (start, end) = self.cursor.string()?;
                    self.splice(start, end);
                }
                Some(b'[') if is_list => self.list()?,
                _ => self.cursor.skip_value()?,
            }
            if self.cursor.take(b'}') {
                return Ok(());
            }
            self.cursor.expect(b',')?;
        }
    }

    fn list(&mut self) -> Result<(), ResultsUrlError> {
        self.cursor.expect(b'[')?;
        if self.cursor.take(b']') {
            return Ok(());
        }
        loop {
            match self.cursor.peek() {
                Some(b'{') => self.object(false)?,
                _ => self.cursor.skip_value()?,
            }
            if self.cursor.take(b']') {
                return Ok(());
            }
            self.cursor.expect(b',')?;
        }
    }

    /// Notes the splice for the URL whose raw text lies between `start` and `end`.
    fn splice(&mut self, start: usize, end: usize) {
        let raw = self.cursor.raw(start, end);
        let mut decoded = Vec::with_capacity(raw.len());
        let mut offsets = Vec::with_capacity(raw.len());
        let is_sound = unescape_each(raw, |at, piece| {
            // Plain pieces stand byte by byte; of an escape every decoded byte has its start.
            let is_plain = raw.get(at..at + piece.len()) == Some(piece);
            for index in 0..piece.len() {
                offsets.push(if is_plain { at + index } else { at });
            }
            decoded.extend_from_slice(piece);
        });
        let Some(authority) = authority_start(&decoded).filter(|_| is_sound) else { return };
        let path_end = decoded.iter().position(|byte| matches!(byte, b'?' | b'#'));
        let url = &decoded[..path_end.unwrap_or(decoded.len())];
        let Some(path) = memmem::find(&url[authority..], PATH).map(|found| found + authority)
        else {
            return;
        };
        if let Some(offset) = offsets.get(path)
            && &decoded[..path] != self.base
        {
            self.splices.push((start, start + offset));
        }
    }
}

/// Where the authority of an absolute http URL begins.
fn authority_start(url: &[u8]) -> Option<usize> {
    ["https://", "http://"].into_iter().find_map(|scheme| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
            .then_some(scheme.len())
    })
}

#[cfg(test)]
mod tests;
