//! Light traffic while the demo stays up, so that metrics and log have something to show. Two callers, one request at a
//! time each; they stop the moment they are dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ferry_gateway::tasks::Tasks;
use tokio::task::JoinHandle;

use super::act::Act;
use super::client::Target;
use super::play::play;

/// Between two requests of a caller: about two requests a second in all, which no machine notices.
const PAUSE: Duration = Duration::from_millis(500);
/// Callers at once, so that streams overlap now and then.
const CALLERS: usize = 2;

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
}

/// The counts of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Carried {
    /// Requests that came to their end.
    pub(super) requests: u64,
    /// Those that did not end as they should.
    pub(super) wrong: u64,
    /// Output tokens.
    pub(super) output: u64,
}

impl Traffic {
    /// Starts the callers.
    pub(super) fn start(tasks: &Tasks, target: Target) -> Self {
        let counts = Arc::new(Counts::default());
        let callers = (0..CALLERS).map(|caller| {
            let counts = Arc::clone(&counts);
            // Each begins elsewhere in the list.
            let acts = Act::LIGHT.into_iter().cycle().skip(caller * Act::LIGHT.len() / CALLERS);
            tasks.spawn(async move {
                for act in acts {
                    counts.take(act, target).await;
                    tokio::time::sleep(PAUSE).await;
                }
            })
        });
        let callers = callers.collect();
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

impl Counts {
    async fn take(&self, act: Act, target: Target) {
        let outcome = play(act, target).await;
        self.carried.fetch_add(1, Ordering::Relaxed);
        self.wrong.fetch_add(u64::from(!outcome.is_right()), Ordering::Relaxed);
        let output = outcome.usage.map_or(0, |usage| usage.output);
        self.output.fetch_add(output, Ordering::Relaxed);
    }
}
