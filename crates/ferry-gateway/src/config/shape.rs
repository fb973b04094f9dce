//! Checks that the merged values have the shape of the schema: names, types, choices, ranges.
//!
//! Done by hand over the schema rather than by serde, since serde stops at the first mistake. What
//! is wrong is reported and replaced by its default, so that the later stage can go on looking.
//! Never judges what a text means.

use std::collections::BTreeSet;

use super::near::nearest;
use super::place::Sources;
use super::report::Problem;
use super::schema::{self, Kind, Schema};
use super::tree::{Entry, Node, Value};

/// What the check found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) problems: Vec<Problem>,
    /// Keys that are already reported; later stages stay silent about them.
    pub(crate) blamed: BTreeSet<String>,
}

impl Findings {
    pub(crate) fn push(&mut self, problem: Problem) {
        self.blamed.insert(problem.key.clone());
        self.problems.push(problem);
    }
}

/// Reports every departure from the schema and puts a default in its place.
pub(crate) fn check(root: &mut Node, schema: Schema<'_>, sources: &Sources) -> Findings {
    let mut checker = Checker { sources, findings: Findings::default() };
    checker.node(root, schema, "");
    checker.findings
}

/// The dotted key of a member.
pub(crate) fn join(path: &str, part: &str) -> String {
    if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") }
}

struct Checker<'a> {
    sources: &'a Sources,
    findings: Findings,
}

impl Checker<'_> {
    fn node(&mut self, node: &mut Node, schema: Schema<'_>, path: &str) {
        let kind = schema.kind();
        let right = match (&mut node.value, kind) {
            (_, Kind::Any) | (Value::Bool(_), Kind::Bool) => true,
            (Value::Text(text), Kind::Text) => {
                let text = text.clone();
                return self.choice(node, &text, schema, path);
            }
            (Value::Int(number), Kind::Int) => {
                let number = *number;
                return self.integer(node, number, schema, path);
            }
            (Value::Int(_) | Value::Float(_), Kind::Float) => {
                return self.float(node, schema, path);
            }
            (Value::List(items), Kind::List) => {
                if let Some(item) = schema.item() {
                    for (index, node) in items.iter_mut().enumerate() {
                        self.node(node, item, &join(path, &index.to_string()));
                    }
                }
                true
            }
            (Value::Table(_), Kind::Table) => {
                self.table(node, schema, path);
                true
            }
            _ => false,
        };
        if !right {
            let message = format!("expected {}, found {}", kind.name(), node.value.kind());
            let help = type_help(&node.value, kind, path);
            self.replace(node, schema, Problem::error(path, message), help);
        }
    }

    fn table(&mut self, node: &mut Node, schema: Schema<'_>, path: &str) {
        let place = node.place.clone();
        let Value::Table(members) = &mut node.value else { return };
        let known: Vec<&str> = schema.members().into_iter().map(|(name, _)| name).collect();
        members.retain(|name, entry| {
            let Some(member) = schema.member(name) else {
                let place = entry.name.as_ref().or(entry.node.place.as_ref());
                let problem = unknown_key(path, name, &known).at(self.sources.locate(place));
                self.findings.push(problem);
                return false;
            };
            self.node(&mut entry.node, member, &join(path, name));
            true
        });
        for name in schema.required() {
            if !members.contains_key(name) {
                let key = join(path, name);
                let problem = Problem::error(&key, "is missing")
                    .with_help(format!("add `{name} = \"...\"` to this table"))
                    .at(self.sources.locate(place.as_ref()));
                self.findings.push(problem);
                let empty = Node::new(None, Value::Text(String::new()));
                members.insert(name.to_owned(), Entry { name: None, node: empty });
            }
        }
    }

    fn choice(&mut self, node: &mut Node, text: &str, schema: Schema<'_>, path: &str) {
        let choices = schema.choices();
        if choices.is_empty() || choices.contains(&text) {
            return;
        }
        let list = choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>();
        let help = nearest(text, choices.iter().copied()).map_or_else(
            || format!("write {}", list.join(" or ")),
            |near| format!("did you mean `{near}`? Possible: {}", list.join(", ")),
        );
        let message = format!("`{text}` is not one of {}", list.join(", "));
        self.replace(node, schema, Problem::error(path, message), Some(help));
    }

    fn integer(&mut self, node: &mut Node, number: i64, schema: Schema<'_>, path: &str) {
        let Some((least, most)) = schema.range() else { return };
        let within = least.as_i64().is_none_or(|least| number >= least)
            && most.as_i64().is_none_or(|most| number <= most);
        if !within {
            self.out_of_range(node, schema, path, (least.to_string(), most.to_string()));
        }
    }

    fn float(&mut self, node: &mut Node, schema: Schema<'_>, path: &str) {
        let number = match node.value {
            #[expect(clippy::cast_precision_loss, reason = "ranges of ratios end at 1")]
            Value::Int(number) => number as f64,
            Value::Float(number) => number,
            Value::Text(_) | Value::Bool(_) | Value::Date(_) | Value::List(_) | Value::Table(_) => {
                return;
            }
        };
        let Some((least, most)) = schema.range() else { return };
        let within = least.as_f64().is_some_and(|least| number >= least)
            && most.as_f64().is_some_and(|most| number <= most);
        // NaN fails both comparisons, as it should.
        if !within {
            self.out_of_range(node, schema, path, (least.to_string(), most.to_string()));
        }
    }

    fn out_of_range(
        &mut self,
        node: &mut Node,
        schema: Schema<'_>,
        path: &str,
        (least, most): (String, String),
    ) {
        let message = format!("must be between {least} and {most}");
        let unit = schema::unit(path).map(|unit| format!("the unit is {unit}"));
        let default = schema.default().map(|default| format!("the default is {default}"));
        let help = [unit, default].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let help = Some(help).filter(|help| !help.is_empty());
        self.replace(node, schema, Problem::error(path, message), help);
    }

    fn replace(
        &mut self,
        node: &mut Node,
        schema: Schema<'_>,
        problem: Problem,
        help: Option<String>,
    ) {
        let location = self.sources.locate(node.place.as_ref());
        let problem = help.into_iter().fold(problem, Problem::with_help).at(location);
        self.findings.push(problem);
        node.value = filler(schema);
    }
}

/// A report of a key that does not exist.
pub(crate) fn unknown_key(path: &str, name: &str, known: &[&str]) -> Problem {
    let help = nearest(name, known.iter().copied()).map_or_else(
        || format!("keys here: {}", known.join(", ")),
        |near| format!("did you mean `{near}`?"),
    );
    Problem::error(&join(path, name), "there is no such key").with_help(help)
}

fn type_help(value: &Value, kind: Kind, path: &str) -> Option<String> {
    let last = path.rsplit('.').next().unwrap_or(path);
    match (value, kind) {
        (Value::Text(_), Kind::Int | Kind::Float) => Some(match schema::unit(path) {
            Some(unit) => {
                format!("write the number alone, without quotes or a unit: `{last}` is in {unit}")
            }
            None => "write the number without quotes".to_owned(),
        }),
        (Value::Text(_), Kind::Bool) => Some("write true or false, without quotes".to_owned()),
        (Value::Text(text), Kind::List) if text.contains('"') => {
            Some("write a TOML list: [\"a\", \"b\"]".to_owned())
        }
        (_, Kind::List) if path == "nodes" => {
            Some("nodes are a list: write `[[nodes]]` with two brackets".to_owned())
        }
        (_, Kind::List) => Some("put it in brackets: [...]".to_owned()),
        (Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::Date(_), Kind::Text) => {
            Some("put it in quotes".to_owned())
        }
        (_, Kind::Table) => Some(format!("write a table: `[{path}]`")),
        _ => None,
    }
}

/// A value that passes, in place of one that did not.
fn filler(schema: Schema<'_>) -> Value {
    if let Some(default) = schema.default() {
        return Node::from_json(default).value;
    }
    match schema.kind() {
        Kind::Text | Kind::Any => {
            Value::Text(schema.choices().first().copied().unwrap_or_default().to_owned())
        }
        Kind::Int => Value::Int(schema.range().and_then(|(least, _)| least.as_i64()).unwrap_or(0)),
        Kind::Float => Value::Float(0.0),
        Kind::Bool => Value::Bool(false),
        Kind::List => Value::List(Vec::new()),
        Kind::Table => Node::empty().value,
    }
}
