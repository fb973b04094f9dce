//! Rules about the shape of files and functions: length, first line, names, to-dos, tests that do not run.

use super::source::{is_test_file, line_of, words};
use super::{Finding, Source, Tree};

/// Lines of a file, tests not counted.
const FILE_LINES: usize = 400;
/// Lines of a function's body, empty ones and comments not counted.
const FUNCTION_LINES: usize = 70;
/// Names that say nothing.
const DRAWERS: [&str; 11] = [
    "utils", "util", "common", "helpers", "helper", "types", "core", "manager", "managers", "misc",
    "shared",
];

pub(super) fn first_line(tree: &Tree) -> Vec<Finding> {
    tree.sources
        .iter()
        .filter(|source| {
            !source.text.starts_with("//! ") || source.text.starts_with("//! placeholder")
        })
        .map(|source| Finding::new(&source.path, 1, "does not begin with `//! ` and a sentence"))
        .collect()
}

pub(super) fn file_length(tree: &Tree) -> Vec<Finding> {
    tree.sources
        .iter()
        .filter(|source| source.lines > FILE_LINES)
        .map(|source| {
            Finding::new(&source.path, 0, format!("{} lines outside tests", source.lines))
        })
        .collect()
}

pub(super) fn function_length(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        for at in words(&source.code, "fn") {
            let Some((name, lines)) = function(source, at) else { continue };
            if lines > FUNCTION_LINES {
                let what = format!("`{name}` has {lines} lines");
                findings.push(Finding::new(&source.path, line_of(&source.code, at), what));
            }
        }
    }
    findings
}

/// Name and length of the function whose `fn` stands at `at`; `None` for a type, a pointer or a declaration.
fn function(source: &Source, at: usize) -> Option<(String, usize)> {
    let rest = source.code.get(at + 2..)?;
    let name: String =
        rest.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if name.is_empty() {
        return None;
    }
    let (mut nested, mut depth, mut open) = (0_i32, 0_i32, None);
    for (offset, byte) in rest.bytes().enumerate() {
        match byte {
            b'(' | b'[' if open.is_none() => nested += 1,
            b')' | b']' if open.is_none() => nested -= 1,
            b';' if open.is_none() && nested == 0 => return None,
            b'{' if nested == 0 || open.is_some() => {
                depth += 1;
                open = open.or(Some(offset));
            }
            b'}' if open.is_some() => {
                depth -= 1;
                if depth == 0 {
                    let body = rest.get(open? + 1..offset)?;
                    return Some((name, body.lines().filter(|l| !l.trim().is_empty()).count()));
                }
            }
            _ => {}
        }
    }
    None
}

pub(super) fn names(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        let drawer =
            source.path.trim_end_matches(".rs").split('/').find(|part| DRAWERS.contains(part));
        if let Some(part) = drawer {
            findings.push(Finding::new(&source.path, 0, format!("a module named `{part}`")));
        }
        for at in words(&source.code_with_tests, "mod") {
            let rest = source.code_with_tests.get(at + 3..).unwrap_or_default().trim_start();
            let name =
                rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
            if DRAWERS.contains(&name) {
                let line = line_of(&source.code_with_tests, at);
                findings.push(Finding::new(&source.path, line, format!("a module named `{name}`")));
            }
        }
    }
    findings
}

pub(super) fn no_mod_rs(tree: &Tree) -> Vec<Finding> {
    tree.sources
        .iter()
        .filter(|source| source.path.ends_with("/mod.rs"))
        .map(|source| Finding::new(&source.path, 0, "is a mod.rs"))
        .collect()
}

pub(super) fn to_dos(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        for mark in ["TODO", "FIXME", "XXX", "HACK"] {
            for at in words(&source.comments, mark) {
                let rest = source.comments.get(at + mark.len()..).unwrap_or_default();
                let owner = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
                if !owner.is_some_and(|(owner, _)| owner.contains('#') && owner.contains(',')) {
                    let line = line_of(&source.comments, at);
                    findings.push(Finding::new(&source.path, line, format!("a {mark} of nobody")));
                }
            }
        }
    }
    findings
}

pub(super) fn ignored(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        let code = &source.code_with_tests;
        for mark in ["#[ignore", "should_panic", "thread::sleep", "assert!(true"] {
            for at in words(code, mark) {
                findings.push(Finding::new(&source.path, line_of(code, at), mark));
            }
        }
        // A scripted peer of a harness may be slow on purpose: its slowness is the input, not a guess.
        if !is_test_file(&source.path) || source.path.contains("/harness/") {
            continue;
        }
        // With paused time a sleep costs nothing and proves something; without, it is a guess.
        if words(code, "time::sleep").next().is_some() && !code.contains("start_paused") {
            let at = words(code, "time::sleep").next().unwrap_or_default();
            let what = "sleeps without paused time";
            findings.push(Finding::new(&source.path, line_of(code, at), what));
        }
    }
    findings
}
