//! The parameters of a header's value, `; name=value` (RFC 9110 section 5.6.6), with what clients make of their quotes.

use std::ops::Range;

use memchr::memchr;

/// One parameter.
#[derive(Debug)]
pub(super) struct Parameter<'a> {
    pub(super) name: &'a [u8],
    /// Where its value stands in the line, without quotes.
    pub(super) value: Range<usize>,
    pub(super) quotes: Quotes,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    /// Without quotes.
    None,
    /// In quotes, a backslash before a quote or a backslash being none itself.
    Escaped,
    /// In quotes; a backslash is a backslash, as browsers write it at the end of a name.
    Plain,
}

/// The line cannot be read in one way only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// The parameters of a line, behind its first word. Over after the first that is broken.
pub(super) struct Parameters<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Parameters<'a> {
    pub(super) const fn of(line: &'a [u8]) -> Self {
        Self { line, at: 0 }
    }

    fn rest(&self, at: usize) -> &'a [u8] {
        self.line.get(at..).unwrap_or_default()
    }

    /// The value that begins at `start`, and where the next semicolon or the end is.
    fn value(&self, start: usize) -> Result<(Range<usize>, Quotes, usize), Broken> {
        let start = start + blanks(self.rest(start).iter());
        if self.rest(start).first() == Some(&b'"') {
            return self.quoted(start + 1);
        }
        let rest = self.rest(start);
        let len = memchr(b';', rest).unwrap_or(rest.len());
        let value = rest.get(..len).unwrap_or_default();
        let value = value.get(..value.len() - blanks(value.iter().rev())).unwrap_or_default();
        if value.iter().any(|byte| matches!(byte, b'"' | b'\\')) {
            return Err(Broken);
        }
        Ok((start..start + value.len(), Quotes::None, start + len))
    }

    /// The same for a value in quotes.
    fn quoted(&self, start: usize) -> Result<(Range<usize>, Quotes, usize), Broken> {
        for quotes in [Quotes::Escaped, Quotes::Plain] {
            let Some(len) = closing_quote(self.rest(start), quotes) else { continue };
            let behind = start + len + 1;
            let behind = behind + blanks(self.rest(behind).iter());
            if matches!(self.rest(behind).first(), None | Some(b';')) {
                return Ok((start..start + len, quotes, behind));
            }
        }
        Err(Broken)
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Result<Parameter<'a>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self.at + memchr(b';', self.rest(self.at))? + 1;
            let rest = self.rest(start);
            let is_mark = |byte: &u8| matches!(byte, b'=' | b';');
            let len = rest.iter().position(is_mark).unwrap_or(rest.len());
            let name = rest.get(..len).unwrap_or_default().trim_ascii();
            let has_value = rest.get(len) == Some(&b'=');
            if !has_value && name.is_empty() {
                // A semicolon too many says nothing.
                self.at = start + len;
                continue;
            }
            // A word without a value could be anything.
            let value = if has_value { self.value(start + len + 1) } else { Err(Broken) };
            let Ok((value, quotes, behind)) = value else {
                self.at = self.line.len();
                return Some(Err(Broken));
            };
            self.at = behind;
            return Some(Ok(Parameter { name, value, quotes }));
        }
    }
}

/// How many blanks come first.
fn blanks<'a>(bytes: impl Iterator<Item = &'a u8>) -> usize {
    bytes.take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// Where the quote stands that ends a value.
fn closing_quote(value: &[u8], quotes: Quotes) -> Option<usize> {
    let mut at = 0;
    loop {
        match value.get(at)? {
            b'"' => return Some(at),
            b'\\' if quotes == Quotes::Escaped && is_escape(value, at) => at += 2,
            _ => at += 1,
        }
    }
}

/// Whether the backslash at `at` is no character of its own. Before a letter it is one: it stands in the paths of Windows.
pub(super) fn is_escape(value: &[u8], at: usize) -> bool {
    matches!(value.get(at + 1), Some(b'"' | b'\\'))
}
