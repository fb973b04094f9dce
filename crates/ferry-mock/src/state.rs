//! What a mock remembers: its settings, counters, standing faults, prompt cache, batches and files.
//! All connections share it. It answers no request and touches no socket.

use std::sync::Arc;

use tokio::sync::watch;

use crate::batches::Batches;
use crate::clock;
use crate::fault::{FaultError, Rule, Standing, parse_rules};
use crate::files::Files;
use crate::ledger::Ledger;
use crate::messages::PromptCache;
use crate::settings::MockSettings;

/// What all connections of a mock share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: MockSettings,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) standing: Standing,
    pub(crate) cache: PromptCache,
    pub(crate) batches: Batches,
    pub(crate) files: Files,
    /// Whether the listener is open.
    pub(crate) listening: watch::Sender<bool>,
}

impl Shared {
    /// The state of a mock that has seen nothing yet.
    pub(crate) fn new(settings: MockSettings) -> Self {
        Self {
            ledger: Arc::new(Ledger::new(settings.capture)),
            standing: Standing::new(settings.seed, settings.faults.clone(), clock::now()),
            cache: PromptCache::default(),
            batches: Batches::new(settings.seed, settings.batch_duration),
            files: Files::new(settings.seed),
            listening: watch::Sender::new(true),
            settings,
        }
    }

    /// Sets counters and ring to zero and forgets cache, batches and files; the standing faults remain.
    pub(crate) fn reset(&self) {
        self.ledger.reset();
        self.cache.clear();
        self.batches.clear();
        self.files.clear();
    }

    /// Replaces the standing faults by those of a spec; `""` takes all away.
    ///
    /// # Errors
    /// A spec that cannot be read; the faults in force remain.
    pub(crate) fn set_fault(&self, spec: &str) -> Result<(), FaultError> {
        let rules = if spec.trim().is_empty() { Vec::new() } else { parse_rules(spec)? };
        self.set_rules(rules);
        Ok(())
    }

    /// Replaces the standing faults; their windows begin now.
    pub(crate) fn set_rules(&self, rules: Vec<Rule>) {
        self.standing.set(rules, clock::now());
    }
}
