//! The arguments behind a name in a fault spec: `key=value` pairs, taken one by one, so that what is left over is an
//! error with a name. It knows no fault.

use std::str::FromStr;

use thiserror::Error;

/// A spec that says nothing a mock can do.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FaultError {
    /// Nothing stands where a fault should.
    #[error(
        "read the fault spec: nothing stands where a fault should; write for example `529@count=3`"
    )]
    Empty,
    /// No fault has this name.
    #[error("read the fault spec: no fault is named `{name}`; known are {known}")]
    UnknownFault {
        /// What was written.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// A fault or a condition does not have this key.
    #[error("read the fault spec: `{owner}` has no `{key}`")]
    UnknownKey {
        /// The fault, or `@` for conditions.
        owner: String,
        /// What was written.
        key: String,
    },
    /// A key that must be there is not.
    #[error("read the fault spec: `{owner}` needs `{key}=...`")]
    MissingKey {
        /// The fault.
        owner: String,
        /// What is missing.
        key: String,
    },
    /// A value that cannot be read.
    #[error("read the fault spec: `{key}={value}` of `{owner}` should be {wanted}")]
    BadValue {
        /// The fault, or `@` for conditions.
        owner: String,
        /// The key.
        key: String,
        /// What was written.
        value: String,
        /// What would fit.
        wanted: &'static str,
    },
}

/// Arguments not yet taken.
#[derive(Debug)]
pub(crate) struct Args<'a> {
    owner: &'a str,
    pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> Args<'a> {
    /// Splits `a=1,b` into pairs; a key alone has an empty value.
    pub(crate) fn split(owner: &'a str, text: &'a str) -> Self {
        let pairs = text
            .split(',')
            .map(str::trim)
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(key, value)| (key.trim(), value.trim()))
            .collect();
        Self { owner, pairs }
    }

    /// Takes a text.
    pub(crate) fn text(&mut self, key: &str) -> Option<&'a str> {
        let at = self.pairs.iter().position(|(name, _)| *name == key)?;
        Some(self.pairs.swap_remove(at).1)
    }

    /// Takes a key that stands alone, or `key=true`.
    pub(crate) fn flag(&mut self, key: &str) -> bool {
        matches!(self.text(key), Some("" | "true" | "1"))
    }

    /// Takes a number.
    pub(crate) fn number<N: FromStr>(&mut self, key: &str) -> Result<Option<N>, FaultError> {
        let Some(value) = self.text(key) else { return Ok(None) };
        match value.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_unreadable) => Err(self.bad(key, value, "a number of this size")),
        }
    }

    /// Takes a number that must be there.
    pub(crate) fn needed<N: FromStr>(&mut self, key: &str) -> Result<N, FaultError> {
        let missing = FaultError::MissingKey { owner: self.owner.to_owned(), key: key.to_owned() };
        self.number(key)?.ok_or(missing)
    }

    /// Says that a value does not fit.
    pub(crate) fn bad(&self, key: &str, value: &str, wanted: &'static str) -> FaultError {
        FaultError::BadValue {
            owner: self.owner.to_owned(),
            key: key.to_owned(),
            value: value.to_owned(),
            wanted,
        }
    }

    /// Ends the reading: whatever was not taken is not known.
    pub(crate) fn done(self) -> Result<(), FaultError> {
        match self.pairs.first() {
            None => Ok(()),
            Some((key, _)) => {
                Err(FaultError::UnknownKey { owner: self.owner.to_owned(), key: (*key).to_owned() })
            }
        }
    }
}
