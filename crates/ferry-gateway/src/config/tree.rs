//! The merged configuration before it has types: values with the place each was written at.
//!
//! Layers are laid over each other here, since serde alone would forget where a value came from.
//! Knows nothing of any key.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value as Json;
use toml::de::{DeTable, DeValue};

use super::place::Place;

/// A value and its place; `None` for a default.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Option<Place>,
    pub(crate) value: Value,
}

/// What TOML can say. Dates are kept as text: no key takes one.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Date(String),
    List(Vec<Node>),
    Table(BTreeMap<String, Entry>),
}

/// A member of a table, with the place of its name.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: Option<Place>,
    pub(crate) node: Node,
}

impl Value {
    /// The TOML name of its type, with its article.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Bool(_) => "a boolean",
            Self::Date(_) => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Node {
    pub(crate) fn new(place: Option<Place>, value: Value) -> Self {
        Self { place, value }
    }

    /// An empty table that nobody wrote.
    pub(crate) fn empty() -> Self {
        Self::new(None, Value::Table(BTreeMap::new()))
    }

    /// A whole parsed file.
    pub(crate) fn from_toml(table: &DeTable<'_>, source: usize) -> Self {
        let reader = Reader { source, offset: 0 };
        Self::new(None, reader.table(table))
    }

    /// One parsed TOML value that begins at `offset` of its source.
    pub(crate) fn from_value(value: &toml::Spanned<DeValue<'_>>, source: usize, at: usize) -> Self {
        let reader = Reader { source, offset: at };
        reader.node(value)
    }

    /// A default, from its JSON.
    pub(crate) fn from_json(json: &Json) -> Self {
        let value = match json {
            Json::Null => Value::Text(String::new()),
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => number
                .as_i64()
                .map_or_else(|| Value::Float(number.as_f64().unwrap_or_default()), Value::Int),
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(items) => Value::List(items.iter().map(Self::from_json).collect()),
            Json::Object(members) => Value::Table(
                members
                    .iter()
                    .filter(|(_, member)| !member.is_null())
                    .map(|(name, member)| {
                        (name.clone(), Entry { name: None, node: Self::from_json(member) })
                    })
                    .collect(),
            ),
        };
        Self::new(None, value)
    }

    /// The value alone, for serde.
    pub(crate) fn to_json(&self) -> Json {
        match &self.value {
            Value::Text(text) | Value::Date(text) => Json::from(text.as_str()),
            Value::Int(number) => Json::from(*number),
            Value::Float(number) => Json::from(*number),
            Value::Bool(value) => Json::from(*value),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Table(members) => {
                members.iter().map(|(name, entry)| (name.clone(), entry.node.to_json())).collect()
            }
        }
    }

    /// The value at a dotted key, an element of a list by its number.
    pub(crate) fn find(&self, key: &str) -> Option<&Self> {
        let (mut node, mut rest) = (self, key);
        while !rest.is_empty() {
            (node, rest) = node.step(rest)?;
        }
        Some(node)
    }

    /// The place of a key, or of the nearest thing around it that was written.
    pub(crate) fn place(&self, key: &str) -> Option<&Place> {
        let (mut node, mut rest) = (self, key);
        let mut place = node.place.as_ref();
        while let Some((child, after)) = node.step(rest) {
            (node, rest) = (child, after);
            place = node.place.as_ref().or(place);
        }
        place
    }

    /// The members, after making this a table if it is none.
    pub(crate) fn table_mut(&mut self) -> Option<&mut BTreeMap<String, Entry>> {
        if !matches!(self.value, Value::Table(_)) {
            *self = Self::empty();
        }
        if let Value::Table(members) = &mut self.value { Some(members) } else { None }
    }

    /// The elements, after making this a list if it is none.
    pub(crate) fn list_mut(&mut self) -> Option<&mut Vec<Self>> {
        if !matches!(self.value, Value::List(_)) {
            self.value = Value::List(Vec::new());
        }
        if let Value::List(items) = &mut self.value { Some(items) } else { None }
    }

    /// One level down, and what is left of the key. Names may hold dots themselves (`lines."a.b"`),
    /// so the longest member that fits is meant.
    fn step<'k>(&self, key: &'k str) -> Option<(&Self, &'k str)> {
        let ends = key.match_indices('.').map(|(at, _)| at).chain([key.len()]);
        let splits =
            ends.filter_map(|at| Some((key.get(..at)?, key.get(at..)?))).collect::<Vec<_>>();
        splits.into_iter().rev().find_map(|(part, rest)| {
            Some((self.child(part)?, rest.strip_prefix('.').unwrap_or(rest)))
        })
    }

    pub(crate) fn child(&self, part: &str) -> Option<&Self> {
        match &self.value {
            Value::Table(members) => Some(&members.get(part)?.node),
            Value::List(items) => items.get(part.parse::<usize>().ok()?),
            Value::Text(_) | Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::Date(_) => {
                None
            }
        }
    }
}

struct Reader {
    source: usize,
    offset: usize,
}

impl Reader {
    fn place(&self, span: Range<usize>) -> Place {
        let span = span.start + self.offset..span.end + self.offset;
        Place { source: self.source, span }
    }

    fn node(&self, value: &toml::Spanned<DeValue<'_>>) -> Node {
        let read = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => integer(number.as_str(), number.radix()),
            DeValue::Float(number) => {
                Value::Float(number.as_str().replace('_', "").parse().unwrap_or(f64::NAN))
            }
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Datetime(date) => Value::Date(date.to_string()),
            DeValue::Array(items) => {
                Value::List(items.iter().map(|item| self.node(item)).collect())
            }
            DeValue::Table(table) => self.table(table),
        };
        Node::new(Some(self.place(value.span())), read)
    }

    fn table(&self, table: &DeTable<'_>) -> Value {
        let members = table.iter().map(|(name, value)| {
            let entry = Entry { name: Some(self.place(name.span())), node: self.node(value) };
            (name.get_ref().to_string(), entry)
        });
        Value::Table(members.collect())
    }
}

/// TOML promises 64 bits; what does not fit becomes the largest number and then fails its range.
fn integer(text: &str, radix: u32) -> Value {
    let digits = text.replace('_', "");
    let overflow = if digits.starts_with('-') { i64::MIN } else { i64::MAX };
    Value::Int(i64::from_str_radix(&digits, radix).unwrap_or(overflow))
}
