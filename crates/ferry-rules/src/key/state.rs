//! Whether a configured key is still good, and what to say when it is not.
//!
//! A rate limit is none of it: that is `overload`'s, by model. Only keys of the configuration have a state;
//! a caller's own key is the caller's. A state never outlives the configuration that it was found under.

use std::time::{Duration, Instant};

/// How long a key whose spend limit or credit is used up is left alone before it is asked again.
/// Limits are raised by hand and at the turn of a month; the refusal itself costs nothing.
pub const EXHAUSTED: Duration = Duration::from_mins(5);
/// A 403 may be about one model or one object that the key may not touch, and the client chose it; so many
/// with no success between are about the key.
pub const FORBIDDEN_IN_A_ROW: u32 = 3;

/// What a key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It works, as far as is known.
    Usable,
    /// The provider refused it. It stays so until the configuration changes, or it works after all.
    Refused {
        /// 401 or 403.
        status: u16,
    },
    /// Its spend limit or its credit is used up.
    Exhausted {
        /// Then it is asked again.
        until: Instant,
    },
}

impl KeyState {
    /// What whoever runs Ferry should do. Empty for a usable key.
    pub fn operator_hint(self) -> &'static str {
        match self {
            Self::Usable => "",
            Self::Refused { status: 403 } => {
                "the provider forbids it what it is used for; check its workspace and permissions in the console, then reload"
            }
            Self::Refused { .. } => {
                "the provider does not know it; it was revoked or mistyped; put a valid key into the configuration and reload"
            }
            Self::Exhausted { .. } => {
                "its spend limit or credit is used up; raise the limit or add credit in the console; Ferry asks again every 5 minutes"
            }
        }
    }

    /// One sentence for the caller with the next action. Empty for a usable key.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Usable => "",
            Self::Refused { .. } => {
                "The provider refuses the key that this gateway is configured with: ask whoever runs it to replace the key; another try will not help."
            }
            Self::Exhausted { .. } => {
                "The spend limit or the credit of this gateway's key is used up: ask whoever runs it to raise the limit; another try will not help until then."
            }
        }
    }
}

/// One configured key's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyHealth {
    refused: Option<u16>,
    exhausted: Option<Instant>,
    forbidden: u32,
}

impl KeyHealth {
    /// The provider answered 401 or 403 in its own shape. `true` when that refuses the key anew:
    /// 401 at once, 403 after [`FORBIDDEN_IN_A_ROW`].
    pub fn refused(&mut self, status: u16) -> bool {
        if status == 403 {
            self.forbidden = self.forbidden.saturating_add(1);
            if self.forbidden < FORBIDDEN_IN_A_ROW {
                return false;
            }
        }
        self.refused.replace(status).is_none()
    }

    /// Its spend limit or credit is used up. `true` when it was not before.
    pub fn exhausted(&mut self, now: Instant) -> bool {
        let before = self.exhausted.replace(now + EXHAUSTED);
        before.is_none()
    }

    /// It was answered well.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// What it is good for now.
    pub fn state(&self, now: Instant) -> KeyState {
        if let Some(status) = self.refused {
            return KeyState::Refused { status };
        }
        let lasts = |until: &Instant| *until > now;
        if let Some(until) = self.exhausted.filter(lasts) {
            return KeyState::Exhausted { until };
        }
        KeyState::Usable
    }
}
