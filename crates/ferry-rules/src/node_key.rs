//! May this key stand in a node's configuration?
//!
//! Checked at start and on reload, so that a key which can never work is found by the operator and
//! not by the first caller. It never prints the key and never asks the network.

#[cfg(test)]
mod tests;

use thiserror::Error;

use crate::key_form::{self, KeyForm};

/// Why a node's key is refused. Follows "failed to accept the key of node NAME:".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum NodeKeyFault {
    /// `sk-ant-admin`: it can change the organisation and cannot call a model.
    #[error("it is an admin key (sk-ant-admin)")]
    AdminKey,
    /// `sk-ant-oat`: a subscription's token, which Ferry does not carry.
    #[error("it is a subscription token (sk-ant-oat)")]
    SubscriptionToken,
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Quotation marks came along.
    #[error("it contains quotation marks")]
    Quoted,
    /// A space, tab or line end in or around it.
    #[error("it contains a space or a line end")]
    Space,
    /// A control character or one outside ASCII.
    #[error("it contains a character that no key has")]
    Character,
    /// A placeholder or a variable's name, an assignment, or a scheme instead of the bare value.
    #[error("it is a placeholder or holds more than the key")]
    NotAKey,
}

impl NodeKeyFault {
    /// The next action, for the operator.
    pub fn hint(self) -> &'static str {
        match self {
            Self::AdminKey => {
                "create an API key (sk-ant-api) in the console; keep the admin key out of Ferry"
            }
            Self::SubscriptionToken => "use an API key; Ferry does not carry subscription tokens",
            Self::Empty => "set the variable or fill the file that the key is read from",
            Self::Quoted => "remove the quotation marks from the variable or the file",
            Self::Space => "remove spaces and line ends from the variable or the file",
            Self::Character => "copy the key again from the console",
            Self::NotAKey => "put the bare key there, or name its source as env:NAME or file:PATH",
        }
    }
}

/// Judges a node's configured key (already read from its source, a file's last line end removed).
///
/// # Errors
/// A [`NodeKeyFault`] for a kind that Ferry refuses or a form that no key can have.
pub fn check(value: &str) -> Result<(), NodeKeyFault> {
    if key_form::is_admin_key(value) {
        return Err(NodeKeyFault::AdminKey);
    }
    if key_form::is_subscription_token(value) {
        return Err(NodeKeyFault::SubscriptionToken);
    }
    match key_form::judge(value) {
        None => Ok(()),
        Some(KeyForm::Empty) => Err(NodeKeyFault::Empty),
        Some(KeyForm::Quoted) => Err(NodeKeyFault::Quoted),
        Some(KeyForm::Space | KeyForm::LineEnd) => Err(NodeKeyFault::Space),
        Some(KeyForm::ControlOrNonAscii) => Err(NodeKeyFault::Character),
        Some(KeyForm::Placeholder | KeyForm::Assignment | KeyForm::SchemeInValue) => {
            Err(NodeKeyFault::NotAKey)
        }
    }
}
