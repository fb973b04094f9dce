//! The walk itself: one value after another, each by what its place says.

use super::decode::check;
use super::error::{Fault, FaultKind, WalkError};
use super::names::Mark;
use super::opaque::{is_base64, is_data_url, is_in_lines, is_token};
use super::place::{Place, Wanted};
use super::prompt::SetApart;
use super::reader::{Reader, plain};
use super::tag::{LOOKS_MAX, Tag};
use super::{DEPTH_MAX, Scratch, Shape, Span};
use crate::json::string_end;

/// What Claude Code's attribution begins with. It must stay the first entry of `system`, alone and unchanged; it is one line.
const ATTRIBUTION: &[u8] = b"x-anthropic-billing-header";

/// Longest attribution, in bytes; a longer text has something else behind it, and is looked at.
const ATTRIBUTION_BYTES_MAX: usize = 1024;

/// Shortest number that is handed out, in bytes with sign and point: nothing sensitive is shorter, and inputs are full of small ones.
const NUMBER_BYTES_MIN: usize = 4;

/// A walk over one body.
pub(super) struct Walker<'a, 's> {
    pub(super) reader: Reader<'a>,
    pub(super) scratch: &'s mut Scratch,
    each: &'s mut dyn FnMut(&Span<'_>),
    depth: usize,
    /// How many of the open objects were looked through.
    looks: u32,
    /// Whether what stands at the top is walked over in the order of prompts.
    by_prompt: bool,
    pub(super) set_apart: SetApart,
}

impl<'a, 's> Walker<'a, 's> {
    pub(super) fn new(
        body: &'a str,
        scratch: &'s mut Scratch,
        each: &'s mut dyn FnMut(&Span<'_>),
    ) -> Self {
        scratch.names.clear();
        scratch.steps.clear();
        let (reader, set_apart) = (Reader { body, at: 0 }, SetApart::default());
        Self { reader, scratch, each, depth: 0, looks: 0, by_prompt: false, set_apart }
    }

    /// The same, in the order of prompts.
    pub(super) const fn by_prompt(mut self) -> Self {
        self.by_prompt = true;
        self
    }

    pub(super) fn body(mut self, shape: Shape) -> Result<(), WalkError> {
        let walked = self.outermost(Place::Top(shape));
        walked
            .map_err(|fault| WalkError::of_fault(fault, self.reader.body, &mut self.scratch.steps))
    }

    fn outermost(&mut self, place: Place) -> Result<(), Fault> {
        if self.reader.peek() != Some(b'{') {
            return Err(FaultKind::NotAnObject.at(self.reader.at));
        }
        self.object(place)?;
        if self.reader.peek().is_some() {
            return Err(FaultKind::TrailingBytes.at(self.reader.at));
        }
        Ok(())
    }

    pub(super) fn value(&mut self, place: Place) -> Result<(), Fault> {
        match self.reader.peek() {
            Some(b'"') => {
                let wanted = place.string();
                if wanted == Wanted::No { self.unread() } else { self.text(place, wanted) }
            }
            Some(b'{') => self.object(place),
            Some(b'[') => self.array(place),
            Some(b'-' | b'0'..=b'9') => self.number(place),
            Some(b't' | b'f' | b'n') => self.reader.word(),
            _ => Err(FaultKind::Unexpected.at(self.reader.at)),
        }
    }

    fn object(&mut self, place: Place) -> Result<(), Fault> {
        self.open()?;
        let is_looked = place.has_tag() && self.looks < LOOKS_MAX;
        let tag = if is_looked { Tag::look(self.reader, place) } else { Tag::None };
        self.looks += u32::from(is_looked);
        let is_prompt = self.by_prompt && place.is_prompt();
        if is_prompt {
            self.begin_prompt(place)?;
        }
        let mark = self.scratch.names.open();
        if !self.reader.take(b'}') {
            self.member(place, tag, mark)?;
            while self.reader.goes_on(b'}')? {
                self.member(place, tag, mark)?;
            }
        }
        self.scratch.names.close(self.reader.bytes(), mark)?;
        if is_prompt {
            self.end_prompt(place)?;
        }
        self.looks -= u32::from(is_looked);
        self.depth -= 1;
        Ok(())
    }

    fn member(&mut self, place: Place, tag: Tag, mark: Mark) -> Result<(), Fault> {
        let raw = self.reader.string()?;
        let (body, bytes) = (self.reader.bytes(), self.reader.slice(&raw.range));
        let start = raw.range.start;
        let (below, len, decoded) = if raw.has_escape {
            let decoded = self.scratch.names.decode(bytes);
            let decoded = decoded.map_err(|fault| fault.kind.at(start + fault.at))?;
            let letters = self.scratch.names.decoded(decoded);
            (place.member(tag, letters), letters.len(), Some(decoded))
        } else {
            (place.member(tag, bytes), bytes.len(), None)
        };
        let is_new = self.scratch.names.note(body, mark, (start, len), decoded);
        if !is_new {
            return Err(FaultKind::DuplicateKey.at(start));
        }
        self.reader.expect(b':')?;
        if self.by_prompt && place.is_prompt() && self.pass_apart() {
            return Ok(());
        }
        self.scratch.steps.push_name(&raw.range);
        self.value(below)?;
        self.scratch.steps.pop();
        Ok(())
    }

    fn array(&mut self, place: Place) -> Result<(), Fault> {
        self.open()?;
        if !self.reader.take(b']') {
            self.scratch.steps.push_first();
            self.value(place.element(true))?;
            while self.reader.goes_on(b']')? {
                self.scratch.steps.next();
                self.value(place.element(false))?;
            }
            self.scratch.steps.pop();
        }
        self.depth -= 1;
        Ok(())
    }

    /// Takes the opening bracket that is next.
    fn open(&mut self) -> Result<(), Fault> {
        if self.depth == DEPTH_MAX {
            return Err(FaultKind::TooDeep.at(self.reader.at));
        }
        self.depth += 1;
        self.reader.at += 1;
        Ok(())
    }

    /// Takes a string that nobody reads.
    fn unread(&mut self) -> Result<(), Fault> {
        let raw = self.reader.string()?;
        let checked = if raw.has_escape { check(self.reader.slice(&raw.range)) } else { Ok(()) };
        checked.map_err(|fault| fault.kind.at(raw.range.start + fault.at))
    }

    /// Takes a string that may be a text, and decodes it on the way to its end.
    fn text(&mut self, place: Place, wanted: Wanted) -> Result<(), Fault> {
        self.reader.expect(b'"')?;
        let (body, start) = (self.reader.body, self.reader.at);
        let rest = self.reader.bytes().get(start..).unwrap_or_default();
        let ahead = plain(rest);
        let (len, text, marks) = if rest.get(ahead) == Some(&b'"') {
            (ahead, body.get(start..start + ahead).unwrap_or_default(), None)
        } else {
            let decoded = self.scratch.decoded.decode(rest, ahead);
            let (len, text, marks) =
                decoded.map_err(|fault| match string_end(rest, &mut false) {
                    Some(_) => fault.kind.at(start + fault.at),
                    // That it has no end says more than what is odd in it.
                    None => FaultKind::Unexpected.at(body.len()),
                })?;
            (len, text, Some(marks))
        };
        let range = start..start + len;
        self.reader.at = range.end + 1;
        if !text.is_empty() && is_text(text, wanted) {
            let (role, steps) = (place.role(), &self.scratch.steps);
            (self.each)(&Span { body, text, place: &range, marks, role, is_number: false, steps });
        }
        Ok(())
    }

    fn number(&mut self, place: Place) -> Result<(), Fault> {
        let range = self.reader.number()?;
        if range.len() >= NUMBER_BYTES_MIN && place.wants_number() {
            let (body, role) = (self.reader.body, place.role());
            let text = body.get(range.start..range.end).unwrap_or_default();
            let steps = &self.scratch.steps;
            (self.each)(&Span {
                body,
                text,
                place: &range,
                marks: None,
                role,
                is_number: true,
                steps,
            });
        }
        Ok(())
    }
}

/// Whether a string, decoded, is a text after all.
fn is_text(text: &str, wanted: Wanted) -> bool {
    let text = text.as_bytes();
    match wanted {
        Wanted::No => false,
        Wanted::Text => !is_data_url(text),
        Wanted::Open => !is_data_url(text) && !is_base64(text),
        Wanted::Data => !is_data_url(text) && !is_token(text),
        Wanted::Base64 => !is_data_url(text) && !is_in_lines(text),
        Wanted::Attribution => {
            text.len() > ATTRIBUTION_BYTES_MAX
                || !text.starts_with(ATTRIBUTION)
                || memchr::memchr2(b'\n', b'\r', text).is_some()
        }
    }
}
