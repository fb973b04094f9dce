//! `nodes.proxy`: from a URL, or a reference to one, to a proxy and who Ferry is to it.
//!
//! What the environment wants was laid under the nodes before (`layers`). No message holds any part of a login.

use ferry_rules::egress::Variable;
use ferry_rules::egress::proxy_url::{self, ProxyUrl, Scheme};
use secrecy::{ExposeSecret as _, SecretString};

use super::Desk;
use super::secret::{self, Use};
use crate::config::place::Origin;
use crate::config::raw;
use crate::upstream::ProxySettings;

const ODD_LOGIN: (&str, &str) = (
    "has a user name or password that no proxy can be shown",
    "neither may hold control characters, and a user name no colon",
);

/// Why the proxy that a variable names cannot be used; fits after "failed to". Holds no part of its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use the proxy of {variable}: it {what}")]
pub struct ProxyFault {
    variable: String,
    what: String,
    hint: &'static str,
}

impl ProxyFault {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        self.hint
    }
}

/// The proxy that a variable names.
pub(in crate::config) fn named(variable: Variable<'_>) -> Result<ProxySettings, ProxyFault> {
    let fault = |what, hint| ProxyFault { variable: variable.name.to_owned(), what, hint };
    let url = proxy_url::parse(variable.value).map_err(|no| fault(no.to_string(), no.hint()))?;
    let decoded = |text: &String| SecretString::from(proxy_url::decoded(text));
    let login = url.login.as_ref().map(|(user, password)| (decoded(user), decoded(password)));
    if login.as_ref().is_some_and(is_odd) {
        return Err(fault(ODD_LOGIN.0.to_owned(), ODD_LOGIN.1));
    }
    Ok(ProxySettings::new(&url, login))
}

/// The proxy of one node. What a variable meant for all programs names is written back, for `show`.
pub(super) fn proxy(key: &str, node: &mut raw::Node, desk: &mut Desk<'_>) -> Option<ProxySettings> {
    let written = node.proxy.clone()?;
    let key_of_node = key;
    let key = &format!("{key}.proxy");
    if written.is_empty() || written.eq_ignore_ascii_case("direct") {
        return None;
    }
    if desk.findings.blamed.contains(key.as_str()) {
        return None;
    }
    let whole = is_reference(&written);
    let secret = if whole { Some(secret::secret(desk, key, &written, Use::Proxy)?) } else { None };
    let text = secret.as_ref().map_or(written.as_str(), |secret| secret.expose_secret());
    let url = match proxy_url::parse(text) {
        Ok(url) => url,
        Err(fault) => {
            desk.error(key, fault.to_string(), fault.hint());
            return None;
        }
    };
    let login = match &url.login {
        None => None,
        Some(login) => Some(self::login(key, login, whole, desk)?),
    };
    let origin = desk.sources.origin(desk.root.place(key));
    if matches!(&origin, Origin::Env(name) if written == format!("env:{name}")) {
        node.proxy = Some(shown(&url));
    }
    if !node.addresses.is_empty() && url.scheme != Scheme::Socks5 {
        desk.warn(
            &format!("{key_of_node}.addresses"),
            "have no effect: the proxy of the node looks its name up",
            "take them out, or use a socks5:// proxy, which is told an address",
        );
    }
    Some(ProxySettings::new(&url, login))
}

/// User name and password. Of a URL that stands in a variable or file both are literal, percent-encoding aside.
fn login(
    key: &str,
    (user, password): &(String, String),
    from_secret: bool,
    desk: &mut Desk<'_>,
) -> Option<(SecretString, SecretString)> {
    let user = SecretString::from(proxy_url::decoded(user));
    let password = if !from_secret && is_reference(password) {
        secret::secret(desk, key, password, Use::Proxy)?
    } else {
        if !from_secret {
            desk.warn(
                key,
                "holds a password in plain text",
                "write env:NAME or file:PATH in place of the password, or of the whole URL",
            );
        }
        SecretString::from(proxy_url::decoded(password))
    };
    let login = (user, password);
    if is_odd(&login) {
        desk.error(key, ODD_LOGIN.0, ODD_LOGIN.1);
        return None;
    }
    Some(login)
}

/// True for a login that cannot be written into a request.
fn is_odd((user, password): &(SecretString, SecretString)) -> bool {
    let odd = |text: &SecretString| text.expose_secret().chars().any(char::is_control);
    odd(user) || odd(password) || user.expose_secret().contains(':')
}

fn is_reference(text: &str) -> bool {
    text.starts_with("env:") || text.starts_with("file:")
}

/// The URL for `show`, which puts stars before an `@`.
fn shown(url: &ProxyUrl) -> String {
    match (&url.login, url.to_string().split_once("://")) {
        (Some(_login), Some((scheme, place))) => format!("{scheme}://***@{place}"),
        (_, _) => url.to_string(),
    }
}
