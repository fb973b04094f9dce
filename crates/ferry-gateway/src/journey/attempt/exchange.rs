//! One request out and the head of its answer in, under the deadlines of research/reliability.md 2.2:
//! a node that takes no bytes is given up, a stream that does not begin is, and a silent
//! non-streaming call is left alone until its total is over, since a model may think for minutes.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferry_rules::patience;
use http::{Request, Response};
use hyper::body::Incoming;

use super::{BadAnswer, Fault, Missed, Phase};
use crate::clock;
use crate::journey::passage::Passage;
use crate::journey::settings::Timeouts;
use crate::upstream::{Connection, Node, Outgoing, SendError, Sent};

/// While a silent path is being asked, the answer is looked for so often.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Sends a request and waits for the head of its answer.
pub(super) async fn exchange(
    passage: &Passage,
    node: &Arc<Node>,
    connection: &mut Connection,
    request: Request<Outgoing>,
    sent: &Sent,
) -> Result<Response<Incoming>, Missed> {
    let timeouts = passage.snapshot.settings.timeouts;
    let begun = clock::now();
    let held = request.body().is_held();
    let mut watch = Watch {
        timeouts,
        stream: passage.facts.stream || passage.facts.assembles,
        soft: patience::soft_mark(timeouts.first_byte),
        asked: false,
        total: Total { at: passage.total_deadline(), moves: (!held).then_some(passage.read_at) },
        progress_at: begun,
        bytes: 0,
    };
    let answer = in_time(connection.send(request), &mut watch, sent, |soft| {
        node.doubt(soft, clock::now());
        node.health().is_dead()
    });
    match answer.await {
        Ok(answer) => answer.map_err(|error| missed(error, held, sent, node)),
        Err(late) => Err(Missed::Fault(late.fault(&node.settings.name))),
    }
}

/// Waits for an answer as long as the deadlines let. `is_dead` is asked about the path once it is silent.
async fn in_time<T>(
    answer: impl Future<Output = T>,
    watch: &mut Watch,
    sent: &Sent,
    is_dead: impl Fn(Duration) -> bool,
) -> Result<T, Late> {
    let mut answer = pin!(answer);
    let timeouts = &watch.timeouts;
    let soonest = timeouts.write_stall.min(timeouts.client_idle).min(watch.soft);
    let first = (watch.progress_at + soonest).min(watch.total.at);
    let mut timer = pin!(tokio::time::sleep_until(first.into()));
    loop {
        tokio::select! {
            biased;
            // The deadline first: a flood of interim answers leaves the task no budget to look at it after.
            () = timer.as_mut() => {
                let next = watch.look(clock::now(), sent)?;
                timer.as_mut().reset(next.into());
                if watch.asked && is_dead(watch.soft) {
                    return Err(Late::Dead);
                }
            },
            answer = &mut answer => return Ok(answer),
        }
    }
}

/// What is waited for.
struct Watch {
    timeouts: Timeouts,
    stream: bool,
    /// After so much silence the path is asked whether it stands: the model may be slow.
    soft: Duration,
    asked: bool,
    total: Total,
    /// When bytes were last seen to move.
    progress_at: Instant,
    bytes: u64,
}

/// When the whole request must be over, whatever number this try has.
struct Total {
    at: Instant,
    /// A body that passes through was counted from here, and counts from its last byte.
    moves: Option<Instant>,
}

impl Total {
    fn from(&self, written: Instant) -> Instant {
        let moved = self.moves.map(|from| written.saturating_duration_since(from));
        self.at + moved.unwrap_or_default()
    }
}

/// Which deadline passed, after how many milliseconds.
#[derive(Debug)]
enum Late {
    Total,
    WriteStall(u128),
    Upload,
    Silent(u128),
    /// The path answers not even what needs no model.
    Dead,
}

impl Watch {
    /// A deadline is due: either there was progress, and the next one is given, or the try is over.
    fn look(&mut self, now: Instant, sent: &Sent) -> Result<Instant, Late> {
        let next = match sent.whole_at() {
            // A body that moves is left alone, however long it takes.
            None => {
                if sent.bytes() != self.bytes {
                    self.bytes = sent.bytes();
                    self.progress_at = now;
                }
                let stalled = now.saturating_duration_since(self.progress_at);
                let timeouts = &self.timeouts;
                if sent.waits_for_client() && stalled >= timeouts.client_idle {
                    return Err(Late::Upload);
                }
                if !sent.waits_for_client() && stalled >= timeouts.write_stall {
                    return Err(Late::WriteStall(timeouts.write_stall.as_millis()));
                }
                self.progress_at + timeouts.write_stall.min(timeouts.client_idle)
            }
            Some(written) if now >= self.total.from(written) => return Err(Late::Total),
            Some(written) => {
                let first_byte = if self.stream { self.timeouts.first_byte } else { Duration::MAX };
                let silent = now.saturating_duration_since(written);
                if silent >= first_byte {
                    return Err(Late::Silent(first_byte.as_millis()));
                }
                self.asked = silent >= self.soft;
                let next = if self.asked { silent + LOOK_EVERY } else { self.soft };
                (written + next.min(first_byte)).min(self.total.from(written))
            }
        };
        // Never in the past: a look that changes nothing must not spin.
        Ok(next.max(now + Duration::from_millis(1)))
    }
}

impl Late {
    fn fault(self, node: &Arc<str>) -> Fault {
        let node = Arc::clone(node);
        match self {
            Self::Total => Fault::Total { node },
            Self::WriteStall(after_ms) => Fault::WriteStall { node, after_ms },
            Self::Upload => Fault::Upload,
            Self::Silent(after_ms) => Fault::Silent { node, phase: Phase::Sent, after_ms },
            Self::Dead => Fault::Lost { node, phase: Phase::Sent },
        }
    }
}

fn missed(error: SendError, held: bool, sent: &Sent, node: &Node) -> Missed {
    // A dead connection is found out within two round trips of the write; later the node may have taken the
    // request, and it may be billed (reliability.md 2.1).
    let at_once = sent.whole_at().is_none_or(|written| {
        clock::now().saturating_duration_since(written) < node.two_round_trips()
    });
    let node = &node.settings.name;
    match error {
        SendError::NotWritten(body) => Missed::NotWritten(body.map(|body| *body)),
        SendError::Stale(_) if at_once => Missed::Stale,
        SendError::Lost(error) if error.is_user() && !held => Missed::Fault(Fault::Upload),
        // It waited for its turn on a shared connection, and that ended.
        SendError::Lost(error) if error.is_user() && sent.whole_at().is_none() => {
            Missed::NotWritten(None)
        }
        SendError::Lost(error) if error.is_parse() => {
            Missed::Fault(Fault::Bad { node: Arc::clone(node), answer: BadAnswer::NotHttp })
        }
        SendError::Stale(_) | SendError::Lost(_) => {
            Missed::Fault(Fault::Lost { node: Arc::clone(node), phase: Phase::Sent })
        }
    }
}

#[cfg(test)]
mod tests;
