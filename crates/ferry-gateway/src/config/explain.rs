//! One key, or all: its value, where the value came from, what it means and what it may be.

use serde_json::Value as Json;
use thiserror::Error;

use super::Loaded;
use super::near::nearest;
use super::place::Origin;
use super::reload;
use super::schema::{self, Kind, Schema};
use super::show::{inline, is_leaf, page};

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
    /// Everything about one key. A section gives the list of its keys; an element of a list is named
    /// by number or by its `name`.
    ///
    /// # Errors
    /// [`UnknownKey`], with the key that was perhaps meant.
    pub fn explain(&self, key: &str) -> Result<String, UnknownKey> {
        let document = schema::document();
        let values = self.show_json();
        let found = locate(Schema::root(&document), &values, key);
        let found = found.ok_or_else(|| unknown(key, Schema::root(&document)))?;
        if is_leaf(found.schema) {
            return Ok(self.one(&found));
        }
        let mut text = Vec::new();
        if !found.schema.description().is_empty() {
            text.push(format!("{}\n", found.schema.description()));
        }
        match found.value {
            Some(value) => self.list(&mut text, &found.key, value, found.schema),
            None => {
                for (name, member) in found.schema.item().unwrap_or(found.schema).keys() {
                    text.push(format!("{}.{name}: {}", found.key, member.description()));
                }
            }
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

    fn one(&self, found: &Found<'_>) -> String {
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
        for paragraph in schema.description().split("\n\n") {
            text.push(format!("  {title:<8} {}", paragraph.replace('\n', " ")));
            title = "";
        }
        for (title, fact) in facts(key, *schema) {
            text.push(format!("  {title:<8} {fact}"));
        }
        page(&text)
    }
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
            found.key = format!("{}[]", found.key);
            found.value = None;
            found.schema = item;
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
