//! The order of prompts: a model is given `tools`, then `system`, then `messages`, however a body orders its members.
//!
//! The official SDKs write `max_tokens, messages, model, system, tools`. What is decided for a text by the texts before it
//! must be decided in the model's order, or a later turn could change what an earlier one has sent. So the three are looked
//! for by quotes and brackets alone, walked over where they stand, and passed when their turn in the bytes comes. Each
//! must end in the walk where it ended in the look: what is broken is refused all the same.

use std::ops::Range;

use super::error::{Fault, FaultKind};
use super::place::Place;
use super::reader::Reader;
use super::tag::Tag;
use super::walker::Walker;
use crate::json::key_is;

/// The members in their order, by name. What else there is comes before the last.
const ORDER: [&str; 3] = ["tools", "system", "messages"];

/// A member that is walked over out of turn.
#[derive(Clone, Debug)]
struct Member {
    /// Its raw name.
    name: Range<usize>,
    value: Range<usize>,
}

/// The members of [`ORDER`] in the object in work.
#[derive(Clone, Debug, Default)]
pub(super) struct SetApart([Option<Member>; 3]);

impl SetApart {
    /// Looks for them behind an opening bracket. Of what is no JSON, or given twice, it finds what comes first; the walk
    /// will say so.
    fn look(mut ahead: Reader<'_>) -> Self {
        let mut found = Self::default();
        while let Some(name) = ahead.skip_string() {
            if !ahead.take(b':') || ahead.peek().is_none() {
                break;
            }
            let start = ahead.at;
            if ahead.skip_value().is_none() {
                break;
            }
            let raw = ahead.slice(&name);
            let slot = ORDER.iter().zip(&mut found.0).find(|(wanted, _)| key_is(raw, wanted));
            if let Some((_, slot @ None)) = slot {
                *slot = Some(Member { name, value: start..ahead.at });
            }
            if !ahead.take(b',') {
                break;
            }
        }
        found
    }
}

impl Walker<'_, '_> {
    /// Walks over what comes first of the object behind whose opening bracket the reader stands.
    pub(super) fn begin_prompt(&mut self, place: Place) -> Result<(), Fault> {
        self.set_apart = SetApart::look(self.reader);
        let [tools, system, _] = self.set_apart.0.clone();
        self.apart(place, tools)?;
        self.apart(place, system)
    }

    /// Walks over what comes last of the object that has ended.
    pub(super) fn end_prompt(&mut self, place: Place) -> Result<(), Fault> {
        let [_, _, messages] = std::mem::take(&mut self.set_apart).0;
        self.apart(place, messages)
    }

    /// Passes the value that is next, if it was or will be walked over out of turn.
    pub(super) fn pass_apart(&mut self) -> bool {
        self.reader.peek();
        let at = self.reader.at;
        let mut apart = self.set_apart.0.iter().flatten();
        let Some(member) = apart.find(|member| member.value.start == at) else { return false };
        self.reader.at = member.value.end;
        true
    }

    fn apart(&mut self, place: Place, member: Option<Member>) -> Result<(), Fault> {
        let Some(Member { name, value }) = member else { return Ok(()) };
        let back = std::mem::replace(&mut self.reader.at, value.start);
        let raw = self.reader.slice(&name);
        let wanted = ORDER.into_iter().find(|wanted| key_is(raw, wanted)).unwrap_or_default();
        self.scratch.steps.push_name(&name);
        self.value(place.member(Tag::None, wanted.as_bytes()))?;
        self.scratch.steps.pop();
        let end = std::mem::replace(&mut self.reader.at, back);
        if end == value.end { Ok(()) } else { Err(FaultKind::Unexpected.at(end)) }
    }
}
