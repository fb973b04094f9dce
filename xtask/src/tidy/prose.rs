//! Rules about words: the lexicon, the two READMEs, the length of the map, and what names one machine.

use std::path::Path;

use super::{Finding, Tree};

/// The map is read whole or not at all.
const ARCHITECTURE_LINES: usize = 250;
/// Folders that only exist on one machine, at the start of a path.
const MACHINE: [&str; 3] = ["/work/", "/root/", "/home/"];
/// A home of nobody, for tests that need one.
const MADE_UP: &str = "/home/op";
/// Registries are reached through their clients; a host in the tree ties it to one mirror.
const HOSTS: [&str; 6] = [
    "static.crates.io",
    "index.crates.io",
    "pypi.org",
    "pythonhosted.org",
    "registry.npmjs",
    "deb.debian.org",
];
/// This rule's own words stand here and in its tests.
const OWN: &str = "xtask/src/tidy";

/// The words of the lexicon's last column: not used for the thing of that row.
fn unused_words(lexicon: &str) -> Vec<String> {
    let rows = lexicon.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| word"));
    rows.filter_map(|row| row.trim_end().trim_end_matches('|').rsplit('|').next())
        .flat_map(|cell| cell.split(','))
        .map(|word| word.trim().to_lowercase())
        .filter(|word| !word.is_empty() && word != "-")
        .collect()
}

pub(super) fn lexicon(tree: &Tree) -> Vec<Finding> {
    let Some(lexicon) = tree.text("LEXICON.md") else {
        return vec![Finding::new("LEXICON.md", 0, "is not there")];
    };
    let unused = unused_words(lexicon);
    let rust = tree.sources.iter().map(|source| (&source.path, &source.text));
    let is_markdown = |path: &str| Path::new(path).extension().is_some_and(|end| end == "md");
    let markdown = tree.texts.iter().filter(|text| is_markdown(&text.path));
    let mut findings = Vec::new();
    for (path, text) in rust.chain(markdown.map(|text| (&text.path, &text.text))) {
        if path == "LEXICON.md" || path.starts_with(OWN) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            for word in unused.iter().filter(|word| has_word(line, word)) {
                findings.push(Finding::new(path, number + 1, format!("`{word}`")));
            }
        }
    }
    findings
}

/// Whether a line has the word, alone, in a `snake_case` or in a CamelCase name, also in the plural.
fn has_word(line: &str, word: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let bytes = line.as_bytes();
    lower.match_indices(word).any(|(at, _)| {
        let end = at + word.len();
        let end = if bytes.get(end) == Some(&b's') { end + 1 } else { end };
        let letter = |at: Option<usize>| {
            at.and_then(|at| bytes.get(at)).copied().filter(u8::is_ascii_alphabetic)
        };
        let capital = bytes.get(at).is_some_and(u8::is_ascii_uppercase);
        let starts =
            letter(at.checked_sub(1)).is_none_or(|before| capital && before.is_ascii_lowercase());
        let ends = letter(Some(end)).is_none_or(|after| after.is_ascii_uppercase());
        starts && ends
    })
}

pub(super) fn readmes(tree: &Tree) -> Vec<Finding> {
    let (one, two) = ("README.md", "README.zh-CN.md");
    let (Some(english), Some(chinese)) = (tree.text(one), tree.text(two)) else {
        return vec![Finding::new(two, 0, "one of the two is not there")];
    };
    let mut findings = Vec::new();
    let (left, right) = (headings(english), headings(chinese));
    if left != right {
        findings.push(Finding::new(two, 0, format!("headings {right:?}, but {left:?} in {one}")));
    }
    if commands(english) != commands(chinese) {
        findings.push(Finding::new(two, 0, format!("other commands than {one}")));
    }
    findings
}

/// The levels of the headings, in order; their words are in two languages.
fn headings(text: &str) -> Vec<usize> {
    let mut fenced = false;
    let mut levels = Vec::new();
    for line in text.lines() {
        fenced ^= line.starts_with("```");
        let level = line.chars().take_while(|c| *c == '#').count();
        if !fenced && level > 0 {
            levels.push(level);
        }
    }
    levels
}

/// Every line inside a fence, comments taken off: those may be translated.
fn commands(text: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            lines.push(line.split(" # ").next().unwrap_or_default().trim_end());
        }
    }
    lines.into_iter().filter(|line| !line.starts_with("# ")).collect()
}

pub(super) fn architecture(tree: &Tree) -> Vec<Finding> {
    let lines = tree.text("ARCHITECTURE.md").map(|text| text.lines().count());
    match lines {
        None => vec![Finding::new("ARCHITECTURE.md", 0, "is not there")],
        Some(lines) if lines > ARCHITECTURE_LINES => {
            vec![Finding::new("ARCHITECTURE.md", 0, format!("{lines} lines"))]
        }
        Some(_) => Vec::new(),
    }
}

pub(super) fn machine(tree: &Tree) -> Vec<Finding> {
    let rust = tree.sources.iter().map(|source| (&source.path, &source.text));
    let texts = tree.texts.iter().map(|text| (&text.path, &text.text));
    let mut findings = Vec::new();
    for (path, text) in rust.chain(texts).filter(|(path, _)| !path.starts_with(OWN)) {
        for (number, line) in text.lines().enumerate() {
            for mark in MACHINE.iter().filter(|mark| starts_path(line, mark)) {
                findings.push(Finding::new(path, number + 1, format!("a path under `{mark}`")));
            }
            for host in HOSTS.iter().filter(|host| line.contains(**host)) {
                findings.push(Finding::new(path, number + 1, format!("the host `{host}`")));
            }
        }
    }
    findings
}

/// `/work/x` begins a path; the API's own `/v1/environments/e/work/poll` does not.
fn starts_path(line: &str, mark: &str) -> bool {
    line.match_indices(mark).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|before| line.as_bytes().get(before));
        let made_up = line.get(at..).is_some_and(|rest| rest.starts_with(MADE_UP));
        !made_up
            && before.is_none_or(|byte| byte.is_ascii_whitespace() || b"\"'`(=:,<>[".contains(byte))
    })
}

#[cfg(test)]
mod tests {
    use super::{has_word, starts_path, unused_words};

    #[test]
    fn a_word_is_found_in_every_spelling() {
        for line in
            ["a backend", "backend_pool", "BackendPool", "MyBackend", "two backends.", "BACKEND"]
        {
            assert!(has_word(line, "backend"), "{line}");
        }
        assert!(!has_word("backendish and crossbackend", "backend"));
    }

    #[test]
    fn the_last_column_holds_the_words() {
        let table = "| word | means | not |\n|---|---|---|\n| node | a URL | backend, origin server |\n| line | x | - |\n";
        assert_eq!(unused_words(table), ["backend", "origin server"]);
    }

    #[test]
    fn an_api_path_is_no_path_of_a_machine() {
        assert!(starts_path("see /work/x", "/work/"));
        assert!(starts_path("dir = \"/home/someone\"", "/home/"));
        assert!(!starts_path("GET /v1/environments/env_1/work/poll", "/work/"));
    }
}
