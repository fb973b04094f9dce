//! The caller's credential, read from `x-api-key` and `Authorization: Bearer`.
//!
//! Old SDKs send the one header, new SDKs the other; both must work, and a credential that cannot be
//! right is refused here with what is wrong instead of by a provider that says "invalid". It never
//! judges whether a key is *valid*: an unexpected form goes on, since a relay may have keys of its
//! own. No error here contains the value.

#[cfg(test)]
mod tests;

use http::header::{AUTHORIZATION, HeaderMap};
use thiserror::Error;

use crate::key_form::{self, KeyForm};

pub use crate::diagnosis::{Diagnosis, Evidence, Suspicion, explain, suspicion};

/// What the caller showed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// Neither header came.
    None,
    /// One credential, in one header or, equal, in both (then [`CredentialHeader::XApiKey`]).
    One {
        /// Where it stood.
        header: CredentialHeader,
        /// The key or token itself, without a scheme.
        value: &'a str,
    },
}

/// Never prints the value.
impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::One { header, .. } => write!(f, "One({header:?}, REDACTED)"),
        }
    }
}

/// The header that carried a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialHeader {
    /// `x-api-key: KEY`.
    XApiKey,
    /// `Authorization: Bearer KEY`.
    Bearer,
}

impl CredentialHeader {
    /// The name of the field.
    pub fn name(self) -> &'static str {
        match self {
            Self::XApiKey => "x-api-key",
            Self::Bearer => "Authorization",
        }
    }
}

/// Why a credential cannot be right. The texts are for the caller and contain nothing of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum CredentialFault {
    /// No credential where one is needed. [`read`] never returns it; the room that needs one does.
    #[error("read a credential: none was sent")]
    Missing,
    /// Not one of the access keys of this gateway. [`read`] never returns it.
    #[error("accept the credential: it is not an access key of this gateway")]
    Unknown,
    /// `x-api-key` and `Authorization` name two different credentials.
    #[error("read a credential: x-api-key and Authorization differ")]
    Conflict,
    /// The same header came more than once.
    #[error("read a credential: {} came more than once", .0.name())]
    Repeated(CredentialHeader),
    /// The header is there and empty.
    #[error("read a credential: {} is empty", .0.name())]
    Empty(CredentialHeader),
    /// The value carries quotation marks.
    #[error("read a credential: {} contains quotation marks", .0.name())]
    Quoted(CredentialHeader),
    /// A space or tab stands in or around the value.
    #[error("read a credential: {} contains a space", .0.name())]
    Space(CredentialHeader),
    /// The value ends in a line end, real or written out.
    #[error("read a credential: {} contains a line end", .0.name())]
    LineEnd(CredentialHeader),
    /// A control character or one outside ASCII.
    #[error("read a credential: {} contains a character that no key has", .0.name())]
    Character(CredentialHeader),
    /// A variable name or a tutorial's placeholder instead of its value.
    #[error("read a credential: {} holds a placeholder", .0.name())]
    Placeholder(CredentialHeader),
    /// `NAME=value` or `Header: value` pasted as one piece.
    #[error("read a credential: {} holds a name and a value", .0.name())]
    Assignment(CredentialHeader),
    /// `Bearer Bearer KEY`, or `x-api-key: Bearer KEY`.
    #[error("read a credential: {} holds the word Bearer in the value", .0.name())]
    SchemeInValue(CredentialHeader),
    /// `Authorization: Basic ...`.
    #[error("read a credential: Authorization uses Basic")]
    Basic,
    /// `Authorization` with another scheme, or with none.
    #[error("read a credential: Authorization has no Bearer scheme")]
    Scheme,
    /// A subscription's token (`sk-ant-oat...`): no API key, and not Ferry's to carry.
    #[error("read a credential: it is a subscription token")]
    SubscriptionToken,
}

impl CredentialFault {
    /// Stable code, as in `x-ferry-code` and `ferry doctor --explain`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "FD-K01",
            Self::Empty(_)
            | Self::Quoted(_)
            | Self::Space(_)
            | Self::LineEnd(_)
            | Self::Character(_)
            | Self::Placeholder(_)
            | Self::Assignment(_)
            | Self::SchemeInValue(_) => "FD-K02",
            Self::SubscriptionToken => "FD-K03",
            Self::Conflict | Self::Repeated(_) => "FD-K05",
            Self::Basic | Self::Scheme => "FD-K06",
            Self::Unknown => "FD-K07",
        }
    }

    /// 401 when another credential would do, 403 when this kind is refused on principle.
    pub fn status(self) -> u16 {
        match self {
            Self::SubscriptionToken => 403,
            Self::Missing
            | Self::Unknown
            | Self::Conflict
            | Self::Repeated(_)
            | Self::Empty(_)
            | Self::Quoted(_)
            | Self::Space(_)
            | Self::LineEnd(_)
            | Self::Character(_)
            | Self::Placeholder(_)
            | Self::Assignment(_)
            | Self::SchemeInValue(_)
            | Self::Basic
            | Self::Scheme => 401,
        }
    }

    /// The `error.type` of the API's error shape that belongs to [`Self::status`].
    pub fn error_type(self) -> &'static str {
        if self.status() == 403 { "permission_error" } else { "authentication_error" }
    }

    /// One sentence for the caller: what is wrong, and the next action.
    pub fn sentence(self) -> String {
        let (what, action) = match self {
            Self::Missing => {
                return "No API key arrived: send it as x-api-key or as Authorization: Bearer, and let every proxy on the way pass both headers.".to_owned();
            }
            Self::Unknown => {
                return "This gateway asks for an access key of its own and does not know the one that was sent: ask its operator for a key that begins with fry-.".to_owned();
            }
            Self::Conflict => {
                return "x-api-key and Authorization carry two different credentials: send one of them (check ANTHROPIC_API_KEY and ANTHROPIC_AUTH_TOKEN).".to_owned();
            }
            Self::Basic => {
                return "Authorization uses Basic, which the API does not know: send Authorization: Bearer KEY or x-api-key: KEY.".to_owned();
            }
            Self::Scheme => {
                return "Authorization does not begin with Bearer: send Authorization: Bearer KEY or x-api-key: KEY.".to_owned();
            }
            Self::SubscriptionToken => {
                return "This is a subscription token, not an API key, and Ferry does not carry it: create an API key in the console.".to_owned();
            }
            Self::Repeated(header) => (header, "came more than once: send it once."),
            Self::Empty(header) => {
                (header, "is empty: check that the variable which holds the key is set.")
            }
            Self::Quoted(header) => (header, "contains quotation marks: remove them from the key."),
            Self::Space(header) => {
                (header, "contains a space: copy the key again without spaces around or inside it.")
            }
            Self::LineEnd(header) => (
                header,
                "contains a line end: copy the key again without the newline (in a shell, use printf instead of echo).",
            ),
            Self::Character(header) => (
                header,
                "contains a character that no key has (a control character or one outside ASCII): copy the key again from the console.",
            ),
            Self::Placeholder(header) => (
                header,
                "holds a placeholder instead of a key: put the key's value there (in a shell, single quotes keep $NAME from being replaced).",
            ),
            Self::Assignment(header) => {
                (header, "holds a name together with its value: send the value alone.")
            }
            Self::SchemeInValue(header) => (
                header,
                "has the word Bearer inside the value: write it once in Authorization, and never in x-api-key.",
            ),
        };
        format!("{} {action}", what.name())
    }
}

/// Reads the one credential of a request.
///
/// # Errors
/// A [`CredentialFault`] when a header is repeated, the two headers differ, or the value has a form
/// that no key can have.
pub fn read(headers: &HeaderMap) -> Result<Credential<'_>, CredentialFault> {
    let api_key = x_api_key(headers)?;
    let bearer = bearer(headers)?;
    match (api_key, bearer) {
        (None, None) => Ok(Credential::None),
        (Some(key), Some(token)) if key != token => Err(CredentialFault::Conflict),
        (Some(value), _) => Ok(Credential::One { header: CredentialHeader::XApiKey, value }),
        (None, Some(value)) => Ok(Credential::One { header: CredentialHeader::Bearer, value }),
    }
}

fn x_api_key(headers: &HeaderMap) -> Result<Option<&str>, CredentialFault> {
    let header = CredentialHeader::XApiKey;
    let Some(text) = single(headers, "x-api-key", header)? else { return Ok(None) };
    judge(text, header).map(Some)
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, CredentialFault> {
    let header = CredentialHeader::Bearer;
    let Some(text) = single(headers, AUTHORIZATION.as_str(), header)? else { return Ok(None) };
    if text.is_empty() {
        return Err(CredentialFault::Empty(header));
    }
    // RFC 9110 section 11.4: the scheme is a token without case, then spaces, then the credential.
    let (scheme, value) = text.split_once(' ').unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Err(CredentialFault::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        // A bare key is judged first: "is a subscription token" helps more than "no Bearer".
        if value.is_empty() || text.starts_with(['"', '\'', '`']) {
            judge(text, header)?;
        }
        return Err(CredentialFault::Scheme);
    }
    judge(value, header).map(Some)
}

/// The text of a header that may come once. Bytes outside visible ASCII, spaces and tabs are a fault.
fn single<'a>(
    headers: &'a HeaderMap,
    name: &str,
    header: CredentialHeader,
) -> Result<Option<&'a str>, CredentialFault> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(CredentialFault::Repeated(header));
    }
    match first.to_str() {
        Ok(text) => Ok(Some(text)),
        Err(_not_visible_ascii) => Err(CredentialFault::Character(header)),
    }
}

fn judge(value: &str, header: CredentialHeader) -> Result<&str, CredentialFault> {
    // "  " is empty for a person, though not for a parser.
    if value.trim().is_empty() {
        return Err(CredentialFault::Empty(header));
    }
    if let Some(form) = key_form::judge(value) {
        return Err(match form {
            KeyForm::Empty => CredentialFault::Empty(header),
            KeyForm::LineEnd => CredentialFault::LineEnd(header),
            KeyForm::ControlOrNonAscii => CredentialFault::Character(header),
            KeyForm::Quoted => CredentialFault::Quoted(header),
            KeyForm::Space => CredentialFault::Space(header),
            KeyForm::Placeholder => CredentialFault::Placeholder(header),
            KeyForm::Assignment => CredentialFault::Assignment(header),
            KeyForm::SchemeInValue => CredentialFault::SchemeInValue(header),
        });
    }
    if key_form::is_subscription_token(value) {
        return Err(CredentialFault::SubscriptionToken);
    }
    Ok(value)
}
