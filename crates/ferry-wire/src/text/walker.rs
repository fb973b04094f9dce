//! The walk itself: one value after another, each by what its place says.

use super::decode::check;
use super::error::{Fault, FaultKind, WalkError};
use super::names::Mark;
use super::opaque::{is_base64, is_data_url, is_token};
use super::place::{Place, Wanted};
use super::reader::{Raw, Reader};
use super::tag::{LOOKS_MAX, Tag};
use super::{DEPTH_MAX, Role, Scratch, Shape, Span};

/// What Claude Code's attribution begins with. It must stay the first entry of `system`, alone and unchanged.
const ATTRIBUTION: &[u8] = b"x-anthropic-billing-header";

/// Longest attribution, in bytes; a longer text has something else behind it, and is looked at.
const ATTRIBUTION_BYTES_MAX: usize = 1024;

/// A walk over one body.
pub(super) struct Walker<'a, 's> {
    reader: Reader<'a>,
    scratch: &'s mut Scratch,
    each: &'s mut dyn FnMut(&Span<'_>),
    depth: usize,
    /// How many of the open objects were looked through.
    looks: u32,
}

impl<'a, 's> Walker<'a, 's> {
    pub(super) fn new(
        body: &'a str,
        scratch: &'s mut Scratch,
        each: &'s mut dyn FnMut(&Span<'_>),
    ) -> Self {
        scratch.names.clear();
        scratch.steps.clear();
        Self { reader: Reader { body, at: 0 }, scratch, each, depth: 0, looks: 0 }
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

    fn value(&mut self, place: Place) -> Result<(), Fault> {
        match self.reader.peek() {
            Some(b'"') => {
                let raw = self.reader.string()?;
                self.string(&raw, place)
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
        let tag = if is_looked {
            let rest = self.reader.bytes().get(self.reader.at..).unwrap_or_default();
            Tag::look(rest, place)
        } else {
            Tag::None
        };
        self.looks += u32::from(is_looked);
        let mark = self.scratch.names.open();
        if !self.reader.take(b'}') {
            loop {
                self.member(place, tag, mark)?;
                if self.reader.take(b'}') {
                    break;
                }
                self.reader.expect(b',')?;
            }
        }
        self.scratch.names.close(self.reader.bytes(), mark)?;
        self.looks -= u32::from(is_looked);
        self.depth -= 1;
        Ok(())
    }

    fn member(&mut self, place: Place, tag: Tag, mark: Mark) -> Result<(), Fault> {
        self.reader.peek();
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
            while !self.reader.take(b']') {
                self.reader.expect(b',')?;
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

    fn string(&mut self, raw: &Raw, place: Place) -> Result<(), Fault> {
        let bytes = self.reader.slice(&raw.range);
        let is_text = match place.string() {
            Wanted::No => false,
            Wanted::Text => !is_data_url(bytes),
            Wanted::Open => !is_data_url(bytes) && !is_base64(bytes),
            Wanted::Data => !is_data_url(bytes) && !is_token(bytes),
            Wanted::Attribution => {
                bytes.len() > ATTRIBUTION_BYTES_MAX || !bytes.starts_with(ATTRIBUTION)
            }
        };
        let start = raw.range.start;
        if !is_text || bytes.is_empty() {
            if raw.has_escape {
                check(bytes).map_err(|fault| fault.kind.at(start + fault.at))?;
            }
            return Ok(());
        }
        if !raw.has_escape {
            self.hand_out(raw, place.role(), false);
            return Ok(());
        }
        let (body, steps) = (self.reader.body, &self.scratch.steps);
        let decoded = self.scratch.decoded.decode(bytes);
        let (text, runs) = decoded.map_err(|fault| fault.kind.at(start + fault.at))?;
        let (role, runs) = (place.role(), Some(runs));
        (self.each)(&Span { body, text, start, runs, role, is_number: false, steps });
        Ok(())
    }

    fn number(&mut self, place: Place) -> Result<(), Fault> {
        let range = self.reader.number()?;
        if place.wants_number() {
            self.hand_out(&Raw { range, has_escape: false }, place.role(), true);
        }
        Ok(())
    }

    /// Hands out what stands in the body as it is.
    fn hand_out(&mut self, raw: &Raw, role: Role, is_number: bool) {
        let body = self.reader.body;
        let text = body.get(raw.range.start..raw.range.end).unwrap_or_default();
        let steps = &self.scratch.steps;
        let start = raw.range.start;
        (self.each)(&Span { body, text, start, runs: None, role, is_number, steps });
    }
}
