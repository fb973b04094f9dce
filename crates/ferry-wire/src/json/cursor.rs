//! A cursor over a whole JSON text: members, strings and values by their offsets.
//!
//! It exists because a full parse of an answer costs more than carrying it: what is not wanted is
//! passed over by brackets and quotes, and nothing is copied. It does not check scalars.

use super::string_end;

/// Deepest nesting that is passed over.
///
/// A batch object has two levels and a message some ten; tool inputs may be deeper, so there is
/// room, at the price of an array of that many bytes.
pub(crate) const DEPTH_MAX: usize = 128;

/// Where a text stops being JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CursorError {
    Malformed { at: usize },
    TooDeep { at: usize },
}

#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Offset right behind what was taken last.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// The text between two offsets that the cursor has given.
    pub(crate) fn raw(&self, start: usize, end: usize) -> &'a [u8] {
        self.text.get(start..end).unwrap_or_default()
    }

    /// The next member of an object that has been opened: its raw name, and the cursor before
    /// its value. Nothing at the closing bracket, which is taken.
    pub(crate) fn member(&mut self, is_first: bool) -> Result<Option<&'a [u8]>, CursorError> {
        if self.take(b'}') {
            return Ok(None);
        }
        // Behind a comma `string` demands a name, so a comma before the bracket is refused.
        if !is_first {
            self.expect(b',')?;
        }
        let (start, end) = self.string()?;
        self.expect(b':')?;
        Ok(Some(self.raw(start, end)))
    }

    /// Passes over one value and answers it raw.
    pub(crate) fn value(&mut self) -> Result<&'a [u8], CursorError> {
        self.space();
        let start = self.at;
        if self.text.get(start) == Some(&b'"') {
            self.string()?;
        } else {
            self.skip_value()?;
        }
        Ok(self.raw(start, self.at))
    }

    /// Passes over one value: scalars by their letters, the rest by brackets and strings.
    pub(crate) fn skip_value(&mut self) -> Result<(), CursorError> {
        let mut open = [0_u8; DEPTH_MAX];
        let mut depth = 0;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(byte @ (b'{' | b'[')) => {
                    let at = self.at;
                    *open.get_mut(depth).ok_or(CursorError::TooDeep { at })? = byte;
                    depth += 1;
                    self.at += 1;
                }
                Some(byte @ (b'}' | b']')) => {
                    // In ASCII a closing bracket stands two behind its opening one.
                    if depth == 0 || open.get(depth - 1) != Some(&(byte - 2)) {
                        return Err(self.malformed());
                    }
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b':') if depth > 0 => self.at += 1,
                Some(byte) if is_scalar(byte) => {
                    let rest = &self.text[self.at..];
                    self.at += rest.iter().take_while(|byte| is_scalar(**byte)).count();
                }
                _ => return Err(self.malformed()),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Takes a string; answers the range of its raw text.
    pub(crate) fn string(&mut self) -> Result<(usize, usize), CursorError> {
        self.expect(b'"')?;
        let start = self.at;
        let Some(end) = string_end(&self.text[start..], &mut false) else {
            self.at = self.text.len();
            return Err(self.malformed());
        };
        self.at = start + end + 1;
        Ok((start, start + end))
    }

    /// The next byte that is no white space.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        self.space();
        self.text.get(self.at).copied()
    }

    /// Takes `byte` if it is next.
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), CursorError> {
        if self.take(byte) { Ok(()) } else { Err(self.malformed()) }
    }

    /// Fails unless only white space is left.
    pub(crate) fn end(&mut self) -> Result<(), CursorError> {
        if self.peek().is_some() { Err(self.malformed()) } else { Ok(()) }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    const fn malformed(&self) -> CursorError {
        CursorError::Malformed { at: self.at }
    }
}

/// Whether a byte may belong to a number, `true`, `false` or `null`.
pub(crate) const fn is_scalar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}
