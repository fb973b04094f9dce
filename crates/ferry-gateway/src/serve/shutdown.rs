//! The word that ends a listener: run, drain, say your last words, or stop now.
//!
//! One flag that all connections look at for the price of a load, and one bell that wakes them when it moves.
//! It only ever moves forward.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// A shared switch: clones move and see the same one.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(Arc<Switch>);

#[derive(Debug, Default)]
struct Switch {
    stage: AtomicU8,
    moved: Notify,
}

/// How far an end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stage {
    /// Connections are accepted and served.
    Running = 0,
    /// None is accepted; answers in progress are finished, then their connections close.
    Draining = 1,
    /// The drain is over: answers that still run say so and end.
    Closing = 2,
    /// What still runs is cut.
    Cutting = 3,
}

impl Shutdown {
    /// A switch that stands on `Running`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where it stands.
    pub fn stage(&self) -> Stage {
        match self.0.stage.load(Ordering::Acquire) {
            0 => Stage::Running,
            1 => Stage::Draining,
            2 => Stage::Closing,
            _ => Stage::Cutting,
        }
    }

    /// Asks for the drain. Nothing happens when it has begun already.
    pub fn drain(&self) {
        self.advance(Stage::Draining);
    }

    /// Asks what still runs for its last words.
    pub fn close(&self) {
        self.advance(Stage::Closing);
    }

    /// Asks for the end at once.
    pub fn cut(&self) {
        self.advance(Stage::Cutting);
    }

    /// Waits until the switch stands on `stage` or beyond.
    pub async fn reached(&self, stage: Stage) {
        loop {
            // The bell is taken before the look at the flag, so that no move in between is missed.
            let moved = self.0.moved.notified();
            if self.stage() >= stage {
                return;
            }
            moved.await;
        }
    }

    /// Rings at the next move. Take it before looking at `stage`.
    pub(super) fn moved(&self) -> Notified<'_> {
        self.0.moved.notified()
    }

    fn advance(&self, stage: Stage) {
        let before = self.0.stage.fetch_max(stage as u8, Ordering::AcqRel);
        if before < stage as u8 {
            self.0.moved.notify_waiters();
        }
    }
}
