//! Who calls: credential, origin and API version, refused in the order and wording of the API. It knows no real key.

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, ORIGIN};

use crate::dice;
use crate::refusal::Refusal;

/// Versions of the API that are alive.
const VERSIONS: [&str; 2] = ["2023-06-01", crate::messages::VERSION_2026];

/// A caller that may go on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    /// A number for the credential, the owner of cached prefixes.
    pub(crate) owner: u64,
    /// `anthropic-version`.
    pub(crate) version: &'a str,
}

/// Checks the headers of a request to `/v1`.
///
/// # Errors
/// 401 for an origin, a missing or an invalid credential; 403 for a forbidden one; 400 for the version.
pub(crate) fn check(headers: &HeaderMap) -> Result<Caller<'_>, Refusal> {
    if headers.contains_key(ORIGIN) {
        return Err(Refusal::unauthenticated(
            "CORS requests are not allowed for this Organization",
        ));
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let bearer = text(AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let Some(key) = text("x-api-key").or(bearer).filter(|key| !key.is_empty()) else {
        return Err(Refusal::unauthenticated("x-api-key header is required"));
    };
    if key.starts_with("sk-ant-invalid") {
        let message = if bearer.is_some() { "invalid bearer token" } else { "invalid x-api-key" };
        return Err(Refusal::unauthenticated(message));
    }
    if key.starts_with("sk-ant-forbidden") {
        return Err(Refusal::forbidden(
            "Your API key does not have permission to use the specified resource.",
        ));
    }
    let Some(version) = text("anthropic-version") else {
        return Err(Refusal::invalid("anthropic-version: header is required"));
    };
    if !VERSIONS.contains(&version) {
        return Err(Refusal::invalid(format!(
            "anthropic-version: \"{version}\" is not a valid version"
        )));
    }
    Ok(Caller { owner: dice::hash(0, key.as_bytes()), version })
}
