//! Which version of the rules a conversation began with, so that it is kept to its end.
//!
//! New rules would change the bytes of turns that were sent, which breaks prompt caches and thinking
//! that is bound to them. A conversation is told by a keyed hash of what all its turns begin with;
//! the table is bounded, in memory, and keeps no text.

use std::collections::HashMap;

use super::pseudonym::Secret;

/// Tells one conversation from another; says nothing of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Conversation([u8; 16]);

impl Conversation {
    /// The conversation of a tenant that begins so. `beginning` is a hash of what all its turns share: the system
    /// prompt and the first turn, without the marks that clients move from turn to turn.
    pub fn of(secret: &Secret, tenant: &str, beginning: u64) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(&secret.conversation);
        hasher.update(&beginning.to_le_bytes()).update(tenant.as_bytes());
        Self(hasher.finalize().as_bytes().first_chunk().copied().unwrap_or_default())
    }
}

/// What each of the conversations of late began with. Of two generations the older one is dropped
/// whole when the younger is full, so that no step costs more than a look-up.
#[derive(Debug)]
pub struct Conversations<V> {
    young: HashMap<Conversation, V>,
    old: HashMap<Conversation, V>,
    /// Of each generation.
    capacity: usize,
}

impl<V: Clone> Conversations<V> {
    /// An empty table of at most `capacity` conversations, two at least. The last half of `capacity`
    /// that were asked for is never forgotten.
    pub fn new(capacity: usize) -> Self {
        let capacity = (capacity / 2).max(1);
        Self { young: HashMap::new(), old: HashMap::new(), capacity }
    }

    /// What this conversation began with; `now` if it is not known, which it then has begun with.
    pub fn began_with(&mut self, conversation: Conversation, now: &V) -> V {
        if let Some(known) = self.young.get(&conversation) {
            return known.clone();
        }
        let version = self.old.remove(&conversation).unwrap_or_else(|| now.clone());
        if self.young.len() >= self.capacity {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(conversation, version.clone());
        version
    }

    /// How many conversations are known.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tenants_and_beginnings_tell_conversations_apart() {
        let of = |tenant, beginning| Conversation::of(&Secret::new(&[7; 32]), tenant, beginning);
        assert_eq!(of("t_1", 1), of("t_1", 1));
        assert_ne!(of("t_1", 1), of("t_2", 1));
        assert_ne!(of("t_1", 1), of("t_1", 2));
        assert_ne!(of("t_1", 1), Conversation::of(&Secret::new(&[8; 32]), "t_1", 1));
    }

    proptest! {
        #[test]
        fn the_table_is_bounded_and_keeps_the_last_half(
            capacity in 0_usize..20,
            asked in proptest::collection::vec(0_u8..30, 0..200),
        ) {
            let mut table = Conversations::new(capacity);
            let mut versions = HashMap::new();
            for (step, &number) in asked.iter().enumerate() {
                let version = table.began_with(Conversation([number; 16]), &step);
                let since = asked[..step].iter().rev().position(|before| *before == number);
                let before = &asked[step - since.unwrap_or(0)..step];
                let others: std::collections::HashSet<_> = before.iter().collect();
                if since.is_some() && others.len() < (capacity / 2).max(1) {
                    prop_assert_eq!(Some(&version), versions.get(&number));
                }
                versions.insert(number, version);
                prop_assert!(table.len() <= capacity.max(2));
            }
        }
    }
}
