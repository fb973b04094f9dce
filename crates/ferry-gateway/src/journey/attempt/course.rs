//! What one request has behind it: the tries it made, what they cost, and the best answer it got so far.
//! A retry that fails worse than what came before gives the client what came before. Decisions:
//! `ferry_rules::{retry, budget}`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ferry_rules::retry::{self, Again, Blame, Cost, Effect, Failure, Place, Verdict};

use super::judge;
use super::land::{Answer, Shape};
use super::{BadAnswer, Fault, Missed, Phase};
use crate::clock;
use crate::journey::accept::Head;
use crate::journey::identify::Caller;
use crate::journey::passage::Passage;
use crate::journey::read::Payload;
use crate::journey::route::Wish;
use crate::telemetry::{AttemptResult, RetryCost};
use crate::upstream::{Node, Site};

/// A request's tries.
#[derive(Debug)]
pub(super) struct Course {
    wish: Wish,
    effect: Effect,
    is_upload: bool,
    attempts_max: u32,
    written: u32,
    free: u32,
    paid: u32,
    /// Nodes one of whose kept connections was found dead.
    stale_at: Vec<usize>,
    /// What is left of the time that it may wait between tries and for a node.
    patience: Duration,
    /// An upstream error that the client gets when nothing better comes.
    kept: Option<(Answer, Arc<Node>)>,
    /// What became of the last try that got neither an answer nor its request back.
    lost: Option<Fault>,
}

impl Course {
    pub(super) fn begin(passage: &Passage, head: &Head, caller: Caller, payload: &Payload) -> Self {
        let settings = &passage.snapshot.settings;
        passage.shared.deposit(clock::now());
        Self {
            wish: Wish::new(passage, head, caller, payload),
            effect: judge::effect(passage.family, &head.method),
            is_upload: passage.family.uploads(),
            attempts_max: retry::attempts_max(
                settings.retry.attempts_max,
                passage.facts.client_retry,
            ),
            written: 0,
            free: 0,
            paid: 0,
            stale_at: Vec::new(),
            patience: settings.timeouts.patience,
            kept: None,
            lost: None,
        }
    }

    /// What the next try is to be.
    pub(super) fn wish(&mut self, payload: &Payload) -> &mut Wish {
        self.wish.patience = self.patience;
        let is_sent_once = match payload {
            Payload::Flowing(_) => true,
            // Held only to be looked through, and no file is made twice on a guess.
            Payload::Held { chunks, .. } => self.is_upload && !chunks.is_empty(),
        };
        if is_sent_once {
            // So it gets no connection that may have died.
            self.wish.born_after = Some(clock::now());
        }
        &mut self.wish
    }

    /// A connection was waited for.
    pub(super) fn waited(&mut self, waited: Duration) {
        self.patience = self.patience.saturating_sub(waited);
    }

    /// What follows a try. Tells key and provider what it says about them.
    pub(super) fn judge(
        &mut self,
        passage: &mut Passage,
        site: &Site,
        tried: &Result<Answer, Missed>,
        payload: &Payload,
    ) -> Verdict {
        let now = clock::now();
        let failure = match tried {
            Ok(answer) => judge::failure(answer, passage.facts.late_error),
            Err(missed) => Some(judge::failure_of(missed)),
        };
        let fleet = &passage.snapshot.fleet;
        let Some(failure) = failure else {
            fleet.worked(site);
            return Verdict::Final;
        };
        if let Err(Missed::Fault(Fault::Bad { answer: BadAnswer::Unassembled, .. })) = tried {
            passage.facts.unassembled = true;
        }
        if !matches!(tried, Err(Missed::NotWritten(_))) {
            self.written += 1;
        }
        passage.facts.tries = self.written;
        match (retry::blame(failure), failure) {
            (
                Blame::Overload | Blame::Key,
                Failure::Status(status) | Failure::EarlyError(status),
            ) => {
                let model = passage.facts.model.as_deref().unwrap_or("");
                passage.facts.key = fleet.refused(site, &status, model, now);
            }
            _ => fleet.left(site),
        }
        let stale_retried = self.stale_at.contains(&site.place.node);
        // The second at a node was new, and cannot have been stale: a model may have run.
        // Nor is what is stored ever made twice on a guess.
        let stale_again =
            failure == Failure::StaleConnection && (stale_retried || self.effect == Effect::Stored);
        let failure = if stale_again { Failure::Lost } else { failure };
        let hopeless = matches!(
            tried,
            Err(Missed::Fault(
                Fault::NoNode(_) | Fault::Dialect(_) | Fault::Upload | Fault::Total { .. }
            ))
        );
        if hopeless || now >= passage.total_deadline() {
            return Verdict::Final;
        }
        self.wish.tried.push(judge::tried(site.place, failure));
        let elsewhere = fleet.elsewhere(&self.wish.ask(), now);
        let course = retry::Course {
            effect: self.effect,
            resendable: payload.can_be_sent() || matches!(tried, Err(Missed::NotWritten(Some(_)))),
            elsewhere: elsewhere.usable,
            untried: elsewhere.hopeful,
            stale_retried,
            written: self.written,
            attempts_max: self.attempts_max,
            free: self.free,
            paid: self.paid,
            patience: self.patience,
        };
        let verdict = retry::verdict(failure, &course, passage.shared.roll());
        // Where nothing was written, no budget of all requests bears it.
        let granted = if failure == Failure::NotWritten {
            verdict
        } else {
            passage.shared.grant(verdict, now)
        };
        if let (Verdict::Retry(_), Verdict::Final) = (verdict, granted) {
            passage.shared.telemetry.retry_refused();
        }
        if failure == Failure::StaleConnection {
            // Another node's kept connections are another matter.
            self.stale_at.push(site.place.node);
        }
        granted
    }

    /// Notes a retry, and keeps what came of the try before it.
    pub(super) fn again(
        &mut self,
        passage: &Passage,
        tried: Result<Answer, Missed>,
        again: Again,
        payload: &mut Payload,
    ) {
        match again.cost {
            Cost::Free => {
                self.free += 1;
                passage.shared.telemetry.retried(RetryCost::Free);
            }
            Cost::Paid => {
                self.paid += 1;
                passage.shared.telemetry.retried(RetryCost::Paid);
            }
        }
        if again.place == Place::FreshConnection {
            self.wish.tried.pop();
            self.wish.born_after = Some(clock::now());
        }
        match tried {
            Ok(answer) => {
                let node = passage.facts.node.as_ref().map(Arc::clone);
                self.let_go(passage);
                self.kept = node.map(|node| (answer, node));
            }
            Err(Missed::NotWritten(body)) => payload.give_back(body),
            Err(Missed::Fault(fault)) => self.lost = Some(fault),
            Err(Missed::Stale) => {}
        }
        if again.place == Place::Anywhere {
            self.wish.tried.clear();
        }
    }

    /// Waits before the next try, as far as the request's own end allows.
    pub(super) async fn rest(&mut self, passage: &Passage, again: Again) {
        if again.wait.is_zero() {
            return;
        }
        let until: Instant = (clock::now() + again.wait).min(passage.total_deadline());
        tokio::time::sleep_until(until.into()).await;
        self.patience = self.patience.saturating_sub(again.wait);
    }

    /// What was kept gives way to something better. What the client gets is counted when it gets it.
    fn let_go(&mut self, passage: &Passage) {
        if let Some((answer, node)) = self.kept.take() {
            let result = match &answer.shape {
                Shape::Stream { .. } => AttemptResult::UpstreamError,
                Shape::Whole { .. } | Shape::Flow { .. } => {
                    AttemptResult::of(answer.parts.status.as_u16())
                }
            };
            passage.shared.telemetry.attempt(&node.settings.name, result);
        }
    }

    /// The end: what the last try gave, or what an earlier one gave when that is better.
    pub(super) fn end(
        mut self,
        passage: &mut Passage,
        last: Result<Answer, Missed>,
    ) -> Result<Answer, Fault> {
        let fault = match last {
            Ok(answer) => {
                self.let_go(passage);
                return Ok(answer);
            }
            // That no node is left to try again at says less than what became of the try before.
            Err(Missed::Fault(none @ Fault::NoNode(_))) => self.lost.take().unwrap_or(none),
            Err(Missed::Fault(fault)) => fault,
            Err(Missed::NotWritten(_)) => {
                let not_taken = Fault::NotTaken { node: last_node(passage) };
                self.lost.take().unwrap_or(not_taken)
            }
            Err(Missed::Stale) => Fault::Lost { node: last_node(passage), phase: Phase::Sent },
        };
        let Some((answer, node)) = self.kept else { return Err(fault) };
        passage.facts.node = Some(node);
        if let Shape::Stream { .. } = answer.shape {
            passage.facts.stream = true;
        }
        Ok(answer)
    }
}

/// The name of the node that was tried last.
fn last_node(passage: &Passage) -> Arc<str> {
    let node = passage.facts.node.as_ref();
    node.map_or_else(|| Arc::from("?"), |node| Arc::clone(&node.settings.name))
}
