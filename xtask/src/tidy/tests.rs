//! The house rules: that the tree keeps each of them, and that each catches what it is for.

use std::path::Path;

use super::{RULES, Tree};

/// The tree must keep the rule of this name.
#[track_caller]
fn kept(name: &str) {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask stands in the repository");
    let tree = Tree::read(root).expect("the repository can be read");
    let rule = RULES.iter().find(|rule| rule.name == name).expect("a rule of this name");
    let findings: Vec<String> = (rule.check)(&tree).iter().map(|f| format!("\n  {f}")).collect();
    assert!(findings.is_empty(), "{}{}", rule.why, findings.concat());
}

/// The rule must find something in these files, and nothing once `bad` is replaced by `good`.
#[track_caller]
fn catches(name: &str, path: &str, bad: &str, good: &str) {
    let rule = RULES.iter().find(|rule| rule.name == name).expect("a rule of this name");
    let findings = |text: &str| {
        let mut tree = Tree::default();
        tree.add("crates/ferry/tests/it/main.rs", "//! One binary.\n".to_owned());
        tree.add(path, text.to_owned());
        (rule.check)(&tree)
    };
    assert!(!findings(bad).is_empty(), "{name} lets this pass:\n{bad}");
    assert_eq!(findings(good), [], "{name} refuses this:\n{good}");
}

macro_rules! house {
    ($($test:ident: $name:literal;)*) => {
        $(#[test] fn $test() { kept($name); })*

        #[test]
        fn no_rule_is_forgotten() {
            let tested = [$($name),*];
            let all: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
            assert_eq!(tested.as_slice(), all.as_slice());
        }
    };
}

house! {
    rooms_only_look_back: "rooms look back";
    nobody_imports_config: "nobody imports config";
    only_refuse_builds_error_responses: "one door for errors";
    telemetry_imports_no_room: "telemetry imports no room";
    only_tasks_spawns: "one spawner";
    only_clock_reads_time: "one clock";
    only_config_env_reads_the_environment: "one reader of the environment";
    there_are_no_request_extensions: "no request extensions";
    no_module_is_a_drawer: "no drawers";
    there_are_no_module_cycles: "no module cycles";
    crates_only_point_down: "layers";
    files_are_short: "short files";
    functions_are_short: "short functions";
    files_say_what_they_are: "files say what they are";
    there_is_no_mod_rs: "x.rs and x/";
    every_to_do_has_an_owner: "owned to-dos";
    no_test_is_ignored: "no ignored tests";
    a_crate_has_at_most_one_integration_binary: "one integration binary";
    members_inherit_from_the_workspace: "members inherit";
    the_lexicon_is_kept: "one word per thing";
    both_readmes_agree: "both READMEs agree";
    the_map_is_short: "a short map";
    no_path_of_a_machine_is_committed: "no machine in the tree";
}

#[test]
fn a_room_may_not_name_a_later_one() {
    let path = "crates/ferry-gateway/src/journey/read.rs";
    let good = "use super::admit::Admitted;\nuse super::passage::{Passage, begin};\nfn read() { super::refuse::now(); }";
    for bad in [
        "use super::relay::Answer;",
        "use crate::journey::{admit::Admitted, settle::{Settled}};",
        "fn read() { super::admit::admit(); }",
        "use super::admit;",
        "use super::accept::{Accepted, accept};",
        "use crate::journey::accept::{self, Accepted};",
    ] {
        catches("rooms look back", path, bad, good);
    }
    let stray = "crates/ferry-gateway/src/journey/extra.rs";
    catches_file("rooms look back", stray);
}

/// The rule must refuse a file for its path alone.
#[track_caller]
fn catches_file(name: &str, path: &str) {
    let rule = RULES.iter().find(|rule| rule.name == name).expect("a rule of this name");
    let mut tree = Tree::default();
    tree.add("crates/ferry/tests/it/main.rs", "//! One binary.\n".to_owned());
    tree.add(path, "//! A file.\n".to_owned());
    assert!(!(rule.check)(&tree).is_empty(), "{name} lets {path} pass");
}

#[test]
fn imports_that_close_a_circle_are_found() {
    let upstream = "crates/ferry-gateway/src/upstream/pool.rs";
    catches(
        "nobody imports config",
        upstream,
        "use crate::{clock, config::Raw};",
        "use crate::clock;",
    );
    let telemetry = "crates/ferry-gateway/src/telemetry/log.rs";
    let (bad, good) = ("use crate::journey::settle::Settled;", "// crate::journey fills this");
    catches("telemetry imports no room", telemetry, bad, good);

    let rule = RULES.iter().find(|rule| rule.name == "no module cycles").expect("the rule");
    let mut tree = Tree::default();
    for (module, uses) in [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")] {
        let text = format!("//! A module.\nuse crate::{uses}::Thing;\n");
        tree.add(&format!("crates/ferry-wire/src/{module}.rs"), text);
    }
    let found: Vec<String> = (rule.check)(&tree).iter().map(ToString::to_string).collect();
    assert_eq!(found, ["crates/ferry-wire/src/a.rs: a -> b -> c -> a"]);
}

#[test]
fn only_refuse_answers_with_an_error() {
    let path = "crates/ferry-gateway/src/journey/relay.rs";
    let good = "fn f(s: StatusCode) -> bool { s == StatusCode::BAD_GATEWAY }";
    for bad in [
        "fn f() { Response::builder()\n  .status(StatusCode::BAD_GATEWAY); }",
        "fn f() { *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS; }",
        "const E: &str = \"{\\\"type\\\": \\\"error\\\"}\";",
        "const E: &str = r#\"{\"type\":\"error\"}\"#;",
    ] {
        catches("one door for errors", path, bad, good);
    }
}

#[test]
fn reach_is_limited_to_one_file_each() {
    let path = "crates/ferry-gateway/src/serve.rs";
    let in_tests =
        "#[cfg(test)]\nmod tests { fn f() { tokio::spawn(x); Instant::now(); std::env::var(y); } }";
    catches("one spawner", path, "fn f() { tokio::spawn(x); }", in_tests);
    catches("one spawner", path, "fn f() { TokioExecutor::new(); }", in_tests);
    catches("one clock", path, "fn f() { Instant::now(); }", in_tests);
    catches("one clock", path, "fn f() { start.elapsed(); }", "// start.elapsed()");
    let environment = "one reader of the environment";
    catches(environment, path, "fn f() { std::env::var(\"X\"); }", "fn f() { std::env::args(); }");
    catches(
        "no request extensions",
        path,
        "fn f() { r.extensions_mut(); }",
        "fn f() { r.headers_mut(); }",
    );
}

#[test]
fn shape_is_measured_outside_tests() {
    let path = "crates/ferry-wire/src/path.rs";
    let tests =
        "#[cfg(test)]\nmod tests {\n".to_owned() + &"    const A: u8 = 1;\n".repeat(500) + "}\n";
    catches("short files", path, &"const A: u8 = 1;\n".repeat(401), &tests);
    let body =
        |lines| format!("fn long(a: [u8; 2]) -> u8 {{\n{}}}\n", "    one();\n".repeat(lines));
    catches("short functions", path, &body(71), &body(70));
    catches("short functions", path, &body(71), &format!("trait T {{ fn a(); }}\n{}", body(70)));
    catches("files say what they are", path, "use std::fmt;\n", "//! A path.\n");
    catches("owned to-dos", path, "// TODO: later\n", "// TODO(lin, #12): later\n");
    catches("no ignored tests", path, "#[ignore]\nfn f() {}", "const A: &str = \"#[ignore]\";");
    catches("no drawers", path, "mod utils;", "mod utilities_of_war;");
    catches_file("no drawers", "crates/ferry-wire/src/common/path.rs");
    catches_file("x.rs and x/", "crates/ferry-wire/src/path/mod.rs");
    catches_file("one integration binary", "crates/ferry/tests/paths.rs");
}

#[test]
fn a_crate_may_have_one_integration_binary() {
    let rule = RULES.iter().find(|rule| rule.name == "one integration binary").expect("the rule");
    let findings = |paths: &[&str]| -> Vec<String> {
        let mut tree = Tree::default();
        for path in paths {
            tree.add(path, "//! A file.\n".to_owned());
        }
        (rule.check)(&tree).iter().map(ToString::to_string).collect()
    };
    let one_each = [
        "crates/ferry/tests/it/main.rs",
        "crates/ferry/tests/it/wire.rs",
        "crates/ferry-mock/tests/it/main.rs",
        "crates/ferry-wire/tests/paths.rs",
        "crates/ferry-wire/src/path/tests/main.rs",
    ];
    assert_eq!(findings(&one_each), [""; 0]);
    let second = "crates/ferry-mock/tests/wire.rs";
    let found = findings(&[&one_each[..], &[second]].concat());
    assert_eq!(found, [format!("{second}: a second integration binary")]);
}

#[test]
fn manifests_point_down_and_inherit() {
    let path = "crates/ferry-rules/Cargo.toml";
    let good = "[dependencies]\nferry-wire.workspace = true\n[dev-dependencies]\ntokio = \"1\"\n";
    catches("layers", path, "[dependencies]\nferry-gateway.workspace = true\n", good);
    catches("layers", path, "[dependencies]\ntokio = { version = \"1\" }\n", good);
    let inherits = "[package]\nversion.workspace = true\nedition.workspace = true\nrust-version.workspace = true\n\
                    license.workspace = true\npublish.workspace = true\n\n[lints]\nworkspace = true\n";
    catches("members inherit", path, "[package]\nversion = \"1.0.0\"\n", inherits);
}

#[test]
fn a_machine_is_not_named() {
    let rule = "no machine in the tree";
    catches(rule, "docs/guide.md", "see /home/someone/ferry", "see ~/ferry");
    catches(rule, "package-lock.json", "\"https://registry.npmjs.org/x\"", "\"x\"");
}

#[test]
fn strings_comments_and_lifetimes_are_told_apart() {
    let text = "fn f<'a>(x: &'a str) -> char { let s = \"// no \\\" comment\"; /* a /* b */ c */ '\\'' } // end\nlet r = r#\"raw \" fn\"#; let c = '\"'; let d = '字'; done";
    let source = super::Source::new("crates/x/src/y.rs", text);
    assert!(source.code.contains("fn f<'a>(x: &'a str) -> char { let s ="));
    assert!(!source.code.contains("comment") && source.strings.contains("// no"));
    assert!(!source.code.contains('/') && source.comments.contains("/* b */ c"));
    assert!(source.strings.contains("raw \" fn") && source.code.ends_with("done"));
    assert_eq!(source.code.lines().count(), 2);
}
