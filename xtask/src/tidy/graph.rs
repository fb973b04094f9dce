//! The graph of top-level modules inside each crate: who names whom, and whether that goes in a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::source::words;
use super::{Finding, Tree};

/// The crates that are looked at.
const CRATES: [&str; 6] = [
    "crates/ferry-wire/src/",
    "crates/ferry-rules/src/",
    "crates/ferry-gateway/src/",
    "crates/ferry-mock/src/",
    "crates/ferry/src/",
    "xtask/src/",
];

/// Every top-level module that code names as `crate::x`, alone or in braces, with the byte where.
pub(super) fn references(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for at in words(code, "crate::") {
        let start = at + "crate::".len();
        let rest = code.get(start..).unwrap_or_default();
        let Some(group) = rest.strip_prefix('{') else {
            found.push((at, leading_name(rest)));
            continue;
        };
        let mut depth = 0_usize;
        let mut expects = true;
        for (offset, byte) in group.bytes().enumerate() {
            match byte {
                b'{' => depth += 1,
                b'}' if depth == 0 => break,
                b'}' => depth -= 1,
                b',' if depth == 0 => expects = true,
                _ if depth == 0 && expects && !byte.is_ascii_whitespace() => {
                    found.push((at, leading_name(group.get(offset..).unwrap_or_default())));
                    expects = false;
                }
                _ => {}
            }
        }
    }
    found
}

fn leading_name(rest: &str) -> String {
    rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

type Graph = BTreeMap<String, BTreeMap<String, String>>;

pub(super) fn cycles(tree: &Tree) -> Vec<Finding> {
    CRATES.iter().flat_map(|root| cycles_of(tree, root)).collect()
}

fn cycles_of(tree: &Tree, root: &str) -> Vec<Finding> {
    let mut graph = Graph::new();
    for source in tree.under(root) {
        let file = source.path.strip_prefix(root).unwrap_or_default();
        let module = file.split(['/', '.']).next().unwrap_or_default().to_owned();
        if module == "lib" || module == "main" {
            continue;
        }
        let edges = graph.entry(module.clone()).or_default();
        for (_, other) in references(&source.code) {
            if other != module {
                edges.entry(other).or_insert_with(|| source.path.clone());
            }
        }
    }
    let modules: BTreeSet<String> = graph.keys().cloned().collect();
    for edges in graph.values_mut() {
        edges.retain(|other, _| modules.contains(other));
    }
    let mut findings = Vec::new();
    let mut done = BTreeSet::new();
    for module in &modules {
        if let Some(path) = way_back(&graph, module, &done) {
            let first = path.get(1).and_then(|next| graph.get(module)?.get(next));
            let file = first.cloned().unwrap_or_else(|| root.to_owned());
            findings.push(Finding::new(&file, 0, path.join(" -> ")));
        }
        // A circle is told once, at its first module.
        done.insert(module.clone());
    }
    findings
}

/// The shortest way from a module back to itself that avoids those already told.
fn way_back(graph: &Graph, from: &str, avoid: &BTreeSet<String>) -> Option<Vec<String>> {
    let mut ways = vec![vec![from.to_owned()]];
    let mut seen = avoid.clone();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in &ways {
            for next in graph.get(way.last()?)?.keys() {
                let mut further = way.clone();
                further.push(next.clone());
                if next == from {
                    return Some(further);
                }
                if seen.insert(next.clone()) {
                    longer.push(further);
                }
            }
        }
        ways = longer;
    }
    None
}
