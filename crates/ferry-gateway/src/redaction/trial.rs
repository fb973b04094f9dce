//! A policy tried on a text or a body without any traffic: what would change, and a report of it that holds no value.
//! The command line and the admin side show it; neither counts nor sends anything.

use std::collections::BTreeMap;

use ferry_rules::redact::apply::{Entry, Outcome};
use ferry_rules::redact::pseudonym::Secret;
use ferry_wire::splice::Edits;
use ferry_wire::text::Shape;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{RedactError, Redacted, RuleSet};

/// What is looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Plain text.
    Text,
    /// A body of the API.
    Body(Shape),
}

impl Form {
    /// The form of this name: `text`, `messages`, `batch` or `complete`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "text" => Some(Self::Text),
            "messages" => Some(Self::Body(Shape::Messages)),
            "batch" => Some(Self::Body(Shape::Batch)),
            "complete" => Some(Self::Body(Shape::Complete)),
            _ => None,
        }
    }

    /// What it looks like: a JSON object with the members of a request, or else a text.
    pub fn guess(bytes: &[u8]) -> Self {
        let Ok(members) = serde_json::from_slice::<BTreeMap<String, &RawValue>>(bytes) else {
            // What begins like a body and is none is told with its fault, as a request would be.
            let is_body = bytes.trim_ascii_start().first() == Some(&b'{');
            return if is_body { Self::Body(Shape::Messages) } else { Self::Text };
        };
        let has = |name: &str| members.contains_key(name);
        if has("requests") {
            Self::Body(Shape::Batch)
        } else if has("prompt") && !has("messages") {
            Self::Body(Shape::Complete)
        } else if has("messages") || has("system") {
            Self::Body(Shape::Messages)
        } else {
            Self::Text
        }
    }
}

/// What came of a trial.
#[derive(Debug)]
pub struct Trial {
    /// What would be put into the bytes.
    pub edits: Edits,
    outcome: Outcome,
    /// Whether the line looks for anything.
    is_on: bool,
}

impl RuleSet {
    /// Tries the rules of a line.
    ///
    /// # Errors
    /// [`RedactError`], as for a request.
    pub fn try_on(
        &self,
        line: &str,
        secret: &Secret,
        form: Form,
        bytes: &[u8],
    ) -> Result<Trial, RedactError> {
        let Redacted { edits, outcome } = match form {
            Form::Text => self.text(line, secret, bytes)?,
            Form::Body(shape) => self.body(line, secret, shape, bytes)?,
        };
        Ok(Trial { edits, outcome, is_on: !self.policy(line).is_off() })
    }
}

impl Trial {
    /// Whether the request would be refused.
    pub const fn is_blocked(&self) -> bool {
        self.outcome.is_blocked
    }

    /// What was found and stays as it is.
    pub fn kept(&self) -> impl Iterator<Item = &Entry> {
        self.outcome.entries.iter().filter(|entry| !entry.action.replaces())
    }

    /// How many values were found.
    pub fn total(&self) -> u64 {
        self.outcome.counts.values().sum()
    }

    /// How often each type met each action, by name.
    pub fn counts<'a>(
        &'a self,
        rules: &'a RuleSet,
    ) -> impl Iterator<Item = (&'a str, &'static str, u64)> {
        let counts = self.outcome.counts.iter();
        counts.map(|((kind, action), count)| (rules.name(*kind), action.name(), *count))
    }

    /// All that is known of it and may be shown to anybody: types, actions, places and lengths.
    pub fn report(&self, rules: &RuleSet) -> Value {
        let findings = self.outcome.entries.iter().map(|entry| {
            json!({
                "type": rules.name(entry.kind), "action": entry.action.name(),
                "path": &*entry.path, "offset": entry.start, "bytes": entry.bytes_len,
            })
        });
        let counts = self
            .counts(rules)
            .map(|(kind, action, count)| json!({"type": kind, "action": action, "count": count}));
        json!({
            "enabled": self.is_on,
            "changed": !self.edits.is_empty(),
            "refused": self.is_blocked(),
            "counts": counts.collect::<Vec<_>>(),
            "findings": findings.collect::<Vec<_>>(),
            "findings_left_off": self.total().saturating_sub(self.outcome.entries.len() as u64),
        })
    }
}
