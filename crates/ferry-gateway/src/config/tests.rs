//! The configuration as operators meet it: what is accepted, what is refused and how it is said.

mod egress;
mod layers;
mod redact;
mod shown;

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::{ConfigReport, Inputs, Loaded, admin_listen, load};

/// A folder with a `ferry.toml`, a certificate pair and a key file.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with(toml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ferry.toml"), toml).unwrap();
        std::fs::write(folder.path().join("key.txt"), "sk-ant-api03-from-file\n").unwrap();
        std::fs::write(folder.path().join("cert.pem"), "cert").unwrap();
        std::fs::write(folder.path().join("key.pem"), "key").unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn inputs(&self, env: &[(&str, &str)], flags: &[(&str, &str)]) -> Inputs {
        let owned = |list: &[(&str, &str)]| {
            list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let mut env: Vec<(String, String)> = owned(env);
        env.push(("NODE_KEY".to_owned(), "sk-ant-api03-from-env".to_owned()));
        env.push(("CALLER_KEY".to_owned(), "fry-0123456789abcdef0123".to_owned()));
        Inputs {
            path: None,
            env,
            flags: owned(flags),
            cwd: self.path().to_owned(),
            home: Some(PathBuf::from("/srv/op")),
        }
    }
}

fn loaded(toml: &str) -> Result<Loaded, ConfigReport> {
    load(&Folder::with(toml).inputs(&[], &[]))
}

/// For what nobody folds.
fn unfolded(text: &str, _cells: usize) -> Vec<String> {
    vec![text.to_owned()]
}

fn accepted(toml: &str) -> Loaded {
    match loaded(toml) {
        Ok(loaded) => loaded,
        Err(report) => panic!("{}", report.lines().join("\n")),
    }
}

#[test]
fn without_a_file_there_is_the_provider_and_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = Inputs {
        cwd: folder.path().to_owned(),
        home: Some(PathBuf::from("/srv/op")),
        ..Inputs::default()
    };
    let resolved = load(&inputs).unwrap().resolved;
    assert_eq!(resolved.serve.listen, "127.0.0.1:7300".parse().unwrap());
    assert_eq!(resolved.admin.listen, "127.0.0.1:7301".parse().unwrap());
    assert_eq!(resolved.upstream.nodes.len(), 1);
    let node = &resolved.upstream.nodes[0];
    assert_eq!(&*node.name, "anthropic");
    assert_eq!(node.url, "https://api.anthropic.com");
    assert!(node.keys.is_empty());
    assert!(resolved.journey.loopback);
    assert_eq!(resolved.state.dir, Path::new("/srv/op/.local/state/ferry"));
    assert_eq!(resolved.journey.timeouts.early_ping, None);
}

#[test]
fn the_admin_address_is_had_without_the_secrets_that_serving_needs() {
    let toml = "[server]\nadmin_listen = \"localhost:7401\"\nlisten = 7\n[[nodes]]\nname = \"a\"\n\
                url = \"ftp://x\"\nkey = \"env:NOT_SET\"\nextra_ca_file = \"nowhere.pem\"\n";
    let folder = Folder::with(toml);
    assert!(load(&folder.inputs(&[], &[])).is_err());
    let listen = |flags: &[(&str, &str)]| admin_listen(&folder.inputs(&[], flags));
    assert_eq!(listen(&[]).unwrap(), "127.0.0.1:7401".parse().unwrap());
    let flag = listen(&[("server.admin_listen", "[::1]:9")]).unwrap();
    assert_eq!(flag, "[::1]:9".parse().unwrap());
    for wrong in ["7401", "admin.example.com:7401"] {
        let lines = listen(&[("server.admin_listen", wrong)]).unwrap_err().lines();
        assert!(lines.len() == 1 && lines[0].contains("server.admin_listen"), "{lines:?}");
    }
    let broken = Folder::with("[server\n");
    assert!(admin_listen(&broken.inputs(&[], &[])).is_err());
    let empty = Folder::with("");
    let usual = admin_listen(&empty.inputs(&[], &[])).unwrap();
    assert_eq!(usual, "127.0.0.1:7301".parse().unwrap());
}

#[test]
fn every_section_arrives_where_it_is_used() {
    let loaded = accepted(
        r#"
        config_version = 1
        [server]
        listen = "0.0.0.0:7300"
        timezone = "asia/shanghai"
        trusted_proxies = ["10.0.0.0/8", "::1"]
        public_url = "https://ai.example.com/"
        tls_cert_file = "cert.pem"
        tls_key_file = "key.pem"
        allowed_origins = ["https://App.example.com"]
        allowed_hosts = ["ferry.internal"]
        early_ping_ms = 5000
        [access]
        keys = ["env:CALLER_KEY"]
        [state]
        dir = "state"
        [log]
        format = "json"
        level = "debug"
        file = "~/ferry.log"
        [[nodes]]
        name = "tokyo-1"
        url = "https://relay.example.com/api/"
        keys = [{ key = "env:NODE_KEY", workspace = "w1" }, { key = "file:key.txt" }]
        addresses = ["203.0.113.7", "2001:db8::7"]
        headers = { X-Relay = "file:key.txt" }
        http = "2"
        [[nodes]]
        name = "direct"
        url = "https://api.anthropic.com"
        key = "env:NODE_KEY"
        role = "standby"
        [timeouts]
        connect_ms = 100
        [breaker]
        error_rate = 1
        [retry]
        attempts = 2
        [lines.customer_service]
        [lines.code-review]
        "#,
    );
    let resolved = &loaded.resolved;
    assert_eq!(resolved.journey.timezone, "Asia/Shanghai");
    assert_eq!(resolved.journey.public_url, "https://ai.example.com");
    assert_eq!(resolved.journey.allowed_origins, ["https://app.example.com"]);
    assert_eq!(resolved.journey.timeouts.early_ping, Some(Duration::from_secs(5)));
    assert_eq!(resolved.journey.access_keys[0].expose_secret(), "fry-0123456789abcdef0123");
    assert_eq!(resolved.journey.retry.attempts_max, 2);
    assert!(!resolved.journey.loopback);
    assert!(resolved.journey.lines.contains("code-review"));
    assert_eq!(resolved.serve.trusted_proxies.len(), 2);
    assert!(resolved.serve.tls.as_ref().unwrap().cert_file.ends_with("cert.pem"));
    let node = &resolved.upstream.nodes[0];
    assert_eq!(node.url.path(), "/api");
    assert_eq!(node.keys[0].key.expose_secret(), "sk-ant-api03-from-env");
    assert_eq!(node.keys[1].key.expose_secret(), "sk-ant-api03-from-file");
    assert_eq!(node.headers[0].1, "sk-ant-api03-from-file");
    assert_eq!(resolved.upstream.connect_timeout, Duration::from_millis(100));
    assert_eq!(resolved.telemetry.file.as_deref(), Some(Path::new("/srv/op/ferry.log")));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
}

/// The one problem of a configuration, as a log line without the file's folder.
#[track_caller]
fn refused(toml: &str) -> String {
    match loaded(toml) {
        Ok(_) => panic!("accepted: {toml}"),
        Err(report) => report.lines().join("\n"),
    }
}

/// What every table row shares: a node, so that only the row itself can be wrong.
#[track_caller]
fn check_node(keys: &str, expected: &str) {
    let found = refused(&format!("[[nodes]]\nname = \"a\"\n{keys}\n"));
    assert!(found.contains(expected), "{keys}\nexpected: {expected}\nfound:    {found}");
}

#[track_caller]
fn check(toml: &str, expected: &str) {
    let found = refused(toml);
    assert!(found.contains(expected), "{toml}\nexpected: {expected}\nfound:    {found}");
}

#[test]
fn what_makes_no_sense_is_refused_with_its_line() {
    check("config_version = 2", "ferry.toml:1: config_version: is 2");
    check("[server]\nlisten = \"7300\"", "ferry.toml:2: server.listen: `7300` is not an address");
    check("[server]\nlisten = \"127.0.0.1\"", "add the port");
    check("[server]\nlisten = 7300", "expected a string, found an integer");
    check("[server]\nadmin_listen = \"0.0.0.0:7301\"", "server.admin_listen: is reachable");
    check("[server]\nadmin_listen = \"127.0.0.1:7300\"", "is the same as server.listen");
    check("[server]\ntimezone = \"Asia/Shangai\"", "did you mean `Asia/Shanghai`");
    check("[server]\ntrusted_proxies = [\"10.0.0.0/8\", \"x\"]", "server.trusted_proxies.1: `x`");
    check("[server]\npublic_url = \"example.com\"", "server.public_url: does not begin with http");
    check("[server]\ntls_cert_file = \"cert.pem\"", "stands alone: server.tls_key_file is missing");
    check("[server]\ntls_cert_file = \"no.pem\"\ntls_key_file = \"key.pem\"", "cannot read");
    check("[server]\nproxy_protocol = true", "no proxy is trusted");
    check("[server]\nallowed_origins = [\"app.example.com\"]", "is not an origin");
    check("[server]\nallowed_hosts = [\"http://a\"]", "is not a host name");
    check("[server]\nconnections_max = 0", "must be between 1 and 1000000");
    check("[server]\nhead_bytes_max = 100", "must be between 8192");
    check("[server]\nheld_bytes_max = 1024", "cannot hold the largest single body");
    check(
        "[server]\nlissten = \"x\"",
        "server.lissten: there is no such key; did you mean `listen`?",
    );
    check("[sever]\nlisten = \"x\"", "sever: there is no such key; did you mean `server`?");
    check("[access]\nkeys = [\"fry-0123456789\"]", "access.keys.0: holds a secret in plain text");
    check("[access]\nkeys = [\"env:NODE_KEY\"]", "is a key of the provider");
    check("[state]\ndir = \"\"", "state.dir: is empty");
    check("[log]\nlevel = \"wran\"", "did you mean `warn`?");
    check("[timeouts]\nconnect_ms = 0", "timeouts.connect_ms: must be between 1");
    check("[timeouts]\nconnect_ms = \"3s\"", "`connect_ms` is in milliseconds");
    check("[timeouts]\nconnect_ms = 99999999999999999999", "must be between 1");
    check("[breaker]\nerror_rate = 5", "breaker.error_rate: must be between 0.001 and 1");
    check("[breaker]\nerror_rate = nan", "breaker.error_rate: must be between");
    check("[breaker]\nopen_s = 100", "is less than breaker.open_s");
    check("[retry]\nattempts = 0", "retry.attempts: must be between 1 and 10");
    check("[cache]\nenabled = true", "cache.enabled: this build does not cache yet");
    check("[lines.a]\nbudget = 5", "lines.a.budget: this build has no budgets yet");
    check("[lines.\"a b\"]", "is not a name that a header can carry");
    check("[lines.other]", "unknown values are counted under");
    check("nodes = []", "nodes: is an empty list");
    check("[nodes]\nname = \"a\"", "write `[[nodes]]` with two brackets");
    check("[server\nlisten = 1", "is not valid TOML");
}

#[test]
fn a_node_that_cannot_work_is_refused() {
    check_node("", "nodes.0.url: is missing");
    check_node("url = \"api.anthropic.com\"", "does not begin with http:// or https://");
    check_node("url = \"https://api.claude.ai\"", "the API's host is api.anthropic.com");
    check_node("url = \"https://a.example/?x=1\"", "has a query or a fragment");
    check_node("url = \"https://u:p@a.example\"", "has a user name in it");
    check_node("url = \"https://a.example:99999\"", "nodes.0.url: ");
    check_node("url = \"https://a.example:0\"", "has a port that is none");
    check_node("url = \"https://\"", "nodes.0.url: ");
    let node = |rest: &str| format!("url = \"https://a.example\"\n{rest}");
    let check = |rest: &str, expected: &str| check_node(&node(rest), expected);
    check("key = \"sk-ant-api03-literal\"", "nodes.0.key: holds a secret in plain text");
    check("key = \"\"", "nodes.0.key: is empty");
    check("key = \"env:NOT_SET\"", "the environment variable `NOT_SET` is not set");
    check("key = \"file:none.txt\"", "nodes.0.key: cannot read");
    check("key = \"env:NODE_KEY\"\nkeys = [{ key = \"env:NODE_KEY\" }]", "stands beside `keys`");
    check("keys = [{ workspace = \"w\" }]", "nodes.0.keys.0.key: is missing");
    check("addresses = [\"203.0.113.7:443\"]", "write the address alone");
    check("role = \"backup\"", "nodes.0.role: `backup` is not one of `primary`, `standby`");
    check("kind = \"bedrock\"", "nodes.0.kind: `bedrock` is not one of `messages`");
    check("http = 2", "nodes.0.http: expected a string, found an integer; put it in quotes");
    check("headers = { Authorization = \"x\" }", "carries a credential");
    check("headers = { \"Anthropic-Version\" = \"2023-06-01\" }", "is the client's choice");
    check("headers = { Connection = \"x\" }", "belongs to one connection");
    check("headers = { x-a = \"1\", X-A = \"2\" }", "is set twice");
    check("headers = { \"a b\" = \"1\" }", "is not a header name");
    check("client_cert_file = \"cert.pem\"", "nodes.0.client_key_file is missing");
    check("extra_ca_file = \"none.pem\"", "nodes.0.extra_ca_file: cannot read");
    check("[[nodes]]\nname = \"a\"\nurl = \"https://b.example\"", "`a` is the name of two nodes");
    check("[[nodes]]\nname = \"a b\"\nurl = \"https://b.example\"", "nodes.1.name: is not a name");
}

#[test]
fn keys_of_the_wrong_kind_are_refused_at_start() {
    for (value, expected) in [
        ("sk-ant-admin01-abc", "admin key"),
        ("sk-ant-oat01-abc", "subscription token"),
        ("\"sk-ant-api03-abc\"", "quotation marks"),
        ("sk-ant api03", "a space"),
    ] {
        let folder = Folder::with(
            "[[nodes]]\nname = \"a\"\nurl = \"https://a.example\"\nkey = \"env:BAD_KEY\"",
        );
        let report = load(&folder.inputs(&[("BAD_KEY", value)], &[])).unwrap_err();
        let lines = report.lines().join("\n");
        assert!(lines.contains(expected), "{lines}");
        assert!(!lines.contains(value), "{lines}");
    }
}

#[test]
fn a_public_bind_needs_someone_at_the_door() {
    let node = "[[nodes]]\nname = \"a\"\nurl = \"https://a.example\"\n";
    let public = "[server]\nlisten = \"0.0.0.0:7300\"\n";
    let key = "key = \"env:NODE_KEY\"\n";
    let access = "[access]\nkeys = [\"env:CALLER_KEY\"]\n";
    check(&format!("{public}{node}{key}"), "everybody on the network could spend it");
    accepted(&format!("{public}{node}"));
    accepted(&format!("{public}{node}{key}{access}"));
    accepted(&format!("[server]\nlisten = \"[::1]:7300\"\n{node}{key}"));
    assert_eq!(ConfigReport::EXIT_CODE, 78);
}

#[test]
fn what_is_only_suspicious_is_a_warning() {
    for (toml, expected) in [
        (
            "[[nodes]]\nname = \"a\"\nurl = \"https://a.example/api/v1/\"",
            "nodes.0.url: ends in /v1",
        ),
        ("[[nodes]]\nname = \"a\"\nurl = \"http://a.example\"", "travel in clear text"),
        ("[server]\ntrusted_proxies = [\"0.0.0.0/0\"]", "trusts everybody"),
        ("[redact.actions]\ncn_phone = \"mask\"", "redact.actions: has no effect"),
        ("[[nodes]]\nname = \"a\"\nurl = \"https://a\"\nrole = \"standby\"", "are all standby"),
    ] {
        let loaded = accepted(toml);
        let lines: Vec<String> = loaded.warnings.iter().map(super::Problem::line).collect();
        assert!(lines.len() == 1 && lines[0].contains(expected), "{toml}: {lines:?}");
    }
    let mended = accepted("[[nodes]]\nname = \"a\"\nurl = \"https://a.example/api/v1/\"");
    assert_eq!(mended.resolved.upstream.nodes[0].url, "https://a.example/api");
    assert!(mended.warnings[0].line().starts_with("ferry.toml:3: "));
}

#[test]
fn a_named_file_must_be_there() {
    let folder = Folder::with("");
    let mut inputs = folder.inputs(&[("FERRY_CONFIG", "absent.toml")], &[]);
    assert!(load(&inputs).unwrap_err().lines()[0].contains("check FERRY_CONFIG"));
    inputs.path = Some(PathBuf::from("other.toml"));
    assert!(load(&inputs).unwrap_err().lines()[0].contains("check the path after --config"));
}

#[test]
fn only_what_is_fixed_at_start_asks_for_a_restart() {
    let old = accepted("").resolved;
    let restart = |toml: &str| super::restart_needed(&old, &accepted(toml).resolved);
    assert!(restart("").is_empty());
    assert!(restart("[timeouts]\nconnect_ms = 5\n[lines.a]").is_empty());
    assert_eq!(restart("[server]\nlisten = \"127.0.0.1:1\""), ["server.listen"]);
    assert_eq!(
        restart("[server]\ntls_cert_file = \"cert.pem\"\ntls_key_file = \"key.pem\""),
        ["server.tls_cert_file"]
    );
    assert_eq!(restart("[log]\nformat = \"json\"\nfile = \"x\""), ["log.format", "log.file"]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever is set where, the strongest layer that sets a key wins, and keys do not mix.
    #[test]
    fn the_strongest_layer_wins(
        layers in proptest::collection::vec(proptest::array::uniform3(proptest::option::of(1_u64..1000)), 3)
    ) {
        let keys = ["connect_ms", "tls_ms", "idle_ms"];
        let defaults = [3_000, 4_000, 55_000];
        let mut toml = "[timeouts]\n".to_owned();
        let (mut env, mut flags) = (Vec::new(), Vec::new());
        for (key, [file, variable, flag]) in keys.iter().zip(&layers) {
            if let Some(value) = file {
                toml = format!("{toml}{key} = {value}\n");
            }
            if let Some(value) = variable {
                env.push((format!("FERRY_TIMEOUTS__{}", key.to_uppercase()), value.to_string()));
            }
            if let Some(value) = flag {
                flags.push((format!("timeouts.{key}"), value.to_string()));
            }
        }
        let folder = Folder::with(&toml);
        let inputs = Inputs { env, flags, ..folder.inputs(&[], &[]) };
        let upstream = load(&inputs).unwrap().resolved.upstream;
        let found = [upstream.connect_timeout, upstream.tls_timeout, upstream.idle_timeout];
        for ((found, layers), default) in found.iter().zip(&layers).zip(defaults) {
            let [file, variable, flag] = *layers;
            let expected = flag.or(variable).or(file).unwrap_or(default);
            assert_eq!(*found, Duration::from_millis(expected));
        }
    }
}
