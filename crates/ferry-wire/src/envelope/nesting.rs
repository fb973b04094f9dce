//! The walk through values that are not read: strings and brackets, nothing else.
//!
//! A stack of bits remembers which bracket is open; it is a fixed array, so depth costs nothing.
//! Line ends are counted here and between members only: a raw line end inside a string is no
//! JSON, and counting them there would cost a second pass over every text.

use super::{DEPTH_MAX, EnvelopeError, EnvelopeWalk, Level, Position, State};
use crate::json::string_end;

/// What a byte outside of strings means for the walk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Plain,
    Quote,
    Open,
    Close,
    Line,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Plain; 256];
    classes[b'"' as usize] = Class::Quote;
    classes[b'{' as usize] = Class::Open;
    classes[b'[' as usize] = Class::Open;
    classes[b'}' as usize] = Class::Close;
    classes[b']' as usize] = Class::Close;
    classes[b'\n' as usize] = Class::Line;
    classes
};

/// Open brackets, one bit each: set for `{`.
#[derive(Debug)]
pub(super) struct Nesting {
    bits: [u64; DEPTH_MAX / 64],
    depth: usize,
}

impl Nesting {
    pub(super) const fn new() -> Self {
        Self { bits: [0; DEPTH_MAX / 64], depth: 0 }
    }

    fn open(&mut self, byte: u8) {
        if let Some(word) = self.bits.get_mut(self.depth / 64) {
            let bit = 1 << (self.depth % 64);
            *word = if byte == b'{' { *word | bit } else { *word & !bit };
        }
        self.depth += 1;
    }

    /// Closes a bracket; answers whether it was the kind that stood open.
    fn close(&mut self, byte: u8) -> bool {
        self.depth = self.depth.saturating_sub(1);
        let word = self.bits.get(self.depth / 64).copied().unwrap_or_default();
        (word >> (self.depth % 64) & 1 == 1) == (byte == b'}')
    }
}

impl EnvelopeWalk {
    /// Opens a bracket of a value that is not read.
    pub(super) fn nest(&mut self, byte: u8, at: usize) -> Result<(), EnvelopeError> {
        let outside = match self.level {
            Level::Top => 1,
            Level::Metadata => 2,
        };
        if self.nesting.depth + outside >= DEPTH_MAX {
            return Err(EnvelopeError::TooDeep { at: self.position(at) });
        }
        self.nesting.open(byte);
        Ok(())
    }

    /// Skips a nested value outside of strings; strings that end in this piece are taken along.
    pub(super) fn skip(&mut self, piece: &[u8], mut at: usize) -> Result<usize, EnvelopeError> {
        while let Some(&byte) = piece.get(at) {
            match CLASSES[usize::from(byte)] {
                Class::Plain => at += 1,
                Class::Quote => {
                    self.escaped = false;
                    let Some(end) = string_end(&piece[at + 1..], &mut self.escaped) else {
                        self.state = State::SkipText;
                        return Ok(piece.len());
                    };
                    at += end + 2;
                }
                Class::Open => {
                    self.nest(byte, at)?;
                    at += 1;
                }
                Class::Close => {
                    if !self.nesting.close(byte) {
                        return Err(EnvelopeError::Unbalanced { at: self.position(at) });
                    }
                    at += 1;
                    if self.nesting.depth == 0 {
                        self.state = State::Comma;
                        return Ok(at);
                    }
                }
                Class::Line => {
                    self.count_line(at);
                    at += 1;
                }
            }
        }
        Ok(at)
    }

    /// Goes on in a string that the piece before left open.
    pub(super) fn skip_text(&mut self, piece: &[u8], at: usize) -> usize {
        match string_end(&piece[at..], &mut self.escaped) {
            Some(end) => {
                self.state = State::Skip;
                at + end + 1
            }
            None => piece.len(),
        }
    }

    /// Skips white space between members; answers the offset of the first other byte.
    pub(super) fn skip_space(&mut self, piece: &[u8], mut at: usize) -> usize {
        while let Some(byte) = piece.get(at) {
            match byte {
                b' ' | b'\t' | b'\r' => {}
                b'\n' => self.count_line(at),
                _ => break,
            }
            at += 1;
        }
        at
    }

    fn count_line(&mut self, at: usize) {
        self.line = self.line.saturating_add(1);
        self.line_start = self.offset + at as u64 + 1;
    }

    /// The place of the byte at `at` in the piece in work.
    pub(super) fn position(&self, at: usize) -> Position {
        let offset = self.offset + at as u64;
        Position { offset, line: self.line, column: offset.saturating_sub(self.line_start) + 1 }
    }
}
