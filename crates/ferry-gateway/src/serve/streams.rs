//! HTTP/2 streams, each in a task of its own, cut when their client takes nothing.
//!
//! A client that withholds the window of one stream leaves the socket free, so a stalled socket is no sign; the sign is
//! an answer's body that gave bytes and is not asked for more. Never touches the other streams of the connection.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::Shutdown;
use super::exchange::Mark;
use crate::clock;
use crate::tasks::Tasks;

tokio::task_local! {
    /// The stream whose task this is: hyper gives the service and the executor no other common ground.
    static CURRENT: Arc<Stream>;
}

/// What the body of a stream's answer tells the stream's task.
#[derive(Debug)]
pub(super) struct Stream {
    opened: Instant,
    /// Since when the client has not asked for more.
    given: Mark,
}

impl Stream {
    /// The one of this task; `None` on HTTP/1, whose socket tells.
    pub(super) fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// The client has room again.
    pub(super) fn asked(&self) {
        self.given.clear();
    }

    /// Bytes wait for the client's window.
    pub(super) fn gave(&self) {
        self.given.set(self.opened);
    }
}

/// Starts the streams' tasks.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    pub(super) tasks: Tasks,
    pub(super) client_idle: Duration,
    pub(super) shutdown: Shutdown,
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        let stream = Arc::new(Stream { opened: clock::now(), given: Mark::default() });
        let future = woken(future, self.shutdown.clone());
        let watched = watch(future, Arc::clone(&stream), self.client_idle);
        drop(self.tasks.spawn(CURRENT.scope(stream, watched)));
    }
}

/// Runs a stream to its end, or until its client has taken nothing for `client_idle`; being dropped resets it.
async fn watch(future: impl Future<Output = ()>, stream: Arc<Stream>, client_idle: Duration) {
    let mut future = pin!(future);
    let mut timer = pin!(tokio::time::sleep(client_idle));
    poll_fn(|context| {
        if future.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        // Most answers never wait, and then the timer is never armed.
        while let Some(since) = stream.given.get(stream.opened) {
            if timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            if clock::now() >= since + client_idle {
                return Poll::Ready(());
            }
            timer.as_mut().reset((since + client_idle).into());
        }
        Poll::Pending
    })
    .await;
}

/// Polls a stream at every move of the switch: nothing else wakes one that waits for its node when the drain is over.
async fn woken(future: impl Future<Output = ()>, shutdown: Shutdown) {
    let mut future = pin!(future);
    let mut moved = pin!(shutdown.moved());
    let mut seen = shutdown.stage();
    // Hung up once per waker and move, and not at every poll: the bell is one for all streams.
    let mut hung: Option<Waker> = None;
    poll_fn(|context| {
        loop {
            if future.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            let stage = shutdown.stage();
            if stage > seen {
                seen = stage;
                moved.set(shutdown.moved());
                hung = None;
                continue;
            }
            if hung.as_ref().is_some_and(|waker| context.waker().will_wake(waker)) {
                return Poll::Pending;
            }
            hung = Some(context.waker().clone());
            let mut bell = tokio::task::unconstrained(moved.as_mut());
            if Pin::new(&mut bell).poll(context).is_pending() {
                return Poll::Pending;
            }
            // It rang between the looks at the stage; the next look sees the move.
        }
    })
    .await;
}
