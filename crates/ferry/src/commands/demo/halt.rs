//! Who may stop the demo, and how it hears of it: signals at any time, and keys where there is a terminal. One place, so
//! that every part of the demo ends in the same way.

use std::io;
use std::time::Duration;

use ferry_gateway::serve::signals::{Ask, Signals};
use tokio::time::{Interval, MissedTickBehavior};

use super::keyboard::{Key, Keyboard};

/// How often the keyboard is looked at: faster than a finger is let go.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Signals and keys.
#[derive(Debug)]
pub(super) struct Halt {
    signals: Signals,
    keyboard: Option<Keyboard>,
    looks: Interval,
    quit: bool,
}

impl Halt {
    /// Takes the signals over. Must run inside the runtime.
    ///
    /// # Errors
    /// The system will not have a handler.
    pub(super) fn new() -> io::Result<Self> {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { signals: Signals::new()?, keyboard: None, looks, quit: false })
    }

    /// Listens to keys too, where standard input is this process's terminal.
    pub(super) fn listen_to_keys(&mut self) {
        self.keyboard = Keyboard::open();
    }

    /// Whether keys are listened to.
    pub(super) fn has_keys(&self) -> bool {
        self.keyboard.is_some()
    }

    /// Waits until somebody wants the demo to stop; other keys go by. Cancel safe.
    pub(super) async fn asked(&mut self) {
        while self.next().await.is_some() {}
    }

    /// Waits for the next key; `None` when somebody wants the demo to stop. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Key> {
        while !self.quit {
            tokio::select! {
                ask = self.signals.next() => {
                    self.quit |= matches!(ask, Ask::Drain | Ask::Stop);
                }
                _look = self.looks.tick(), if self.keyboard.is_some() => {
                    match self.keyboard.as_mut().and_then(Keyboard::key) {
                        Some(Key::Quit) => self.quit = true,
                        Some(key) => return Some(key),
                        None => {}
                    }
                }
            }
        }
        None
    }
}
