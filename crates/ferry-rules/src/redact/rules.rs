//! The operator's own rules: an expression or a list of words, compiled once.
//!
//! One search for an expression is linear in the text, and its compiled size is bounded. All its matches are found by many
//! searches, and each may read to the end of the text before it settles for a short match (`.*[^A-Z]|[A-Z]` over capitals):
//! then time grows with the square of the text. Expressions are the operator's, never a caller's. A list of words reads at
//! most its longest word ahead at each match. A rule that is broken, too large or matches the empty text is refused with the
//! reason, and no rule is ever left out silently.

use aho_corasick::{AhoCorasick, MatchKind};
use regex::{Regex, RegexBuilder};

use super::reading::Text;
use super::{Hit, Kind};

/// Rules that one configuration may have: each costs a pass over every text.
pub const RULES_MAX: usize = 64;

/// The longest expression, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 1024;

/// The largest expression when compiled. `\w{1,64}` over all of Unicode is beyond, `[A-Z]{2}-\d{6}` far below.
pub const EXPRESSION_COMPILED_BYTES_MAX: usize = 128 * 1024;

/// Words of one rule.
pub const WORDS_MAX: usize = 10_000;

/// Words of one rule together, in bytes.
pub const WORDS_BYTES_MAX: usize = 256 * 1024;

/// What an operator looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// An expression in the syntax of the `regex` crate: without look-around and back-references.
    Expression(String),
    /// Words, found in any ASCII case, where no letter or digit touches them.
    Words(Vec<String>),
}

/// A rule as it stands in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The name in messages and reports.
    pub name: String,
    /// What it looks for.
    pub pattern: Pattern,
}

/// Why a rule is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("compile the rule {name:?}: {fault}")]
pub struct RuleError {
    /// The rule's name.
    pub name: String,
    /// What is wrong with it.
    pub fault: RuleFault,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleFault {
    /// The expression cannot be read.
    #[error("the expression is broken: {0}")]
    Broken(String),
    /// The expression is longer than [`EXPRESSION_BYTES_MAX`].
    #[error("the expression has more than {EXPRESSION_BYTES_MAX} bytes")]
    TooLong,
    /// The expression is larger than [`EXPRESSION_COMPILED_BYTES_MAX`] when compiled, and would be slow.
    #[error("the expression would be slow: write fewer repeats, or (?-u) before \\w and \\d")]
    TooSlow,
    /// It matches the empty text, and so every place.
    #[error("it matches the empty text")]
    MatchesEmpty,
    /// There is no word.
    #[error("it has no words")]
    NoWords,
    /// There are too many words.
    #[error("it has more than {WORDS_MAX} words, or {WORDS_BYTES_MAX} bytes of them")]
    TooManyWords,
    /// There are too many rules.
    #[error("there are more than {RULES_MAX} rules")]
    TooManyRules,
}

/// A rule that can be looked for.
#[derive(Debug)]
pub(super) enum Compiled {
    Expression(Regex),
    Words(AhoCorasick),
}

/// Compiles all rules, or says what is wrong with the first that cannot be used.
pub(super) fn compile(rules: &[Rule]) -> Result<Vec<Compiled>, RuleError> {
    let compile = |(index, rule): (usize, &Rule)| {
        let compiled = if index < RULES_MAX {
            compile_one(&rule.pattern)
        } else {
            Err(RuleFault::TooManyRules)
        };
        compiled.map_err(|fault| RuleError { name: rule.name.clone(), fault })
    };
    rules.iter().enumerate().map(compile).collect()
}

fn compile_one(pattern: &Pattern) -> Result<Compiled, RuleFault> {
    match pattern {
        Pattern::Expression(expression) => compile_expression(expression).map(Compiled::Expression),
        Pattern::Words(words) => compile_words(words).map(Compiled::Words),
    }
}

fn compile_expression(expression: &str) -> Result<Regex, RuleFault> {
    if expression.len() > EXPRESSION_BYTES_MAX {
        return Err(RuleFault::TooLong);
    }
    let broken = |error: &dyn std::fmt::Display| {
        // The engine draws the expression with a caret; the last line says what is wrong.
        let drawn = error.to_string();
        RuleFault::Broken(
            drawn.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
        )
    };
    let parsed = regex_syntax::parse(expression).map_err(|error| broken(&error))?;
    if parsed.properties().minimum_len().is_none_or(|least| least == 0) {
        return Err(RuleFault::MatchesEmpty);
    }
    let built = RegexBuilder::new(expression)
        .size_limit(EXPRESSION_COMPILED_BYTES_MAX)
        .dfa_size_limit(8 * EXPRESSION_COMPILED_BYTES_MAX)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => RuleFault::TooSlow,
        error @ (regex::Error::Syntax(_) | _) => broken(&error),
    })
}

fn compile_words(words: &[String]) -> Result<AhoCorasick, RuleFault> {
    if words.is_empty() {
        return Err(RuleFault::NoWords);
    }
    if words.iter().any(String::is_empty) {
        return Err(RuleFault::MatchesEmpty);
    }
    let bytes: usize = words.iter().map(String::len).sum();
    if words.len() > WORDS_MAX || bytes > WORDS_BYTES_MAX {
        return Err(RuleFault::TooManyWords);
    }
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .ascii_case_insensitive(true)
        .build(words)
        .map_err(|error| RuleFault::Broken(error.to_string()))
}

/// Adds what the rules find in `text`.
pub(super) fn find(rules: &[Compiled], text: &str, hits: &mut Vec<Hit>) {
    for (rule, index) in rules.iter().zip(0..) {
        let kind = Kind::Custom(index);
        match rule {
            Compiled::Expression(expression) => {
                let found = expression.find_iter(text).filter(|found| !found.is_empty());
                hits.extend(found.map(|found| Hit {
                    start: found.start(),
                    end: found.end(),
                    kind,
                }));
            }
            Compiled::Words(words) => {
                let read = Text { bytes: text.as_bytes() };
                let found = words
                    .find_iter(text)
                    .filter(|found| stands_alone(read, found.start(), found.end()));
                hits.extend(found.map(|found| Hit {
                    start: found.start(),
                    end: found.end(),
                    kind,
                }));
            }
        }
    }
}

/// Whether no letter or digit touches a word that begins or ends with one.
fn stands_alone(text: Text<'_>, start: usize, end: usize) -> bool {
    let is_letter = |place: usize| text.at(place).is_ascii_alphanumeric();
    (!is_letter(start) || text.open_before(start))
        && (end == 0 || !is_letter(end - 1) || text.open_after(end))
}
