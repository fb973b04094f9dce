//! What became of one act: the figures of its row, and what happened, as data. How it reads in a language stands in
//! `words`, how it looks in `sheet`.

use std::time::Duration;

use serde_json::{Value, json};

use super::act::Act;
use super::reading::Usage;

/// One finished row.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) act: Act,
    /// Of the last answer; `None` where none came.
    pub(super) status: Option<u16>,
    /// `x-ferry-node`.
    pub(super) node: Option<String>,
    /// Of a stream.
    pub(super) first_token: Option<Duration>,
    /// From the first request of the act to the end of its last answer.
    pub(super) total: Duration,
    /// Where the answer counts tokens.
    pub(super) usage: Option<Usage>,
    /// What Ferry says of an error.
    pub(super) diagnosis: Option<Diagnosis>,
    pub(super) note: Note,
}

/// `x-ferry-code` and `x-ferry-hint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Diagnosis {
    pub(super) code: String,
    pub(super) hint: String,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// Models were listed.
    Models(usize),
    /// Tokens were counted.
    Counted,
    /// A JSON answer for a business line.
    Line(&'static str),
    /// A JSON answer to a `Bearer` credential.
    Bearer,
    /// A stream of so many events reached its end.
    Events(usize),
    /// A tool was called with JSON that is whole.
    Tool(String),
    /// Thinking came with its signature.
    Signed,
    /// So many bytes went up and came back the same.
    File(usize),
    /// A batch gave so many results, each with its id.
    Results(usize),
    /// The old API answered.
    Complete,
    /// An error passed, and Ferry told its likely cause.
    Explained,
    /// Something else than was right.
    Wrong(Wrong),
}

/// Why a row is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Wrong {
    /// Another status than this.
    #[error("answer with status {0}")]
    Status(u16),
    /// The answer lacks something.
    #[error("find {0} in the answer")]
    Lacks(&'static str),
    /// No whole answer came.
    #[error("{0}")]
    Broken(String),
}

impl Outcome {
    /// Whether the row is as it should be: an error that was meant is right too.
    pub(super) fn is_right(&self) -> bool {
        !matches!(self.note, Note::Wrong(_))
    }

    /// For machines: times in milliseconds, names that no language changes.
    pub(super) fn to_json(&self) -> Value {
        let wrong = if let Note::Wrong(wrong) = &self.note {
            Some(format!("failed to {wrong}"))
        } else {
            None
        };
        json!({
            "type": "request",
            "kind": self.act.slug(),
            "right": self.is_right(),
            "status": self.status,
            "status_expected": self.act.status(),
            "node": self.node,
            "first_token_ms": self.first_token.map(millis),
            "total_ms": millis(self.total),
            "input_tokens": self.usage.map(|usage| usage.input),
            "output_tokens": self.usage.map(|usage| usage.output),
            "code": self.diagnosis.as_ref().map(|told| &told.code),
            "hint": self.diagnosis.as_ref().map(|told| &told.hint),
            "wrong": wrong,
        })
    }
}

/// Whole milliseconds; the demo runs for no longer than a day.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
