//! Where in an event the letters stand that may hold a pseudonym.
//!
//! An event is read where it lies, by offsets, and never built anew. What cannot be read, or has its
//! data on more than one line, is left as it is.

use std::ops::Range;

use crate::json::cursor::Cursor;
use crate::json::key_is;

/// What a delta adds to its block, as far as it can hold a pseudonym.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adds {
    /// `text_delta`.
    Text,
    /// `input_json_delta`: a piece of a JSON text.
    Input,
    /// `citations_delta`: it comes whole.
    Cited,
}

/// A `content_block_delta`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delta {
    pub(crate) index: u64,
    /// What it adds and between which quotes; nothing for a delta that is never changed.
    pub(crate) letters: Option<(Adds, Range<usize>)>,
    /// Of a citation, between which quotes the request's own words for its document stand.
    pub(crate) titles: Vec<Range<usize>>,
}

/// Hands every member of the object in `range` to `each`: its raw name and where its value stands.
pub(crate) fn members(
    text: &[u8],
    range: Range<usize>,
    mut each: impl FnMut(&[u8], Range<usize>),
) -> Option<()> {
    let base = range.start;
    let mut cursor = Cursor::new(text.get(range)?);
    cursor.expect(b'{').ok()?;
    let mut is_first = true;
    while let Some(name) = cursor.member(is_first).ok()? {
        is_first = false;
        let value = cursor.value().ok()?;
        let end = base + cursor.at();
        each(name, end - value.len()..end);
    }
    cursor.end().ok()
}

/// Hands every element of the list in `range` to `each`.
pub(crate) fn elements(
    text: &[u8],
    range: Range<usize>,
    mut each: impl FnMut(Range<usize>),
) -> Option<()> {
    let base = range.start;
    let mut cursor = Cursor::new(text.get(range)?);
    cursor.expect(b'[').ok()?;
    if cursor.take(b']') {
        return cursor.end().ok();
    }
    loop {
        let value = cursor.value().ok()?;
        let end = base + cursor.at();
        each(end - value.len()..end);
        if cursor.take(b']') {
            return cursor.end().ok();
        }
        cursor.expect(b',').ok()?;
    }
}

/// The letters of a string between its quotes; nothing when the value is no string.
pub(crate) fn letters(text: &[u8], value: Range<usize>) -> Option<Range<usize>> {
    let is_string = text.get(value.start) == Some(&b'"') && value.len() >= 2;
    is_string.then(|| value.start + 1..value.end - 1)
}

/// Where the members of a content block stand that hold what a model wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    /// Of a block of text.
    pub(crate) text: Option<Range<usize>>,
    /// The list of its citations.
    pub(crate) citations: Option<Range<usize>>,
    /// Of the call of a tool.
    pub(crate) input: Option<Range<usize>>,
}

/// Reads a content block; nothing when it cannot be read.
pub(crate) fn block_parts(text: &[u8], block: Range<usize>) -> Option<Block> {
    let (mut kind, mut words, mut input, mut citations) = (None, None, None, None);
    members(text, block, |name, value| {
        let slot = match name {
            b"type" => &mut kind,
            b"text" => &mut words,
            b"input" => &mut input,
            b"citations" => &mut citations,
            _ => return,
        };
        *slot = Some(value);
    })?;
    let kind = kind.and_then(|kind| text.get(letters(text, kind)?)).unwrap_or_default();
    let citations = citations.filter(|list| text.get(list.start) == Some(&b'['));
    Some(match kind {
        b"text" => Block { text: words, citations, input: None },
        _ if kind.ends_with(b"tool_use") => Block { input, ..Block::default() },
        _ => Block::default(),
    })
}

/// Where the citations of a list stand; nothing when it cannot be read.
pub(crate) fn citations(text: &[u8], list: Range<usize>) -> Option<Vec<Range<usize>>> {
    let mut citations = Vec::new();
    elements(text, list, |citation| citations.push(citation))?;
    Some(citations)
}

/// Where the cited texts of a list of citations stand; nothing when it cannot be read.
pub(crate) fn cited_texts(text: &[u8], list: Range<usize>) -> Option<Vec<Range<usize>>> {
    let citations = citations(text, list)?.into_iter();
    Some(citations.filter_map(|citation| cited_text(text, citation)).collect())
}

/// Reads a `content_block_delta`.
pub(crate) fn delta(event: &[u8]) -> Option<Delta> {
    let mut number = None;
    let mut delta = None;
    members(event, data(event)?, |name, value| {
        if key_is(name, "index") {
            number = digits(event, value);
        } else if key_is(name, "delta") {
            delta = Some(value);
        }
    })?;
    let (mut kind, mut text, mut input, mut citation) = (None, None, None, None);
    members(event, delta?, |name, value| {
        let slot = match name {
            b"type" => &mut kind,
            b"text" => &mut text,
            b"partial_json" => &mut input,
            b"citation" => &mut citation,
            _ => return,
        };
        *slot = Some(value);
    })?;
    let mut titles = Vec::new();
    let found = match kind.and_then(|kind| event.get(letters(event, kind)?)) {
        Some(b"text_delta") => text.map(|value| (Adds::Text, value)),
        Some(b"input_json_delta") => input.map(|value| (Adds::Input, value)),
        Some(b"citations_delta") => {
            titles
                .extend(citation.clone().into_iter().flat_map(|value| self::titles(event, value)));
            citation.and_then(|value| cited_text(event, value)).map(|value| (Adds::Cited, value))
        }
        _ => None,
    };
    let letters = found.and_then(|(adds, value)| Some((adds, letters(event, value)?)));
    titles = titles.into_iter().filter_map(|value| self::letters(event, value)).collect();
    Some(Delta { index: number?, letters, titles })
}

/// Where the value of a citation's `cited_text` stands.
pub(crate) fn cited_text(text: &[u8], citation: Range<usize>) -> Option<Range<usize>> {
    let mut cited = None;
    members(text, citation, |name, value| {
        if key_is(name, "cited_text") {
            cited = Some(value);
        }
    })?;
    cited
}

/// Where the values of a citation stand that repeat what the request called its document. The model did not write them.
pub(crate) fn titles(text: &[u8], citation: Range<usize>) -> Vec<Range<usize>> {
    let mut titles = Vec::new();
    // Of what cannot be read to its end they stand there as well.
    let _read = members(text, citation, |name, value| {
        if ["document_title", "title", "source"].iter().any(|title| key_is(name, title)) {
            titles.push(value);
        }
    });
    titles
}

/// The index of the block that an event is about.
pub(crate) fn index(event: &[u8]) -> Option<u64> {
    let mut number = None;
    members(event, data(event)?, |name, value| {
        if key_is(name, "index") {
            number = digits(event, value);
        }
    })?;
    number
}

/// Where the block of a `content_block_start` stands.
pub(crate) fn block(event: &[u8]) -> Option<Range<usize>> {
    let mut block = None;
    members(event, data(event)?, |name, value| {
        if key_is(name, "content_block") {
            block = Some(value);
        }
    })?;
    block
}

/// The letters of a `completion`, and whether it is the last.
pub(crate) fn completion(event: &[u8]) -> Option<(Range<usize>, bool)> {
    let mut text = None;
    let mut is_last = false;
    members(event, data(event)?, |name, value| {
        if key_is(name, "completion") {
            text = letters(event, value);
        } else if key_is(name, "stop_reason") {
            is_last = event.get(value.start) == Some(&b'"');
        }
    })?;
    Some((text?, is_last))
}

/// How many bytes of comment lines stand before an event.
pub(crate) fn comments_len(event: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = event.get(at..).filter(|rest| rest.first() == Some(&b':')) {
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let is_pair = rest.get(end..).is_some_and(|end| end.starts_with(b"\r\n"));
        at += end + 1 + usize::from(is_pair);
    }
    at.min(event.len())
}

fn digits(text: &[u8], value: Range<usize>) -> Option<u64> {
    std::str::from_utf8(text.get(value)?).ok()?.parse().ok()
}

/// Where the data of an event stands, if it is one line.
fn data(event: &[u8]) -> Option<Range<usize>> {
    let mut data = None;
    let mut at = 0;
    while let Some(rest) = event.get(at..).filter(|rest| !rest.is_empty()) {
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        if let Some(value) = rest.get(..end).and_then(|line| line.strip_prefix(b"data:"))
            && data.replace(at + end - value.len()..at + end).is_some()
        {
            return None;
        }
        at += end + 1;
    }
    data
}
