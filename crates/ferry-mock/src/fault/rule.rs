//! When a fault strikes: conditions on the request, its number, the dice and the time since the rule was set.
//! It counts and decides; it never acts.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::{Accept, Fault};
use crate::dice::{Dice, mix};

/// Faults and the requests that they strike.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// What happens, all of it.
    pub faults: Vec<Fault>,
    /// To which requests.
    pub when: When,
}

/// Conditions; all must hold. The default holds for every request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct When {
    /// The path begins with this.
    pub path: Option<String>,
    /// The method is this.
    pub method: Option<String>,
    /// It is the Nth request, from 1, that fits path and method.
    pub nth: Option<u64>,
    /// Its number is a multiple of this.
    pub every: Option<u64>,
    /// Its number is greater than this.
    pub skip: u64,
    /// The rule has struck fewer times than this.
    pub count: Option<u64>,
    /// A seeded throw in 0.0..1.0 lies below this.
    pub probability: Option<f64>,
    /// Milliseconds since the rule was set are at least this.
    pub from_ms: Option<u64>,
    /// Milliseconds since the rule was set are below this.
    pub to_ms: Option<u64>,
}

/// The rules in force, with their counters.
#[derive(Debug)]
pub(crate) struct Standing {
    seed: u64,
    rules: Mutex<Vec<Counted>>,
}

#[derive(Debug)]
struct Counted {
    rule: Rule,
    since: Instant,
    seen: u64,
    struck: u64,
    dice: Dice,
}

impl Standing {
    /// Puts rules in force from `now` on.
    pub(crate) fn new(seed: u64, rules: Vec<Rule>, now: Instant) -> Self {
        let standing = Self { seed, rules: Mutex::new(Vec::new()) };
        standing.set(rules, now);
        standing
    }

    /// Replaces all rules; their counters start anew.
    pub(crate) fn set(&self, rules: Vec<Rule>, now: Instant) {
        let counted = rules.into_iter().zip(1..).map(|(rule, number)| Counted {
            rule,
            since: now,
            seen: 0,
            struck: 0,
            dice: Dice::new(mix(self.seed ^ number)),
        });
        if let Ok(mut rules) = self.rules.lock() {
            *rules = counted.collect();
        }
    }

    /// The faults that strike this request; counts it.
    pub(crate) fn strike(&self, method: &str, path: &str, now: Instant) -> Vec<Fault> {
        let Ok(mut rules) = self.rules.lock() else { return Vec::new() };
        let mut faults = Vec::new();
        for counted in rules.iter_mut() {
            let connects =
                counted.rule.faults.iter().any(|fault| matches!(fault, Fault::Accept(_)));
            if !connects && counted.rule.when.fits(method, path) && counted.throw(now) {
                faults.extend(counted.rule.faults.iter().cloned());
            }
        }
        faults
    }

    /// What becomes of a new connection; counts it.
    pub(crate) fn connect(&self, now: Instant) -> Option<Accept> {
        let mut rules = self.rules.lock().ok()?;
        rules.iter_mut().find_map(|counted| {
            let accept = counted.rule.faults.iter().find_map(|fault| {
                if let Fault::Accept(accept) = fault { Some(*accept) } else { None }
            })?;
            counted.throw(now).then_some(accept)
        })
    }
}

impl When {
    fn fits(&self, method: &str, path: &str) -> bool {
        self.path.as_deref().is_none_or(|prefix| path.starts_with(prefix))
            && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
    }
}

impl Counted {
    fn throw(&mut self, now: Instant) -> bool {
        let when = &self.rule.when;
        self.seen += 1;
        let number = self.seen;
        let age = now.saturating_duration_since(self.since);
        let millis = |ms: Option<u64>| ms.map(Duration::from_millis);
        let holds = when.nth.is_none_or(|nth| number == nth)
            && when.every.is_none_or(|every| every > 0 && number.is_multiple_of(every))
            && number > when.skip
            && when.count.is_none_or(|count| self.struck < count)
            && millis(when.from_ms).is_none_or(|from| age >= from)
            && millis(when.to_ms).is_none_or(|to| age < to)
            // The dice are thrown for every request that comes this far, so that a seed gives one sequence.
            && when.probability.is_none_or(|p| self.dice.unit() < p);
        self.struck += u64::from(holds);
        holds
    }
}

#[cfg(test)]
mod tests;
