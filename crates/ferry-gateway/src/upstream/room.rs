//! Whether providers have room: what 429, 529 and 500 said, by provider, key and model. No path is blamed here
//! and no node is left alone: a place without room only comes later in the order. Decisions:
//! `ferry_rules::overload`.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ferry_rules::overload::Overload;

/// Places that are remembered at once; beyond it those that have recovered are forgotten first.
const KNOWN_MAX: usize = 4096;

/// Provider, key and model, each as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RoomId {
    pub(super) provider: u64,
    pub(super) key: u64,
    pub(super) model: u64,
}

/// What providers have said.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    /// Most of the time nothing is known, and nobody need ask.
    known: AtomicUsize,
    rooms: Mutex<HashMap<RoomId, Room>>,
}

/// What is remembered of one place.
#[derive(Debug, Default, Clone)]
pub(super) struct Room {
    pub(super) overload: Overload,
    /// For an operator to read; nobody else sees it.
    pub(super) model: Box<str>,
    pub(super) status: u16,
}

impl Rooms {
    /// For how long a request should rather go elsewhere.
    pub(super) fn cooled(&self, id: RoomId, now: Instant) -> Option<Duration> {
        if self.known.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.rooms().get(&id)?.overload.cooled(now)
    }

    /// A request goes there.
    pub(super) fn begins(&self, id: RoomId, now: Instant) {
        if self.known.load(Ordering::Relaxed) > 0
            && let Some(room) = self.rooms().get_mut(&id)
        {
            room.overload.begins(now);
        }
    }

    /// An answer has begun well.
    pub(super) fn worked(&self, id: RoomId) {
        if self.known.load(Ordering::Relaxed) > 0 {
            let mut rooms = self.rooms();
            if let Some(room) = rooms.get_mut(&id) {
                room.overload.succeeded();
            }
        }
    }

    /// A request ended there and said nothing about room.
    pub(super) fn left(&self, id: RoomId) {
        if self.known.load(Ordering::Relaxed) > 0
            && let Some(room) = self.rooms().get_mut(&id)
        {
            room.overload.left();
        }
    }

    /// The provider refused for want of room: a rate limit with its time, or an overload.
    pub(super) fn refused(
        &self,
        id: RoomId,
        (status, model): (u16, &str),
        retry_after: Option<Duration>,
        now: Instant,
        roll: f64,
    ) {
        let mut rooms = self.rooms();
        if rooms.len() >= KNOWN_MAX && !rooms.contains_key(&id) {
            rooms.retain(|_, room| room.overload.cooled(now).is_some());
            if rooms.len() >= KNOWN_MAX {
                return;
            }
        }
        let room = rooms.entry(id).or_default();
        room.status = status;
        if &*room.model != model {
            room.model = Box::from(model);
        }
        match retry_after.filter(|_| status == 429) {
            Some(after) => room.overload.limited(after, now),
            None => {
                room.overload.failed(now, roll);
            }
        }
        self.known.store(rooms.len(), Ordering::Relaxed);
    }

    /// Forgets what was said about one provider; an operator's reset.
    pub(super) fn forget(&self, provider: u64) {
        let mut rooms = self.rooms();
        rooms.retain(|id, _| id.provider != provider);
        self.known.store(rooms.len(), Ordering::Relaxed);
    }

    /// Drops what has recovered.
    pub(super) fn sweep(&self, now: Instant) {
        if self.known.load(Ordering::Relaxed) > 0 {
            let mut rooms = self.rooms();
            rooms.retain(|_, room| {
                room.overload.cooled(now).is_some() || room.overload.view(now).failures > 0
            });
            self.known.store(rooms.len(), Ordering::Relaxed);
        }
    }

    /// Looks at what is known of one provider.
    pub(super) fn each(&self, provider: u64, mut look: impl FnMut(RoomId, &Room)) {
        let rooms = self.rooms();
        let of_it = rooms.iter().filter(|(id, _)| id.provider == provider);
        of_it.for_each(|(id, room)| look(*id, room));
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomId, Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number that stands for a text; the same in every process.
pub fn number(text: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
