//! Known spellings: where they are found, and that many of them stay cheap.

use proptest::prelude::*;

use super::*;

fn token(spelling: &str) -> Token {
    Token::new(
        *b"RULE",
        spelling.bytes().fold(0, |sum, byte| sum.wrapping_mul(257) + u128::from(byte)),
    )
}

/// Teaches spellings, one a text, and finds them in the text after.
fn found(spellings: &[&str], text: &str) -> Vec<(usize, usize)> {
    let mut known = Known::default();
    for (number, spelling) in spellings.iter().enumerate() {
        known.find("", number, |_| true);
        known.learn(token(spelling), Kind::Email, (spelling, None), Place { text: number, at: 9 });
    }
    let matches = known.find(text, spellings.len(), |_| true);
    matches.iter().map(|found| (found.start, found.end)).collect()
}

#[test]
fn the_first_and_then_the_longest_counts() {
    assert_eq!(found(&["abc", "abcde", "cdefg"], "xabcdefg abc"), [(1, 6), (9, 12)]);
    assert_eq!(found(&["ab"], "ab"), []);
    assert_eq!(found(&[&"a".repeat(257)], &"a".repeat(257)), []);
}

#[test]
fn a_value_is_found_only_behind_its_first_place() {
    let mut known = Known::default();
    known.learn(token("abc"), Kind::Email, ("abc", None), Place { text: 3, at: 7 });
    let starts = |known: &mut Known, number| {
        let matches = known.find("abc abc abc", number, |_| true);
        matches.iter().map(|found| found.start).collect::<Vec<_>>()
    };
    assert!(starts(&mut known, 2).is_empty());
    assert_eq!(starts(&mut known, 3), [8]);
    assert_eq!(starts(&mut known, 4), [0, 4, 8]);
}

#[test]
fn of_two_spellings_the_first_is_restored_and_both_are_found() {
    let mut known = Known::default();
    for (at, spelling) in ["138 0013", "13800", "138 0013"].into_iter().enumerate() {
        known.learn(token("x"), Kind::CnPhone, (spelling, None), Place { text: 0, at });
    }
    assert_eq!(known.find("13800 138 0013", 1, |_| true).len(), 2);
    assert_eq!(known.into_pairs(), [(token("x"), "138 0013".into())]);
}

#[test]
fn two_thousand_values_taught_one_by_one_stand_in_few_automata() {
    let spellings: Vec<String> = (0..2_000).map(|number| format!("v{number:05}")).collect();
    let mut known = Known::default();
    for (number, spelling) in spellings.iter().enumerate() {
        known.learn(token(spelling), Kind::Email, (spelling, None), Place { text: number, at: 0 });
        known.find("x", number, |_| true);
        assert!(known.spellings.len() - known.built <= FEW);
        assert!(known.levels.len() <= 10, "{}", known.levels.len());
    }
    let text = spellings.join(" ");
    assert_eq!(known.find(&text, 2_000, |_| true).len(), 2_000);
}

proptest! {
    #[test]
    fn whatever_stands_alone_is_found(
        spellings in proptest::collection::hash_set("[a-c]{3,6}", 1..20),
        asked in any::<prop::sample::Index>(),
    ) {
        let spellings: Vec<&str> = spellings.iter().map(String::as_str).collect();
        let asked = spellings[asked.index(spellings.len())];
        prop_assert_eq!(found(&spellings, &format!("张 {asked}。")), [(4, 4 + asked.len())]);
    }
}
