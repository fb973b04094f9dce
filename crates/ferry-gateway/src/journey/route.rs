//! Room `route`: the node worth trying next, and a connection to it, given what this request has tried.
//! Which nodes are worth it is decided by what they have been like lately; which of them answers first, by a
//! race. Decisions: `ferry_rules::{choice, key, race}`, behind `upstream::Fleet`.

use std::time::{Duration, Instant};

use ferry_wire::path::Family;
use ferry_wire::{affinity, header};

use super::accept::Head;
use super::decode::is_coded;
use super::identify::Caller;
use super::passage::Passage;
use super::read::Payload;
use crate::clock;
use crate::upstream::{Ask, Place, Reached, Unreached, number};

/// What one request asks of the nodes, from try to try.
#[derive(Debug)]
pub(super) struct Wish {
    /// Where it has been.
    pub(super) tried: Vec<Place>,
    /// The connection must have been opened no earlier.
    pub(super) born_after: Option<Instant>,
    /// What is left of its patience.
    pub(super) patience: Duration,
    until: Instant,
    held_bytes: usize,
    conversation: u64,
    home: bool,
    caller: Option<u64>,
    model: u64,
}

/// A node, a key and a connection, and how long they were waited for.
#[derive(Debug)]
pub(super) struct Pick {
    pub(super) reached: Reached,
    pub(super) waited: Duration,
}

/// A node and a connection to it.
pub(super) async fn next(passage: &Passage, wish: &Wish) -> Result<Pick, Unreached> {
    let begun = clock::now();
    let reached = passage.snapshot.fleet.reach(&wish.ask()).await?;
    Ok(Pick { reached, waited: clock::now().saturating_duration_since(begun) })
}

impl Wish {
    pub(super) fn new(passage: &Passage, head: &Head, caller: Caller, payload: &Payload) -> Self {
        let travels = caller.form.is_some() && !caller.ferrys_own;
        let chunks = payload.chunks();
        let choosy = passage.snapshot.has_many_keys;
        Self {
            tried: Vec::new(),
            born_after: None,
            patience: Duration::ZERO,
            until: passage.total_deadline(),
            held_bytes: usize::try_from(passage.facts.bytes_in).unwrap_or(usize::MAX),
            conversation: if choosy { conversation(passage, head, chunks) } else { 0 },
            home: choosy && names_stored_object(passage, chunks),
            caller: travels.then(|| number(&*passage.tenant)),
            model: passage.facts.model.as_deref().map_or(0, number),
        }
    }

    pub(super) fn ask(&self) -> Ask<'_> {
        Ask {
            tried: &self.tried,
            born_after: self.born_after,
            patience: self.patience,
            until: self.until,
            held_bytes: self.held_bytes,
            conversation: self.conversation,
            home: self.home,
            caller: self.caller,
            model: self.model,
        }
    }
}

/// What stays the same over the turns of a conversation: the session that a coding agent names, the user
/// that the application names, else what a prompt cache would go by.
fn conversation(passage: &Passage, head: &Head, chunks: &[bytes::Bytes]) -> u64 {
    if let Some(session) = head.headers.get(header::X_CLAUDE_CODE_SESSION_ID) {
        return number(&(&*passage.tenant, session.as_bytes()));
    }
    let facts = &passage.facts;
    // Where the parts of a coded body stand says nothing of its bytes.
    let read = || if is_coded(&head.headers) { None } else { facts.prefix.hash(chunks) };
    match &facts.user_id {
        Some(user) => number(&(&*passage.tenant, &**user)),
        None => number(&(&*passage.tenant, facts.beginning.or_else(read))),
    }
}

fn names_stored_object(passage: &Passage, chunks: &[bytes::Bytes]) -> bool {
    is_stored(passage.family) || passage.facts.container || affinity::names_stored_object(chunks)
}

/// Batches, files, skills and sessions are stored, and found again with a key of their workspace only.
fn is_stored(family: Family) -> bool {
    !matches!(family, Family::Messages | Family::CountTokens | Family::Complete | Family::Models)
}
