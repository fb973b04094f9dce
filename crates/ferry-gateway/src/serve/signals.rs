//! What the operating system asks of the process: signals in, systemd's notifications out.
//!
//! Only says what was asked; who runs the server decides. Never exits the process.

use std::io;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{self, SignalKind};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// SIGTERM, or the first SIGINT: finish what runs, then end.
    Drain,
    /// SIGINT when a drain was asked for before: end at once.
    Stop,
    /// SIGHUP: read the configuration and the certificates again.
    Reload,
    /// SIGUSR1: open the log file again, after a rotation.
    ReopenLog,
}

/// The signals that Ferry listens to. From its creation on they no longer kill the process.
#[derive(Debug)]
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
    user1: unix::Signal,
    draining: bool,
}

impl Signals {
    /// Takes the signals over. Must run inside the runtime.
    ///
    /// # Errors
    /// When the system will not have a handler.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            hangup: unix::signal(SignalKind::hangup())?,
            user1: unix::signal(SignalKind::user_defined1())?,
            draining: false,
        })
    }

    /// Waits for the next ask. Cancel safe.
    pub async fn next(&mut self) -> Ask {
        let ask = tokio::select! {
            _ = self.terminate.recv() => Ask::Drain,
            _ = self.interrupt.recv() => if self.draining { Ask::Stop } else { Ask::Drain },
            _ = self.hangup.recv() => Ask::Reload,
            _ = self.user1.recv() => Ask::ReopenLog,
        };
        self.draining |= ask == Ask::Drain;
        ask
    }
}

/// What systemd is told; nothing happens when it did not start the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tell {
    /// The listeners are open, also after a reload (`Type=notify-reload`).
    Ready,
    /// A reload has begun.
    Reloading,
    /// The drain has begun.
    Stopping,
    /// The process is alive.
    Watchdog,
}

/// Tells systemd.
///
/// # Errors
/// When its socket is gone or full; serving goes on all the same.
pub fn tell(what: Tell) -> io::Result<()> {
    match what {
        Tell::Ready => sd_notify::notify(&[NotifyState::Ready]),
        // systemd matches the reload to its request by the monotonic clock (sd_notify(3), MONOTONIC_USEC).
        Tell::Reloading => {
            sd_notify::notify(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?])
        }
        Tell::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
        Tell::Watchdog => sd_notify::notify(&[NotifyState::Watchdog]),
    }
}

/// How often to tell `Watchdog`: half of what systemd allows, as `sd_watchdog_enabled(3)` advises. `None`: no watchdog.
pub fn watchdog_period() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|allowed| allowed / 2)
}

#[cfg(test)]
mod tests;
