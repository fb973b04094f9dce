//! Tries the candidates, a few at a time, each of them one try after the other. Everything that was measured stays when
//! it is stopped. Only unpaid requests; what to try and when to stop is decided in `verdict`.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ferry_gateway::causes::with_causes;
use ferry_gateway::clock;
use ferry_gateway::tasks::Tasks;
use ferry_gateway::upstream::{PathFault, Timed, Trial};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::super::figures::foreign;
use super::verdict::{BUDGET, Tried, goes_on};

/// One address and how it is reached.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) trial: Trial,
    pub(super) at: SocketAddr,
}

/// A run under way. Dropped, it stops.
#[derive(Debug)]
pub(super) struct Run {
    board: Arc<Board>,
    workers: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Board {
    jobs: Vec<Job>,
    tries: usize,
    /// The first job that nobody has taken yet.
    next: AtomicUsize,
    /// Jobs that are over.
    done: AtomicUsize,
    /// By job.
    tried: Mutex<Vec<Vec<Tried>>>,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.workers.iter().for_each(JoinHandle::abort);
    }
}

impl Run {
    /// Starts `parallel` workers.
    pub(super) fn start(jobs: Vec<Job>, tries: usize, parallel: usize, tasks: &Tasks) -> Self {
        let tried = Mutex::new(vec![Vec::new(); jobs.len()]);
        let board = Board { jobs, tries, next: 0.into(), done: 0.into(), tried };
        let board = Arc::new(board);
        let workers = (0..parallel).map(|_| tasks.spawn(Arc::clone(&board).work())).collect();
        Self { board, workers }
    }

    /// Waits for the end of all of them. Cancel safe.
    pub(super) async fn ended(&mut self) {
        for worker in &mut self.workers {
            if !worker.is_finished() {
                // A worker that panicked has told so itself; its rows are what they are.
                drop(worker.await);
            }
        }
    }

    /// Tries so far, and how many candidates are over.
    pub(super) fn progress(&self) -> (usize, usize) {
        let tried = self.board.tried();
        (tried.iter().map(Vec::len).sum(), self.board.done.load(Ordering::Relaxed))
    }

    /// What has been measured, by job.
    pub(super) fn tried(&self) -> Vec<Vec<Tried>> {
        self.board.tried().clone()
    }
}

impl Board {
    async fn work(self: Arc<Self>) {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = self.jobs.get(index) else { return };
            self.see_through(index, job).await;
            self.done.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn see_through(&self, index: usize, job: &Job) {
        let begun = clock::now();
        let mut tries = Vec::new();
        while goes_on(&tries, self.tries, spent(begun)) {
            let left = BUDGET.saturating_sub(spent(begun));
            let timed = timeout(left, job.trial.run(job.at)).await.ok();
            // The first has all the time that a candidate gets.
            let had_its_time = tries.is_empty() || left >= job.trial.longest();
            let Some(tried) = judged(timed, had_its_time) else { return };
            tries.push(tried.clone());
            if let Some(row) = self.tried().get_mut(index) {
                row.push(tried);
            }
        }
    }

    fn tried(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Tried>>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a try says; nothing when the budget cut it short, which is no fault of the way.
fn judged(timed: Option<Timed>, had_its_time: bool) -> Option<Tried> {
    let silent = || Timed { fault: Some(PathFault::Silent), ..Timed::default() };
    timed.or_else(|| had_its_time.then(silent)).map(|timed| of(&timed))
}

fn spent(begun: Instant) -> Duration {
    clock::now().saturating_duration_since(begun)
}

fn of(timed: &Timed) -> Tried {
    let fault = timed.fault.as_ref().map(|fault| with_causes(fault));
    let foreign = || timed.status.and_then(|status| foreign(status, timed.own));
    let millis = |time: Option<Duration>| time.map(|time| time.as_secs_f64() * 1000.0);
    Tried {
        connect_ms: millis(timed.connect),
        tls_ms: millis(timed.tls).filter(|_| timed.fault.is_none()),
        answer_ms: millis(timed.answer),
        status: timed.status,
        fault: fault.or_else(foreign),
        silent: timed.fault.as_ref().is_some_and(|fault| !fault.was_answered()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_try_that_the_budget_cut_short_is_no_loss() {
        assert_eq!(judged(None, false), None);
        assert!(judged(None, true).unwrap().silent, "it had its time, and nothing came");
        let lost = Timed { fault: Some(PathFault::Lost), ..Timed::default() };
        assert!(judged(Some(lost), false).unwrap().fault.is_some());
    }
}
