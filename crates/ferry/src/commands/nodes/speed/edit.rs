//! The ranking written into the text of a configuration: the addresses of each node in their new order, and the nodes
//! themselves. Comments, blank lines and everything else stay as they are. Pure: text in, text out.

use std::net::IpAddr;

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, TableLike, Value};

/// What a node is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) name: String,
    /// Best first; empty: left as they are.
    pub(super) addresses: Vec<IpAddr>,
}

/// Why a text cannot be edited. Reads as a sentence after "failed to".
#[derive(Debug, thiserror::Error)]
pub(super) enum EditFault {
    #[error("parse the configuration")]
    Parse(#[source] toml_edit::TomlError),
    #[error("find [[nodes]] in the file: they come from the environment, a flag or the default")]
    NoNodes,
    #[error("find node `{0}` in the file")]
    NoNode(String),
}

/// The text with each wish in it, and the nodes that were wished for in the order of the wishes; all other nodes keep
/// their places.
///
/// # Errors
/// The text is no TOML, or has none of these nodes.
pub(super) fn rewrite(text: &str, wishes: &[Wish]) -> Result<String, EditFault> {
    let mut document: DocumentMut = text.parse().map_err(EditFault::Parse)?;
    match document.get_mut("nodes") {
        Some(Item::ArrayOfTables(tables)) => {
            for wish in wishes {
                let table = tables.iter_mut().find(|table| is_named(*table, &wish.name));
                set(table.ok_or_else(|| EditFault::NoNode(wish.name.clone()))?, &wish.addresses);
            }
            reorder(tables, wishes);
        }
        // Inline tables share lines, and their order is left to whoever wrote them so.
        Some(Item::Value(Value::Array(nodes))) => {
            for wish in wishes {
                let mut tables = nodes.iter_mut().filter_map(Value::as_inline_table_mut);
                let table = tables.find(|table| is_named(*table, &wish.name));
                set(table.ok_or_else(|| EditFault::NoNode(wish.name.clone()))?, &wish.addresses);
            }
        }
        _ => return Err(EditFault::NoNodes),
    }
    Ok(document.to_string())
}

fn is_named(table: &dyn TableLike, name: &str) -> bool {
    table.get("name").and_then(Item::as_str) == Some(name)
}

/// Puts the addresses there, in the form in which they were written as far as that goes.
fn set(table: &mut dyn TableLike, addresses: &[IpAddr]) {
    if addresses.is_empty() {
        return;
    }
    if let Some(array) = table.get_mut("addresses").and_then(Item::as_array_mut) {
        refill(array, addresses);
    } else {
        let array: Array = addresses.iter().map(ToString::to_string).collect();
        table.insert("addresses", Item::Value(Value::Array(array)));
    }
}

/// Values that stay keep a comment of theirs; white space belongs to the place in the list.
fn refill(array: &mut Array, addresses: &[IpAddr]) {
    let before: Vec<Value> = array.iter().cloned().collect();
    let is_it = |value: &Value, ip: &IpAddr| {
        value.as_str().and_then(|text| text.parse::<IpAddr>().ok()).as_ref() == Some(ip)
    };
    let unchanged = before.len() == addresses.len()
        && before.iter().zip(addresses).all(|(value, ip)| is_it(value, ip));
    if unchanged {
        return;
    }
    let text = |raw: Option<&toml_edit::RawString>| {
        raw.and_then(toml_edit::RawString::as_str).unwrap_or_default().to_owned()
    };
    let prefix = |value: &Value| text(value.decor().prefix());
    let has_comments = before.iter().any(|value| prefix(value).contains('#'))
        || text(Some(array.trailing())).contains('#');
    let rest = before.get(1).or_else(|| before.first()).map(prefix);
    array.clear();
    for (index, ip) in addresses.iter().enumerate() {
        let known = before.iter().find(|value| is_it(value, ip)).cloned();
        let mut value = known.unwrap_or_else(|| Value::from(ip.to_string()));
        if !has_comments || value.decor().prefix().is_none() {
            let usual = if index == 0 { String::new() } else { " ".to_owned() };
            let wanted = match index {
                0 => before.first().map(prefix),
                _ => before.get(index).map(prefix).or_else(|| rest.clone()),
            };
            let lone = before.len() == 1
                && index > 0
                && !wanted.as_ref().is_some_and(|p| p.contains('\n'));
            let wanted = wanted.filter(|_| !lone).unwrap_or(usual);
            value.decor_mut().set_prefix(wanted);
            value.decor_mut().set_suffix("");
        }
        array.push_formatted(value);
    }
}

/// Exchanges the places of the tables that were wished for, so that they stand in the order of the wishes. A table's
/// place in the text is its position; tables inside it move with it.
fn reorder(tables: &mut ArrayOfTables, wishes: &[Wish]) {
    let rank = |table: &Table| wishes.iter().position(|wish| is_named(table, &wish.name));
    let mut all: Vec<Table> = tables.iter().cloned().collect();
    let places: Vec<usize> = (0..all.len())
        .filter(|at| all.get(*at).is_some_and(|table| rank(table).is_some()))
        .collect();
    let mut ranked: Vec<Table> = places.iter().filter_map(|at| all.get(*at).cloned()).collect();
    ranked.sort_by_key(rank);
    for (at, table) in places.iter().zip(ranked) {
        if let Some(place) = all.get_mut(*at) {
            *place = table;
        }
    }
    let mut positions: Vec<isize> = Vec::new();
    for table in &mut all {
        each_position(table, &mut |position| positions.extend(*position));
    }
    positions.sort_unstable();
    let mut next = positions.into_iter();
    for table in &mut all {
        each_position(table, &mut |position| {
            if position.is_some() {
                *position = next.next();
            }
        });
    }
    tables.clear();
    tables.extend(all);
}

/// The positions of a table and of those inside it, in the order in which they stand in the text.
fn each_position(table: &mut Table, change: &mut impl FnMut(&mut Option<isize>)) {
    let mut position = table.position();
    change(&mut position);
    table.set_position(position);
    let mut inside: Vec<(isize, String)> = table
        .iter()
        .filter_map(|(key, item)| {
            Some((item.as_table()?.position().unwrap_or(isize::MAX), key.to_owned()))
        })
        .collect();
    inside.sort();
    for (_, key) in inside {
        if let Some(below) = table.get_mut(&key).and_then(Item::as_table_mut) {
            each_position(below, change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# Ours.
config_version = 1

[server]
listen = "127.0.0.1:7300"   # loopback

# The old relay.
[[nodes]]
name = "tokyo-1"
url = "https://tokyo.example.com"
addresses = ["203.0.113.7", "203.0.113.8"] # both of the same house
key = "env:TOKYO"

[nodes.headers]
x-team = "a"

# The new one.
[[nodes]]
name = "osaka-1"
url = "https://osaka.example.com"

[timeouts]
connect_ms = 2000
"#;

    fn wish(name: &str, addresses: &[&str]) -> Wish {
        Wish {
            name: name.to_owned(),
            addresses: addresses.iter().map(|ip| ip.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn only_what_was_wished_for_changes() {
        assert_eq!(rewrite(TEXT, &[]).unwrap(), TEXT);
        let same = [wish("tokyo-1", &["203.0.113.7", "203.0.113.8"]), wish("osaka-1", &[])];
        assert_eq!(rewrite(TEXT, &same).unwrap(), TEXT);
        let turned = rewrite(TEXT, &[wish("tokyo-1", &["203.0.113.8", "203.0.113.7"])]).unwrap();
        let expected =
            TEXT.replace(r#"["203.0.113.7", "203.0.113.8"]"#, r#"["203.0.113.8", "203.0.113.7"]"#);
        assert_eq!(turned, expected);
        let more = rewrite(TEXT, &[wish("osaka-1", &["2001:db8::7"])]).unwrap();
        let expected = TEXT.replace(
            "url = \"https://osaka.example.com\"\n",
            "url = \"https://osaka.example.com\"\naddresses = [\"2001:db8::7\"]\n",
        );
        assert_eq!(more, expected);
    }

    #[test]
    fn nodes_change_places_with_their_comments_and_tables() {
        let turned = rewrite(TEXT, &[wish("osaka-1", &[]), wish("tokyo-1", &[])]).unwrap();
        insta::assert_snapshot!(turned);
        let back = rewrite(&turned, &[wish("tokyo-1", &[]), wish("osaka-1", &[])]).unwrap();
        assert_eq!(back, TEXT);
    }

    #[test]
    fn a_list_of_lines_keeps_its_form_and_its_comments() {
        let text =
            "[[nodes]]\nname = \"a\"\naddresses = [\n  \"203.0.113.7\",\n  \"203.0.113.8\",\n]\n";
        let turned = rewrite(text, &[wish("a", &["203.0.113.8", "203.0.113.7"])]).unwrap();
        assert_eq!(
            turned,
            "[[nodes]]\nname = \"a\"\naddresses = [\n  \"203.0.113.8\",\n  \"203.0.113.7\",\n]\n"
        );
        let one = "nodes = [{ name = \"a\", addresses = [\"203.0.113.7\"] }]\n";
        let more = rewrite(one, &[wish("a", &["203.0.113.8", "203.0.113.7"])]).unwrap();
        assert_eq!(
            more,
            "nodes = [{ name = \"a\", addresses = [\"203.0.113.8\", \"203.0.113.7\"] }]\n"
        );
    }

    #[test]
    fn what_is_not_in_the_file_is_not_written() {
        assert!(matches!(rewrite("", &[wish("a", &[])]), Err(EditFault::NoNodes)));
        assert!(matches!(rewrite(TEXT, &[wish("c", &[])]), Err(EditFault::NoNode(_))));
        assert!(matches!(rewrite("[nodes", &[]), Err(EditFault::Parse(_))));
    }
}
