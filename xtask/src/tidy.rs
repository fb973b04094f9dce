//! The house rules, checked over the tree: what neither rustc nor clippy can see. Each rule carries the
//! sentence that explains it; a finding names file and line. Rules only read.

mod graph;
mod manifests;
mod prose;
mod reach;
mod rooms;
mod shape;
mod source;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;

use crate::Fault;
pub(crate) use source::Source;

/// Folders that are built or downloaded, not written.
const NOT_OURS: [&str; 8] =
    ["target", ".git", ".cache", "node_modules", "corpus", "artifacts", "dist", "__pycache__"];

/// One house rule.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Short, for the list.
    pub name: &'static str,
    /// Why it is a rule, for who has just broken it.
    pub why: &'static str,
    /// All places that break it.
    pub check: fn(&Tree) -> Vec<Finding>,
}

/// A place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl Finding {
    /// `line` counts from 1; 0 means the whole file.
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.path, self.what)
        } else {
            write!(f, "{}:{}: {}", self.path, self.line, self.what)
        }
    }
}

/// A file that is not Rust: manifests, documents, scripts.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    /// From the root of the repository, with `/`.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// Every file of the repository that people write.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Rust files.
    pub sources: Vec<Source>,
    /// Everything else that is text.
    pub texts: Vec<Text>,
}

impl Tree {
    /// Reads the repository.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub(crate) fn read(root: &Path) -> Result<Self, Fault> {
        let mut tree = Self::default();
        tree.walk(root, "")?;
        tree.sources.sort_by(|a, b| a.path.cmp(&b.path));
        tree.texts.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    /// Adds one file, as rules see it.
    pub(crate) fn add(&mut self, path: &str, text: String) {
        if Path::new(path).extension().is_some_and(|extension| extension == "rs") {
            self.sources.push(Source::new(path, &text));
        } else {
            self.texts.push(Text { path: path.to_owned(), text });
        }
    }

    /// A file that is not Rust, by its path.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.texts.iter().find(|text| text.path == path).map(|text| text.text.as_str())
    }

    /// The Rust files under a folder.
    pub(crate) fn under<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a Source> {
        self.sources.iter().filter(move |source| source.path.starts_with(folder))
    }

    fn walk(&mut self, root: &Path, below: &str) -> Result<(), Fault> {
        for entry in std::fs::read_dir(root.join(below))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
            let kind = entry.file_type()?;
            if kind.is_dir() && !NOT_OURS.contains(&name.as_str()) {
                self.walk(root, &path)?;
            } else if kind.is_file() && path != ".git" {
                // What is no UTF-8 is no text: images, fonts, recorded bodies.
                if let Ok(text) = String::from_utf8(std::fs::read(entry.path())?) {
                    self.add(&path, text);
                }
            }
        }
        Ok(())
    }
}

/// All rules, in the order of the design.
pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "rooms look back",
        why: "a room takes what the room before it gives: it names result types of earlier rooms, never a later room, and calls none; only journey.rs knows the order",
        check: rooms::look_back,
    },
    Rule {
        name: "nobody imports config",
        why: "each module owns its resolved Settings and config/ builds them all, so that config can depend on everything and nothing on it",
        check: rooms::no_config,
    },
    Rule {
        name: "one door for errors",
        why: "small errors where they happen; only refuse.rs turns one into a response, so that shape, code and hint are the same everywhere",
        check: rooms::one_refuse,
    },
    Rule {
        name: "telemetry imports no room",
        why: "rooms fill plain event structs; telemetry that knew rooms would close a cycle through every module",
        check: rooms::telemetry,
    },
    Rule {
        name: "one spawner",
        why: "only tasks.rs spawns: every task is named, counted and waited for when Ferry drains",
        check: reach::spawn,
    },
    Rule {
        name: "one clock",
        why: "only clock.rs reads time: everything else takes an instant, so that rules can be tested at any hour",
        check: reach::time,
    },
    Rule {
        name: "one reader of the environment",
        why: "only config/env.rs reads the environment, so that `ferry config show` can say where every value came from",
        check: reach::environment,
    },
    Rule {
        name: "no request extensions",
        why: "what travels with a request stands in its Passage; an extension is a global with a lookup",
        check: reach::extensions,
    },
    Rule {
        name: "no drawers",
        why: "a module named utils, common, helpers, types, core or manager says nothing and collects everything",
        check: shape::names,
    },
    Rule {
        name: "no module cycles",
        why: "a cycle of modules is one module that nobody can read in parts",
        check: graph::cycles,
    },
    Rule {
        name: "layers",
        why: "ferry -> ferry-gateway -> ferry-rules -> ferry-wire, nothing points back; rules and wire have no clock, no socket and no log to call",
        check: manifests::layers,
    },
    Rule {
        name: "short files",
        why: "a file of more than 400 lines outside tests is two files",
        check: shape::file_length,
    },
    Rule {
        name: "short functions",
        why: "a function of more than 70 lines cannot be seen at once",
        check: shape::function_length,
    },
    Rule {
        name: "files say what they are",
        why: "the first line is `//!`: what it is, why it exists, what it never does",
        check: shape::first_line,
    },
    Rule {
        name: "x.rs and x/",
        why: "mod.rs hides its name in every editor tab",
        check: shape::no_mod_rs,
    },
    Rule {
        name: "owned to-dos",
        why: "a to-do without a name and a number is a wish: write TODO(name, #12)",
        check: shape::to_dos,
    },
    Rule {
        name: "no ignored tests",
        why: "a test that does not run proves nothing; nor does one that sleeps or expects any panic",
        check: shape::ignored,
    },
    Rule {
        name: "one integration binary",
        why: "at most one a crate: a crate's own socket tests stay with it, and each binary costs one link",
        check: manifests::integration,
    },
    Rule {
        name: "members inherit",
        why: "lints, version, edition and licence are said once, in the workspace",
        check: manifests::inherit,
    },
    Rule {
        name: "one word per thing",
        why: "LEXICON.md names the word for each thing, and the words that are not used for it",
        check: prose::lexicon,
    },
    Rule {
        name: "both READMEs agree",
        why: "README.md and README.zh-CN.md have the same headings and the same commands",
        check: prose::readmes,
    },
    Rule {
        name: "a short map",
        why: "ARCHITECTURE.md of more than 250 lines is not read",
        check: prose::architecture,
    },
    Rule {
        name: "no machine in the tree",
        why: "a path of one machine or a registry's host works nowhere else",
        check: prose::machine,
    },
];
