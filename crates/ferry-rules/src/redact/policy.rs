//! Which action each kind meets, and what a business line may change of it: more, never less.
//!
//! A line is told by a header that the client sets, so it may only make the tenant's policy tighter.

use super::Kind;
use super::action::Action;

/// An action per kind, built in and the operator's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    built_in: [Action; Kind::BUILT_IN.len()],
    /// By the place of the rule in the configuration; one that is missing is reported.
    custom: Vec<Action>,
    /// What a value that stands as a JSON number meets where its action is a replacement.
    numbers: Numbers,
    dry_run: bool,
}

/// What a value that stands as a JSON number meets where its action would replace it.
///
/// A text in the place of a number would change the type that a tool has declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Numbers {
    /// It goes on and is counted.
    #[default]
    Report,
    /// The request is refused.
    Block,
}

/// What one business line asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tightening {
    /// Actions of some kinds.
    pub actions: Vec<(Kind, Action)>,
    /// What numbers meet, if the line says so.
    pub numbers: Option<Numbers>,
    /// Whether the line stays a trial, if it says so; a line can end a trial and not begin one.
    pub dry_run: Option<bool>,
}

impl Policy {
    /// Allows everything: nothing needs to be looked for.
    pub const fn off() -> Self {
        Self {
            built_in: [Action::Allow; Kind::BUILT_IN.len()],
            custom: Vec::new(),
            numbers: Numbers::Report,
            dry_run: false,
        }
    }

    /// What `[redact] enabled = true` alone means: identity cards and bank cards are redacted,
    /// live secrets refused, the rest is counted.
    pub fn standard() -> Self {
        let mut policy = Self::off();
        for kind in Kind::BUILT_IN {
            policy.set(kind, standard(kind));
        }
        policy
    }

    /// Sets the action of a kind. The actions of the operator's rules before one that is set are
    /// [`Action::Report`] unless they are set, too.
    pub fn set(&mut self, kind: Kind, action: Action) {
        if let Kind::Custom(place) = kind {
            let place = usize::from(place);
            if self.custom.len() <= place {
                self.custom.resize(place + 1, Action::Report);
            }
            if let Some(slot) = self.custom.get_mut(place) {
                *slot = action;
            }
        } else if let Some(slot) = kind.index().and_then(|place| self.built_in.get_mut(place)) {
            *slot = action;
        }
    }

    /// Sets what numbers meet.
    pub const fn set_numbers(&mut self, numbers: Numbers) {
        self.numbers = numbers;
    }

    /// Makes of the policy a trial: everything is counted as if, nothing is changed or refused.
    pub const fn set_dry_run(&mut self, dry_run: bool) {
        self.dry_run = dry_run;
    }

    /// What a kind meets.
    pub fn action(&self, kind: Kind) -> Action {
        let set = if let Kind::Custom(place) = kind {
            self.custom.get(usize::from(place))
        } else {
            kind.index().and_then(|place| self.built_in.get(place))
        };
        set.copied().unwrap_or(Action::Report)
    }

    /// What numbers meet.
    pub const fn numbers(&self) -> Numbers {
        self.numbers
    }

    /// Whether nothing is changed or refused.
    pub const fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// Whether a kind is worth looking for.
    pub fn looks_for(&self, kind: Kind) -> bool {
        self.action(kind) != Action::Allow
    }

    /// Whether nothing is looked for.
    pub fn is_off(&self) -> bool {
        let all = self.built_in.iter().chain(&self.custom);
        all.into_iter().all(|action| *action == Action::Allow)
    }

    /// Whether some kind is replaced.
    pub fn can_replace(&self) -> bool {
        let all = self.built_in.iter().chain(&self.custom);
        !self.dry_run && all.into_iter().any(|action| action.replaces())
    }

    /// Whether some kind gets a pseudonym, or would but for a dry run: then what is found in a text depends on those
    /// before it.
    pub fn has_pseudonyms(&self) -> bool {
        self.built_in.iter().chain(&self.custom).any(|action| *action == Action::Pseudonym)
    }

    /// Whether some kind is refused: then a body that cannot be scanned is refused as well.
    pub fn can_block(&self) -> bool {
        let all = self.built_in.iter().chain(&self.custom);
        !self.dry_run && all.into_iter().any(|action| *action == Action::Block)
    }

    /// Whether something is replaced or refused: what cannot be looked through then goes no further.
    pub fn is_strict(&self) -> bool {
        self.can_block() || self.can_replace()
    }

    /// This policy with what a line asks for, as far as that is tighter.
    #[must_use]
    pub fn tightened(&self, line: &Tightening) -> Self {
        let mut policy = self.clone();
        for &(kind, action) in &line.actions {
            policy.set(kind, action.max(self.action(kind)).max(policy.action(kind)));
        }
        policy.numbers = policy.numbers.max(line.numbers.unwrap_or_default());
        policy.dry_run &= line.dry_run.unwrap_or(true);
        policy
    }

    /// The kinds for which a line asks less than this policy: a mistake worth telling an operator.
    pub fn loosened_by(&self, line: &Tightening) -> impl Iterator<Item = Kind> {
        line.actions
            .iter()
            .filter(|(kind, action)| *action < self.action(*kind))
            .map(|(kind, _)| *kind)
    }
}

const fn standard(kind: Kind) -> Action {
    match kind {
        Kind::CnId | Kind::BankCard => Action::Redact,
        Kind::ApiKey | Kind::PrivateKey => Action::Block,
        Kind::CnPhone
        | Kind::HkId
        | Kind::MoId
        | Kind::TwId
        | Kind::CnPassport
        | Kind::TravelPermit
        | Kind::CnUscc
        | Kind::CnPlate
        | Kind::Email
        | Kind::IpAddress
        | Kind::Iban
        | Kind::Custom(_) => Action::Report,
    }
}

#[cfg(test)]
mod tests;
