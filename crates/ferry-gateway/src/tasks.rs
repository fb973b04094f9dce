//! The only place that spawns: every task has a name, is counted, and is waited for when Ferry drains.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinHandle;

/// Counts the tasks that are alive, so that tests and the drain can see a leak.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    alive: Arc<AtomicUsize>,
}

/// Gives the count back when the task ends, however it ends.
struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Tasks {
    /// Starts a task on the current runtime. A panic in it ends that task only.
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.alive.fetch_add(1, Ordering::Relaxed);
        let alive = Alive(Arc::clone(&self.alive));
        tokio::spawn(async move {
            let _alive = alive;
            task.await
        })
    }

    /// Runs what would hold up other tasks on a thread of its own kind. It cannot be given up once it runs.
    pub fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        self.alive.fetch_add(1, Ordering::Relaxed);
        let alive = Alive(Arc::clone(&self.alive));
        tokio::task::spawn_blocking(move || {
            let _alive = alive;
            work()
        })
    }

    /// How many tasks are alive now.
    pub fn alive(&self) -> usize {
        self.alive.load(Ordering::Relaxed)
    }
}

/// So that hyper's own tasks are counted like ours.
impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, task: F) {
        drop(self.spawn(task));
    }
}
