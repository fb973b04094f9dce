//! The operator's own rules: an expression or a list of words, compiled once.
//!
//! All matches are found in time linear in the text. One search for an expression is, but before it settles for a short match
//! it may read far ahead, and do so at each match (`.*[^A-Z]|[A-Z]` over capitals): an expression that might read further
//! than [`AHEAD_BYTES_MAX`] is refused. A list of words reads at most its longest word ahead. A rule that is broken, slow,
//! too large or matches the empty text is refused with the reason, and no rule is ever left out silently.

use aho_corasick::{AhoCorasick, MatchKind};
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind};

use super::reading::Text;
use super::{Hit, Kind};

/// Rules that one configuration may have: each costs a pass over every text.
pub const RULES_MAX: usize = 64;

/// The longest expression, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 1024;

/// The largest expression when compiled. `\w{1,64}` over all of Unicode is beyond, `[A-Z]{2}-\d{6}` far below.
pub const EXPRESSION_COMPILED_BYTES_MAX: usize = 128 * 1024;

/// How far an expression may read beyond a match before it is sure of it, in bytes. What it reads ahead it may read again at
/// the next match, so that this is how much slower than one pass it can be.
pub const AHEAD_BYTES_MAX: usize = 256;

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
    /// The expression might read to the end of the text at each match.
    #[error(
        "the expression would be slow: a repeat without an end, such as `.*`, may only stand at its end and repeat single characters, \
         and all else may take {AHEAD_BYTES_MAX} bytes; write `.{{0,64}}`"
    )]
    Unbounded,
    /// It matches the empty text, and so every place.
    #[error("it matches the empty text")]
    MatchesEmpty,
    /// There is no word.
    #[error("it has no words")]
    NoWords,
    /// A word is longer than [`AHEAD_BYTES_MAX`].
    #[error("a word has more than {AHEAD_BYTES_MAX} bytes")]
    LongWord,
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
    if !is_linear(&parsed) {
        return Err(RuleFault::Unbounded);
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

/// Whether no match makes a search read more than [`AHEAD_BYTES_MAX`] further without another match.
///
/// Of a greedy loop over single characters at the very end, each step is a longer match already. Assertions behind it may
/// hold up that match: what is read until they hold is read twice, unless another branch has short matches meanwhile.
fn is_linear(expression: &Hir) -> bool {
    if let HirKind::Alternation(branches) = expression.kind() {
        return branches.iter().all(|branch| ends_well(branch, false));
    }
    ends_well(expression, true)
}

fn ends_well(expression: &Hir, may_assert: bool) -> bool {
    if is_short(expression) {
        return true;
    }
    match expression.kind() {
        HirKind::Capture(capture) => ends_well(&capture.sub, may_assert),
        HirKind::Repetition(repetition) => {
            let is_step = matches!(repetition.sub.kind(), HirKind::Class(_) | HirKind::Literal(_));
            let least = usize::try_from(repetition.min).unwrap_or(usize::MAX);
            is_step && repetition.greedy && repetition.max.is_none() && least <= AHEAD_BYTES_MAX
        }
        HirKind::Concat(parts) => {
            let is_assertion = |part: &&Hir| matches!(part.kind(), HirKind::Look(_));
            let asserted = parts.iter().rev().take_while(is_assertion).count();
            let Some((last, before)) =
                parts.get(..parts.len() - asserted).and_then(<[Hir]>::split_last)
            else {
                return true;
            };
            let size = before.iter().map(|part| part.properties().maximum_len());
            (asserted == 0 || may_assert)
                && size.sum::<Option<usize>>().is_some_and(|size| size <= AHEAD_BYTES_MAX)
                && ends_well(last, may_assert)
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => true,
        HirKind::Alternation(_) => false,
    }
}

fn is_short(expression: &Hir) -> bool {
    expression.properties().maximum_len().is_some_and(|size| size <= AHEAD_BYTES_MAX)
}

fn compile_words(words: &[String]) -> Result<AhoCorasick, RuleFault> {
    if words.is_empty() {
        return Err(RuleFault::NoWords);
    }
    if words.iter().any(String::is_empty) {
        return Err(RuleFault::MatchesEmpty);
    }
    if words.iter().any(|word| word.len() > AHEAD_BYTES_MAX) {
        return Err(RuleFault::LongWord);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(expression: &str) -> Option<RuleFault> {
        compile_expression(expression).err()
    }

    #[test]
    fn an_expression_reads_a_bounded_stretch_ahead() {
        let linear = [
            "EMP-[0-9]{6}",
            "EMP-[0-9]+",
            "(?i)project-[a-z]{3,}",
            r"(?-u:\bid[0-9]+\b)",
            "(staff|badge)-[0-9]+",
            "(EMP-[0-9]+)",
            "a{1,256}",
            "EMP-[0-9]+|ID[0-9]+",
            ".{0,64}[^A-Z]|[A-Z]",
            "(?:ab)+",
            "(?s)a.*",
        ];
        for expression in linear {
            assert_eq!(fault(expression), None, "{expression}");
        }
        let slow = [
            ".*[^A-Z]|[A-Z]",
            "a.*b",
            r"\s*key",
            "(?:a[0-9]*b)+",
            "a+?",
            "a[^!]*$|a",
            "a{1,300}",
            "a[b-z]{300,}",
        ];
        for expression in slow {
            assert_eq!(fault(expression), Some(RuleFault::Unbounded), "{expression}");
        }
    }

    #[test]
    fn a_long_word_is_refused() {
        let words = |size| compile_words(&["a".to_owned(), "a".repeat(size)]).err();
        assert_eq!((words(256), words(257)), (None, Some(RuleFault::LongWord)));
    }
}
