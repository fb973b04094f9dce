//! The rules that each conversation began with, and the secret that pseudonyms are made with: shared by all
//! requests, over every reload. Bounded, in memory; a restart forgets which rules a conversation began with, and
//! no pseudonym changes by that. Decision: `ferry_rules::redact::conversation`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ferry_rules::redact::conversation::{Conversation, Conversations};
use ferry_rules::redact::pseudonym::Secret;

use super::RuleSet;

/// Conversations that are remembered: some 3 MB of hashes.
const CONVERSATIONS_MAX: usize = 32 * 1024;

/// What all requests share.
#[derive(Debug)]
pub struct Keeper {
    secret: Secret,
    table: Mutex<Conversations<Arc<RuleSet>>>,
    /// Some conversation is known: until then nobody pays for a look.
    knows_any: AtomicBool,
}

impl Keeper {
    /// Nothing is known yet.
    pub fn new(secret: Secret) -> Self {
        let table = Mutex::new(Conversations::new(CONVERSATIONS_MAX));
        Self { secret, table, knows_any: AtomicBool::new(false) }
    }

    /// What pseudonyms and hashes are made with.
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Whether a request has to say which conversation it belongs to.
    pub fn asks(&self, now: &RuleSet) -> bool {
        !now.is_off() || self.knows_any.load(Ordering::Relaxed)
    }

    /// The rules of a request. `beginning` is a hash of what all turns of its conversation begin with; without one the
    /// rules are those of now.
    pub fn rules(&self, tenant: &str, beginning: Option<u64>, now: &Arc<RuleSet>) -> Arc<RuleSet> {
        let Some(beginning) = beginning else { return Arc::clone(now) };
        self.knows_any.store(true, Ordering::Relaxed);
        let conversation = Conversation::of(&self.secret, tenant, beginning);
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.began_with(conversation, now)
    }
}
