//! One key, or all: its value, where the value came from, what it means and what it may be.

use serde_json::Value as Json;
use thiserror::Error;

use super::Loaded;
use super::near::nearest;
use super::place::Origin;
use super::reload;
use super::schema::{self, Kind, Schema};
use super::show::{inline, is_leaf, page};

/// Folds a paragraph that begins behind so many cells; the lines come without them.
pub type Fold<'a> = &'a dyn Fn(&str, usize) -> Vec<String>;

/// Where facts begin, behind their titles.
const FACTS_AT: usize = 11;
/// Facts that are copied, and so never folded.
const COPIED: [&str; 3] = ["default", "example", "env"];
/// Where the second line of a key's meaning begins in a list of keys.
const MEANING_AT: usize = 4;

/// The key that was asked for does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("explain `{key}`: there is no such key")]
pub struct UnknownKey {
    /// As it was asked for.
    pub key: String,
    /// The key that was perhaps meant.
    pub near: Option<String>,
}

impl Loaded {
    /// Everything about one key, its paragraphs folded. A section gives the list of its keys; an element of a list is named
    /// by number or by its `name`.
    ///
    /// # Errors
    /// [`UnknownKey`], with the key that was perhaps meant.
    pub fn explain(&self, key: &str, fold: Fold<'_>) -> Result<String, UnknownKey> {
        let document = schema::document();
        let values = self.show_json();
        let found = locate(Schema::root(&document), &values, key);
        let found = found.ok_or_else(|| unknown(key, Schema::root(&document)))?;
        if is_leaf(found.schema) {
            return Ok(self.one(&found, fold));
        }
        let mut text = Vec::new();
        for paragraph in paragraphs(found.schema) {
            text.extend(fold(&paragraph, 0));
            text.push(String::new());
        }
        let value = found.value.filter(|value| *value != &Json::Array(Vec::new()));
        if let Some(value) = value {
            self.list(&mut text, &found.key, value, found.schema);
        } else {
            for (key, member) in keys_of(&found.key, found.schema) {
                let meaning = format!("{key}: {}", paragraphs(member).join(" "));
                text.extend(hanging("", &meaning, MEANING_AT, fold));
            }
            text.extend(example_of(&found.key, found.schema));
        }
        Ok(page(&text))
    }

    /// All keys with their values and where each came from.
    pub fn explain_all(&self) -> String {
        let document = schema::document();
        let values = self.show_json();
        let mut text = Vec::new();
        self.list(&mut text, "", &values, Schema::root(&document));
        page(&text)
    }

    /// Where the value of a canonical key came from.
    fn origin(&self, key: &str) -> Origin {
        let node = self.root.find(key);
        self.sources.origin(node.and_then(|node| node.place.as_ref()))
    }

    fn list(&self, text: &mut Vec<String>, path: &str, value: &Json, schema: Schema<'_>) {
        if is_leaf(schema) {
            text.push(format!("{path} = {}  # {}", inline(value), self.origin(path)));
            return;
        }
        let join = |part: &str| super::shape::join(path, part);
        match value {
            Json::Object(members) => {
                if members.is_empty() && schema.members().is_empty() {
                    text.push(format!("{path} = {{}}  # {}", self.origin(path)));
                    unset(text, path, schema);
                }
                for (name, member) in members {
                    if let Some(schema) = schema.member(name) {
                        self.list(text, &join(name), member, schema);
                    }
                }
                // A line without members is there all the same.
                if members.is_empty() && !schema.members().is_empty() {
                    text.push(format!("{path} = {{}}  # {}", self.origin(path)));
                }
                for (name, schema) in schema.members() {
                    if !members.contains_key(name) {
                        unset(text, &join(name), schema);
                    }
                }
            }
            Json::Array(items) if items.is_empty() => {
                text.push(format!("{path} = []  # {}", self.origin(path)));
                unset(text, path, schema);
            }
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.list(
                        text,
                        &join(&index.to_string()),
                        item,
                        schema.item().unwrap_or(schema),
                    );
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
        }
    }

    fn one(&self, found: &Found<'_>, fold: Fold<'_>) -> String {
        let Found { key, schema, value } = found;
        let mut text = Vec::new();
        match value {
            Some(value) => {
                text.push(format!("{key} = {}", inline(value)));
                text.push(format!("  from     {}", self.origin(key)));
            }
            None if key.contains("[]") => text.push(key.clone()),
            None => text.push(format!("{key} is not set")),
        }
        let mut title = "meaning";
        for paragraph in paragraphs(*schema) {
            text.extend(hanging(&format!("  {title:<8} "), &paragraph, FACTS_AT, fold));
            title = "";
        }
        for (title, fact) in facts(key, *schema) {
            let title = format!("  {title:<8} ");
            if COPIED.contains(&title.trim()) {
                text.push(title + &fact);
            } else {
                text.extend(hanging(&title, &fact, FACTS_AT, fold));
            }
        }
        page(&text)
    }
}

/// The meaning of a key, each paragraph in one line.
fn paragraphs(schema: Schema<'_>) -> Vec<String> {
    schema.description().split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect()
}

/// A folded paragraph, of which each line but the first begins behind so many cells.
fn hanging(title: &str, text: &str, indent: usize, fold: Fold<'_>) -> Vec<String> {
    let lines = fold(text, indent);
    let begin = |index| if index == 0 { title.to_owned() } else { " ".repeat(indent) };
    lines.iter().enumerate().map(|(index, line)| begin(index) + line).collect()
}

/// The keys below one that has no value.
fn keys_of<'a>(path: &str, schema: Schema<'a>) -> Vec<(String, Schema<'a>)> {
    let below = |name: String| {
        if name.is_empty() || name.starts_with('[') {
            format!("{path}{name}")
        } else {
            format!("{path}.{name}")
        }
    };
    schema.keys().into_iter().map(|(name, member)| (below(name), member)).collect()
}

/// Lines of keys without a value. Reserved ones are left out: they take none.
fn unset(text: &mut Vec<String>, path: &str, schema: Schema<'_>) {
    let keys = keys_of(path, schema).into_iter().filter(|(_, member)| member.kind() != Kind::Any);
    text.extend(keys.map(|(key, _)| format!("{key} is not set")));
}

/// What a section may look like, as it is written in the file.
fn example_of(path: &str, schema: Schema<'_>) -> Vec<String> {
    let Some(Json::Array(tables)) = schema.example() else { return Vec::new() };
    // The file has no numbers: a table belongs to the last one above it.
    let names = path.split('.').map(|part| part.trim_end_matches("[]"));
    let names: Vec<&str> = names.filter(|part| part.parse::<usize>().is_err()).collect();
    let path = names.join(".");
    let mut lines = vec![String::new(), "example".to_owned()];
    for members in tables.iter().filter_map(Json::as_object) {
        lines.push(format!("  [[{path}]]"));
        lines.extend(members.iter().map(|(name, value)| format!("  {name} = {}", inline(value))));
    }
    lines
}

/// What there is to know about a key apart from its value: title and text.
pub(crate) fn facts(key: &str, schema: Schema<'_>) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let choices = schema.choices();
    if !choices.is_empty() {
        facts.push(("one of", choices.join(", ")));
    }
    if let Some(unit) = schema::unit(key) {
        facts.push(("unit", unit.to_owned()));
    }
    if let Some(default) = schema.default() {
        facts.push(("default", inline(default)));
    }
    if let Some(example) = schema.example().filter(|_| is_leaf(schema)) {
        facts.push(("example", inline(example)));
    }
    if let Some((least, most)) = schema.range() {
        facts.push(("range", format!("{least} to {most}")));
    }
    if !key.contains("NAME") && !key.contains("[]") {
        let name = key.replace('.', "__").replace('-', "_").to_ascii_uppercase();
        facts.push(("env", format!("FERRY_{name}")));
    }
    facts.push(("applies", reload::applies(key).to_owned()));
    facts
}

struct Found<'a> {
    /// With names of list elements replaced by their numbers.
    key: String,
    schema: Schema<'a>,
    value: Option<&'a Json>,
}

/// Walks schema and values together. `nodes.url` and `nodes[].url` mean the key of any node.
fn locate<'a>(root: Schema<'a>, values: &'a Json, key: &str) -> Option<Found<'a>> {
    let mut found = Found { key: String::new(), schema: root, value: Some(values) };
    for part in key.split('.') {
        let (part, any) = part.strip_suffix("[]").map_or((part, false), |part| (part, true));
        if found.schema.kind() == Kind::List {
            let item = found.schema.item()?;
            let index = found.value.and_then(|value| position(value, part));
            if let Some(index) = index {
                found.key = format!("{}.{index}", found.key);
                found.value = found.value.and_then(|value| value.get(index));
                found.schema = item;
                continue;
            }
            found.value = None;
            found.schema = item;
            if part.parse::<usize>().is_ok() {
                // One more than there are.
                found.key = format!("{}.{part}", found.key);
                continue;
            }
            found.key = format!("{}[]", found.key);
        }
        found.schema = found.schema.member(part)?;
        found.key = super::shape::join(&found.key, part);
        found.value = found.value.and_then(|value| value.get(part));
        if any {
            found.value = None;
        }
    }
    Some(found)
}

fn position(items: &Json, part: &str) -> Option<usize> {
    let items = items.as_array()?;
    let named = || items.iter().position(|item| item.get("name").is_some_and(|name| name == part));
    part.parse().ok().filter(|index| *index < items.len()).or_else(named)
}

fn unknown(key: &str, root: Schema<'_>) -> UnknownKey {
    let keys: Vec<String> = root.keys().into_iter().map(|(name, _)| name).collect();
    let last = key.rsplit('.').next().unwrap_or(key);
    let by_end = || {
        let ends = keys.iter().map(|known| known.rsplit('.').next().unwrap_or(known));
        let near = nearest(last, ends)?;
        keys.iter().map(String::as_str).find(|known| known.rsplit('.').next() == Some(near))
    };
    let near = nearest(key, keys.iter().map(String::as_str)).or_else(by_end);
    UnknownKey { key: key.to_owned(), near: near.map(str::to_owned) }
}
