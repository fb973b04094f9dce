//! The load itself: connections that take the next request of the schedule, each when it is free. What is not sent yet is
//! a number, not a queue, so that a target that stalls costs no memory. It shows nothing: whoever runs it is told.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ferry_gateway::clock;
use ferry_gateway::serve::signals::{Ask, Signals};
use ferry_gateway::tasks::Tasks;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::call::Call;
use super::connection::{Came, Connection, Dialler, Trouble};
use super::framing::Head;
use super::schedule::{self, Schedule};
use super::spend::Purse;
use super::tally::{Answered, Tally};
use super::verdict::{End, Failure, judge};
use super::watch::Watch;

/// Whom the load goes to, and with what.
pub(super) struct Aim {
    pub(super) dialler: Dialler,
    pub(super) call: Call,
    pub(super) purse: Purse,
    /// For one answer; and behind the end, for all that is under way.
    pub(super) patience: Duration,
}

/// Requests that are counted together.
pub(super) struct Phase {
    pub(super) schedule: Schedule,
    next: AtomicU64,
    tally: Mutex<Tally>,
}

/// A warm-up and what is measured, over the same connections.
pub(super) struct Load {
    aim: Arc<Aim>,
    warm_up: Phase,
    measured: Phase,
    /// Something may have been paid for, and this is why the run ends.
    paid: Notify,
    /// It is an answer that was there, not one that was waited for.
    unmarked: AtomicBool,
}

/// What is known of one request that may have to be paid for.
#[derive(Debug, Default)]
struct Sight {
    /// It was being written, or more.
    sent: AtomicBool,
    /// A mock answered it, or nobody did what costs money.
    free: AtomicBool,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// All that was due was sent and is over.
    Whole,
    /// By a signal.
    Interrupted,
    /// Requests were still waiting for a connection when time was up.
    Behind,
    /// A target that was a mock gave an answer that is not a mock's.
    Unmarked,
    /// A target that was a mock gave none in time, so that nobody knows who was asked.
    Silent,
}

/// What a run gave.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) tally: Tally,
    /// Of the measured part.
    pub(super) time: Duration,
    /// Due, and never sent.
    pub(super) unsent: u64,
    pub(super) stopped: Stopped,
}

impl Phase {
    pub(super) fn new(schedule: Schedule, tally: Tally) -> Self {
        Self { schedule, next: AtomicU64::new(0), tally: Mutex::new(tally) }
    }

    fn claim(&self) -> Option<Instant> {
        self.schedule.due(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// The counts, for a moment.
    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Load {
    pub(super) fn new(aim: Arc<Aim>, warm_up: Phase, measured: Phase) -> Self {
        Self { aim, warm_up, measured, paid: Notify::new(), unmarked: false.into() }
    }

    /// Runs it; `show` is called now and then. Nothing of it is left when this returns.
    ///
    /// # Errors
    /// Those of `show`.
    pub(super) async fn run(
        self: Arc<Self>,
        connections: u32,
        signals: &mut Signals,
        every: Duration,
        mut show: impl FnMut(&Phase) -> io::Result<()>,
    ) -> io::Result<Outcome> {
        let tasks = Tasks::default();
        let mut workers = Vec::new();
        for _ in 0..connections {
            workers.push(tasks.spawn(work(Arc::clone(&self))));
        }
        let deadline = self.measured.schedule.end() + self.aim.patience;
        let stopped = {
            let all = ended(&mut workers);
            let late = tokio::time::sleep_until(deadline.into());
            tokio::pin!(all, late);
            let mut pulse = tokio::time::interval_at((clock::now() + every).into(), every);
            loop {
                tokio::select! {
                    () = &mut all => break Ok(Stopped::Whole),
                    () = end_asked(signals) => break Ok(Stopped::Interrupted),
                    () = self.paid.notified() => break Ok(self.doubt()),
                    () = &mut late => break Ok(Stopped::Behind),
                    _tick = pulse.tick() => if let Err(error) = show(&self.measured) {
                        break Err(error);
                    }
                }
            }
        };
        let now = clock::now();
        for worker in &workers {
            worker.abort();
        }
        ended(&mut workers).await;
        stopped.map(|stopped| self.outcome(stopped, now))
    }

    fn doubt(&self) -> Stopped {
        if self.unmarked.load(Ordering::Relaxed) { Stopped::Unmarked } else { Stopped::Silent }
    }

    fn outcome(&self, stopped: Stopped, now: Instant) -> Outcome {
        let tally = self.measured.tally().clone();
        let schedule = &self.measured.schedule;
        let mut time = now.saturating_duration_since(schedule.begun);
        if stopped == Stopped::Whole {
            // The last request is due before the end, and its answer may come before, too.
            time = time.max(schedule.duration);
        }
        let unsent = schedule.due_before(now).saturating_sub(tally.sent);
        Outcome { tally, time, unsent, stopped }
    }

    /// One request; gives the connection back where it can be used again.
    async fn one(
        &self,
        phase: &Phase,
        kept: Option<Connection>,
        from: Instant,
        sight: &Sight,
    ) -> (Result<Answered, Trouble>, Option<Connection>) {
        let fit = match kept {
            Some(mut connection) => connection.is_fit().await.then_some(connection),
            None => None,
        };
        let mut connection = match fit {
            Some(connection) => connection,
            None => match self.aim.dialler.dial().await {
                Ok(connection) => connection,
                Err(trouble) => return (Err(trouble), None),
            },
        };
        let mut watch = Watch::new(self.aim.call.kind);
        let (mut first, mut last) = (None, None::<Instant>);
        let take = |piece: &[u8], now: Instant| {
            let deltas = watch.feed(piece);
            if deltas > 0 {
                let since = last.map(|last| now.saturating_duration_since(last));
                phase.tally().deltas(deltas, since);
                first = first.or(Some(now));
                last = Some(now);
            }
        };
        sight.sent.store(true, Ordering::Relaxed);
        let headed = |head: &Head| self.see(head, sight);
        let came = match connection.ask(&self.aim.call.request, headed, take).await {
            Ok(came) => came,
            Err(trouble) => return (Err(trouble), None),
        };
        let since = |at: Instant| at.saturating_duration_since(from);
        let answered = Answered { total: since(came.at), first: first.map(since) };
        let kept = (came.end == End::Clean).then_some(connection);
        (judged(&came, &watch).map(|()| answered), kept)
    }

    /// Ends the run at the first head that is not a mock's: what comes behind it is being paid for already.
    fn see(&self, head: &Head, sight: &Sight) {
        let is_paid = (200..300).contains(&head.status) && !head.marked;
        sight.free.store(!is_paid, Ordering::Relaxed);
        if is_paid && self.aim.purse == Purse::Free {
            self.unmarked.store(true, Ordering::Relaxed);
            self.paid.notify_one();
        }
    }

    /// One request within its time; a head that never came says of nobody that it is a mock.
    async fn in_time(
        &self,
        phase: &Phase,
        kept: Option<Connection>,
        from: Instant,
    ) -> (Result<Answered, Trouble>, Option<Connection>) {
        let (sight, patience) = (Sight::default(), self.aim.patience);
        let one = Box::pin(self.one(phase, kept, from, &sight));
        if let Ok(done) = tokio::time::timeout(patience, one).await {
            return done;
        }
        let is_known = !sight.sent.load(Ordering::Relaxed) || sight.free.load(Ordering::Relaxed);
        if !is_known && self.aim.purse == Purse::Free {
            self.paid.notify_one();
        }
        let words = format!("get an answer within {} s", patience.as_secs_f64());
        (Err(Trouble { failure: Failure::Timeout, words }), None)
    }
}

fn judged(came: &Came, watch: &Watch) -> Result<(), Trouble> {
    judge(came.status, watch, came.end).map_err(|failure| {
        let how = match came.end {
            End::Clean => "ended cleanly",
            End::Cut => "was cut",
        };
        Trouble { failure, words: format!("get a whole answer: status {}, {how}", came.status) }
    })
}

/// One connection's work, until nothing is due any more.
async fn work(load: Arc<Load>) {
    let mut kept = None;
    for phase in [&load.warm_up, &load.measured] {
        while let Some(due) = phase.claim() {
            let free = clock::now();
            if due > free {
                tokio::time::sleep_until(due.into()).await;
            }
            let counted = schedule::counted(due, free, clock::now());
            phase.tally().send(counted.late);
            let one = Box::pin(load.in_time(phase, kept.take(), counted.from));
            let (answered, connection) = one.await;
            kept = connection;
            match answered {
                Ok(answered) => phase.tally().answered(answered),
                Err(Trouble { failure, words }) => phase.tally().failed(failure, || words),
            }
        }
    }
}

/// Waits for all that are still to end.
async fn ended(workers: &mut Vec<JoinHandle<()>>) {
    while let Some(worker) = workers.last_mut() {
        // An aborted task ends in an error, which is what was asked for.
        worker.await.ok();
        workers.pop();
    }
}

/// Waits for SIGINT or SIGTERM, or for SIGHUP, which says that the terminal is gone: nobody would see what goes on, and it
/// may be paid for. Log rotations have no meaning here.
pub(super) async fn end_asked(signals: &mut Signals) {
    while signals.next().await == Ask::ReopenLog {}
}
