//! A node's keys: which one a request uses, and what providers have said about each. A key that is refused
//! or used up is no fault of the path, and a conversation stays with its key while that is usable. Holds no
//! key's value. Decisions: `ferry_rules::key`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ferry_rules::key::{self, Candidate, KeyHealth, KeyState, Workspaces};
use ferry_rules::retry::Status;
use secrecy::ExposeSecret;

use super::room::{RoomId, Rooms, number};
use super::settings::NodeSettings;
use super::site::{Ask, Place};

/// What a key that is refused counts as cooling for: longer than any that will come back.
const REFUSED: Duration = Duration::from_hours(24);

/// Stands for the workspace of whatever key the caller brings.
const CALLERS: u64 = 0;

/// The keys of one node, under one configuration.
#[derive(Debug)]
pub(super) struct Keys {
    provider: u64,
    known: Vec<Known>,
    health: Mutex<Vec<KeyHealth>>,
}

/// One key, as numbers.
#[derive(Debug)]
struct Known {
    id: u64,
    workspace: u64,
}

/// The key for a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    /// Its index; `None`: the caller's own.
    pub(super) key: Option<usize>,
    /// For how long the request should rather go elsewhere.
    pub(super) cooled: Option<Duration>,
    pub(super) room: RoomId,
}

impl Keys {
    pub(super) fn new(settings: &NodeSettings) -> Self {
        let known: Vec<Known> = settings
            .keys
            .iter()
            .map(|key| {
                let value = key.key.expose_secret();
                let unnamed = key.workspace.is_empty();
                Known {
                    // The same at every node, so that a conversation finds its key there, too.
                    id: number(value),
                    // Where no workspace is named, no two keys are taken to share one.
                    workspace: if unnamed { number(value) } else { number(&*key.workspace) },
                }
            })
            .collect();
        Self {
            provider: number(&settings.url.authority().map(http::uri::Authority::as_str)),
            health: Mutex::new(vec![KeyHealth::default(); known.len()]),
            known,
        }
    }

    /// The workspace of the first key; a caller's own key is one of its own.
    pub(super) fn home(&self) -> u64 {
        self.known.first().map_or(CALLERS, |key| key.workspace)
    }

    /// The key that a request should use at this node, the `node`th; `None` when there is none for it.
    /// `home`: the one workspace whose keys it may use.
    pub(super) fn offer(
        &self,
        node: usize,
        ask: &Ask<'_>,
        home: Option<u64>,
        rooms: &Rooms,
        now: Instant,
    ) -> Option<Offer> {
        let room = |key| RoomId { provider: self.provider, key, model: ask.model };
        if self.known.is_empty() {
            if home.is_some_and(|home| home != CALLERS) {
                return None;
            }
            let room = room(ask.caller?);
            return Some(Offer { key: None, cooled: rooms.cooled(room, now), room });
        }
        if let [only] = &*self.known {
            if home.is_some_and(|home| home != only.workspace) {
                return None;
            }
            let room = room(only.id);
            let cooled = self.cooled(0, now).max(rooms.cooled(room, now));
            return Some(Offer { key: Some(0), cooled, room });
        }
        let cooled = |at: usize| {
            let room = room(self.known.get(at)?.id);
            self.cooled(at, now).max(rooms.cooled(room, now))
        };
        let tried = |at| ask.tried.contains(&Place { node, key: Some(at) });
        let among = |usable: &dyn Fn(usize) -> bool| {
            let candidates: Vec<Candidate> = self
                .known
                .iter()
                .enumerate()
                .map(|(at, key)| Candidate {
                    id: key.id,
                    workspace: key.workspace,
                    usable: usable(at),
                })
                .collect();
            let workspaces = home.map_or(Workspaces::Any, Workspaces::Only);
            key::choose(ask.conversation, &candidates, workspaces)
        };
        // A key is better than none: a refused one still gets the caller the provider's own answer.
        let key = among(&|at| cooled(at).is_none() && !tried(at))
            .or_else(|| among(&|at| !tried(at)))
            .or_else(|| among(&|_| true))?;
        Some(Offer { key: Some(key), cooled: cooled(key), room: room(self.known.get(key)?.id) })
    }

    /// The provider refused a key, or its money is used up; gives what the key is good for now.
    pub(super) fn refused(&self, at: usize, status: &Status, now: Instant) -> Option<KeyState> {
        let mut health = self.health();
        let health = health.get_mut(at)?;
        if status.spend_limit || status.code == 402 {
            health.exhausted(now);
        } else {
            health.refused(status.code);
        }
        Some(health.state(now))
    }

    /// It was answered well.
    pub(super) fn worked(&self, at: usize) {
        if let Some(health) = self.health().get_mut(at) {
            health.succeeded();
        }
    }

    /// An operator's reset.
    pub(super) fn reset(&self, rooms: &Rooms) {
        self.health().fill(KeyHealth::default());
        rooms.forget(self.provider);
    }

    /// What each is good for.
    pub(super) fn states(&self, now: Instant) -> Vec<KeyState> {
        self.health().iter().map(|health| health.state(now)).collect()
    }

    /// Which of them a number stands for.
    pub(super) fn position(&self, id: u64) -> Option<usize> {
        self.known.iter().position(|key| key.id == id)
    }

    pub(super) fn provider(&self) -> u64 {
        self.provider
    }

    fn cooled(&self, at: usize, now: Instant) -> Option<Duration> {
        match self.health().get(at)?.state(now) {
            KeyState::Usable => None,
            KeyState::Exhausted { until } => Some(until.saturating_duration_since(now)),
            KeyState::Refused { .. } => Some(REFUSED),
        }
    }

    fn health(&self) -> MutexGuard<'_, Vec<KeyHealth>> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
