//! Name lookups of one node, one at a time: `getaddrinfo` cannot be cancelled, so each one that outlives
//! its caller's patience keeps a thread. Whoever comes meanwhile waits for the same answer. Keeps no answer.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::tasks::Tasks;

/// What the resolver said; an `io::Error` cannot be handed to several.
type Answer = Result<Arc<[SocketAddr]>, (io::ErrorKind, String)>;

/// The lookup in flight, if there is one.
#[derive(Debug)]
pub(super) struct Lookup {
    tasks: Tasks,
    flight: Mutex<Option<watch::Receiver<Option<Answer>>>>,
}

impl Lookup {
    pub(super) fn new(tasks: &Tasks) -> Self {
        Self { tasks: tasks.clone(), flight: Mutex::new(None) }
    }

    /// The answer of the lookup in flight, else of a new one. Dropping the future leaves it in flight.
    ///
    /// # Errors
    /// What the resolver said.
    pub(super) async fn join<F>(&self, resolve: impl FnOnce() -> F) -> io::Result<Arc<[SocketAddr]>>
    where
        F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        let mut flight = self.board(resolve);
        let landed = flight.wait_for(Option::is_some).await.map(|answer| answer.clone());
        match landed {
            Ok(Some(Ok(addresses))) => Ok(addresses),
            Ok(Some(Err((kind, said)))) => Err(io::Error::new(kind, said)),
            Ok(None) | Err(_) => {
                // Its task is gone without a word: the next caller looks again.
                *self.flight() = None;
                Err(io::Error::other("the lookup was given up"))
            }
        }
    }

    fn board<F>(&self, resolve: impl FnOnce() -> F) -> watch::Receiver<Option<Answer>>
    where
        F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        let mut flight = self.flight();
        if let Some(under_way) = flight.as_ref().filter(|flight| flight.borrow().is_none()) {
            return under_way.clone();
        }
        let (landing, receiver) = watch::channel(None);
        *flight = Some(receiver.clone());
        let resolving = resolve();
        drop(self.tasks.spawn(async move {
            let said = resolving.await;
            landing.send_replace(Some(match said {
                Ok(addresses) => Ok(addresses.into()),
                Err(error) => Err((error.kind(), error.to_string())),
            }));
        }));
        receiver
    }

    fn flight(&self) -> MutexGuard<'_, Option<watch::Receiver<Option<Answer>>>> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
