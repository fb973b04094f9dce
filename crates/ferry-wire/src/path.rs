//! What a request path asks for, and which paths are never carried.
//!
//! Clients write the base URL in several ways; the known ones are mended here. The path goes
//! upstream byte for byte behind `/v1`, so that ids and queries are never re-encoded: what a node
//! could read differently from Ferry is refused instead of normalised.

use std::borrow::Cow;

use http::Method;
use memchr::memchr;

mod refusal;

pub use refusal::{Malformation, PathRefusal};

/// Prefixes that people put between the host and `/v1`; the SDKs keep them in front of `/v1`.
const PREFIXES: [&str; 3] = ["/api", "/proxy", "/anthropic"];

/// First segments behind `/v1` that Ferry does not carry: they administer the organisation.
const DENIED: [&str; 2] = ["organizations", "compliance"];

/// First segments behind `/v1` that belong to another vendor's API.
const OTHER_VENDOR: [&str; 4] = ["chat", "completions", "responses", "embeddings"];

/// First segments that exist behind `/v1`: seen without it, the `/v1` was forgotten.
const RESOURCES: [&str; 6] = ["messages", "complete", "models", "files", "skills", "sessions"];

/// A path that Ferry carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// `/v1/...` with the query exactly as it came; to be put behind the node's base URL.
    pub upstream: Cow<'a, str>,
    /// What stood before `/v1`: empty, `/api`, `/proxy` or `/anthropic`.
    pub prefix: &'a str,
    /// Whether `/v1` stood there twice (a base URL that ends in `/v1`), which was mended.
    pub doubled_v1: bool,
    /// What the path asks for.
    pub family: Family,
}

/// What a path asks for, as far as Ferry treats it differently. A metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// `POST /v1/messages`.
    Messages,
    /// `POST /v1/messages/count_tokens`.
    CountTokens,
    /// `POST /v1/messages/batches`.
    BatchCreate,
    /// A batch or the list of them: list, get, cancel, delete.
    BatchObject,
    /// `/v1/messages/batches/{id}/results`: JSON lines.
    BatchResults,
    /// `/v1/models`.
    Models,
    /// `/v1/files` without contents; the upload is multipart.
    Files,
    /// `/v1/files/{id}/content`: binary.
    FileContent,
    /// `/v1/skills` without contents; uploads are multipart.
    Skills,
    /// `/v1/skills/{id}/versions/{version}/content`: binary.
    SkillContent,
    /// `POST /v1/complete`, the legacy text completion.
    Complete,
    /// SSE on a GET: events of a session or of one of its threads.
    EventStream,
    /// `/v1/environments/{id}/work/poll`: silent for long on purpose.
    Poll,
    /// Anything else behind `/v1/`.
    Other,
}

impl Family {
    /// All families, for tables and metrics.
    pub const ALL: [Self; 14] = [
        Self::Messages,
        Self::CountTokens,
        Self::BatchCreate,
        Self::BatchObject,
        Self::BatchResults,
        Self::Models,
        Self::Files,
        Self::FileContent,
        Self::Skills,
        Self::SkillContent,
        Self::Complete,
        Self::EventStream,
        Self::Poll,
        Self::Other,
    ];

    /// The metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
            Self::BatchCreate => "batch_create",
            Self::BatchObject => "batch_object",
            Self::BatchResults => "batch_results",
            Self::Models => "models",
            Self::Files => "files",
            Self::FileContent => "file_content",
            Self::Skills => "skills",
            Self::SkillContent => "skill_content",
            Self::Complete => "complete",
            Self::EventStream => "event_stream",
            Self::Poll => "poll",
            Self::Other => "other",
        }
    }

    /// Whether the body is JSON that is held whole before it is sent, so that it can be retried.
    pub const fn held(self) -> bool {
        matches!(self, Self::Messages | Self::CountTokens | Self::BatchCreate | Self::Complete)
    }

    /// Whether a POST brings files, as a multipart form.
    pub const fn uploads(self) -> bool {
        matches!(self, Self::Files | Self::Skills)
    }

    /// Whether Ferry reads the answer, and therefore asks for it without a content coding.
    pub const fn observed(self) -> bool {
        matches!(
            self,
            Self::Messages
                | Self::Complete
                | Self::CountTokens
                | Self::BatchObject
                | Self::BatchCreate
                | Self::EventStream
        )
    }
}

/// Understands a path with its query (`/api/v1/messages?beta=true`).
///
/// An absolute-form target is reduced to its path by the caller. Nothing is allocated unless the
/// path holds a percent sign.
///
/// # Errors
/// [`PathRefusal`] for what is not carried; it knows its status, code and hint.
pub fn understand<'a>(method: &Method, path_and_query: &'a str) -> Result<Target<'a>, PathRefusal> {
    let path_end = memchr(b'?', path_and_query.as_bytes()).unwrap_or(path_and_query.len());
    let path = path_and_query.get(..path_end).unwrap_or_default();
    refusal::check_form(path).map_err(PathRefusal::Malformed)?;

    let (prefix, mut upstream) = split_prefix(path_and_query);
    let mut doubled_v1 = false;
    let Some(mut rest) = behind_v1(upstream) else {
        return Err(without_v1(path));
    };
    while behind_v1(rest).is_some() {
        // "/v1/v1/..." and longer: all but the last "/v1" go.
        doubled_v1 = true;
        upstream = rest;
        rest = behind_v1(rest).unwrap_or_default();
    }
    let rest_end = memchr(b'?', rest.as_bytes()).unwrap_or(rest.len());
    let rest = decode(rest.get(1..rest_end).unwrap_or_default());
    let family = classify(method, &rest)?;
    Ok(Target { upstream: Cow::Borrowed(upstream), prefix, doubled_v1, family })
}

/// The known prefix, if `/v1` follows it directly, and what stands behind it.
fn split_prefix(path: &str) -> (&'static str, &str) {
    for prefix in PREFIXES {
        if let Some(rest) = path.strip_prefix(prefix)
            && behind_v1(rest).is_some()
        {
            return (prefix, rest);
        }
    }
    ("", path)
}

/// What stands behind a leading `/v1`, from its slash on.
fn behind_v1(path: &str) -> Option<&str> {
    path.strip_prefix("/v1").filter(|rest| rest.starts_with('/'))
}

/// Decodes percent-encoded unreserved characters (RFC 3986 section 2.3), and only those: these
/// are the forms that every server must treat alike. The form was checked before.
fn decode(path: &str) -> Cow<'_, str> {
    if memchr(b'%', path.as_bytes()).is_none() {
        return Cow::Borrowed(path);
    }
    let mut decoded = String::with_capacity(path.len());
    let mut pieces = path.split('%');
    decoded.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let code = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(byte) if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') => {
                decoded.push(char::from(byte));
                decoded.push_str(piece.get(2..).unwrap_or_default());
            }
            _ => {
                decoded.push('%');
                decoded.push_str(piece);
            }
        }
    }
    Cow::Owned(decoded)
}

/// Tells the family of a decoded path behind `/v1/`.
///
/// Names are compared without regard to case: a relay that is lax about it must not see a body
/// that Ferry took for something else.
fn classify(method: &Method, rest: &str) -> Result<Family, PathRefusal> {
    let mut segments = rest.split('/');
    // A trailing dot or space is cut off by some file systems and servers.
    let resource = segments.next().unwrap_or_default();
    let resource = resource.trim_end_matches("%20").trim_end_matches('.');
    if resource.is_empty() {
        return Err(PathRefusal::NotApi { is_root: false });
    }
    if !resource.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
        // No resource of the API is written otherwise, so nothing is lost by refusing it.
        return Err(PathRefusal::Malformed(Malformation::Resource));
    }
    if let Some(denied) = DENIED.into_iter().find(|name| resource.eq_ignore_ascii_case(name)) {
        return Err(PathRefusal::Denied { resource: denied });
    }
    if resource.eq_ignore_ascii_case("v1") {
        // Only an encoded or upper-case form comes here; a node that mends it might reach
        // anything.
        return Err(PathRefusal::Malformed(Malformation::Resource));
    }
    if OTHER_VENDOR.iter().any(|name| resource.eq_ignore_ascii_case(name)) {
        return Err(PathRefusal::OpenAi);
    }
    let mut tail = [""; 4];
    let mut tail_len = 0;
    for segment in segments.filter(|segment| !segment.is_empty()) {
        if let Some(slot) = tail.get_mut(tail_len) {
            *slot = segment;
        }
        tail_len += 1;
    }
    Ok(family_of(method, resource, tail.get(..tail_len).unwrap_or(&tail), tail_len))
}

fn family_of(method: &Method, resource: &str, tail: &[&str], tail_len: usize) -> Family {
    let is = |name: &str| resource.eq_ignore_ascii_case(name);
    let at = |index: usize, name: &str| {
        tail.get(index).is_some_and(|segment| segment.eq_ignore_ascii_case(name))
    };
    // These methods have no body to hold; upstream tells the client so itself.
    let has_body =
        !matches!(*method, Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS);
    if is("messages") {
        return match tail_len {
            0 if has_body => Family::Messages,
            1 if at(0, "count_tokens") && has_body => Family::CountTokens,
            1 if at(0, "batches") && has_body => Family::BatchCreate,
            3 if at(0, "batches") && at(2, "results") => Family::BatchResults,
            1..=3 if at(0, "batches") => Family::BatchObject,
            _ => Family::Other,
        };
    }
    match tail_len {
        0 if is("complete") && has_body => Family::Complete,
        2 if is("files") && at(1, "content") => Family::FileContent,
        4 if is("skills") && at(1, "versions") && at(3, "content") => Family::SkillContent,
        3 if is("sessions") && at(1, "events") && at(2, "stream") => Family::EventStream,
        4 if is("sessions") && at(1, "threads") && at(3, "stream") => Family::EventStream,
        3 if is("environments") && at(1, "work") && at(2, "poll") => Family::Poll,
        _ if is("models") => Family::Models,
        _ if is("files") => Family::Files,
        _ if is("skills") => Family::Skills,
        _ => Family::Other,
    }
}

/// Why a path without `/v1` is refused: a forgotten `/v1`, another vendor's form, or neither.
fn without_v1(path: &str) -> PathRefusal {
    let rest = PREFIXES
        .into_iter()
        .find_map(|prefix| path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')))
        .unwrap_or(path);
    let first = rest.split('/').nth(1).unwrap_or_default();
    if let Some(resource) = RESOURCES.into_iter().find(|name| *name == first) {
        return PathRefusal::NoV1 { resource };
    }
    if OTHER_VENDOR.contains(&first) {
        return PathRefusal::OpenAi;
    }
    PathRefusal::NotApi { is_root: rest == "/" || rest.is_empty() }
}

#[cfg(test)]
mod tests;
