//! The Rust side of `cargo xtask test`: format, lints, house rules, tests, documentation.
//! Each step is one cargo command that can be typed by hand.

use std::process::Command;

use crate::command;
use crate::place::Place;
use crate::report::{Counts, Report};
use crate::tidy;

fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(args);
    command
}

/// `cargo xtask fmt`: writes.
pub(crate) fn format(report: &mut Report) {
    report.program("fmt", "every crate in the house format", &mut cargo(&["fmt", "--all"]));
}

/// `cargo xtask lint`: the checks that need no test to run, and the house rules.
pub(crate) fn lint(place: &Place, report: &mut Report) {
    tidy(place, report);
    static_checks(report);
}

/// Format, lints, licences and sources.
pub(crate) fn static_checks(report: &mut Report) {
    report.program(
        "fmt",
        "every file in the house format",
        &mut cargo(&["fmt", "--all", "--", "--check"]),
    );
    report.program(
        "clippy",
        "lints of the workspace, warnings denied",
        &mut cargo(&[
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "--deny=warnings",
        ]),
    );
    if command::answers("cargo", &["deny", "--version"]) {
        let checks = ["deny", "--offline", "check", "bans", "licenses", "sources"];
        report.program("deny", "licences, banned crates, sources", &mut cargo(&checks));
    } else {
        report.skip("deny", "cargo-deny is not installed (cargo install --locked cargo-deny@0.20)");
    }
}

/// `cargo xtask tidy`: the house rules over the tree.
pub(crate) fn tidy(place: &Place, report: &mut Report) {
    report.step("tidy", "the house rules, each with the sentence that explains it", || {
        let tree = tidy::Tree::read(&place.root)?;
        let mut counts = Counts::default();
        for rule in tidy::RULES {
            let findings = (rule.check)(&tree);
            if findings.is_empty() {
                counts.passed += 1;
                continue;
            }
            counts.failed += 1;
            println!("  {}: {}", rule.name, rule.why);
            for finding in findings {
                println!("    {finding}");
            }
        }
        Ok(counts)
    });
}

/// Every Rust test. nextest when it is there, else `cargo test`: the same tests either way.
pub(crate) fn tests(report: &mut Report) {
    if command::answers("cargo", &["nextest", "--version"]) {
        report.program(
            "tests",
            "every unit and integration test, house rules included (nextest)",
            cargo(&["nextest", "run", "--locked", "--workspace", "--no-fail-fast"])
                .env("INSTA_UPDATE", "no"),
        );
        report.program(
            "doctests",
            "the examples in the documentation",
            &mut cargo(&["test", "--locked", "--workspace", "--doc"]),
        );
    } else {
        report.program(
            "tests",
            "every unit, integration and documentation test, house rules included (cargo test)",
            cargo(&["test", "--locked", "--workspace", "--no-fail-fast"]).env("INSTA_UPDATE", "no"),
        );
    }
}

/// The API documentation: a broken link in it is a failure.
pub(crate) fn docs(report: &mut Report) {
    report.program(
        "docs",
        "API documentation, warnings denied",
        cargo(&["doc", "--locked", "--workspace", "--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", "--deny warnings"),
    );
}
