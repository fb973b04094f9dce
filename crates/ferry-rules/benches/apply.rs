//! Times what a request pays for values that are known: `cargo bench -p ferry-rules --bench apply`.
//!
//! Nothing here passes or fails. The detectors are timed apart; here their hits are given.

use divan::Bencher;
use divan::counter::BytesCount;
use ferry_rules::redact::action::Action;
use ferry_rules::redact::apply::{Redaction, Text};
use ferry_rules::redact::policy::Policy;
use ferry_rules::redact::pseudonym::Secret;
use ferry_rules::redact::{Hit, Kind};

fn main() {
    divan::main();
}

/// A text of the model and the hits in it.
type Turn = (String, Vec<Hit>);

fn policy() -> Policy {
    let mut policy = Policy::standard();
    policy.set(Kind::CnPhone, Action::Pseudonym);
    policy
}

fn number(place: usize) -> String {
    format!("138{:08}", place * 7919 % 100_000_000)
}

/// A text of `values` numbers, each found, from the one of place `from` on.
fn found(from: usize, values: usize) -> Turn {
    let mut text = String::new();
    let mut hits = Vec::new();
    for place in from..from + values {
        text.push_str("call ");
        let start = text.len();
        text.push_str(&number(place));
        hits.push(Hit { start, end: text.len(), kind: Kind::CnPhone });
        text.push(' ');
    }
    (text, hits)
}

fn apply(bencher: Bencher<'_, '_>, turns: &[Turn]) {
    let (policy, secret) = (policy(), Secret::new(&[7; 32]));
    let bytes: usize = turns.iter().map(|(text, _)| text.len()).sum();
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        let mut redaction = Redaction::new(&policy, &secret);
        let mut out = Vec::new();
        for (text, hits) in turns {
            let text = Text { text, is_assistant: true, is_fixed: false };
            redaction.text(text, hits, String::new, &mut out);
        }
        (redaction.finish(), out)
    });
}

/// 200 KB of prose behind some values.
#[divan::bench(args = [0, 1, 10, 50, 200, 1000])]
fn prose_of_200_kb_behind_values(bencher: Bencher<'_, '_>, values: usize) {
    let prose = "他的电话没有变, and the rest of the line is 2024 words. ".repeat(200 * 1024 / 61);
    apply(bencher, &[found(0, values), (prose, Vec::new())]);
}

/// 200 KB of numbers that share their first digits with the values.
#[divan::bench(args = [10, 1000])]
fn digits_of_200_kb_behind_values(bencher: Bencher<'_, '_>, values: usize) {
    let digits: String = (20_000..37_000).map(|place| number(place) + " ").collect();
    apply(bencher, &[found(0, values), (digits, Vec::new())]);
}

#[divan::bench(sample_count = 10)]
fn ten_thousand_values_in_one_text(bencher: Bencher<'_, '_>) {
    apply(bencher, &[found(0, 10_000)]);
}

#[divan::bench(sample_count = 10)]
fn ten_thousand_values_in_as_many_texts(bencher: Bencher<'_, '_>) {
    let turns: Vec<Turn> = (0..10_000).map(|place| found(place, 1)).collect();
    apply(bencher, &turns);
}

/// The worst: many sizes of automata, and then 8 MB to search.
#[divan::bench(sample_count = 3)]
fn eight_megabytes_behind_ten_thousand_values(bencher: Bencher<'_, '_>) {
    let mut turns: Vec<Turn> = (0..10_000).map(|place| found(place, 1)).collect();
    let digits: String = (20_000..720_000).map(|place| number(place) + " ").collect();
    turns.push((digits, Vec::new()));
    apply(bencher, &turns);
}
