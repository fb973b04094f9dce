//! The reference page of the configuration, written from the types that read it.
//!
//! Generated, so that it cannot say anything but what Ferry does; a test compares the committed page.

use super::explain::facts;
use super::schema::{self, Schema};
use super::show;

const INTRODUCTION: &str = "# Configuration

<!-- Written by `ferry_gateway::config::reference_markdown`; change the types, then run the tests with FERRY_BLESS=1. -->

One TOML file: the one named by `--config`, else by `FERRY_CONFIG`, else `./ferry.toml`, else none. Without a file Ferry
serves api.anthropic.com and passes the caller's own key through.

Values come from defaults, then the file, then the environment, then flags; the later one wins. A variable is `FERRY_` and
the key in capitals with two underscores between levels (`FERRY_SERVER__LISTEN`); an element of a list is named by its
number (`FERRY_NODES__0__URL`), a whole list is written as in TOML (`[\"a\", \"b\"]`). On the command line it is
`--set server.listen=127.0.0.1:7300`.

Unknown keys are errors. Secrets are never written here: `env:NAME` names a variable, `file:PATH` a file (from the folder of
this file; a line end at its end is left off). `~` is the home folder; relative paths start from the folder of the file they
stand in, or from the working directory when they stand in a variable or a flag.

`ferry config check` reports every problem with its line, `ferry config show` prints what is in force, and
`ferry config explain KEY` says where a value came from. A change applies when the file changes, on SIGHUP and by the
admin side; a broken file leaves everything as it was.
";

/// The page, in Markdown. Ends with a line end.
pub fn reference_markdown() -> String {
    let document = schema::document();
    let root = Schema::root(&document);
    let mut page = vec![INTRODUCTION.trim_end().to_owned()];
    for (name, section) in root.members() {
        page.push(format!("\n## {}\n\n{}", title(name, section), paragraph(section)));
        for (key, schema) in section.keys() {
            if key.is_empty() {
                list(&mut page, name, schema);
            } else {
                let key = if key.starts_with("[]") {
                    format!("{name}{key}")
                } else {
                    format!("{name}.{key}")
                };
                page.push(format!("\n### `{key}`\n\n{}", paragraph(schema)));
                list(&mut page, &key, schema);
            }
        }
    }
    show::page(&page)
}

fn title(name: &str, section: Schema<'_>) -> String {
    match section.kind() {
        schema::Kind::List => format!("`[[{name}]]`"),
        schema::Kind::Table if section.members().is_empty() => format!("`[{name}.NAME]`"),
        schema::Kind::Table => format!("`[{name}]`"),
        schema::Kind::Text
        | schema::Kind::Int
        | schema::Kind::Float
        | schema::Kind::Bool
        | schema::Kind::Any => format!("`{name}`"),
    }
}

fn paragraph(schema: Schema<'_>) -> String {
    schema.description().replace("\n\n", "\u{0}").replace('\n', " ").replace('\u{0}', "\n\n")
}

fn list(page: &mut Vec<String>, key: &str, schema: Schema<'_>) {
    page.push(String::new());
    for (title, fact) in facts(key, schema) {
        let fact =
            if matches!(title, "env" | "default" | "example") { format!("`{fact}`") } else { fact };
        page.push(format!("- {title}: {fact}"));
    }
}

/// The JSON Schema of the file, for editors, in pretty form. Ends with a line end.
pub fn schema_json() -> String {
    let mut document = schema::document();
    let mut ordered = serde_json::Map::new();
    // What the file is comes first, for people who open it.
    if let Some(members) = document.as_object_mut() {
        for name in ["$schema", "title", "description", "type"] {
            ordered.extend(members.remove(name).map(|value| (name.to_owned(), value)));
        }
        ordered.append(members);
    }
    format!("{:#}\n", serde_json::Value::Object(ordered))
}
