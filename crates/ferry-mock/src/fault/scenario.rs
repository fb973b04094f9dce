//! Scenario files: a TOML list of rules, the same grammar spread over keys. It opens no file.
//!
//! ```toml
//! [[rule]]
//! path = "/v1/messages"
//! nth = 2
//! fault = "cut:at=5"
//! ```

use serde::Deserialize;
use thiserror::Error;

use super::args::FaultError;
use super::parse::parse_faults;
use super::rule::{Rule, When};

/// A scenario that cannot be played.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// It is not TOML of the right form; the source has the line.
    #[error("read the scenario")]
    Form(#[from] toml::de::Error),
    /// A rule names a fault that does not exist.
    #[error("read rule {number} of the scenario")]
    Fault {
        /// The rule, from 1.
        number: usize,
        /// What is wrong with it.
        source: FaultError,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    #[serde(default)]
    rule: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    fault: String,
    path: Option<String>,
    method: Option<String>,
    nth: Option<u64>,
    every: Option<u64>,
    #[serde(default)]
    skip: u64,
    count: Option<u64>,
    probability: Option<f64>,
    from_ms: Option<u64>,
    to_ms: Option<u64>,
}

/// Reads the rules of a scenario, in the order of the file.
///
/// # Errors
/// TOML of another form, an unknown key, or a fault that does not exist, with the number of its rule.
pub fn parse_scenario(text: &str) -> Result<Vec<Rule>, ScenarioError> {
    let scenario: Scenario = toml::from_str(text)?;
    scenario.rule.into_iter().zip(1..).map(|(entry, number)| rule(entry, number)).collect()
}

fn rule(entry: Entry, number: usize) -> Result<Rule, ScenarioError> {
    let faults =
        parse_faults(&entry.fault).map_err(|source| ScenarioError::Fault { number, source })?;
    let when = When {
        path: entry.path,
        method: entry.method,
        nth: entry.nth,
        every: entry.every,
        skip: entry.skip,
        count: entry.count,
        probability: entry.probability,
        from_ms: entry.from_ms,
        to_ms: entry.to_ms,
    };
    Ok(Rule { faults, when })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    #[test]
    fn a_scenario_is_a_list_of_rules() {
        let text = "[[rule]]\nfault = 'close'\nnth = 2\n[[rule]]\nfault = 'join+crlf'\nprobability = 0.5\n";
        let rules = parse_scenario(text).unwrap();
        assert_eq!(rules[0].when.nth, Some(2));
        assert_eq!(rules[1].faults, [Fault::Join, Fault::Crlf]);
        assert_eq!(rules[1].when.probability, Some(0.5));
    }

    #[test]
    fn a_wrong_rule_is_named_by_its_number() {
        let text = "[[rule]]\nfault = 'close'\n[[rule]]\nfault = 'nonsense'\n";
        assert_eq!(parse_scenario(text).unwrap_err().to_string(), "read rule 2 of the scenario");
        assert!(parse_scenario("[[rule]]\nfault = 'close'\nwhen = 3\n").is_err());
    }
}
