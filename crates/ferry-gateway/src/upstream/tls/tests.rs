//! The digest is of what the files hold, not of where they are.

use super::*;
use crate::upstream::{NodeKind, Role};

fn node(ca: &Path) -> NodeSettings {
    NodeSettings {
        name: Arc::from("n"),
        kind: NodeKind::Messages,
        url: http::Uri::from_static("https://localhost:1"),
        keys: Vec::new(),
        addresses: Vec::new(),
        proxy: None,
        role: Role::Primary,
        headers: Vec::new(),
        extra_ca_file: Some(ca.to_owned()),
        client_cert: None,
        nonstream: crate::upstream::Nonstream::Pass,
        http: HttpVersion::Auto,
    }
}

fn authority() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[test]
fn the_same_contents_have_the_same_digest_wherever_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let ((cert, key), (other, _)) = (authority(), authority());
    let digest = |node: &NodeSettings| Tls::of(node).unwrap().files;
    let first = digest(&node(&write("ca.pem", &cert)));
    assert_eq!(digest(&node(&write("moved.pem", &cert))), first);
    assert_ne!(digest(&node(&write("ca.pem", &other))), first);
    assert_ne!(digest(&node(&write("ca.pem", &format!("{cert}{other}")))), first);
    let mut shown = node(&write("ca.pem", &cert));
    shown.client_cert = Some((write("client.pem", &cert), write("client.key", &key)));
    assert_ne!(digest(&shown), first);
    let both = digest(&shown);
    write("client.key", &format!("{key}\n"));
    assert_ne!(digest(&shown), both);
}

#[test]
fn a_file_that_holds_no_certificate_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("empty.pem");
    for (text, reason) in [(None, "No such file"), (Some("nothing"), "no PEM certificate")] {
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        let error = Tls::of(&node(&path)).unwrap_err().to_string();
        assert!(error.contains("extra_ca_file of node n") && error.contains(reason), "{error}");
    }
}
