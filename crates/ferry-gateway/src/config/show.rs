//! Every effective value, as TOML or JSON. Secrets appear as the reference they were given as.

use serde_json::{Map, Value as Json};

use super::Loaded;
use super::schema::{self, Kind, Schema};

impl Loaded {
    /// Every effective value, defaults included, in the order of the reference. Secrets read
    /// `<secret: env:NAME>`, literal header values `<hidden>`.
    pub fn show_json(&self) -> Json {
        let document = schema::document();
        // The raw types hold nothing that JSON cannot say.
        let values = serde_json::to_value(&self.raw).unwrap_or_default();
        veil(values, Schema::root(&document), Veil::None)
    }

    /// The same as a TOML file. Not meant to be read back: secrets are left out.
    pub fn show_toml(&self) -> String {
        let values = self.show_json();
        let mut text = Vec::new();
        values.as_object().into_iter().for_each(|members| table(&mut text, "", members));
        page(&text)
    }
}

/// What is hidden in a part of the tree.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Veil {
    None,
    /// References are shown as such; a literal is nobody's business.
    Values,
    /// The same, but of a literal URL only the login is hidden.
    Logins,
}

fn veil(value: Json, schema: Schema<'_>, over: Veil) -> Json {
    let over = if schema.secret() || schema.hidden() {
        Veil::Values
    } else if schema.login() {
        Veil::Logins
    } else {
        over
    };
    match value {
        Json::Object(members) => Json::Object(
            members
                .into_iter()
                .map(|(name, value)| {
                    let member = schema.member(&name).unwrap_or(schema);
                    let value = veil(value, member, over);
                    (name, value)
                })
                .collect(),
        ),
        Json::Array(items) => {
            let item = schema.item().unwrap_or(schema);
            Json::Array(items.into_iter().map(|value| veil(value, item, over)).collect())
        }
        Json::String(text) if over != Veil::None => Json::String(veiled(&text, over)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => value,
    }
}

fn veiled(text: &str, veil: Veil) -> String {
    if text.starts_with("env:") || text.starts_with("file:") {
        format!("<secret: {text}>")
    } else if veil == Veil::Logins {
        without_login(text)
    } else {
        "<hidden>".to_owned()
    }
}

/// A proxy's URL with stars for user name and password.
fn without_login(text: &str) -> String {
    let Some((before, place)) = text.rsplit_once('@') else { return text.to_owned() };
    match before.split_once("://") {
        Some((scheme, _login)) => format!("{scheme}://***@{place}"),
        None => format!("***@{place}"),
    }
}

/// Plain values first, then tables, as TOML wants it.
fn table(text: &mut Vec<String>, path: &str, members: &Map<String, Json>) {
    for (name, value) in members.iter().filter(|(_, value)| !is_section(path, value)) {
        text.push(format!("{} = {}", bare(name), inline(value)));
    }
    for (name, value) in members.iter().filter(|(_, value)| is_section(path, value)) {
        let path = if path.is_empty() { bare(name) } else { format!("{path}.{}", bare(name)) };
        match value {
            Json::Object(members) if path == "lines" => {
                for (name, line) in members {
                    text.push(format!("\n[lines.{}]", bare(name)));
                    line.as_object().into_iter().for_each(|line| table(text, "lines.", line));
                }
            }
            Json::Object(members) => {
                text.push(format!("\n[{path}]"));
                table(text, &path, members);
            }
            Json::Array(items) => {
                for members in items.iter().filter_map(Json::as_object) {
                    text.push(format!("\n[[{path}]]"));
                    table(text, &path, members);
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
        }
    }
}

/// Sections stand on the first level only; deeper tables are written in one line.
fn is_section(path: &str, value: &Json) -> bool {
    let tables = |items: &Vec<Json>| items.first().is_some_and(Json::is_object);
    path.is_empty() && (value.is_object() || value.as_array().is_some_and(tables))
}

/// A value in one line of TOML.
pub(crate) fn inline(value: &Json) -> String {
    match value {
        Json::Null => "\"\"".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => toml::Value::String(text.clone()).to_string(),
        Json::Array(items) => {
            format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        Json::Object(members) if members.is_empty() => "{}".to_owned(),
        Json::Object(members) => {
            let members =
                members.iter().map(|(name, value)| format!("{} = {}", bare(name), inline(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
    }
}

fn bare(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.bytes().all(plain) {
        name.to_owned()
    } else {
        toml::Value::String(name.to_owned()).to_string()
    }
}

/// Whether a key of this kind is written as a value and not as a section.
pub(crate) fn is_leaf(schema: Schema<'_>) -> bool {
    let inner = schema.item().or_else(|| schema.free_member());
    match schema.kind() {
        Kind::Table if !schema.members().is_empty() => false,
        Kind::Table | Kind::List => inner.is_none_or(|inner| inner.kind() != Kind::Table),
        Kind::Text | Kind::Int | Kind::Float | Kind::Bool | Kind::Any => true,
    }
}

/// Lines as one text that ends with a line end.
pub(crate) fn page(lines: &[String]) -> String {
    lines.join("\n") + "\n"
}
