//! The keys that exist, read from the types in `raw` through their JSON Schema.
//!
//! One declaration serves the shape check, the environment's names, `explain` and the reference
//! page, so that none of them can fall behind. Decides nothing about a value.

use schemars::generate::SchemaSettings;
use serde_json::Value as Json;

use super::raw::Raw;

/// The JSON Schema of the configuration file, with every type written out in place.
pub(crate) fn document() -> Json {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<Raw>().to_value()
}

/// One place in the schema.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schema<'a>(&'a Json);

/// What a key may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Int,
    Float,
    Bool,
    List,
    Table,
    /// Reserved keys take anything, and are then refused with a sentence of their own.
    Any,
}

impl Kind {
    /// Its TOML name, with its article.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Int => "an integer",
            Self::Float => "a number",
            Self::Bool => "a boolean",
            Self::List => "a list",
            Self::Table => "a table",
            Self::Any => "anything",
        }
    }
}

impl<'a> Schema<'a> {
    pub(crate) fn root(document: &'a Json) -> Self {
        Self(document)
    }

    pub(crate) fn kind(self) -> Kind {
        let kind = match self.0.get("type") {
            Some(Json::Array(kinds)) => kinds.first().and_then(Json::as_str),
            Some(kind) => kind.as_str(),
            None => None,
        };
        match kind {
            Some("string") => Kind::Text,
            Some("integer") => Kind::Int,
            Some("number") => Kind::Float,
            Some("boolean") => Kind::Bool,
            Some("array") => Kind::List,
            Some("object") => Kind::Table,
            _ if self.choices().is_empty() => Kind::Any,
            _ => Kind::Text,
        }
    }

    /// The member of that name; tables with free names take any.
    pub(crate) fn member(self, name: &str) -> Option<Self> {
        let named = self.0.get("properties").and_then(|members| members.get(name));
        named.map(Self).or_else(|| self.free_member())
    }

    /// What every member of a table with free names looks like.
    pub(crate) fn free_member(self) -> Option<Self> {
        self.0.get("additionalProperties").filter(|free| free.is_object()).map(Self)
    }

    /// The members with fixed names, in the order of their declaration.
    pub(crate) fn members(self) -> Vec<(&'a str, Self)> {
        let members = self.0.get("properties").and_then(Json::as_object);
        members.into_iter().flatten().map(|(name, schema)| (name.as_str(), Self(schema))).collect()
    }

    /// What every element of a list looks like.
    pub(crate) fn item(self) -> Option<Self> {
        self.0.get("items").map(Self)
    }

    /// Members that must be written.
    pub(crate) fn required(self) -> Vec<&'a str> {
        let names = self.0.get("required").and_then(Json::as_array);
        names.into_iter().flatten().filter_map(Json::as_str).collect()
    }

    /// The words of a key that takes one of a few.
    pub(crate) fn choices(self) -> Vec<&'a str> {
        let plain = self.0.get("enum").and_then(Json::as_array).into_iter().flatten();
        let described = self.0.get("oneOf").and_then(Json::as_array).into_iter().flatten();
        let described = described.filter_map(|choice| choice.get("const"));
        plain.chain(described).filter_map(Json::as_str).collect()
    }

    /// The least and the largest number, as they are written in the schema.
    pub(crate) fn range(self) -> Option<(&'a serde_json::Number, &'a serde_json::Number)> {
        let bound = |name| self.0.get(name).and_then(Json::as_number);
        Some((bound("minimum")?, bound("maximum")?))
    }

    pub(crate) fn default(self) -> Option<&'a Json> {
        self.0.get("default").filter(|default| !default.is_null())
    }

    /// A value that shows how it is written.
    pub(crate) fn example(self) -> Option<&'a Json> {
        self.0.get("examples").and_then(|examples| examples.get(0))
    }

    /// The meaning of the key, one paragraph per element.
    pub(crate) fn description(self) -> &'a str {
        self.0.get("description").and_then(Json::as_str).unwrap_or_default()
    }

    /// A reference to a secret: a literal is refused and hidden.
    pub(crate) fn secret(self) -> bool {
        self.flag("x-secret")
    }

    /// Literals are allowed, but never shown.
    pub(crate) fn hidden(self) -> bool {
        self.flag("x-hidden")
    }

    /// A URL whose login is never shown.
    pub(crate) fn login(self) -> bool {
        self.flag("x-login")
    }

    fn flag(self, name: &str) -> bool {
        self.0.get(name).and_then(Json::as_bool).unwrap_or_default()
    }

    /// Every key that holds a value, as `nodes[].url` and `lines.NAME.cache`, in the order of their
    /// declaration.
    pub(crate) fn keys(self) -> Vec<(String, Self)> {
        let mut keys = Vec::new();
        self.gather("", &mut keys);
        keys
    }

    fn gather(self, path: &str, keys: &mut Vec<(String, Self)>) {
        let join =
            |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        for (name, member) in self.members() {
            member.gather(&join(name), keys);
        }
        let tables = self.item().filter(|item| item.kind() == Kind::Table);
        let tables = tables.map(|item| (format!("{path}[]"), item));
        let named = self.free_member().filter(|free| free.kind() == Kind::Table);
        match tables.or_else(|| named.map(|free| (join("NAME"), free))) {
            Some((path, inner)) => inner.gather(&path, keys),
            None if self.members().is_empty() => keys.push((path.to_owned(), self)),
            None => {}
        }
    }
}

/// The unit of a number, by the end of its name.
pub(crate) fn unit(key: &str) -> Option<&'static str> {
    let name = key.rsplit('.').next().unwrap_or(key);
    if name.ends_with("_ms") {
        Some("milliseconds")
    } else if name.ends_with("_s") {
        Some("seconds")
    } else if name.ends_with("bytes_max") || name == "bytes" {
        Some("bytes")
    } else if name.ends_with("_rate") || name.ends_with("_ratio") {
        Some("a share from 0 to 1")
    } else {
        None
    }
}
