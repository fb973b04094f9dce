//! The way from the body's object down to the value in work, told only when somebody asks.

use std::fmt::Write as _;
use std::ops::Range;

use crate::json::unescape;

/// Longest name that is told; the API's own are shorter.
const NAME_BYTES_MAX: usize = 32;

/// Most digits in a name that is told: no number of a person, card or device is as short.
const NAME_DIGITS_MAX: usize = 2;

/// Most capital letters in a name that is told: keys of a cloud have more.
const NAME_CAPITALS_MAX: usize = 8;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The raw bytes of a name, without its quotes.
    Name { start: u32, end: u32 },
    /// A place in an array.
    Index(u32),
}

/// The steps to the value in work, at most one for each level.
#[derive(Debug, Default)]
pub(super) struct Steps {
    steps: Vec<Step>,
}

impl Steps {
    pub(super) fn clear(&mut self) {
        self.steps.clear();
    }

    pub(super) fn push_name(&mut self, name: &Range<usize>) {
        let short = |at| u32::try_from(at).unwrap_or(u32::MAX);
        self.steps.push(Step::Name { start: short(name.start), end: short(name.end) });
    }

    pub(super) fn push_first(&mut self) {
        self.steps.push(Step::Index(0));
    }

    /// Goes on to the next element of the array that stands open.
    pub(super) fn next(&mut self) {
        if let Some(Step::Index(index)) = self.steps.last_mut() {
            *index = index.saturating_add(1);
        }
    }

    pub(super) fn pop(&mut self) {
        self.steps.pop();
    }

    pub(super) fn render(&self, body: &str) -> String {
        let mut path = String::new();
        for step in &self.steps {
            match *step {
                Step::Name { start, end } => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    let raw = body.as_bytes().get(start as usize..end as usize);
                    push_name(&mut path, raw.unwrap_or_default());
                }
                Step::Index(index) => {
                    // Writing to a string cannot fail.
                    let _written = write!(path, "[{index}]");
                }
            }
        }
        if path.is_empty() {
            path.push_str("the object");
        }
        path
    }
}

fn push_name(path: &mut String, raw: &[u8]) {
    let decoded = if raw.len() > NAME_BYTES_MAX * 6 { None } else { unescape(raw) };
    let name = decoded.as_deref().and_then(|name| std::str::from_utf8(name).ok());
    path.push_str(name.filter(|name| is_told(name)).unwrap_or("*"));
}

/// Whether a name looks like one that a program chose.
fn is_told(name: &str) -> bool {
    let count = |is_counted: fn(&u8) -> bool| name.bytes().filter(is_counted).count();
    let is_sound =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'$' | b':');
    !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(is_sound)
        && count(u8::is_ascii_digit) <= NAME_DIGITS_MAX
        && count(u8::is_ascii_uppercase) <= NAME_CAPITALS_MAX
}
