//! A running mock: its listener, its connections and the handle that tests hold.
//! What is answered stands elsewhere (`route`); this file never looks into a request.

mod accept;
mod control;
mod intake;
mod serve;
mod stage;

use std::net::SocketAddr;
use std::sync::Arc;

use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::fault::{FaultError, Rule};
use crate::ledger::{Captured, Stats};
use crate::settings::MockSettings;
use crate::state::Shared;
use crate::tls::{Identity, Tls, TlsError};

/// The scripted Claude API, not yet running.
#[derive(Debug)]
pub struct Mock;

/// A mock could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The address could not be bound.
    #[error("listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// TLS could not be prepared.
    #[error("prepare TLS")]
    Tls(#[from] TlsError),
}

/// A mock that runs until [`RunningMock::stop`] or until it is dropped.
#[derive(Debug)]
pub struct RunningMock {
    address: SocketAddr,
    shared: Arc<Shared>,
    tls: Option<Arc<Tls>>,
    stopping: watch::Sender<bool>,
    open: watch::Receiver<bool>,
    task: Option<JoinHandle<()>>,
}

impl Mock {
    /// Starts a mock on the current tokio runtime.
    ///
    /// # Errors
    /// The address is taken or not ours, or a host name for the certificate is none.
    #[expect(
        clippy::unused_async,
        reason = "it needs a runtime, and a bound name may one day be resolved"
    )]
    pub async fn start(settings: MockSettings) -> Result<RunningMock, StartError> {
        let tls = settings.tls.as_ref().map(Tls::make).transpose()?.map(Arc::new);
        let wanted = settings.listen;
        let listener = accept::listen(wanted)
            .map_err(|source| StartError::Listen { address: wanted, source })?;
        let address = listener
            .local_addr()
            .map_err(|source| StartError::Listen { address: wanted, source })?;
        let shared = Arc::new(Shared::new(settings));
        let stopping = watch::Sender::new(false);
        let (opened, open) = watch::channel(true);
        let acceptor = accept::Acceptor {
            shared: Arc::clone(&shared),
            tls: tls.clone(),
            address,
            stopping: stopping.subscribe(),
            wanted: shared.listening.subscribe(),
            opened,
        };
        let task = Some(accept::spawn(acceptor.run(listener)));
        Ok(RunningMock { address, shared, tls, stopping, open, task })
    }
}

impl RunningMock {
    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// What to set as `base_url`: `http://127.0.0.1:PORT`, with TLS `https://localhost:PORT`.
    pub fn base_url(&self) -> String {
        match self.tls {
            Some(_) => format!("https://localhost:{}", self.address.port()),
            None => format!("http://{}", self.address),
        }
    }

    /// The authority that signed the certificate, as PEM; `None` without TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.tls.as_ref().map(|tls| tls.ca_pem.as_str())
    }

    /// A certificate that the mock takes from clients, where it requires one; `None` without TLS.
    pub fn client_identity(&self) -> Option<&Identity> {
        self.tls.as_ref().map(|tls| &tls.client)
    }

    /// The counters now.
    pub fn stats(&self) -> Stats {
        self.shared.ledger.stats()
    }

    /// Waits until the counters satisfy `enough`; gives what satisfied. It waits for ever if nothing does.
    pub async fn stats_when(&self, enough: impl Fn(&Stats) -> bool) -> Stats {
        self.shared.ledger.until(enough).await
    }

    /// The kept requests, oldest first (see `Capture`).
    pub fn requests(&self) -> Vec<Captured> {
        self.shared.ledger.requests()
    }

    /// The newest kept request.
    pub fn last(&self) -> Option<Captured> {
        self.shared.ledger.last()
    }

    /// Sets counters and ring to zero and forgets cache, batches and files; the standing faults remain.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Replaces the standing faults by those of a spec (grammar: [`crate::fault`]); `""` takes all away.
    ///
    /// # Errors
    /// A spec that cannot be read; the faults in force remain.
    pub fn set_fault(&self, spec: &str) -> Result<(), FaultError> {
        self.shared.set_fault(spec)
    }

    /// Replaces the standing faults.
    pub fn set_rules(&self, rules: Vec<Rule>) {
        self.shared.set_rules(rules);
    }

    /// Ends every running batch now.
    pub fn finish_batches(&self) {
        self.shared.batches.finish_all();
    }

    /// Closes the listener (connects are refused) or opens it again on the same port; returns when it is done.
    pub async fn set_listening(&mut self, listening: bool) {
        self.shared.listening.send_replace(listening);
        // An error means that the mock has stopped, and then nothing listens.
        self.open.wait_for(|open| *open == listening).await.ok();
    }

    /// Stops: no new connections, idle ones close, running answers get two seconds.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        if let Some(task) = self.task.take() {
            // A panicked acceptor has stopped as well.
            task.await.ok();
        }
    }

    /// Waits until the mock stops by itself, which it does only if its acceptor fails.
    pub async fn wait(&mut self) {
        if let Some(task) = self.task.as_mut() {
            task.await.ok();
            self.task = None;
        }
    }
}

impl Drop for RunningMock {
    fn drop(&mut self) {
        // Aborting the acceptor drops its set of connections, which aborts them too.
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
