//! Secrets: from a reference (`env:NAME`, `file:PATH`) to a value that cannot be printed.
//!
//! No message made here holds any part of a value.

use std::io::Read as _;

use ferry_rules::node_key;
use http::HeaderValue;
use secrecy::SecretString;

use super::Desk;

/// Far above any key or token; keeps a mistyped path to a large file from being read whole.
const SECRET_BYTES_MAX: u64 = 65_536;

/// What the value is used for; each refuses what belongs elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Shown to a node.
    NodeKey,
    /// Shown to Ferry by its callers.
    AccessKey,
    /// The value of a header.
    Header,
    /// The URL of a proxy, or the password in it.
    Proxy,
}

/// Looks a reference up and checks the value's form. `None`: a problem was reported.
pub(super) fn secret(
    desk: &mut Desk<'_>,
    key: &str,
    reference: &str,
    usage: Use,
) -> Option<SecretString> {
    if desk.findings.blamed.contains(key) {
        return None;
    }
    let value = if let Some(name) = reference.strip_prefix("env:") {
        from_env(desk, key, name)?
    } else if let Some(path) = reference.strip_prefix("file:") {
        from_file(desk, key, path)?
    } else if reference.is_empty() {
        let help = "leave the key out to pass the caller's own credential through";
        let help = if usage == Use::NodeKey { help } else { "write env:NAME or file:PATH" };
        desk.error(key, "is empty", help);
        return None;
    } else {
        desk.error(
            key,
            "holds a secret in plain text",
            "put the secret in an environment variable or a file of its own, and write env:NAME or file:PATH",
        );
        return None;
    };
    if let Some((message, help)) = fault(&value, usage) {
        desk.error(key, message, help);
        return None;
    }
    if usage == Use::AccessKey && value.len() < 16 {
        let message = format!("is only {} characters long and can be guessed", value.len());
        desk.warn(key, message, "use 32 random characters or more");
    }
    Some(SecretString::from(value))
}

fn from_env(desk: &mut Desk<'_>, key: &str, name: &str) -> Option<String> {
    let found = desk.inputs.var(name).map(|value| value.trim_end_matches(['\r', '\n']).to_owned());
    if found.is_none() {
        let message = format!("the environment variable `{name}` is not set, or empty");
        desk.error(key, message, "set it for the process that runs Ferry, or write file:PATH");
    }
    found
}

fn from_file(desk: &mut Desk<'_>, key: &str, path: &str) -> Option<String> {
    let path = desk.path(key, path);
    let mut text = String::new();
    let read = std::fs::File::open(&path)
        .and_then(|file| file.take(SECRET_BYTES_MAX).read_to_string(&mut text));
    desk.files.push(path.clone());
    if let Err(error) = read {
        let message = format!("cannot read {}: {error}", path.display());
        desk.error(key, message, "check the path, and that the user who runs Ferry may read it");
        return None;
    }
    Some(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Why a value cannot be right, without a word of it. The forms are the rules' to know.
fn fault(value: &str, usage: Use) -> Option<(String, &'static str)> {
    match usage {
        Use::Header => {
            let fault = match value {
                "" => "the secret is empty",
                value if HeaderValue::from_str(value).is_err() => {
                    "the value has a character that a header cannot carry"
                }
                _ => return None,
            };
            Some((fault.to_owned(), "write the value into the variable or file, in one line"))
        }
        Use::Proxy => {
            let help = "write the value into the variable or file, in one line";
            let fault = if value.is_empty() {
                "the secret is empty"
            } else if value.chars().any(char::is_control) {
                "the value has a character that a login cannot carry"
            } else {
                return None;
            };
            Some((fault.to_owned(), help))
        }
        Use::AccessKey if value.starts_with("sk-ant-") => Some((
            "is a key of the provider, which callers must not know".to_owned(),
            "make a key of Ferry's own: fry- and 32 random characters",
        )),
        Use::NodeKey | Use::AccessKey => {
            let fault = node_key::check(value).err()?;
            Some((format!("cannot be used: {fault}"), fault.hint()))
        }
    }
}
