//! The fault dial, as data: what becomes of each connection of a path, and which answers are cut. Faults are dealt from
//! a shuffled deck and not thrown, so that 40 % of 200 connections are 80 in every run. It opens no socket.

use std::time::Duration;

use super::dice::Dice;

/// Cards in a deck: small, so that the few connections of Ferry meet the same share as the many direct ones.
const DECK: usize = 20;
/// Of each deck: set-ups that are reset (20 %).
const RESET: usize = 4;
/// Of each deck: set-ups that nobody answers (20 %).
const UNANSWERED: usize = 4;
/// Of each deck: set-ups that come late (10 %).
const SLOW: usize = 2;
/// How late, in milliseconds: what a lost packet or two cost on a long path.
const SLOW_MS: (u64, u64) = (2000, 3000);
/// A node that cuts breaks off at one of so many pieces: about every other answer.
const CUT_ONE_IN: u64 = 20;

/// One answer of so many requests is cut before its first text.
const EARLY_EVERY: u64 = 25;
/// One answer of so many requests is cut after text has come.
const LATE_EVERY: u64 = 200;
/// Requests for which cuts are dealt one by one: 200, and what is asked again.
const DEALT: u64 = 400;
/// Before the first text: `message_start` is out, no content is.
const EARLY_AT: u32 = 1;
/// After text: behind `message_start`, the start of the block, a ping and three deltas.
const LATE_AT: u32 = 6;
/// What is cut: answers of the Messages API.
const WHERE: &str = "path=/v1/messages,method=POST";

/// What becomes of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Reset at once.
    Reset,
    /// Taken, and never answered.
    Unanswered,
    /// Set up, so much later.
    Slow(Duration),
    /// Carried.
    Fair,
}

/// How a path is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// As the dial stands at the start: fates are dealt.
    Rough,
    /// No faults.
    Fair,
    /// Nothing passes; what stood is reset.
    Dead,
    /// Everything that goes up takes 2 to 3 s longer.
    Slow,
    /// Answers break off half-way.
    Cutting,
}

/// The fates of one door's connections, in the order in which they come.
#[derive(Debug)]
pub(super) struct Deck {
    dice: Dice,
    cards: Vec<Fate>,
}

impl Deck {
    /// The deck of one door.
    pub(super) fn new(seed: u64, door: u64) -> Self {
        Self { dice: Dice::new(seed, door), cards: Vec::new() }
    }

    /// What becomes of the next connection.
    pub(super) fn fate(&mut self, mood: Mood) -> Fate {
        match mood {
            Mood::Rough => self.deal(),
            Mood::Fair | Mood::Cutting => Fate::Fair,
            Mood::Dead => Fate::Reset,
            Mood::Slow => Fate::Slow(slowness(&mut self.dice)),
        }
    }

    /// The dice of one connection, for what is not dealt.
    pub(super) fn dice(&mut self) -> Dice {
        Dice::new(self.dice.between(0, u64::MAX - 1), 0)
    }

    fn deal(&mut self) -> Fate {
        if self.cards.is_empty() {
            let fates = [(Fate::Reset, RESET), (Fate::Unanswered, UNANSWERED)];
            self.cards.extend(fates.into_iter().flat_map(|(fate, of)| [fate].repeat(of)));
            for _card in 0..SLOW {
                self.cards.push(Fate::Slow(slowness(&mut self.dice)));
            }
            self.cards.resize(DECK, Fate::Fair);
            self.dice.shuffle(&mut self.cards);
        }
        self.cards.pop().unwrap_or(Fate::Fair)
    }
}

/// How late a slow connection is.
pub(super) fn slowness(dice: &mut Dice) -> Duration {
    dice.millis(SLOW_MS.0, SLOW_MS.1)
}

/// Whether a path in this mood breaks off here.
pub(super) fn cuts(mood: Mood, dice: &mut Dice) -> bool {
    mood == Mood::Cutting && dice.one_in(CUT_ONE_IN)
}

/// The mock's faults for the trial: places of cuts, dealt one by one, so that a run has as many as the next. An early
/// one stands twenty requests and more from another: what is asked again comes some ten requests later, and would meet it.
pub(super) fn dealt_cuts(seed: u64) -> String {
    let mut dice = Dice::new(seed, 100);
    let mut rules = Vec::new();
    for block in 0..DEALT / EARLY_EVERY {
        let nth = block * EARLY_EVERY + dice.between(10, EARLY_EVERY - 10);
        rules.push(format!("cut:at={EARLY_AT}@nth={nth},{WHERE}"));
    }
    for block in 0..DEALT / LATE_EVERY {
        let nth = block * LATE_EVERY + EARLY_EVERY * dice.between(1, 4);
        rules.push(format!("cut:at={LATE_AT}@nth={nth},{WHERE}"));
    }
    rules.join(";")
}

/// The mock's faults for the light traffic: the same shares, for as long as it runs.
pub(super) fn standing_cuts() -> String {
    let cut = |at, every| format!("cut:at={at}@every={every},{WHERE}");
    [cut(EARLY_AT, EARLY_EVERY), cut(LATE_AT, LATE_EVERY)].join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hundred_connections_meet_the_same_faults_whatever_the_seed() {
        for seed in 0..5 {
            let mut deck = Deck::new(seed, 1);
            let fates: Vec<Fate> = (0..200).map(|_connection| deck.fate(Mood::Rough)).collect();
            let count =
                |wanted: fn(&Fate) -> bool| fates.iter().filter(|fate| wanted(fate)).count();
            assert_eq!(count(|fate| *fate == Fate::Reset), 40);
            assert_eq!(count(|fate| *fate == Fate::Unanswered), 40);
            assert_eq!(count(|fate| matches!(fate, Fate::Slow(_))), 20);
            let late = |fate: &&Fate| matches!(fate, Fate::Slow(late) if late.as_millis() < 2000);
            assert_eq!(fates.iter().find(late), None);
        }
    }

    #[test]
    fn a_seed_repeats_its_order_and_another_has_its_own() {
        let order = |seed| {
            let mut deck = Deck::new(seed, 1);
            (0..60).map(|_connection| deck.fate(Mood::Rough)).collect::<Vec<_>>()
        };
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }

    #[test]
    fn a_mood_goes_over_the_deck() {
        let mut deck = Deck::new(1, 1);
        for _connection in 0..50 {
            assert_eq!(deck.fate(Mood::Dead), Fate::Reset);
            assert_eq!(deck.fate(Mood::Fair), Fate::Fair);
            assert_eq!(deck.fate(Mood::Cutting), Fate::Fair);
            assert!(matches!(deck.fate(Mood::Slow), Fate::Slow(_)));
        }
    }

    #[test]
    fn cuts_are_readable_dealt_apart_and_repeat() {
        for seed in 0..20 {
            let spec = dealt_cuts(seed);
            assert_eq!(spec, dealt_cuts(seed));
            let rules = ferry_mock::fault::parse_rules(&spec).unwrap();
            assert_eq!(rules.len(), 18);
            let mut places: Vec<u64> = rules.iter().filter_map(|rule| rule.when.nth).collect();
            places.sort_unstable();
            assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= 10), "{places:?}");
            let early: Vec<u64> = rules.iter().take(16).filter_map(|rule| rule.when.nth).collect();
            assert!(early.windows(2).all(|pair| pair[1] - pair[0] >= 20), "{early:?}");
            // Of 200 requests eight early ones and one late one; of what is asked again, no second late one.
            let early = rules.iter().take(16).filter(|rule| rule.when.nth <= Some(200));
            let late = rules.iter().skip(16).filter(|rule| rule.when.nth <= Some(220));
            assert_eq!((early.count(), late.count()), (8, 1), "{places:?}");
        }
        assert_eq!(ferry_mock::fault::parse_rules(&standing_cuts()).unwrap().len(), 2);
    }
}
