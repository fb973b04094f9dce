//! `[redact]` and `[lines.NAME.redact]` as written.
//!
//! A value is never written here: only what to look for, and what to do with it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[redact]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Redact {
    /// Looks for sensitive data in every request. Alone it replaces ID and bank card numbers by `[REDACTED]`, refuses requests that hold live keys, and counts the rest.
    pub(crate) enabled: bool,
    /// Counts what would be done and changes nothing.
    pub(crate) dry_run: bool,
    /// What is done about sensitive data that a model writes by itself: `off` nothing, `report` it is counted, `redact` it meets the action of its type, where `pseudonym` and `block` become `[REDACTED]`. Texts, cited texts and strings of a tool's input are looked through, thinking never. With `redact` the end of a streamed text waits while it may belong to a value, at most 1 KiB; with `rules` of your own texts leave sentence by sentence. `report` holds nothing back.
    pub(crate) answers: Answers,
    /// What a value that stands as a JSON number meets where its action would replace it, since a text in its place would change what a tool declared: `report` it goes on and is counted, `block` the request is refused.
    pub(crate) numbers: Numbers,
    /// What to do with each type, by its name (docs/redact.md lists them); the others keep their defaults.
    #[schemars(extend("examples" = [{"email": "redact", "cn_phone": "pseudonym"}]))]
    pub(crate) actions: BTreeMap<String, Action>,
    /// Rules of your own, each with a `name` and either a `regex` or `words`.
    #[schemars(extend("examples" = [[{"name": "employee_number", "regex": "EMP-[0-9]{6}", "action": "redact"}]]))]
    pub(crate) rules: Vec<Rule>,
}

/// What to do with a type of sensitive data, from the loosest to the tightest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    /// It is not looked for.
    Allow,
    /// It is counted.
    Report,
    /// All but the last four characters become `*`.
    Mask,
    /// It is replaced by a pseudonym, which is turned back in the answer.
    Pseudonym,
    /// It is replaced by a keyed hash.
    Hash,
    /// It is replaced by `[REDACTED]`.
    #[default]
    Redact,
    /// The request is refused.
    Block,
}

/// `redact.answers`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answers {
    #[default]
    Off,
    Report,
    Redact,
}

/// `redact.numbers`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Numbers {
    #[default]
    Report,
    Block,
}

/// One `[[redact.rules]]` table.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Rule {
    /// Its name in reports and metrics: 1 to 32 of small letters, digits and `_`, and no name of a type.
    #[schemars(extend("examples" = ["employee_number"]))]
    pub(crate) name: String,
    /// What it finds, as a regular expression in the syntax of the Rust `regex` crate, without look-around. Repeats with a
    /// bound (`{1,64}`) keep it fast.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(extend("examples" = ["EMP-[0-9]{6}"]))]
    pub(crate) regex: String,
    /// What it finds, word for word.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["Project Heron", "Blue Lagoon"]]))]
    pub(crate) words: Vec<String>,
    /// What to do with it.
    pub(crate) action: Action,
}

/// `[lines.NAME.redact]`: tightens what `[redact]` says.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LineRedact {
    /// Redacts this line although `redact.enabled` is false.
    pub(crate) enabled: bool,
    /// Tighter actions for this line, by type or by the name of a rule.
    pub(crate) actions: BTreeMap<String, Action>,
}
