//! Wakes of a connection that its own work causes, told apart from those that come from outside.
//!
//! Hyper hands an upload over piece by piece, and taking a piece wakes the task that is running. By way of the
//! scheduler every other connection would have its turn before the next piece, and the pieces before it would be out
//! of the processor's cache when they are sent on. So such a wake is a look again at once, a bounded number of times.
//! And what such a look is not for is not polled: a call sees only the wakes that are its own.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Looks in one turn: an upload of 256 KiB in pieces of 16 KiB. Also what a task that has used up its budget wastes, since
/// tokio then wakes it and gives it nothing.
const LOOKS_MAX: u32 = 16;

/// The waker that a connection is polled with.
#[derive(Debug)]
struct Bell {
    task: Waker,
    /// The connection is being polled, so a wake need not go to the scheduler.
    polling: AtomicBool,
    rang: AtomicBool,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Rung before the look at `polling`, and there the other way round: one of the two sees the other.
        self.rang.store(true, Ordering::SeqCst);
        if !self.polling.load(Ordering::SeqCst) {
            self.task.wake_by_ref();
        }
    }
}

/// Polls a connection until it waits for something from outside, or has had its turn.
#[derive(Debug, Default)]
pub(super) struct Turns(Option<(Arc<Bell>, Waker)>);

impl Turns {
    pub(super) fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        mut look: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let known = self.0.take().filter(|(bell, _)| bell.task.will_wake(context.waker()));
        let (bell, waker) = self.0.insert(known.unwrap_or_else(|| {
            let (polling, rang) = (AtomicBool::new(false), AtomicBool::new(false));
            let bell = Arc::new(Bell { task: context.waker().clone(), polling, rang });
            (Arc::clone(&bell), Waker::from(bell))
        }));
        for _ in 0..LOOKS_MAX {
            bell.rang.store(false, Ordering::SeqCst);
            bell.polling.store(true, Ordering::SeqCst);
            let polled = look(&mut Context::from_waker(waker));
            bell.polling.store(false, Ordering::SeqCst);
            if polled.is_ready() || !bell.rang.load(Ordering::SeqCst) {
                return polled;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The waker that a call is polled with.
#[derive(Debug)]
struct Call {
    connection: Waker,
    woken: AtomicBool,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.connection.wake_by_ref();
    }
}

/// Polls a future only when it was woken, however often its surroundings are.
pub(super) async fn when_woken<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut own: Option<(Arc<Call>, Waker)> = None;
    poll_fn(|context| {
        let known = own.take().filter(|(call, _)| call.connection.will_wake(context.waker()));
        let (call, waker) = own.insert(known.unwrap_or_else(|| {
            let woken = AtomicBool::new(true);
            let call = Arc::new(Call { connection: context.waker().clone(), woken });
            (Arc::clone(&call), Waker::from(call))
        }));
        if call.woken.swap(false, Ordering::AcqRel) {
            future.as_mut().poll(&mut Context::from_waker(waker))
        } else {
            Poll::Pending
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Task(std::sync::atomic::AtomicU32);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_wake_from_within_is_a_look_again_and_one_from_outside_goes_to_the_task() {
        let task = Arc::new(Task::default());
        let waker = Waker::from(Arc::clone(&task));
        let mut context = Context::from_waker(&waker);
        let mut turns = Turns::default();
        let mut kept = None;
        let mut looks = 0;
        let polled = turns.poll(&mut context, |inner| {
            looks += 1;
            if looks < 3 {
                inner.waker().wake_by_ref();
            }
            kept = Some(inner.waker().clone());
            Poll::<()>::Pending
        });
        assert!(polled.is_pending() && looks == 3);
        assert_eq!(task.0.load(Ordering::SeqCst), 0);
        kept.unwrap().wake();
        assert_eq!(task.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn who_rings_without_end_gives_the_others_their_turn() {
        let task = Arc::new(Task::default());
        let waker = Waker::from(Arc::clone(&task));
        let mut looks = 0;
        let polled = Turns::default().poll(&mut Context::from_waker(&waker), |inner| {
            looks += 1;
            inner.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert!(polled.is_pending() && looks == LOOKS_MAX);
        assert_eq!(task.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_call_is_polled_for_its_own_wakes_only() {
        let mut polls = 0;
        let mut kept = None;
        let call = poll_fn(|inner| {
            polls += 1;
            kept = Some(inner.waker().clone());
            if polls == 2 { Poll::Ready(()) } else { Poll::Pending }
        });
        let task = Arc::new(Task::default());
        let waker = Waker::from(Arc::clone(&task));
        let mut context = Context::from_waker(&waker);
        let mut call = Box::pin(when_woken(call));
        assert!(call.as_mut().poll(&mut context).is_pending());
        assert!(call.as_mut().poll(&mut context).is_pending());
        drop(call);
        assert_eq!(polls, 1);
        kept.unwrap().wake();
        assert_eq!(task.0.load(Ordering::SeqCst), 1);
    }
}
