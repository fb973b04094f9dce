//! `[redact]` and `[lines.NAME.redact]`: policies, the operator's rules, all compiled.
//!
//! A rule that cannot be used is a problem of the file, never left out: to ask for protection and silently not get it
//! would be a leak.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferry_rules::redact::action::Action;
use ferry_rules::redact::policy::{Numbers, Policy, Tightening};
use ferry_rules::redact::{Detectors, Kind, Kinds, Pattern, Rule};

use super::Desk;
use crate::config::near::nearest;
use crate::config::raw::{self, LineRedact, Raw};
use crate::redaction::{Answers, RuleSet};

/// Longest name of a rule: it is a label of metrics.
const NAME_BYTES_MAX: usize = 32;

pub(super) fn rules(raw: &Raw, desk: &mut Desk<'_>) -> Arc<RuleSet> {
    let redact = &raw.redact;
    let names = names(&redact.rules, desk);
    // Checked also where it is off: a file must not turn out broken on the day it is needed.
    let full = full(redact, &names, desk);
    let tenant = if redact.enabled { full.clone() } else { off(&names) };
    let mut lines = BTreeMap::new();
    for (name, line) in &raw.lines {
        if let Some(line) = &line.redact {
            let base = if line.enabled { &full } else { &tenant };
            let key = format!("lines.{name}.redact");
            lines.insert(name.as_str().into(), tightened(&key, base, line, &names, desk));
        }
    }
    let policies = (tenant, lines);
    let detectors = detectors(&policies, redact, &names, desk);
    if !redact.enabled && policies.1.is_empty() {
        if !redact.actions.is_empty() || !redact.rules.is_empty() {
            let key = if redact.actions.is_empty() { "redact.rules" } else { "redact.actions" };
            let help = "set redact.enabled = true, or take it out";
            desk.warn(key, "has no effect: redact.enabled is false", help);
        }
        return Arc::new(RuleSet::off());
    }
    let names = names.into_iter().map(Arc::from).collect();
    let answers = match redact.answers {
        raw::Answers::Off => Answers::Off,
        raw::Answers::Report => Answers::Report,
        raw::Answers::Redact => Answers::Redact,
    };
    let of_lines: Vec<_> = raw.lines.iter().map(|(name, line)| (name, &line.redact)).collect();
    let written = serde_json::to_vec(&(redact, of_lines)).unwrap_or_default();
    Arc::new(RuleSet::new(policies, (detectors, names), answers, &written))
}

/// Nothing is looked for, by no rule of the operator's either.
fn off(names: &[String]) -> Policy {
    let mut policy = Policy::off();
    for (place, _) in (0..).zip(names) {
        policy.set(Kind::Custom(place), Action::Allow);
    }
    policy
}

/// The policy of all lines, with `enabled = true`.
fn full(redact: &raw::Redact, names: &[String], desk: &mut Desk<'_>) -> Policy {
    let mut policy = Policy::standard();
    for (index, rule) in redact.rules.iter().enumerate() {
        if let Ok(place) = u16::try_from(index) {
            policy.set(Kind::Custom(place), action(rule.action));
        }
    }
    for (kind, action) in actions("redact.actions", &redact.actions, names, desk) {
        policy.set(kind, action);
    }
    policy.set_numbers(match redact.numbers {
        raw::Numbers::Report => Numbers::Report,
        raw::Numbers::Block => Numbers::Block,
    });
    policy.set_dry_run(redact.dry_run);
    policy
}

fn tightened(
    key: &str,
    base: &Policy,
    line: &LineRedact,
    names: &[String],
    desk: &mut Desk<'_>,
) -> Policy {
    let actions = actions(&format!("{key}.actions"), &line.actions, names, desk);
    let tightening = Tightening { actions, ..Tightening::default() };
    for kind in base.loosened_by(&tightening) {
        let name = spelling(kind, names);
        let message = format!("is looser than [redact] says, which is `{}`", base.action(kind));
        let help = "a line can only be tighter, since a client names its line itself: take it out, \
                    or loosen redact.actions";
        desk.error(&format!("{key}.actions.{name}"), message, help);
    }
    base.tightened(&tightening)
}

/// The actions of a table, by kind. What is no kind is a problem.
fn actions(
    key: &str,
    written: &BTreeMap<String, raw::Action>,
    names: &[String],
    desk: &mut Desk<'_>,
) -> Vec<(Kind, Action)> {
    let mut actions = Vec::with_capacity(written.len());
    for (name, written) in written {
        if let Some(kind) = kind(name, names) {
            actions.push((kind, action(*written)));
            continue;
        }
        let own = names.iter().map(String::as_str);
        let mut known: Vec<&str> = Kind::BUILT_IN.iter().map(|kind| kind.key()).collect();
        known.extend(own);
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("types are: {}", known.join(", ")),
        };
        desk.error(&format!("{key}.{name}"), "is no type of sensitive data", &help);
    }
    actions
}

fn kind(name: &str, names: &[String]) -> Option<Kind> {
    Kind::from_key(name).or_else(|| {
        let place = names.iter().position(|own| own == name)?;
        u16::try_from(place).ok().map(Kind::Custom)
    })
}

fn spelling(kind: Kind, names: &[String]) -> &str {
    if let Kind::Custom(place) = kind {
        return names.get(usize::from(place)).map_or("", |name| name);
    }
    kind.key()
}

const fn action(written: raw::Action) -> Action {
    match written {
        raw::Action::Allow => Action::Allow,
        raw::Action::Report => Action::Report,
        raw::Action::Mask => Action::Mask,
        raw::Action::Pseudonym => Action::Pseudonym,
        raw::Action::Hash => Action::Hash,
        raw::Action::Redact => Action::Redact,
        raw::Action::Block => Action::Block,
    }
}

/// The names of the operator's rules: labels of metrics, and told apart from types.
fn names(rules: &[raw::Rule], desk: &mut Desk<'_>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    for (index, rule) in rules.iter().enumerate() {
        let key = format!("redact.rules.{index}.name");
        let name = rule.name.as_str();
        let safe = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(safe) {
            let help = "use 1 to 32 of small letters, digits and `_`";
            desk.error(&key, format!("`{name}` is no name for a rule"), help);
        } else if Kind::from_key(name).is_some() || !seen.insert(name) {
            let help = "give every rule a name of its own, other than those of the types";
            desk.error(&key, format!("`{name}` is taken"), help);
        }
    }
    rules.iter().map(|rule| rule.name.clone()).collect()
}

/// Detectors of everything that some line looks for.
fn detectors(
    (tenant, lines): &(Policy, BTreeMap<Box<str>, Policy>),
    redact: &raw::Redact,
    names: &[String],
    desk: &mut Desk<'_>,
) -> Detectors {
    let wanted = |kind: &Kind| {
        tenant.looks_for(*kind) || lines.values().any(|policy| policy.looks_for(*kind))
    };
    let kinds: Kinds = Kind::BUILT_IN.into_iter().filter(wanted).collect();
    let rules: Vec<Rule> =
        redact.rules.iter().enumerate().map(|(index, rule)| own(index, rule, desk)).collect();
    match Detectors::new(kinds, &rules) {
        Ok(detectors) => detectors,
        Err(error) => {
            let index = names.iter().position(|name| *name == error.name).unwrap_or_default();
            let key = format!("redact.rules.{index}");
            let help = "write it in the syntax of the Rust regex crate, or list plain words";
            desk.error(&key, format!("cannot be used: {}", error.fault), help);
            Detectors::none()
        }
    }
}

fn own(index: usize, rule: &raw::Rule, desk: &mut Desk<'_>) -> Rule {
    let name = rule.name.clone();
    if rule.regex.is_empty() == rule.words.is_empty() {
        let key = format!("redact.rules.{index}");
        let message =
            if rule.regex.is_empty() { "looks for nothing" } else { "has a regex and words" };
        desk.error(&key, message, "give it either a `regex` or a list of `words`");
        // Stands in for what could not be read; the file is refused.
        return Rule { name, pattern: Pattern::Words(vec!["-".to_owned()]) };
    }
    let pattern = if rule.regex.is_empty() {
        Pattern::Words(rule.words.clone())
    } else {
        Pattern::Expression(rule.regex.clone())
    };
    Rule { name, pattern }
}
