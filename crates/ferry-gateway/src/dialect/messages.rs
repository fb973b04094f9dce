//! The Messages API as it is: the path under the node's base URL, the credential in the form the client
//! used, the node's own headers. The body goes through untouched.

use ferry_rules::credential::CredentialHeader;
use ferry_wire::header;
use http::{HeaderMap, HeaderValue, Method, Request, Version, header as http_header};
use secrecy::ExposeSecret;

use crate::upstream::{KeySettings, NodeSettings, Outgoing};

/// Why a request cannot be put into the node's form.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
pub enum DialectError {
    /// Neither the node nor the caller has a key that may go there.
    #[error("find a key for this node")]
    NoKey,
    /// The base URL and the path do not make a URL.
    #[error("put the path behind the node's base URL")]
    Path,
    /// The configured key cannot stand in a header.
    #[error("put the node's key into a header")]
    Key,
}

/// What a request is made from.
#[derive(Debug)]
pub struct Plain<'a> {
    /// The method.
    pub method: &'a Method,
    /// `/v1/...` with its query.
    pub path: &'a str,
    /// The client's headers, already without what never goes upstream.
    pub headers: &'a HeaderMap,
    /// Where the caller's credential stands.
    pub form: Option<CredentialHeader>,
    /// The caller's credential is Ferry's own and stays here.
    pub ferrys_own: bool,
    /// `X-Claude-Timezone`.
    pub zone: Option<&'a HeaderValue>,
    /// Ask for an uncoded answer, since Ferry reads it.
    pub identity: bool,
}

/// Renders a request for a node. `key` is the one of its keys that was chosen; `None` when it has none, and
/// the caller's own credential travels.
///
/// # Errors
/// See [`DialectError`]; none of them reaches the network.
pub fn render(
    node: &NodeSettings,
    key: Option<&KeySettings>,
    plain: &Plain<'_>,
    http2: bool,
    body: Outgoing,
) -> Result<Request<Outgoing>, DialectError> {
    let mut headers = plain.headers.clone();
    credential(key, plain, &mut headers)?;
    if plain.identity {
        headers.insert(http_header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    if let Some(zone) = plain.zone {
        headers.insert(header::X_CLAUDE_TIMEZONE, zone.clone());
    }
    for (name, value) in &node.headers {
        headers.insert(name, value.clone());
    }
    let mut request = Request::new(body);
    *request.uri_mut() = node.uri(plain.path, http2).ok_or(DialectError::Path)?;
    if http2 {
        *request.version_mut() = Version::HTTP_2;
    } else if let Some(authority) = node.url.authority() {
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_odd| DialectError::Path)?;
        headers.insert(http_header::HOST, host);
    }
    *request.method_mut() = plain.method.clone();
    *request.headers_mut() = headers;
    Ok(request)
}

/// A node's key replaces the caller's credential, in the header that the client used; without one the
/// caller's own travels on, unless it is Ferry's.
fn credential(
    key: Option<&KeySettings>,
    plain: &Plain<'_>,
    headers: &mut HeaderMap,
) -> Result<(), DialectError> {
    let Some(key) = key else {
        let travels = plain.form.is_some() && !plain.ferrys_own;
        return if travels { Ok(()) } else { Err(DialectError::NoKey) };
    };
    headers.remove(header::X_API_KEY);
    headers.remove(http_header::AUTHORIZATION);
    let key = key.key.expose_secret();
    let (name, value) = match plain.form {
        Some(CredentialHeader::Bearer) => {
            (http_header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {key}")))
        }
        Some(CredentialHeader::XApiKey) | None => (header::X_API_KEY, HeaderValue::from_str(key)),
    };
    let mut value = value.map_err(|_odd| DialectError::Key)?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}
