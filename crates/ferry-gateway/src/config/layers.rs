//! Lays the sources over each other: defaults, file, environment, flags; the later one wins.
//!
//! Finds the file, parses it and keeps for each value the place it was written at. Checks no value.

pub(super) mod egress;

use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use super::env::Inputs;
use super::near::nearest;
use super::place::{Place, SourceKind, Sources};
use super::report::Problem;
use super::schema::{Kind, Schema};
use super::shape;
use super::tree::{Entry, Node, Value};

/// Everything that was written, merged.
#[derive(Debug)]
pub(crate) struct Merged {
    pub(crate) root: Node,
    pub(crate) sources: Sources,
    /// The file that was read, if any.
    pub(crate) file: Option<PathBuf>,
    /// The file is there, and cannot be read or parsed.
    pub(crate) broken: bool,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
}

/// Reads and merges all sources.
pub(crate) fn merge(inputs: &Inputs, schema: Schema<'_>) -> Merged {
    let mut merged = Merged {
        root: Node::empty(),
        sources: Sources::default(),
        file: None,
        broken: false,
        problems: Vec::new(),
        warnings: Vec::new(),
    };
    merged.file(inputs);
    merged.broken = !merged.problems.is_empty();
    if let Some(dir) =
        inputs.var("STATE_DIRECTORY").filter(|_| merged.root.find("state.dir").is_none())
    {
        // systemd lists several folders with colons; the first is the unit's main one.
        let first = dir.split(':').next().unwrap_or(dir);
        let kind = SourceKind::Env("STATE_DIRECTORY".to_owned());
        merged.lay(&["state", "dir"], kind, first, schema);
    }
    merged.environment(inputs, schema);
    for (key, value) in &inputs.flags {
        let (key, flag) = match key.as_str() {
            "listen" => ("server.listen", "--listen".to_owned()),
            "admin-listen" => ("server.admin_listen", "--admin-listen".to_owned()),
            key => (key, format!("--set {key}")),
        };
        let parts: Vec<&str> = key.split('.').collect();
        merged.lay(&parts, SourceKind::Flag(flag), value, schema);
    }
    egress::lay(&mut merged, inputs, schema);
    merged
}

/// The file to read, and whether it must be there.
fn file_to_read(inputs: &Inputs) -> Option<PathBuf> {
    // An empty name is what a variable set to nothing gives: no file is named.
    let flag = inputs.path.clone().filter(|path| !path.as_os_str().is_empty());
    let named = flag.or_else(|| inputs.var("FERRY_CONFIG").map(PathBuf::from));
    // A relative name stays relative for people to read; it is opened from the working directory.
    named.or_else(|| {
        Some(PathBuf::from("ferry.toml")).filter(|path| inputs.cwd.join(path).is_file())
    })
}

impl Merged {
    fn file(&mut self, inputs: &Inputs) {
        let Some(path) = file_to_read(inputs) else { return };
        let full = inputs.cwd.join(&path);
        let text = match std::fs::read(&full).map(String::from_utf8) {
            Ok(Ok(text)) => text,
            Ok(Err(_)) => {
                let message = format!("{} is not UTF-8 text", path.display());
                self.problems.push(Problem::error("", message).with_help("save it as UTF-8"));
                return;
            }
            Err(error) => {
                let message = format!("cannot read {}: {error}", path.display());
                // The command line hands the variable on as if it were the flag.
                let help = if inputs.var("FERRY_CONFIG").is_some_and(|name| path == *name) {
                    "check FERRY_CONFIG, and that this user may read the file"
                } else {
                    "check the path after --config, and that this user may read the file"
                };
                self.problems.push(Problem::error("", message).with_help(help));
                return;
            }
        };
        self.file = Some(full);
        // A byte order mark is what some editors write; it carries nothing.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        let source = self.sources.add(SourceKind::File(path), text.clone());
        let (table, errors) = DeTable::parse_recoverable(&text);
        if errors.is_empty() {
            self.root = Node::from_toml(table.get_ref(), source);
            return;
        }
        self.sources.hide_values(source);
        let mut errors = errors;
        errors.sort_by_key(|error| error.span().map(|span| span.start));
        // One slip makes a parser stumble more than once; the first word about a line is the true one.
        errors.dedup_by_key(|error| error.span().map(|span| line_of(&text, span.start)));
        for error in errors {
            let place = error.span().map(|span| Place { source, span });
            let location = self.sources.locate(place.as_ref());
            let message = format!("is not valid TOML: {}", error.message().trim_end());
            let problem = Problem::error("", message).at(location);
            self.problems.push(problem.with_help("strings stand in quotes, tables in [brackets]"));
        }
    }

    fn environment(&mut self, inputs: &Inputs, schema: Schema<'_>) {
        let mut variables: Vec<&(String, String)> =
            inputs.env.iter().filter(|(name, _)| name.starts_with("FERRY_")).collect();
        // In order, so that element 0 of a list comes before element 1.
        variables.sort();
        for (name, value) in variables {
            let lower = name.to_ascii_lowercase();
            let Some(path) = lower.strip_prefix("ferry_") else { continue };
            if path == "config" {
                continue;
            }
            // Only names with a double underscore are keys: Kubernetes itself sets FERRY_PORT,
            // FERRY_SERVICE_HOST and more beside a service named ferry.
            if !path.contains("__") && path != "config_version" {
                self.warn_of_lookalike(name, path, schema);
                continue;
            }
            let parts: Vec<&str> = path.split("__").collect();
            self.lay(&parts, SourceKind::Env(name.clone()), value, schema);
        }
    }

    /// `FERRY_SERVER_LISTEN` was meant to be `FERRY_SERVER__LISTEN`, and is worth a word.
    fn warn_of_lookalike(&mut self, name: &str, path: &str, schema: Schema<'_>) {
        let meant = path.split_once('_').filter(|(section, key)| {
            schema.member(section).and_then(|table| table.member(key)).is_some()
        });
        if let Some((section, key)) = meant.filter(|(section, _)| *section != "lines") {
            let spelled = format!("FERRY_{section}__{key}").to_ascii_uppercase();
            let warning =
                Problem::warning(&format!("{section}.{key}"), format!("{name} is not read"))
                    .with_help(format!("levels are parted by two underscores: {spelled}"));
            self.warnings.push(warning);
        }
    }

    /// Puts one value from outside the file at its key.
    fn lay(&mut self, parts: &[&str], kind: SourceKind, text: &str, schema: Schema<'_>) {
        let name = match &kind {
            SourceKind::Env(name) => format!("{name}="),
            SourceKind::Flag(flag) if flag.starts_with("--set") => format!("{flag}="),
            SourceKind::Flag(flag) => format!("{flag} "),
            SourceKind::File(_) => String::new(),
        };
        let start = name.len();
        let source = self.sources.add(kind, format!("{name}{text}"));
        let place = Place { source, span: start..start + text.len() };
        let whole = Place { source, span: 0..start.saturating_sub(1) };
        let outcome = match settle(&mut self.root, parts, schema) {
            Ok((slot, schema)) => match parse(text, schema, &place) {
                Ok(node) => {
                    *slot = node;
                    return;
                }
                Err(problem) => {
                    let key = parts.join(".");
                    self.sources.hide(&place);
                    problem.under(&key).at(self.sources.locate(Some(&place)))
                }
            },
            Err(problem) => {
                self.sources.hide(&place);
                problem.at(self.sources.locate(Some(&whole)))
            }
        };
        self.problems.push(outcome);
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// Walks to the slot of a key, making the tables and list elements on the way.
fn settle<'n, 's>(
    root: &'n mut Node,
    parts: &[&str],
    schema: Schema<'s>,
) -> Result<(&'n mut Node, Schema<'s>), Problem> {
    // First without touching anything: a mistyped key must leave no trace.
    fits(parts, schema)?;
    let mut node = root;
    let mut schema = schema;
    let mut path = String::new();
    for part in parts {
        let kind = schema.kind();
        (node, schema) = match kind {
            Kind::Table => {
                let member = schema.member(part).unwrap_or(schema);
                let slot = table_slot(node, part, member);
                (slot.ok_or_else(|| Problem::error(&path, "is not a table"))?, member)
            }
            Kind::List => (list_slot(node, part, &path)?, schema.item().unwrap_or(schema)),
            Kind::Text | Kind::Int | Kind::Float | Kind::Bool | Kind::Any => (node, schema),
        };
        path = shape::join(&path, part);
    }
    Ok((node, schema))
}

/// Whether the schema has such a key at all.
fn fits(parts: &[&str], mut schema: Schema<'_>) -> Result<(), Problem> {
    let mut path = String::new();
    for part in parts {
        schema = match schema.kind() {
            Kind::Table => schema.member(part).ok_or_else(|| {
                let known: Vec<&str> = schema.members().into_iter().map(|(name, _)| name).collect();
                shape::unknown_key(&path, part, &known)
            })?,
            Kind::List => schema.item().unwrap_or(schema),
            kind @ (Kind::Text | Kind::Int | Kind::Float | Kind::Bool | Kind::Any) => {
                let message = format!("is {}, it has no `{part}`", kind.name());
                return Err(Problem::error(&path, message));
            }
        };
        path = shape::join(&path, part);
    }
    Ok(())
}

fn table_slot<'n>(node: &'n mut Node, part: &str, schema: Schema<'_>) -> Option<&'n mut Node> {
    let fresh = || {
        // An index into the default nodes changes the default node, not nothing.
        let default = schema.default().filter(|_| schema.kind() == Kind::List);
        let node = default.map_or_else(Node::empty, Node::from_json);
        Entry { name: None, node }
    };
    Some(&mut node.table_mut()?.entry(part.to_owned()).or_insert_with(fresh).node)
}

/// An element by its number, by its name, or the next new one.
fn list_slot<'n>(node: &'n mut Node, part: &str, path: &str) -> Result<&'n mut Node, Problem> {
    let missing = || Problem::error(&shape::join(path, part), "there is no such element");
    let items = node.list_mut().ok_or_else(missing)?;
    let names: Vec<String> = items
        .iter()
        .map(|item| match item.child("name").map(|name| &name.value) {
            Some(Value::Text(name)) => name.to_ascii_lowercase().replace('-', "_"),
            _ => String::new(),
        })
        .collect();
    let wanted = part.to_ascii_lowercase().replace('-', "_");
    let index = part.parse().ok().or_else(|| names.iter().position(|name| *name == wanted));
    let count = items.len();
    let Some(index) = index.filter(|index: &usize| *index <= count) else {
        let help = nearest(&wanted, names.iter().map(String::as_str)).map_or_else(
            || format!("elements are counted from 0; the next new one is {count}"),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(missing().with_help(help));
    };
    if index == count {
        items.push(Node::empty());
    }
    items.get_mut(index).ok_or_else(missing)
}

/// Reads a value from outside the file by what its key takes: texts as they are, all else as TOML.
fn parse(text: &str, schema: Schema<'_>, place: &Place) -> Result<Node, Problem> {
    let kind = schema.kind();
    let quoted = text.starts_with(['"', '\'']);
    let verbatim = Node::new(Some(place.clone()), Value::Text(text.to_owned()));
    if kind == Kind::Text && !quoted {
        return Ok(verbatim);
    }
    match DeValue::parse(text.trim()) {
        Ok(value) => {
            let mut node = Node::from_value(&value, place.source, place.span.start);
            replace_places(&mut node, place);
            Ok(node)
        }
        Err(_) if matches!(kind, Kind::List | Kind::Table) => {
            let example = if kind == Kind::List { "[\"a\", \"b\"]" } else { "{ a = \"b\" }" };
            let message = format!("is not {} in TOML", kind.name());
            Err(Problem::error("", message).with_help(format!("write {example}")))
        }
        // The shape check says what was expected.
        Err(_) => Ok(verbatim),
    }
}

/// One variable is one source: its parts are pointed at as a whole.
fn replace_places(node: &mut Node, place: &Place) {
    node.place = Some(place.clone());
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| replace_places(item, place)),
        Value::Table(members) => members.values_mut().for_each(|entry| {
            entry.name = Some(place.clone());
            replace_places(&mut entry.node, place);
        }),
        Value::Text(_) | Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::Date(_) => {}
    }
}

/// Hides every literal that stands where a secret belongs.
pub(crate) fn hide_literals(root: &Node, schema: Schema<'_>, sources: &mut Sources) {
    hide_in(root, schema, false, sources);
}

fn hide_in(node: &Node, schema: Schema<'_>, hidden: bool, sources: &mut Sources) {
    if schema.kind() == Kind::Any {
        return;
    }
    let login = schema.login() && matches!(&node.value, Value::Text(text) if text.contains('@'));
    let hidden = hidden || schema.secret() || schema.hidden() || login;
    match &node.value {
        Value::Table(members) => {
            for (name, entry) in members {
                // What stands behind a mistyped name may well be a key.
                let unknown = schema.member(name).is_none();
                let member = schema.member(name).unwrap_or(schema);
                hide_in(&entry.node, member, hidden || unknown, sources);
            }
        }
        Value::List(items) => {
            for item in items {
                hide_in(item, schema.item().unwrap_or(schema), hidden, sources);
            }
        }
        Value::Text(text) if text.starts_with("env:") || text.starts_with("file:") => {}
        Value::Text(_) | Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::Date(_) => {
            node.place.iter().filter(|_| hidden).for_each(|place| sources.hide(place));
        }
    }
}
