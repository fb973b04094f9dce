//! The proxies of the environment, laid under the nodes that say nothing about one: so that `explain` names the
//! variable. The value itself stays in the environment; what is laid is a reference to it.

use ferry_rules::egress::{Environment, Way, way};
use http::Uri;

use super::Merged;
use crate::config::env::Inputs;
use crate::config::place::SourceKind;
use crate::config::schema::Schema;
use crate::config::tree::{Node, Value};

/// Goes before nothing that was written: a node's own `proxy` stands.
pub(super) fn lay(merged: &mut Merged, inputs: &Inputs, schema: Schema<'_>) {
    let environment = inputs.proxies();
    if environment.https.is_none() && environment.all.is_none() {
        return;
    }
    let default = || schema.member("nodes").and_then(Schema::default).map(Node::from_json);
    let nodes = merged.root.find("nodes").cloned().or_else(default).map(|node| node.value);
    let Some(Value::List(nodes)) = nodes else { return };
    for (index, node) in nodes.iter().enumerate().filter(|(_, node)| node.child("proxy").is_none())
    {
        let url = node.child("url").map(|url| &url.value);
        let Some(Value::Text(url)) = url else { continue };
        let Ok(url) = url.parse::<Uri>() else { continue };
        let (variable, text) = match wanted(&environment, &url) {
            Way::Direct => continue,
            Way::Excepted(none) => (none.name, "direct".to_owned()),
            Way::Through(proxy) => (proxy.name, format!("env:{}", proxy.name)),
        };
        let kind = SourceKind::Env(variable.to_owned());
        merged.lay(&["nodes", &index.to_string(), "proxy"], kind, &text, schema);
    }
}

/// What the environment wants for a node at this URL.
pub(in crate::config) fn wanted<'e>(environment: &Environment<'e>, url: &Uri) -> Way<'e> {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let https = url.scheme() == Some(&http::uri::Scheme::HTTPS);
    let port = url.port_u16().unwrap_or(if https { 443 } else { 80 });
    way(environment, https, host, port)
}
