//! Snapshots of everything about the configuration that an operator reads.

use miette::{GraphicalReportHandler, GraphicalTheme};

use super::{Folder, accepted, unfolded};
use crate::config::{ConfigReport, load, reference_markdown, schema};

/// The report as a terminal without colour shows it, the temporary folder aside.
fn drawn(report: &ConfigReport, folder: &Folder) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
    let mut text = String::new();
    handler.with_width(100).render_report(&mut text, report).unwrap();
    text.replace(&folder.path().display().to_string(), "FOLDER")
}

#[track_caller]
fn report(toml: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> String {
    let folder = Folder::with(toml);
    drawn(&load(&folder.inputs(env, flags)).unwrap_err(), &folder)
}

#[test]
fn a_broken_table_header() {
    insta::assert_snapshot!(report("[server\nlisten = \"127.0.0.1:7300\"\n", &[], &[]));
}

#[test]
fn a_broken_string_does_not_show_a_key() {
    let shown = report(
        "[[nodes]]\nname = \"a\"\nkeys = [{ key = \"topsecret-without-prefix }]\nurl = \"https://a\"\n",
        &[],
        &[],
    );
    assert!(!shown.contains("topsecret"), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn all_problems_of_one_file_at_once() {
    insta::assert_snapshot!(report(
        r#"
[server]
lissten = "127.0.0.1:7300"
timezone = "Asia/Beijing"
drain_ms = "15m"

[[nodes]]
name = "tokyo 1"
url = "https://api.claude.ai"

[redact]
enabled = true
"#,
        &[],
        &[],
    ));
}

#[test]
fn literal_secrets_are_refused_and_not_shown() {
    let shown = report(
        r#"
[access]
keys = ["plain-access-key", "env:CALLER_KEY"]
[[nodes]]
name = "a"
url = "https://user:hunter2@a.example"
key = "sk-ant-api03-very-secret"
kye = "mistyped-secret"
headers = { X-Api-Key = "header-secret" }
"#,
        &[],
        &[],
    );
    for secret in ["plain-access", "hunter2", "very-secret", "mistyped-secret", "header-secret"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn variables_and_flags_are_sources_too() {
    let shown = report(
        "",
        &[
            ("FERRY_SERVER__LISTEN", "7300"),
            ("FERRY_SERVER__LISTN", "127.0.0.1:7300"),
            ("FERRY_NODES__0__KEY", "literal-in-a-variable"),
            ("FERRY_NODES__3__URL", "https://a"),
            ("FERRY_ACCESS__KEYS", "[one, two]"),
        ],
        &[("timeouts.connect_ms", "3s"), ("log.level.deep", "x"), ("admin-listen", "0.0.0.0:1")],
    );
    assert!(!shown.contains("literal-in"), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn a_missing_variable_and_a_missing_file() {
    insta::assert_snapshot!(report(
        "[[nodes]]\nname = \"a\"\nurl = \"https://a\"\nkeys = [{ key = \"env:ABSENT\" }, { key = \"file:absent.txt\" }]\n",
        &[],
        &[],
    ));
}

#[test]
fn an_open_purse() {
    insta::assert_snapshot!(report(
        "[server]\nlisten = \"0.0.0.0:7300\"\nadmin_listen = \"[::]:7301\"\n[[nodes]]\nname = \"a\"\nurl = \"https://a\"\nkey = \"env:NODE_KEY\"\n",
        &[],
        &[],
    ));
}

#[test]
fn a_version_from_the_future() {
    insta::assert_snapshot!(report("config_version = 2\n", &[], &[]));
}

#[test]
fn asking_for_what_this_build_lacks() {
    insta::assert_snapshot!(report(
        "[cache]\nenabled = true\n[lines.customer_service]\nlimits = 5\nbudget = { usd = 5 }\n",
        &[],
        &[],
    ));
}

#[test]
fn a_missing_file() {
    insta::assert_snapshot!(report("", &[("FERRY_CONFIG", "absent.toml")], &[]));
}

const FULL: &str = r#"
[server]
timezone = "Europe/Berlin"
[access]
keys = ["env:CALLER_KEY"]
[[nodes]]
name = "tokyo-1"
url = "https://relay.example.com/api/v1"
keys = [{ key = "env:NODE_KEY", workspace = "w1" }, { key = "file:key.txt" }]
headers = { X-Literal = "not-for-eyes", X-Relay = "file:key.txt" }
[lines.customer_service]
[lines."a.b"]
"#;

#[test]
fn show_names_secrets_and_never_their_values() {
    let shown = accepted(FULL).show_toml();
    for secret in ["sk-ant", "fry-", "not-for-eyes"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    toml::from_str::<toml::Table>(&shown).unwrap();
    insta::assert_snapshot!(shown);
}

#[test]
fn show_json_says_the_same_as_show() {
    let loaded = accepted(FULL);
    let from_toml: toml::Table = toml::from_str(&loaded.show_toml()).unwrap();
    assert_eq!(serde_json::to_value(from_toml).unwrap(), loaded.show_json());
}

#[test]
fn debug_output_of_a_loaded_configuration_holds_no_secret() {
    let shown = format!("{:?}", accepted(FULL));
    for secret in ["sk-ant", "fry-0", "from-file"] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

#[test]
fn explain_speaks_of_one_key() {
    let folder = Folder::with(FULL);
    let inputs = folder.inputs(&[("FERRY_RETRY__ATTEMPTS", "2")], &[("listen", "127.0.0.1:1")]);
    let loaded = load(&inputs).unwrap();
    let keys = [
        "server.listen",
        "server.timezone",
        "retry.attempts",
        "timeouts.first_byte_ms",
        "nodes.tokyo-1.url",
        "nodes.0.keys",
        "nodes.0.key",
        "nodes.http",
        "log.level",
        "log",
        "lines",
    ];
    let text: Vec<String> =
        keys.iter().map(|key| loaded.explain(key, &unfolded).unwrap()).collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn explain_shows_what_is_not_set_and_folds_its_paragraphs() {
    let loaded = accepted("");
    let keys =
        ["redact.rules", "redact.rules.0.regex", "nodes.0.proxy", "nodes.keys", "redact.actions"];
    // A folded line has its first word alone, so that it is seen where it begins.
    let fold = |text: &str, _cells: usize| match text.split_once(' ') {
        Some((first, rest)) => vec![first.to_owned(), rest.to_owned()],
        None => vec![text.to_owned()],
    };
    let text: Vec<String> = keys.iter().map(|key| loaded.explain(key, &fold).unwrap()).collect();
    insta::assert_snapshot!(text.join("\n"));
    assert!(loaded.explain("redact.rules.mine.regex", &unfolded).is_err());
}

#[test]
fn explain_lists_no_key_twice_and_leaves_none_out() {
    let all = accepted("").explain_all();
    let listed: Vec<&str> = all.lines().filter_map(|line| line.split(' ').next()).collect();
    let document = schema::document();
    for (key, schema) in schema::Schema::root(&document).keys() {
        let key = key.replace("nodes[]", "nodes.0");
        let count = listed.iter().filter(|listed| **listed == key).count();
        // Reserved keys take no value.
        let reserved = schema.kind() == schema::Kind::Any;
        assert_eq!(count, usize::from(!reserved), "{key}\n{all}");
    }
}

#[test]
fn explain_helps_with_a_mistyped_key() {
    let loaded = accepted("");
    let near = |key: &str| loaded.explain(key, &unfolded).unwrap_err().near;
    assert_eq!(near("server.lisen").as_deref(), Some("server.listen"));
    assert_eq!(near("connect_ms").as_deref(), Some("timeouts.connect_ms"));
    assert_eq!(near("qqqqq"), None);
}

#[test]
fn explain_lists_every_key_with_its_source() {
    insta::assert_snapshot!(accepted(FULL).explain_all());
}

#[test]
fn the_keys_of_the_schema() {
    let document = schema::document();
    let keys: Vec<String> =
        schema::Schema::root(&document).keys().into_iter().map(|(key, _)| key).collect();
    insta::assert_snapshot!(keys.join("\n"));
}

#[test]
fn every_key_is_described_and_every_number_has_a_range() {
    let document = schema::document();
    for (key, schema) in schema::Schema::root(&document).keys() {
        assert!(!schema.description().is_empty(), "{key} has no description");
        let number = matches!(schema.kind(), schema::Kind::Int | schema::Kind::Float);
        assert!(
            !number || schema.range().is_some() || key == "config_version",
            "{key} has no range"
        );
    }
}

/// Run with `FERRY_BLESS=1` to write the page after a change of the types.
#[test]
#[expect(clippy::disallowed_methods, reason = "a switch for people who run the tests")]
fn the_reference_page_is_what_the_types_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/config.md");
    let page = reference_markdown();
    if std::env::var("FERRY_BLESS").is_ok() {
        std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
        std::fs::write(path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == page, "docs/reference/config.md is old: run the tests with FERRY_BLESS=1");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]

    /// However a file is damaged, the report can be drawn and holds no secret.
    #[test]
    fn a_damaged_file_is_reported_without_its_secrets(
        at in 0_usize..FULL.len(),
        len in 0_usize..12,
        put in "[a-z\"'=\\[\\]{}.,# \n\u{e9}-]{0,3}",
    ) {
        let damaged: String = FULL.chars().take(at).chain(put.chars()).chain(FULL.chars().skip(at + len)).collect();
        let folder = Folder::with(&damaged);
        if let Err(report) = load(&folder.inputs(&[], &[])) {
            let shown = drawn(&report, &folder);
            for secret in ["not-for-eyes", "sk-ant", "fry-0"] {
                assert!(!shown.contains(secret), "{secret} in {shown}");
            }
        }
    }
}
