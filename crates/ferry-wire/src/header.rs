//! Every header that Ferry reads or writes, by name, and what may cross it in either direction.
//!
//! One list, so that a name is spelt once and a reviewer sees who sets what. Cleaning only
//! removes; it never adds, renames or reorders a field, and it never touches `anthropic-*`.

use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderMap, HeaderName};

/// Business line of the caller (`customer_service`); set by the client, never sent upstream.
pub const X_BIZ_TYPE: HeaderName = HeaderName::from_static("x-biz-type");
/// IANA time zone; set by Ferry on every upstream request, a client's own value is dropped.
pub const X_CLAUDE_TIMEZONE: HeaderName = HeaderName::from_static("x-claude-timezone");

/// Ferry's id of the request; set by Ferry on every answer.
pub const X_FERRY_REQUEST_ID: HeaderName = HeaderName::from_static("x-ferry-request-id");
/// Name of the node that answered; set by Ferry.
pub const X_FERRY_NODE: HeaderName = HeaderName::from_static("x-ferry-node");
/// How many requests were written to nodes for this answer; set by Ferry.
pub const X_FERRY_ATTEMPTS: HeaderName = HeaderName::from_static("x-ferry-attempts");
/// What the cache did (`hit`, `miss`, ...); set by Ferry.
pub const X_FERRY_CACHE: HeaderName = HeaderName::from_static("x-ferry-cache");
/// Stable code of Ferry's diagnosis; set by Ferry on refusals and on upstream 401 and 403.
pub const X_FERRY_CODE: HeaderName = HeaderName::from_static("x-ferry-code");
/// The next action in one English sentence; set by Ferry beside `x-ferry-code`.
pub const X_FERRY_HINT: HeaderName = HeaderName::from_static("x-ferry-hint");
/// `false` when a retry is hopeless; set by Ferry or by the API, obeyed by the SDKs.
pub const X_SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The API's id of the request (`req_...`); set by the API, or by Ferry on its own refusals.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// Seconds or an HTTP date to wait; set by the API, and by Ferry on its own 429, 503 and 529.
pub const RETRY_AFTER: HeaderName = http::header::RETRY_AFTER;
/// Milliseconds to wait; set by the API, read by the SDKs before `retry-after`.
pub const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
/// The API key of older SDKs; set by the client, or by Ferry for a node with a key of its own.
pub const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// `Bearer` API key of newer SDKs; set by the client, or by Ferry for a node with its own key.
pub const AUTHORIZATION: HeaderName = http::header::AUTHORIZATION;
/// API version; set by the client and never by Ferry over it.
pub const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
/// Beta features, a comma list; set by the client, passed on untouched.
pub const ANTHROPIC_BETA: HeaderName = HeaderName::from_static("anthropic-beta");
/// Workspace of the key; set by the API on answers, by the client on some requests.
pub const ANTHROPIC_WORKSPACE_ID: HeaderName = HeaderName::from_static("anthropic-workspace-id");
/// `no` on streams, so that nginx and its kin do not buffer; set by Ferry on answers.
pub const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Which of its own retries an SDK is in, from 0; set by the client.
pub const X_STAINLESS_RETRY_COUNT: HeaderName = HeaderName::from_static("x-stainless-retry-count");
/// Read time-out of an SDK in seconds; set by the client.
pub const X_STAINLESS_READ_TIMEOUT: HeaderName =
    HeaderName::from_static("x-stainless-read-timeout");
/// Session of Claude Code; set by the client, read for stickiness.
pub const X_CLAUDE_CODE_SESSION_ID: HeaderName =
    HeaderName::from_static("x-claude-code-session-id");
/// Addresses the request came through; set by proxies, believed only from trusted ones.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Host the client asked for; set by proxies, believed only from trusted ones.
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// Scheme the client used; set by proxies, believed only from trusted ones.
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Names removed in one round of cleaning. A request of an SDK loses five; more only cost a
/// second round.
const REMOVED_PER_ROUND: usize = 12;

/// Removes what never goes upstream.
///
/// That is: hop-by-hop fields and every name that `Connection` lists; `Host` and
/// `Content-Length`, which are written anew from the parsed request; what tells of the client's
/// network or browser (`Forwarded`, `X-Forwarded-*`, `X-Real-IP`, `Via`, `Cookie`, `Origin`);
/// `Expect`; and what is between the client and Ferry (`x-ferry-*`, `X-Biz-Type`,
/// `X-Claude-Timezone`). A name written with `_` for `-` counts as the same name.
/// Allocates nothing when `Connection` holds nothing unusual.
pub fn clean_request(headers: &mut HeaderMap) {
    remove_listed(headers, |_| true);
    remove_where(headers, stays_here);
}

/// Removes hop-by-hop fields and any `x-ferry-*` from an upstream answer; `Content-Length` stays.
pub fn clean_response(headers: &mut HeaderMap) {
    // A length lost here would turn a cut download into a clean end.
    remove_listed(headers, |name| *name != CONTENT_LENGTH);
    remove_where(headers, |name| is_hop_by_hop(name) || name.starts_with("x-ferry-"));
}

/// Whether a request field of this (lower-case) name ends at Ferry.
fn stays_here(name: &str) -> bool {
    if memchr::memchr(b'_', name.as_bytes()).is_some() {
        return stays_here(&name.replace('_', "-"));
    }
    match name.as_bytes().first() {
        Some(b'x') => {
            matches!(name, "x-biz-type" | "x-claude-timezone" | "x-real-ip")
                || name.starts_with("x-ferry-")
                || name.starts_with("x-forwarded-")
        }
        Some(b'c') => matches!(name, "connection" | "content-length" | "cookie"),
        Some(b'h') => matches!(name, "host" | "http2-settings"),
        Some(b'e') => name == "expect",
        Some(b'f') => name == "forwarded",
        Some(b'o') => name == "origin",
        Some(b'v') => name == "via",
        Some(b'k' | b'p' | b't' | b'u') => is_hop_by_hop(name),
        _ => false,
    }
}

/// RFC 9110 section 7.6.1, with the older names that proxies still meet.
fn is_hop_by_hop(name: &str) -> bool {
    match name.as_bytes().first() {
        Some(b'c') => name == "connection",
        Some(b'h') => name == "http2-settings",
        Some(b'k') => name == "keep-alive",
        Some(b'p') => {
            matches!(name, "proxy-connection" | "proxy-authenticate" | "proxy-authorization")
        }
        Some(b't') => matches!(name, "te" | "trailer" | "transfer-encoding"),
        Some(b'u') => name == "upgrade",
        _ => false,
    }
}

fn remove_where(headers: &mut HeaderMap, is_out: impl Fn(&str) -> bool) {
    loop {
        let mut out: [Option<HeaderName>; REMOVED_PER_ROUND] = [const { None }; REMOVED_PER_ROUND];
        let mut slots = out.iter_mut();
        let mut is_full = false;
        for name in headers.keys().filter(|name| is_out(name.as_str())) {
            let Some(slot) = slots.next() else {
                is_full = true;
                break;
            };
            *slot = Some(name.clone());
        }
        for name in out.into_iter().flatten() {
            headers.remove(name);
        }
        if !is_full {
            return;
        }
    }
}

/// Removes the fields that `Connection` names (RFC 9110 section 7.6.1).
fn remove_listed(headers: &mut HeaderMap, may_go: impl Fn(&HeaderName) -> bool) {
    let is_plain = |value: &[u8]| {
        value.eq_ignore_ascii_case(b"keep-alive") || value.eq_ignore_ascii_case(b"close")
    };
    if headers.get_all(CONNECTION).iter().all(|value| is_plain(value.as_bytes())) {
        return;
    }
    let listed: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(may_go)
        .collect();
    for name in listed {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests;
