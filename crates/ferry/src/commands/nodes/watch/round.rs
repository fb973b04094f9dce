//! What is kept of a comparison: one line of JSON for each start and each round, in the order in which they came. Lines
//! are only ever added, so that a restart, a full disk or a power cut costs the last one at most.

use serde::{Deserialize, Serialize};

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Line {
    /// A process has begun to measure.
    Start(Start),
    /// One round is over.
    Round(Round),
}

/// What a process was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Start {
    /// Wall clock, in milliseconds since 1970.
    pub(super) at_ms: i64,
    /// What is called today.
    pub(super) against: String,
    pub(super) every_ms: i64,
    pub(super) for_ms: i64,
    /// Names of the nodes that Ferry had.
    pub(super) nodes: Vec<String>,
    /// IANA name for the page; empty: the system's.
    pub(super) timezone: String,
    /// Of Ferry.
    pub(super) version: String,
}

/// Both ways at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Round {
    /// When it began, by the wall clock.
    pub(super) at_ms: i64,
    /// The same by the monotonic clock, since the process began. It stands still while the machine sleeps.
    pub(super) up_ms: i64,
    /// How long it took, by the monotonic and by the wall clock.
    pub(super) took_ms: i64,
    pub(super) wall_took_ms: i64,
    pub(super) direct: Side,
    pub(super) ferry: Side,
}

/// What became of one request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Side {
    /// Until its answer began, or until it had failed.
    pub(super) ms: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    /// Why there was no answer, fit after "failed to".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) node: Option<String>,
    /// Requests written, where there may be several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) attempts: Option<u32>,
    /// Everything pointed at this machine's own network.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) home: bool,
}

impl Side {
    pub(super) fn is_ok(&self) -> bool {
        self.fault.is_none()
    }
}

/// The lines of a journal, and how many could not be read.
pub(super) fn read(text: &str) -> (Vec<Line>, usize) {
    let mut broken = 0;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let lines = lines.filter_map(|line| {
        let read = serde_json::from_str(line).ok();
        broken += usize::from(read.is_none());
        read
    });
    (lines.collect(), broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_costs_itself_alone() {
        let round = Line::Round(Round { at_ms: 1, ..Round::default() });
        let start = Line::Start(Start { against: "https://a".to_owned(), ..Start::default() });
        let [start_text, round_text] =
            [&start, &round].map(|line| serde_json::to_string(line).unwrap());
        let torn = round_text.get(..20).unwrap();
        let text = format!("{start_text}\n{torn}\n\n{round_text}\n{torn}");
        assert_eq!(read(&text), (vec![start, round], 2));
        assert_eq!(read(""), (Vec::new(), 0));
    }
}
