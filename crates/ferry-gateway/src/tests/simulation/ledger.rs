//! What happened: a trace to read, and the facts that are judged at the end.

use std::fmt::Write;
use std::time::Duration;

/// The book of one run.
#[derive(Debug)]
pub(super) struct Ledger {
    trace: Vec<(Duration, String)>,
    /// Connections whose machine still serves them.
    pub(super) open: usize,
    pipes: usize,
    generations: usize,
    /// By request.
    pub(super) deliveries: Vec<Vec<Delivery>>,
    /// When each client left, if it did before its answer was there.
    pub(super) left: Vec<Option<Duration>>,
}

/// One time that a request was written to a machine.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) machine: usize,
    pub(super) pipe: usize,
    /// The connection had carried a request before.
    pub(super) reused: bool,
    /// When its last byte was written.
    pub(super) written: Duration,
    pub(super) fate: Fate,
    /// What a model said to it, in pieces.
    pub(super) said: Option<Vec<String>>,
    /// When the machine was done with it, well or not.
    pub(super) ended: Option<Duration>,
    /// When the first bytes of an answer were sent.
    pub(super) answered: Option<Duration>,
}

impl Delivery {
    pub(super) fn begin(machine: usize, pipe: usize, reused: bool, written: Duration) -> Self {
        Self {
            machine,
            pipe,
            reused,
            written,
            fate: Fate::Unknown,
            said: None,
            ended: None,
            answered: None,
        }
    }
}

/// What came of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Under way, or it never arrived.
    Unknown,
    /// The machine said that it ran no model.
    Refused,
    /// Answered by something that is not the API.
    Strange,
    /// The whole answer was sent.
    Whole,
    /// The gateway gave it up.
    Left,
    /// It broke off.
    Broken,
}

/// Where a delivery stands in the book.
pub(super) type Entry = (usize, usize);

impl Ledger {
    pub(super) fn new(calls: usize) -> Self {
        Self {
            trace: Vec::new(),
            open: 0,
            pipes: 0,
            generations: 0,
            deliveries: (0..calls).map(|_| Vec::new()).collect(),
            left: vec![None; calls],
        }
    }

    pub(super) fn note(&mut self, at: Duration, what: String) {
        self.trace.push((at, what));
    }

    /// A connection was opened; its number.
    pub(super) fn opened(&mut self) -> usize {
        self.open += 1;
        self.pipes += 1;
        self.pipes
    }

    pub(super) fn delivered(&mut self, call: usize, delivery: Delivery) -> Entry {
        self.deliveries[call].push(delivery);
        (call, self.deliveries[call].len() - 1)
    }

    pub(super) fn delivery(&mut self, (call, at): Entry) -> &mut Delivery {
        &mut self.deliveries[call][at]
    }

    /// A model begins: its text is like no other.
    pub(super) fn generate(&mut self, entry: Entry, pieces: usize) -> Vec<String> {
        self.generations += 1;
        let number = self.generations;
        let said: Vec<String> =
            (0..pieces).map(|at| format!("g{number}r{}p{at};", entry.0)).collect();
        self.delivery(entry).said = Some(said.clone());
        said
    }

    /// The trace as text.
    pub(super) fn told(&self) -> String {
        let mut text = String::new();
        for (at, what) in &self.trace {
            let _never_fails = writeln!(text, "{:>6} ms  {what}", at.as_millis());
        }
        text
    }
}
