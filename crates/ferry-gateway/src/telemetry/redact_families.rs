//! What redaction did, counted: by line, type and action, never by a value. A type is a word of the rules' own
//! list, or the name of an operator's rule, so the configuration bounds the labels.

use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::event::RedactEvent;
use super::names::{self, RestoreResult};

/// What was found in requests and in answers, and what was turned back.
#[derive(Debug, Default)]
pub(super) struct RedactFamilies {
    found: Family<FoundLabels, Counter>,
    /// In answers.
    written: Family<FoundLabels, Counter>,
    unread: Family<LineLabels, Counter>,
    restored: Family<RestoredLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct FoundLabels {
    line: Arc<str>,
    kind: Arc<str>,
    action: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LineLabels {
    line: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RestoredLabels {
    line: Arc<str>,
    result: RestoreResult,
}

/// By hand, since a field cannot be called `type`.
impl EncodeLabelSet for FoundLabels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        [("line", &*self.line), ("type", &*self.kind), ("action", self.action)].encode(encoder)
    }
}

impl FoundLabels {
    fn of(line: &Arc<str>, event: &RedactEvent) -> Self {
        Self { line: Arc::clone(line), kind: Arc::clone(&event.kind), action: event.action }
    }
}

impl RedactFamilies {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            names::REDACTIONS,
            "Sensitive values found, by what was done about them",
            self.found.clone(),
        );
        registry.register(
            names::ANSWER_REDACTIONS,
            "Sensitive values that models wrote by themselves, by what was done about them",
            self.written.clone(),
        );
        registry.register(
            names::ANSWERS_UNREAD,
            "Answers, or single events of one, that could not be looked through and went on as they came",
            self.unread.clone(),
        );
        registry.register(
            names::RESTORATIONS,
            "Pseudonyms in answers: turned back, or of nothing that the request held",
            self.restored.clone(),
        );
    }

    /// `line` is a label that is known.
    pub(super) fn found(&self, line: &Arc<str>, event: &RedactEvent) {
        self.found.get_or_create(&FoundLabels::of(line, event)).inc_by(event.count);
    }

    /// The same for what a model wrote by itself.
    pub(super) fn written(&self, line: &Arc<str>, event: &RedactEvent) {
        self.written.get_or_create(&FoundLabels::of(line, event)).inc_by(event.count);
    }

    /// What of an answer was not looked through.
    pub(super) fn unread(&self, line: &Arc<str>, count: u64) {
        if count > 0 {
            self.unread.get_or_create(&LineLabels { line: Arc::clone(line) }).inc_by(count);
        }
    }

    /// The same for pseudonyms in an answer.
    pub(super) fn restored(&self, line: &Arc<str>, result: RestoreResult, count: u64) {
        if count > 0 {
            let labels = RestoredLabels { line: Arc::clone(line), result };
            self.restored.get_or_create(&labels).inc_by(count);
        }
    }
}
