//! `/nodes`: how the nodes are doing, and the reset of one. The only part of the admin port that changes anything.
//! It decides nothing about nodes.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::{Admin, answer, refuse};
use crate::telemetry::NodeGauges;
use crate::upstream::status::{NodeState, NodeStatus};

/// Names listed in an answer; more would bury the one that was mistyped.
const NAMES_MAX: usize = 20;
/// Of a name that is told back: the longest that a node can have.
const NAME_BYTES_MAX: usize = 64;

/// A node's figures as the metrics page shows them.
pub(super) fn gauges(node: &NodeStatus) -> NodeGauges {
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    NodeGauges {
        node: Arc::from(node.name.as_str()),
        breaker: match node.state {
            NodeState::Closed => 0,
            NodeState::HalfOpen => 1,
            NodeState::Open => 2,
        },
        round_trip: node.rtt_ms.unwrap_or(0.0) / 1000.0,
        in_flight: count(node.in_flight),
        connections: count(node.idle_connections + node.http2_connections),
        opened: i64::try_from(node.connections_opened).unwrap_or(i64::MAX),
    }
}

/// `GET /nodes`.
pub(super) async fn list(State(admin): State<Admin>) -> Response {
    match serde_json::to_string(&(admin.nodes)()) {
        Ok(list) => answer(StatusCode::OK, "application/json", format!("{list}\n")),
        Err(error) => refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            "api_error",
            &format!("The nodes cannot be told ({error}). Please report this."),
        ),
    }
}

/// `POST /nodes/{name}/reset`.
pub(super) async fn reset(State(admin): State<Admin>, Path(name): Path<String>) -> Response {
    if (admin.reset)(&name) {
        let body = json!({ "reset": name });
        return answer(StatusCode::OK, "application/json", format!("{body}\n"));
    }
    let names: Vec<_> = (admin.nodes)().into_iter().map(|node| node.name).collect();
    refuse(StatusCode::NOT_FOUND, "not_found_error", &unknown(&name, &names))
}

fn unknown(name: &str, names: &[String]) -> String {
    let name = name.get(..name.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or_default();
    let known: Vec<&str> = names.iter().take(NAMES_MAX).map(String::as_str).collect();
    let more = match names.len().saturating_sub(known.len()) {
        0 => String::new(),
        more => format!(" and {more} more (GET /nodes lists them)"),
    };
    let (noun, verb) = if names.len() == 1 { ("node", "is") } else { ("nodes", "are") };
    format!(
        "There is no node `{name}`; the {noun} of this Ferry {verb} {}{more}.",
        known.join(", ")
    )
}
