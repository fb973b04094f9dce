//! Thousands of schedules of faults, each from a seed: a network of our own under the transport's seam, a
//! gateway over it, clients before it. What must hold is in `verdict.rs`; a run that breaks it is told with
//! its seed, its plan and its trace, and runs again with `FERRY_SIM_SEED`.

mod api;
mod client;
mod dice;
mod found;
mod ledger;
mod machine;
mod network;
mod plan;
mod reach;
mod verdict;
mod world;

use self::plan::Plan;
use self::verdict::Tally;

/// Runs the schedules of these seeds; the first that breaks a rule fails the test.
fn run_all(seeds: std::ops::Range<u64>) {
    let dir = tempfile::tempdir().unwrap();
    let mut tally = Tally::default();
    for seed in seeds {
        match world::run(Plan::of(seed), dir.path()) {
            Ok(run) => tally.add(&run),
            Err(what) => panic!("{what}"),
        }
    }
    println!("{tally:?}");
}

/// Run with `FERRY_SIM_SEED=n` to run one schedule alone, with `FERRY_SIM_SEED=n..m` for many.
#[expect(clippy::disallowed_methods, reason = "a switch for people who run the tests")]
fn asked_for() -> Option<std::ops::Range<u64>> {
    let text = std::env::var("FERRY_SIM_SEED").ok()?;
    let (first, end) = text.split_once("..").unwrap_or((&text, ""));
    let first: u64 = first.parse().unwrap();
    Some(first..end.parse().unwrap_or(first + 1))
}

/// Two tests, so that two cores share the work.
#[test]
fn the_first_thousand_schedules_keep_the_rules() {
    run_all(asked_for().unwrap_or(0..1000));
}

#[test]
fn the_second_thousand_schedules_keep_the_rules() {
    if asked_for().is_none() {
        run_all(1000..2000);
    }
}
