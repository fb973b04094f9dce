//! The values of one request that have a pseudonym, and where they stand again further on.
//!
//! A client sends a restored answer back without the words that made a value a find: so a value goes on
//! being found by its exact spelling, behind the place where it was found first and never before, since
//! what was sent in an earlier turn must keep its bytes. Which spellings are known at a place depends on
//! nothing behind the text that the place stands in. Time stays linear: automata over the spellings, of sizes that
//! grow threefold, so that a spelling is built into few of them and a text is searched by few.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use ferry_wire::restore::Token;
use memchr::memmem;

use super::Kind;

/// Pairs that are kept for the answer; values beyond are replaced and not restored. A request of 32 MB could
/// hold a million, of some hundred bytes each.
const PAIRS_MAX: usize = 65_536;

/// Spellings that are found again. What the automata take is some kilobytes a spelling at worst.
const SPELLINGS_MAX: usize = 16_384;

/// Length of a spelling that is found again, in bytes: below, a detector is as exact as the spelling; above
/// there are only private keys, which are found by their frame. An e-mail address has up to 254.
const SPELLING_BYTES: Range<usize> = 3..257;

/// How much larger than a new automaton the one before must be to be left alone.
const GROWTH: usize = 3;

/// New spellings that are searched one by one in a text of at most [`SHORT_BYTES`]: that costs less than
/// an automaton for each new one.
const FEW: usize = 32;
const SHORT_BYTES: usize = 4096;

/// Bytes of a text that cost as much to search once more as a spelling costs to be built in.
const BYTES_PER_SPELLING: usize = 512;

/// The values of a request so far.
#[derive(Default)]
pub(super) struct Known {
    /// Each token with the spelling that came first, in plain letters if these lead back to it.
    pairs: Vec<(Token, Box<str>)>,
    tokens: HashSet<Token>,
    spellings: Vec<Spelling>,
    /// The place of each in `spellings`.
    places: HashMap<Box<str>, usize>,
    levels: Vec<Level>,
    /// How many of the spellings stand in levels.
    built: usize,
    matches: Vec<Match>,
}

/// Never prints a value.
impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("pairs", &self.pairs.len()).finish_non_exhaustive()
    }
}

struct Spelling {
    text: Box<str>,
    token: Token,
    kind: Kind,
    since: Place,
}

/// A place in a request: the number of the text and an offset in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) text: usize,
    pub(super) at: usize,
}

/// An automaton over neighbours in `spellings`.
struct Level {
    first: usize,
    automaton: AhoCorasick,
}

/// A known spelling in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) token: Token,
    pub(super) kind: Kind,
}

impl Known {
    /// Takes a value that was found and ends at `end`, in the spelling found and, where that has escapes, in plain letters.
    ///
    /// The plain one is restored if it leads back to the same pseudonym.
    pub(super) fn learn(
        &mut self,
        token: Token,
        kind: Kind,
        (spelling, plain): (&str, Option<&str>),
        end: Place,
    ) {
        self.spell(token, kind, spelling, end);
        let plain = plain.filter(|plain| self.spell(token, kind, plain, end));
        if self.pairs.len() < PAIRS_MAX && self.tokens.insert(token) {
            self.pairs.push((token, plain.unwrap_or(spelling).into()));
        }
    }

    /// Has a spelling found from `end` on; answers whether it stands for `token`.
    fn spell(&mut self, token: Token, kind: Kind, spelling: &str, end: Place) -> bool {
        if let Some(place) = self.places.get(spelling) {
            return self.spellings.get(*place).is_some_and(|known| known.token == token);
        }
        let is_room =
            self.spellings.len() < SPELLINGS_MAX && SPELLING_BYTES.contains(&spelling.len());
        if is_room {
            self.places.insert(spelling.into(), self.spellings.len());
            self.spellings.push(Spelling { text: spelling.into(), token, kind, since: end });
        }
        is_room
    }

    /// The known spellings in the text of number `number`, in order and none over another: of those that
    /// overlap the first counts, and then the longest. `accept` says whether a place will do.
    pub(super) fn find(
        &mut self,
        text: &str,
        number: usize,
        accept: impl Fn(Range<usize>) -> bool,
    ) -> &[Match] {
        self.matches.clear();
        self.build(text.len());
        let mut take = |place: usize, start: usize, end: usize| {
            let Some(spelling) = self.spellings.get(place) else { return };
            if spelling.since <= (Place { text: number, at: start }) && accept(start..end) {
                let Spelling { token, kind, .. } = *spelling;
                self.matches.push(Match { start, end, token, kind });
            }
        };
        for level in &self.levels {
            for found in level.automaton.find_iter(text) {
                take(level.first + found.pattern().as_usize(), found.start(), found.end());
            }
        }
        for (place, spelling) in self.spellings.iter().enumerate().skip(self.built) {
            let spelling = spelling.text.as_bytes();
            for start in memmem::find_iter(text.as_bytes(), spelling) {
                take(place, start, start + spelling.len());
            }
        }
        if self.levels.len() > 1 || self.built < self.spellings.len() {
            self.matches.sort_unstable_by_key(|found| (found.start, Reverse(found.end)));
            let mut end = 0;
            self.matches.retain(|found| {
                let is_free = found.start >= end;
                end = end.max(if is_free { found.end } else { 0 });
                is_free
            });
        }
        &self.matches
    }

    pub(super) fn into_pairs(self) -> Vec<(Token, Box<str>)> {
        self.pairs
    }

    /// Makes an automaton of the new spellings, together with those before that are not much larger, or all that a
    /// text of this length pays for.
    fn build(&mut self, text_len: usize) {
        let all = self.spellings.len();
        let mut first = self.built;
        if all - first <= FEW && text_len <= SHORT_BYTES {
            return;
        }
        let is_paid = |level: &&Level| text_len / BYTES_PER_SPELLING > all - level.first;
        let paid = self.levels.iter().filter(is_paid).count();
        if paid + usize::from(first < all) > 1 {
            let left = self.levels.len() - paid;
            first = self.levels.drain(left..).map(|level| level.first).next().unwrap_or(first);
        }
        if first == all {
            return;
        }
        while let Some(level) = self.levels.last()
            && first - level.first <= GROWTH * (all - first)
        {
            first = level.first;
            self.levels.pop();
        }
        self.built = all;
        let spellings = self.spellings.get(first..).unwrap_or_default();
        let texts = spellings.iter().map(|spelling| spelling.text.as_bytes());
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(texts);
        // It fails for more states than a number can count, which the bounds above keep far away.
        if let Ok(automaton) = automaton {
            self.levels.push(Level { first, automaton });
        }
    }
}

#[cfg(test)]
mod tests;
