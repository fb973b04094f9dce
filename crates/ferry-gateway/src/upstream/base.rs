//! What all nodes stand on, over every reload: where tasks are counted, the network below, the bell that
//! rings when a connection has come, and the dice. Holds nothing of any one node.

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::available_parallelism;
use std::time::Instant;

use ferry_rules::{outage, patience};
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, Semaphore};

use super::dial::DialError;
use super::room::Rooms;
use super::transport::{System, Transport};
use crate::tasks::Tasks;
use crate::telemetry::{AttemptResult, Telemetry};

/// Shared by every node; cheap to clone.
#[derive(Debug, Clone)]
pub struct Base {
    pub(super) tasks: Tasks,
    pub(super) transport: Arc<dyn Transport>,
    /// Whether providers have room.
    pub(super) rooms: Arc<Rooms>,
    bell: Arc<Bell>,
    dice: Arc<AtomicU64>,
    queue: Arc<Mutex<patience::Waiting>>,
    telemetry: Arc<OnceLock<Telemetry>>,
    /// Of work on threads of its own.
    turns: Arc<Semaphore>,
    /// When something from beyond this machine was heard last, whichever node it was.
    heard: Arc<Mutex<Option<Instant>>>,
}

/// Rung when something has come that a waiting request may want: a connection, an address, a failure.
#[derive(Debug, Default)]
struct Bell {
    notify: Notify,
    waiting: AtomicUsize,
}

impl Base {
    /// On the system's network. `seed` is random, so that two processes do not probe in step.
    pub fn new(tasks: &Tasks, seed: u64) -> Self {
        Self::over(tasks, seed, Arc::new(System))
    }

    /// On another network.
    pub(crate) fn over(tasks: &Tasks, seed: u64, transport: Arc<dyn Transport>) -> Self {
        let dice = Arc::new(AtomicU64::new(seed));
        Self {
            tasks: tasks.clone(),
            transport,
            rooms: Arc::default(),
            bell: Arc::default(),
            dice,
            queue: Arc::default(),
            telemetry: Arc::default(),
            turns: Arc::new(Semaphore::new(available_parallelism().map_or(1, NonZero::get))),
            heard: Arc::default(),
        }
    }

    /// From now on what becomes of dials is counted there.
    pub fn count_in(&self, telemetry: Telemetry) {
        // A second one would be of the same process.
        drop(self.telemetry.set(telemetry));
    }

    /// A dial to a node came to nothing.
    pub(super) fn dial_failed(&self, node: &Arc<str>, error: &DialError) {
        let tls = error.is_tls();
        let result = if tls { AttemptResult::TlsFailed } else { AttemptResult::ConnectFailed };
        if let Some(telemetry) = self.telemetry.get() {
            telemetry.attempt(node, result);
        }
    }

    /// Runs what takes long on a thread where it holds up nobody. There are as many at a time as processors: others wait
    /// for their turn, and who leaves meanwhile never has one. `None` when the work broke off.
    pub async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok()?;
        let work = self.tasks.aside(move || {
            let _turn = turn;
            work()
        });
        work.await.ok()
    }

    /// A number from 0 up to, and not including, 1 (`SplitMix64`: good enough for jitter, and seeded).
    pub fn roll(&self) -> f64 {
        let step = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.dice.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let bits = u32::try_from(mixed >> 32).unwrap_or(u32::MAX);
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }

    /// Something was heard from beyond this machine.
    pub(super) fn heard(&self, now: Instant) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// True while the machine's own network is known to work: then what points at it is one node's affair.
    pub(super) fn hears(&self, now: Instant) -> bool {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.is_some_and(|at| now.saturating_duration_since(at) <= outage::TOGETHER)
    }

    /// Tells everybody who waits to look again.
    pub(super) fn ring(&self) {
        if self.bell.waiting.load(Ordering::SeqCst) > 0 {
            self.bell.notify.notify_waiters();
        }
    }

    /// A seat among those who are told.
    pub(super) fn listen(&self) -> Listening<'_> {
        self.bell.waiting.fetch_add(1, Ordering::SeqCst);
        Listening(&self.bell)
    }
}

/// A request that is held because no node can be reached; dropped, it makes room for another.
#[derive(Debug)]
pub(super) struct Held {
    queue: Arc<Mutex<patience::Waiting>>,
    bytes: usize,
}

impl Base {
    /// A place among the requests that wait for a path; `None` when as many wait as may.
    pub(super) fn hold(&self, bytes: usize) -> Option<Held> {
        let entered = self.queue.lock().unwrap_or_else(PoisonError::into_inner).enter(bytes);
        entered.then(|| Held { queue: Arc::clone(&self.queue), bytes })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).leave(self.bytes);
    }
}

/// Somebody who waits for the bell.
pub(super) struct Listening<'a>(&'a Bell);

impl Listening<'_> {
    /// Resolves at the next ring; one that was enabled misses none.
    pub(super) fn next(&self) -> Notified<'_> {
        self.0.notify.notified()
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[tokio::test]
    async fn who_leaves_before_its_turn_never_has_one() {
        let base = Base::new(&Tasks::default(), 1);
        let turns = base.turns.available_permits();
        let all = base.turns.acquire_many(u32::try_from(turns).unwrap()).await.unwrap();
        let ran = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ran);
        tokio::select! {
            biased;
            _ = base.aside(move || told.store(true, Ordering::Relaxed)) => panic!("out of turn"),
            () = ready(()) => {}
        }
        drop(all);
        assert_eq!(base.aside(|| 7).await, Some(7));
        assert!(!ran.load(Ordering::Relaxed));
        assert_eq!(base.tasks.alive(), 0);
    }

    #[tokio::test]
    async fn work_that_breaks_off_gives_its_turn_back() {
        let base = Base::new(&Tasks::default(), 1);
        let turns = base.turns.available_permits();
        for _ in 0..=turns {
            assert_eq!(base.aside(|| panic!("broken")).await, None::<()>);
        }
        assert_eq!(base.turns.available_permits(), turns);
    }
}
