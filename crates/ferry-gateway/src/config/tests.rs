//! The configuration as operators meet it: what is accepted, what is refused and how it is said.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::{ConfigReport, Inputs, Loaded, load};

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
            home: Some(PathBuf::from("/home/op")),
        }
    }
}

fn loaded(toml: &str) -> Result<Loaded, ConfigReport> {
    load(&Folder::with(toml).inputs(&[], &[]))
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
        home: Some(PathBuf::from("/home/op")),
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
    assert_eq!(resolved.state.dir, Path::new("/home/op/.local/state/ferry"));
    assert_eq!(resolved.journey.timeouts.early_ping, None);
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
    assert_eq!(resolved.journey.attempts_max, 2);
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
    assert_eq!(resolved.telemetry.file.as_deref(), Some(Path::new("/home/op/ferry.log")));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
}
