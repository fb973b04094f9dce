//! The rest of a value that was replaced before its end had come: it goes nowhere.

use std::ops::ControlFlow;

use super::super::kind::Kind;

/// Most letters that are swallowed: a private key of 8192 bits has 6,400.
const LETTERS_MAX: usize = 16 * 1024;

/// What still belongs to the value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Swallow {
    is_key: bool,
    /// Hyphens on end.
    dashes: usize,
    /// Runs of five of them: one before and one behind each label.
    marks: usize,
    /// Line ends on end.
    lines: usize,
    left: usize,
}

impl Swallow {
    /// For the rest of a value of this kind that begins with `head`; nothing where it has no rest, or one whose letters
    /// nobody knows.
    pub(super) fn behind(kind: Kind, head: &str) -> Option<Self> {
        if matches!(kind, Kind::Custom(_)) {
            return None;
        }
        let is_key = matches!(kind, Kind::PrivateKey);
        let mut swallow = Self { is_key, dashes: 0, marks: 0, lines: 0, left: LETTERS_MAX };
        if is_key && head.chars().any(|letter| swallow.take(letter).is_break()) {
            return None;
        }
        Some(swallow)
    }

    /// Takes a letter; breaks with whether the last one was part of the value.
    pub(super) fn take(&mut self, letter: char) -> ControlFlow<bool> {
        self.left = self.left.saturating_sub(1);
        let is_part = if self.is_key {
            letter.is_ascii_alphanumeric() || "+/=-\\\r\n :,".contains(letter)
        } else {
            letter.is_ascii_alphanumeric() || "+/=-_.".contains(letter)
        };
        self.lines = match letter {
            '\n' => self.lines + 1,
            '\r' => self.lines,
            _ => 0,
        };
        if !is_part || self.left == 0 || self.lines == 2 {
            return ControlFlow::Break(false);
        }
        self.dashes = if letter == '-' { self.dashes + 1 } else { 0 };
        if self.is_key && self.dashes == 5 {
            (self.dashes, self.marks) = (0, self.marks + 1);
        }
        if self.marks == 4 { ControlFlow::Break(true) } else { ControlFlow::Continue(()) }
    }
}
