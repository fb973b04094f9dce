//! The text that takes the place of a value: a pure function of secret, kind and value.
//!
//! The same value must give the same bytes in every turn, after a restart and on every machine with the
//! same secret, or prompt caches and bound thinking break. It never counts, never rolls dice, and
//! neither secret nor value can be printed from here.

use std::borrow::Cow;

use ferry_wire::restore::Token;

use super::action::Action;
use super::{Kind, normalise};

/// What stands where nothing of a value may.
pub const REDACTED: &str = "[REDACTED]";

/// Characters that a mask leaves.
const MASK_LEFT: usize = 4;

/// Most stars of a mask: as many as the longest card number has digits, and a few; a private key
/// would have two thousand, which are paid for.
const MASK_STARS_MAX: usize = 64;

/// Letters of a hash in a text: 86 bits, as of a pseudonym.
const HASH_LETTERS: usize = Token::BYTES - 9;

/// The keys of one tenant, made of its secret.
#[derive(Clone)]
pub struct Secret {
    pseudonym: [u8; 32],
    hash: [u8; 32],
    pub(super) conversation: [u8; 32],
}

/// Never prints a key.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

impl Secret {
    /// The keys that follow from a tenant's secret, one for each purpose.
    pub fn new(secret: &[u8; 32]) -> Self {
        // The contexts are part of what a pseudonym is: another one would change every conversation.
        Self {
            pseudonym: blake3::derive_key("ferry 2026-11 redact pseudonym", secret),
            hash: blake3::derive_key("ferry 2026-11 redact hash", secret),
            conversation: blake3::derive_key("ferry 2026-11 redact conversation", secret),
        }
    }

    /// The pseudonym of a value in any spelling.
    pub fn pseudonym(&self, kind: Kind, value: &str) -> Token {
        Token::new(tag(kind), number(&self.pseudonym, kind, value))
    }

    fn hash(&self, kind: Kind, value: &str) -> String {
        let token = Token::new(tag(kind), number(&self.hash, kind, value));
        let (_, letters) = token.as_str().split_at(Token::BYTES - HASH_LETTERS);
        format!("HASH_{}_{letters}", kind.name())
    }

    /// What takes the place of `value`; nothing where the value goes on or the request does not.
    pub fn replacement(
        &self,
        action: Action,
        kind: Kind,
        value: &str,
    ) -> Option<Cow<'static, str>> {
        match action {
            Action::Redact => Some(Cow::Borrowed(REDACTED)),
            Action::Mask => Some(Cow::Owned(mask(value))),
            Action::Hash => Some(Cow::Owned(self.hash(kind, value))),
            Action::Pseudonym => Some(Cow::Owned(self.pseudonym(kind, value).to_string())),
            Action::Allow | Action::Report | Action::Block => None,
        }
    }
}

/// Stars, and the last four characters of a value that has twice as many.
fn mask(value: &str) -> String {
    let count = value.chars().count();
    let shown = if count >= 2 * MASK_LEFT { MASK_LEFT } else { 0 };
    let stars = (count - shown).min(MASK_STARS_MAX);
    let last = value.chars().skip(count - shown);
    std::iter::repeat_n('*', stars).chain(last).collect()
}

/// Four letters that tell a model what kind of thing it has before it.
const fn tag(kind: Kind) -> [u8; 4] {
    match kind {
        Kind::CnId => *b"IDNO",
        Kind::BankCard => *b"CARD",
        Kind::CnPhone => *b"TELE",
        Kind::HkId => *b"HKID",
        Kind::MoId => *b"MOID",
        Kind::TwId => *b"TWID",
        Kind::CnPassport => *b"PASS",
        Kind::TravelPermit => *b"PRMT",
        Kind::CnUscc => *b"USCC",
        Kind::CnPlate => *b"PLAT",
        Kind::Email => *b"MAIL",
        Kind::IpAddress => *b"ADDR",
        Kind::Iban => *b"IBAN",
        Kind::ApiKey => *b"AKEY",
        Kind::PrivateKey => *b"PKEY",
        // Without the place of the rule: a rule that is put before others must not rename their values.
        Kind::Custom(_) => *b"RULE",
    }
}

fn number(key: &[u8; 32], kind: Kind, value: &str) -> u128 {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&tag(kind));
    hasher.update(normalise(kind, value).as_bytes());
    let hash = hasher.finalize();
    hash.as_bytes().first_chunk().map_or(0, |first| u128::from_le_bytes(*first))
}

#[cfg(test)]
mod tests;
