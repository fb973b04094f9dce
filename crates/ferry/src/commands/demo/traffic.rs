//! Light traffic while the demo stays up, so that metrics and log have something to show: a few callers of Ferry, and as
//! many that go direct, one request at a time each. They stop the moment they are dropped.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::act::Act;
use super::caller::End;
use super::client::Target;
use super::dice::Dice;
use super::plan::Item;
use super::play::play;
use super::scene::Scene;
use super::tally::Side;

/// Between two requests of a caller: a few requests a second in all, which no machine notices.
const PAUSE: Duration = Duration::from_millis(500);
/// Callers at once of each side, so that streams overlap and a turn of the dial shows within seconds.
const CALLERS: usize = 4;
/// Of the direct callers' dice; the other purposes of the demo have smaller ones.
const LANE: u64 = 300;
/// Requests whose ends are remembered of each side: about ten seconds.
const REMEMBERED: usize = 40;

/// Traffic that runs until it is stopped.
#[derive(Debug)]
pub(super) struct Traffic {
    counts: Arc<Counts>,
    callers: Vec<JoinHandle<()>>,
}

/// What was carried so far.
#[derive(Debug, Default)]
struct Counts {
    carried: AtomicU64,
    wrong: AtomicU64,
    output: AtomicU64,
    direct: Last,
    ferry: Last,
}

/// Whether the last requests of one side ended as they should.
#[derive(Debug, Default)]
struct Last(Mutex<VecDeque<bool>>);

/// The counts of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Carried {
    /// Requests that came to their end through Ferry.
    pub(super) requests: u64,
    /// Those that did not end as they should.
    pub(super) wrong: u64,
    /// Output tokens.
    pub(super) output: u64,
}

impl Traffic {
    /// Starts the callers; the seed is that of the demo.
    pub(super) fn start(scene: &Scene, seed: u64) -> Self {
        let counts = Arc::new(Counts::default());
        let mut callers = Vec::with_capacity(2 * CALLERS);
        for caller in 0..CALLERS {
            // Each begins elsewhere in the list.
            let acts = Act::LIGHT.into_iter().cycle().skip(caller * Act::LIGHT.len() / CALLERS);
            let (counted, target) = (Arc::clone(&counts), scene.target());
            callers.push(scene.tasks().spawn(async move {
                for act in acts {
                    counted.take(act, target).await;
                    tokio::time::sleep(PAUSE).await;
                }
            }));
            let (counted, direct) = (Arc::clone(&counts), scene.caller(Side::Direct).clone());
            let items = items(seed, caller);
            callers.push(scene.tasks().spawn(async move {
                for item in items {
                    let shot = direct.shoot(&item).await;
                    counted.direct.push(shot.end == End::Whole);
                    tokio::time::sleep(PAUSE).await;
                }
            }));
        }
        Self { counts, callers }
    }

    /// The counts now.
    pub(super) fn carried(&self) -> Carried {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &self.counts;
        Carried {
            requests: read(&counts.carried),
            wrong: read(&counts.wrong),
            output: read(&counts.output),
        }
    }

    /// Of the last requests direct and through Ferry, so many of a hundred ended as they should.
    pub(super) fn shares(&self) -> [Option<u32>; 2] {
        [self.counts.direct.percent(), self.counts.ferry.percent()]
    }

    /// Hangs up, in the middle of a stream if need be; gives the counts.
    pub(super) async fn stop(self) -> Carried {
        for caller in &self.callers {
            caller.abort();
        }
        let carried = self.carried();
        for caller in self.callers {
            // An aborted task ends in an error, which is what was asked for.
            caller.await.ok();
        }
        carried
    }
}

/// What a direct caller asks for, without end.
fn items(seed: u64, caller: usize) -> impl Iterator<Item = Item> + Send {
    let mut dice = Dice::new(seed, LANE + u64::try_from(caller).unwrap_or(0));
    (0..).map(move |number| Item::new(number, &mut dice))
}

impl Counts {
    async fn take(&self, act: Act, target: Target) {
        let outcome = play(act, target).await;
        self.carried.fetch_add(1, Ordering::Relaxed);
        self.wrong.fetch_add(u64::from(!outcome.is_right()), Ordering::Relaxed);
        self.ferry.push(outcome.is_right());
        let output = outcome.usage.map_or(0, |usage| usage.output);
        self.output.fetch_add(output, Ordering::Relaxed);
    }
}

impl Last {
    fn push(&self, right: bool) {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ends.len() >= REMEMBERED {
            ends.pop_front();
        }
        ends.push_back(right);
    }

    fn percent(&self) -> Option<u32> {
        let ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let right = ends.iter().filter(|right| **right).count();
        u32::try_from((right * 100).checked_div(ends.len())?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direct_callers_follow_the_seed_and_differ() {
        let first = |seed, caller| items(seed, caller).take(8).collect::<Vec<_>>();
        assert_eq!(first(1, 0), first(1, 0));
        assert_ne!(first(1, 0), first(2, 0));
        assert_ne!(first(1, 0), first(1, 1));
    }

    #[test]
    fn only_the_last_ends_count() {
        let last = Last::default();
        assert_eq!(last.percent(), None);
        for _end in 0..REMEMBERED {
            last.push(false);
        }
        assert_eq!(last.percent(), Some(0));
        for _end in 0..REMEMBERED / 4 {
            last.push(true);
        }
        assert_eq!(last.percent(), Some(25));
    }
}
