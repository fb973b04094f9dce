//! Room `accept`: a request head, understood. The path is read and mended, `Origin` and `Host` are
//! checked, the request gets its id and its clock starts. Reads no byte of the body.
//! Decisions: `ferry_wire::path`, `ferry_rules::{origin, forwarded}`.

use std::sync::Arc;

use ferry_rules::{forwarded, origin};
use ferry_wire::header;
use ferry_wire::path::{self, Family, PathRefusal};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header as http_header};
use hyper::body::Incoming;

use super::passage::{Passage, Shared};
use super::refuse::{Refused, refused};
use super::snapshot::Snapshot;
use crate::clock;
use crate::serve::Peer;

/// A head that Ferry carries, and the body that has not been read.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) passage: Box<Passage>,
    pub(super) head: Head,
    pub(super) body: Incoming,
}

/// The request's head as it goes on.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: Method,
    /// `/v1/...` with the query exactly as it came.
    pub(super) path: Box<str>,
    pub(super) headers: HeaderMap,
    /// How the client reaches Ferry, for the `results_url` of a batch; `None` where none can be.
    pub(super) public_base: Option<Box<str>>,
}

/// Why a head is refused.
#[derive(Debug)]
pub(super) enum Fault {
    /// Not a path that Ferry carries.
    Path(PathRefusal),
    /// A browser's page that is not allowed.
    Origin(origin::OriginFault),
    /// A name that a loopback bind is not reached by.
    Host(origin::HostFault),
    /// No `Host`, or one that `:authority` contradicts.
    Authority,
    /// A method that the API does not have.
    Method,
}

/// Understands a request's head.
pub(super) fn accept(
    shared: &Arc<Shared>,
    snapshot: Arc<Snapshot>,
    request: Request<Incoming>,
    peer: &Peer,
) -> Result<Accepted, Refused> {
    let (parts, body) = request.into_parts();
    let client = forwarded_client(&snapshot, &parts.headers, peer);
    let times = (clock::now(), clock::wall());
    let mut passage = Passage::begin(shared, snapshot, times, parts.method.clone(), client);
    passage.path = Box::from(parts.uri.path());
    passage.facts.client_retry = client_retry(&parts.headers);
    match understand(&mut passage, &parts.method, &parts.uri, &parts.headers, peer) {
        Ok((path, public_base)) => {
            let head = Head { method: parts.method, path, headers: parts.headers, public_base };
            Ok(Accepted { passage, head, body })
        }
        Err(fault) => Err(refused(passage, fault).with_upload(&parts.headers, body)),
    }
}

type Understood = (Box<str>, Option<Box<str>>);

fn understand(
    passage: &mut Passage,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    peer: &Peer,
) -> Result<Understood, Fault> {
    let settings = &passage.snapshot.settings;
    let host = authority(uri, headers).ok_or(Fault::Authority)?;
    if settings.loopback {
        origin::check_host(host, &settings.allowed_hosts).map_err(Fault::Host)?;
    }
    let origin = headers.get(http_header::ORIGIN);
    if let Some(origin) = origin {
        let text = origin.to_str().unwrap_or("null");
        origin::check_origin(Some(text), &settings.allowed_origins).map_err(Fault::Origin)?;
        passage.cors = Some(origin.clone());
    }
    if !carried(method, origin.is_some()) {
        return Err(Fault::Method);
    }
    let path_and_query = uri.path_and_query().map_or("/", |path| path.as_str());
    let target = path::understand(method, path_and_query).map_err(Fault::Path)?;
    passage.family = target.family;
    passage.doubled_v1 = target.doubled_v1;
    let batch = matches!(target.family, Family::BatchCreate | Family::BatchObject);
    let base = batch.then(|| {
        let (tls, host) = came_in(&settings.trusted_proxies, peer, headers, host);
        public_base(&settings.public_url, tls, host, target.prefix)
    });
    Ok((Box::from(target.upstream.as_ref()), base))
}

/// The API's own methods; `OPTIONS` only as the preflight of an allowed origin.
fn carried(method: &Method, browser: bool) -> bool {
    let api = [Method::GET, Method::POST, Method::DELETE, Method::HEAD, Method::PUT, Method::PATCH];
    api.contains(method) || (browser && *method == Method::OPTIONS)
}

/// The name the client used: `:authority` or `Host`; when both are there they must agree.
fn authority<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let host = match headers.get(http_header::HOST) {
        Some(host) => Some(host.to_str().ok()?),
        None => None,
    };
    match (uri.authority(), host) {
        (None, None) => None,
        (Some(authority), None) => Some(authority.as_str()),
        (None, Some(host)) => Some(host),
        (Some(authority), Some(host)) => {
            bare(authority.as_str()).eq_ignore_ascii_case(bare(host)).then_some(host)
        }
    }
}

/// Without a port that its scheme implies.
fn bare(authority: &str) -> &str {
    let bare = authority.strip_suffix(":80").or_else(|| authority.strip_suffix(":443"));
    bare.unwrap_or(authority)
}

/// Where a trusted proxy says that the client came in; else what this listener sees.
fn came_in<'a>(
    trusted: &[ipnet::IpNet],
    peer: &Peer,
    headers: &'a HeaderMap,
    host: &'a str,
) -> (bool, &'a str) {
    if !trusted.iter().any(|net| net.contains(&peer.socket.ip())) {
        return (peer.tls, host);
    }
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let tls =
        said("x-forwarded-proto").map_or(peer.tls, |proto| proto.eq_ignore_ascii_case("https"));
    (tls, said("x-forwarded-host").unwrap_or(host))
}

fn public_base(public_url: &str, tls: bool, host: &str, prefix: &str) -> Box<str> {
    if !public_url.is_empty() {
        return Box::from(public_url);
    }
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://{host}{prefix}").into()
}

fn forwarded_client(snapshot: &Snapshot, headers: &HeaderMap, peer: &Peer) -> std::net::IpAddr {
    let trusted = &snapshot.settings.trusted_proxies;
    if trusted.is_empty() {
        return peer.remote.ip();
    }
    let values = headers.get_all(header::X_FORWARDED_FOR);
    forwarded::client(peer.remote.ip(), values.iter().map(HeaderValue::as_bytes), trusted)
}

/// Which of the SDK's own tries this is; 0 when it does not say.
fn client_retry(headers: &HeaderMap) -> u32 {
    headers
        .get(header::X_STAINLESS_RETRY_COUNT)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse().ok())
        .unwrap_or(0)
}
