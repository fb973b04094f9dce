//! The admin listener: health, readiness, metrics and nodes, apart from the data path.
//!
//! Apart, so that a flood of requests cannot hide whether Ferry lives, and a scraper never needs the
//! data port. It changes nothing but what `nodes` says, shows no key and no request of the data port, and reads no body but
//! the one that `redact` is given to try a policy on.

mod nodes;
mod redact;
mod serve;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, Version};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::tasks::Tasks;
use crate::telemetry::Telemetry;
use crate::upstream::NodeStatus;
use ferry_rules::origin::{HostFault, check_host, is_own_origin};

pub use redact::{Tried, Trying};
pub use serve::serve;

/// The type of the metrics page: `OpenMetrics` 1.0 section "Exposition", text format.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Resolved settings of the admin listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Loopback unless told otherwise; a public bind without a login is refused.
    pub listen: SocketAddr,
}

/// What the admin listener can show.
#[derive(Clone)]
pub struct Admin {
    /// For the metrics page.
    pub telemetry: Telemetry,
    /// Asked on every `/readyz`; must not block.
    pub readiness: Arc<dyn Fn() -> Readiness + Send + Sync>,
    /// Asked on every `/nodes`, for all nodes in the order of the configuration; must not block.
    pub nodes: Arc<dyn Fn() -> Vec<NodeStatus> + Send + Sync>,
    /// Closes the breaker of the node with this name, takes it out of doubt and its keys out of their rest;
    /// false when there is none of that name. Must not block.
    pub reset: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    /// Tries the redaction rules of a line on a text or body, and reports.
    pub redact: Arc<dyn Fn(&Trying) -> Tried + Send + Sync>,
    /// Taken by a trial while it runs.
    pub trials: Arc<tokio::sync::Mutex<()>>,
    /// Where its connections are counted.
    pub tasks: Tasks,
    /// Names accepted in `Host` on a loopback bind beside loopback's own.
    pub allowed_hosts: Arc<[String]>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("allowed_hosts", &self.allowed_hosts).finish_non_exhaustive()
    }
}

/// Can requests be served now?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// At least one node is usable, and Ferry is not draining.
    pub ready: bool,
    /// Shown by `/readyz?verbose`: facts for an operator, no secret.
    pub detail: Value,
}

/// The routes. No web page may ask but one of the port's own; `loopback` turns the check of `Host` on.
fn router(admin: Admin, loopback: bool) -> Router {
    let nodes = Router::new()
        .route("/nodes", get(nodes::list))
        .route("/nodes/{name}/reset", post(nodes::reset));
    let router = Router::new()
        .route("/healthz", get(alive))
        .route("/livez", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .merge(nodes)
        .route("/redact", post(redact::try_on).layer(DefaultBodyLimit::max(redact::BYTES_MAX)))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(middleware::from_fn(guard_origin));
    let router = if loopback {
        router.layer(middleware::from_fn_with_state(Arc::clone(&admin.allowed_hosts), guard_host))
    } else {
        router
    };
    router.with_state(admin)
}

async fn alive() -> Response {
    answer(StatusCode::OK, "text/plain; charset=utf-8", "ok\n".to_owned())
}

async fn ready(State(admin): State<Admin>, uri: Uri) -> Response {
    let Readiness { ready, detail } = (admin.readiness)();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if wants_detail(&uri) {
        let body = json!({ "ready": ready, "detail": detail });
        return answer(status, "application/json", format!("{body}\n"));
    }
    let text = if ready { "ready\n" } else { "not ready; see /readyz?verbose\n" };
    answer(status, "text/plain; charset=utf-8", text.to_owned())
}

async fn metrics(State(admin): State<Admin>) -> Response {
    for node in (admin.nodes)() {
        admin.telemetry.node_gauges(&nodes::gauges(&node));
    }
    answer(StatusCode::OK, OPEN_METRICS, admin.telemetry.render())
}

async fn unknown_path() -> Response {
    refuse(
        StatusCode::NOT_FOUND,
        "not_found_error",
        "The admin port has /healthz, /livez, /readyz, /metrics, /nodes and /redact; requests to Claude go to the data port.",
    )
}

async fn unknown_method(uri: Uri) -> Response {
    let posts = uri.path().ends_with("/reset") || uri.path() == "/redact";
    let message = if posts { "This path takes POST." } else { "This path takes GET and HEAD." };
    refuse(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", message)
}

async fn guard_host(
    State(allowed): State<Arc<[String]>>,
    request: Request,
    next: Next,
) -> Response {
    if host_passes(&request, &allowed) {
        return next.run(request).await;
    }
    refuse(StatusCode::FORBIDDEN, "permission_error", HostFault.sentence())
}

/// Every host that the request names must pass. HTTP/1.0 may name none, as old health checks do.
fn host_passes(request: &Request, allowed: &[String]) -> bool {
    let passes = |host: &str| check_host(host, allowed).is_ok();
    let target_passes =
        request.uri().authority().is_none_or(|authority| passes(authority.as_str()));
    target_passes
        && match only_host(request.headers()) {
            Ok(Some(host)) => passes(host),
            Ok(None) => request.version() == Version::HTTP_10,
            Err(HostFault) => false,
        }
}

/// Lets programs through, which send no `Origin`, and the port's own pages: what a page elsewhere sends must change
/// nothing, even where it cannot read the answer.
async fn guard_origin(request: Request, next: Next) -> Response {
    if origin_passes(&request) {
        return next.run(request).await;
    }
    refuse(
        StatusCode::FORBIDDEN,
        "permission_error",
        "Requests of web pages are refused here: use `ferry nodes` or curl on the machine that Ferry runs on.",
    )
}

fn origin_passes(request: &Request) -> bool {
    let mut origins = request.headers().get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    let (Ok(origin), Ok(Some(host))) = (origin.to_str(), only_host(request.headers())) else {
        return false;
    };
    origins.next().is_none() && is_own_origin(origin, host)
}

fn only_host(headers: &HeaderMap) -> Result<Option<&str>, HostFault> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => Ok(None),
        (Some(host), None) => host.to_str().map(Some).map_err(|_not_ascii| HostFault),
        (Some(_), Some(_)) => Err(HostFault),
    }
}

fn wants_detail(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| {
        query.split('&').any(|pair| pair == "verbose" || pair.starts_with("verbose="))
    })
}

/// The API's error shape, so that whoever takes this port for the data port understands the answer.
fn refuse(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = json!({ "type": "error", "error": { "type": kind, "message": message } });
    answer(status, "application/json", format!("{body}\n"))
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
