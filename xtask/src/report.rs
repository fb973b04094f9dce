//! What happened, step by step: a line when a step ends, a table at the end, and the closing line
//! `N passed, N failed, N skipped` that continuous integration reads. Nothing is skipped unnamed.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use crate::Fault;
use crate::command;
use crate::place::Place;

/// Tests of one step. A step that is no test runner counts as one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Held.
    pub passed: u32,
    /// Did not hold.
    pub failed: u32,
    /// Left out by the step itself, and said so in its output.
    pub skipped: u32,
}

impl Counts {
    /// Reads the closing lines of the runners in use: nextest, `cargo test`, pytest, node, and the plain
    /// `N passed, N failed`. Several closing lines (cargo test prints one per binary) add up.
    pub(crate) fn read(text: &str) -> Self {
        let mut sum = Self::default();
        for line in text.lines().filter(|line| is_closing(line)) {
            if let Some(rest) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) {
                sum.add_node(rest);
                continue;
            }
            let words: Vec<&str> =
                line.split([' ', ',', ';', '\t']).filter(|w| !w.is_empty()).collect();
            for pair in words.windows(2) {
                let (Ok(count), word) = (pair[0].parse::<u32>(), pair[1]) else { continue };
                match word {
                    "passed" => sum.passed += count,
                    "failed" | "error" | "errors" => sum.failed += count,
                    "skipped" | "ignored" => sum.skipped += count,
                    _ => {}
                }
            }
        }
        sum
    }

    fn add_node(&mut self, rest: &str) {
        let mut words = rest.split(' ');
        let (Some(word), Some(Ok(count))) = (words.next(), words.next().map(str::parse::<u32>))
        else {
            return;
        };
        match word {
            "pass" => self.passed += count,
            "fail" | "cancelled" => self.failed += count,
            "skipped" | "todo" => self.skipped += count,
            _ => {}
        }
    }
}

fn is_closing(line: &str) -> bool {
    let line = line.trim_start();
    let node = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ "));
    line.starts_with("test result:")
        || line.starts_with("Summary [")
        || node.is_some_and(|rest| {
            ["pass ", "fail ", "cancelled ", "skipped ", "todo "]
                .iter()
                .any(|w| rest.starts_with(w))
        })
        || (line.starts_with(|c: char| c.is_ascii_digit()) && is_plain(line))
}

/// `3 passed, 1 failed`, `2738 passed, 683 skipped in 85.20s`, `1 failed, 2 passed in 0.1s`.
fn is_plain(line: &str) -> bool {
    let mut words = line.split([' ', ',']).filter(|word| !word.is_empty());
    let count = words.next().is_some_and(|word| word.parse::<u32>().is_ok());
    count
        && matches!(words.next(), Some("passed" | "failed" | "skipped" | "error" | "errors"))
        && words.next().is_none_or(|word| word == "in" || word.parse::<u32>().is_ok())
}

#[derive(Debug)]
struct Row {
    name: String,
    result: &'static str,
    counts: Counts,
    seconds: f64,
    note: String,
}

/// The steps so far.
#[derive(Debug)]
pub(crate) struct Report {
    rows: Vec<Row>,
    logs: PathBuf,
    root: PathBuf,
}

impl Report {
    /// An empty report.
    pub(crate) fn new(place: &Place) -> Self {
        Self { rows: Vec::new(), logs: place.cache.join("log"), root: place.root.clone() }
    }

    /// Does a step that counts its own tests.
    pub(crate) fn step(
        &mut self,
        name: &str,
        purpose: &str,
        work: impl FnOnce() -> Result<Counts, Fault>,
    ) -> bool {
        println!("{name}: {purpose}");
        let start = now();
        let (counts, fault) = match work() {
            Ok(counts) => (counts, None),
            Err(fault) => (Counts { failed: 1, ..Counts::default() }, Some(fault)),
        };
        let result = if counts.failed > 0 { "FAILED" } else { "ok" };
        let seconds = start.elapsed().as_secs_f64();
        println!("{name}: {result} in {seconds:.1} s");
        if let Some(fault) = &fault {
            println!("{fault}");
        }
        let note = String::new();
        self.rows.push(Row { name: name.to_owned(), result, counts, seconds, note });
        result == "ok"
    }

    /// Runs a program as a step. Its closing lines are counted; without any, the step counts as one.
    pub(crate) fn program(&mut self, name: &str, purpose: &str, command: &mut Command) -> bool {
        let log = self.logs.join(format!("{}.log", name.replace(' ', "-")));
        let root = self.root.clone();
        self.step(name, purpose, || {
            if command.get_current_dir().is_none() {
                command.current_dir(root);
            }
            let ended = command::logged(&log, command)?;
            let counts = Counts::read(&ended.text);
            Ok(settle(counts, &ended))
        })
    }

    /// Names a step that cannot be done here, and why.
    pub(crate) fn skip(&mut self, name: &str, reason: &str) {
        println!("{name}: SKIPPED, {reason}");
        self.rows.push(Row {
            name: name.to_owned(),
            result: "skipped",
            counts: Counts { skipped: 1, ..Counts::default() },
            seconds: 0.0,
            note: reason.to_owned(),
        });
    }

    /// Prints the table and the closing line; the exit code is a failure when anything failed.
    pub(crate) fn close(self) -> ExitCode {
        let mut sum = Counts::default();
        println!(
            "\n{:<24} {:<8} {:>7} {:>7} {:>8} {:>8}",
            "step", "result", "passed", "failed", "skipped", "seconds"
        );
        for row in &self.rows {
            let Counts { passed, failed, skipped } = row.counts;
            println!(
                "{:<24} {:<8} {passed:>7} {failed:>7} {skipped:>8} {:>8.1}  {}",
                row.name, row.result, row.seconds, row.note
            );
            sum.passed += passed;
            sum.failed += failed;
            sum.skipped += skipped;
        }
        println!("logs: {}\n", self.logs.display());
        println!("{} passed, {} failed, {} skipped", sum.passed, sum.failed, sum.skipped);
        if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// The counts of a program that has ended: its exit code outranks what it printed.
pub(crate) fn settle(mut counts: Counts, ended: &command::Ended) -> Counts {
    if ended.ok && counts.failed == 0 {
        counts.passed = counts.passed.max(1);
    } else {
        counts.failed = counts.failed.max(1);
        println!("{}", ended.tail());
    }
    counts
}

/// The monotonic time, for the seconds of a step.
#[expect(clippy::disallowed_methods, reason = "the one place of the chores that reads the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[track_caller]
    fn check(text: &str, passed: u32, failed: u32, skipped: u32) {
        assert_eq!(Counts::read(text), Counts { passed, failed, skipped }, "{text}");
    }

    #[test]
    fn every_runner_in_use_is_counted() {
        check("     Summary [   0.010s] 3 tests run: 2 passed, 1 failed, 4 skipped", 2, 1, 4);
        check("     Summary [   0.010s] 3 tests run: 3 passed (1 slow), 0 skipped", 3, 0, 0);
        check(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
            4,
            2,
            1,
        );
        check("2738 passed, 683 skipped in 85.20s (0:01:25)", 2738, 0, 683);
        check("1 failed, 27 passed, 2 errors in 3.10s", 27, 3, 0);
        check("# tests 5\n# pass 4\n# fail 1\n# cancelled 0\n# skipped 0\n# todo 0", 4, 1, 0);
        check("ℹ tests 5\nℹ pass 5\nℹ fail 0", 5, 0, 0);
        check("9 passed, 0 failed", 9, 0, 0);
    }

    #[test]
    fn prose_is_not_counted() {
        check("12 passed the turnstile\n3 failed attempts were seen\nrunning 4 tests", 0, 0, 0);
    }
}
