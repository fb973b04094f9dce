//! What is done to a text that a model wrote by itself, before pseudonyms become values again.
//!
//! The kinds and actions are those of the request's policy, with one difference: there is nobody to refuse and no way back
//! to a value, so that what would be refused or get a pseudonym becomes `[REDACTED]`. Counts have kinds and never a value.

mod flow;
mod letters;
mod swallow;

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::action::Action;
use super::apply::Replacement;
use super::policy::Policy;
use super::pseudonym::Secret;
use super::{Detectors, Hit, Kind, Scratch};

pub use flow::{Flow, HELD_BYTES_MAX};

/// What the texts of an answer meet.
#[derive(Debug, Clone, Copy)]
pub struct AnswerRules<'a> {
    /// What is looked for.
    pub detectors: &'a Detectors,
    /// What is done with each kind.
    pub policy: &'a Policy,
    /// What hashes are made with.
    pub secret: &'a Secret,
    /// Whether texts are changed; else values are only counted.
    pub replaces: bool,
}

/// What was found so far, with the room that scans use.
#[derive(Debug, Default)]
pub struct Findings {
    scratch: Scratch,
    hits: Vec<Hit>,
    counts: BTreeMap<(Kind, Action), u64>,
}

impl Findings {
    /// How often each kind met each action; in a dry run, would have met.
    pub const fn counts(&self) -> &BTreeMap<(Kind, Action), u64> {
        &self.counts
    }
}

impl AnswerRules<'_> {
    /// What a kind meets in an answer.
    pub fn action(&self, kind: Kind) -> Action {
        match self.policy.action(kind) {
            Action::Allow => Action::Allow,
            _ if !self.replaces => Action::Report,
            Action::Pseudonym | Action::Block => Action::Redact,
            action @ (Action::Report | Action::Mask | Action::Hash | Action::Redact) => action,
        }
    }

    /// Whether a value of this kind is replaced.
    fn replaces_kind(&self, kind: Kind) -> bool {
        self.action(kind).replaces() && !self.policy.is_dry_run()
    }

    /// Takes a whole text, counts what is found, and appends to `out` what is to be replaced in it, in order.
    pub fn text(&self, text: &str, findings: &mut Findings, out: &mut Vec<Replacement>) {
        let Findings { scratch, hits, counts } = findings;
        self.detectors.scan(text, scratch, hits);
        for hit in hits {
            out.extend(self.judge(text, *hit, counts));
        }
    }

    /// Counts a hit; answers what takes its place, if anything does.
    fn judge(
        &self,
        text: &str,
        hit: Hit,
        counts: &mut BTreeMap<(Kind, Action), u64>,
    ) -> Option<Replacement> {
        let Hit { start, end, kind } = hit;
        let action = self.action(kind);
        if action == Action::Allow {
            return None;
        }
        *counts.entry((kind, action)).or_default() += 1;
        if self.policy.is_dry_run() {
            return None;
        }
        let text: Cow<'static, str> =
            self.secret.replacement(action, kind, text.get(start..end)?)?;
        Some(Replacement { range: start..end, text })
    }
}

#[cfg(test)]
mod tests;
