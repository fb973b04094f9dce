//! The configuration as written: one field per key, with its default, range and meaning.
//!
//! These types are the only place where a key is declared: the shape check, the environment's
//! names, `ferry config explain`, the JSON Schema and the reference page are all read from them.
//! Nothing here is parsed further than TOML; `resolve` does that. No secret value is ever held here,
//! only the reference to it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod nodes;
mod policy;
mod redact;
mod server;
mod timeouts;

pub(crate) use nodes::{Http, Kind, Node, Role};
pub(crate) use policy::{Line, Nonstream};
pub(crate) use redact::{Action, Answers, LineRedact, Numbers, Redact, Rule};
pub(crate) use server::{Format, Level};

/// Ferry's configuration file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Ferry configuration")]
pub(crate) struct Raw {
    /// The form of this file. Absent means 1, the only form there is.
    pub(crate) config_version: u32,
    /// The listeners, and the bounds on what comes in through them.
    pub(crate) server: server::Server,
    /// Who may call.
    pub(crate) access: server::Access,
    /// What Ferry keeps on disk.
    pub(crate) state: server::State,
    /// Log lines.
    pub(crate) log: server::Log,
    /// The nodes, in order of preference: base URLs that speak the Messages API.
    pub(crate) nodes: Vec<Node>,
    /// Every deadline of one request, each on its own.
    pub(crate) timeouts: timeouts::Timeouts,
    /// When a node is left alone for a while: its path fails too often. Errors of the API never count.
    pub(crate) breaker: policy::Breaker,
    /// How often a request is tried, and how many retries all requests together may have.
    pub(crate) retry: policy::Retry,
    /// What Ferry asks of nodes by itself. None of it costs anything.
    pub(crate) probe: policy::Probe,
    /// Sensitive data in requests: found, and replaced, counted or refused. Off without `enabled = true`.
    pub(crate) redact: Redact,
    /// The answer cache. This build does not cache and refuses `enabled = true`.
    pub(crate) cache: policy::Cache,
    /// Business lines, one table per value of `X-Biz-Type`; a value without a table counts as `other`.
    pub(crate) lines: BTreeMap<String, Line>,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            config_version: 1,
            server: server::Server::default(),
            access: server::Access::default(),
            state: server::State::default(),
            log: server::Log::default(),
            nodes: vec![Node::provider()],
            timeouts: timeouts::Timeouts::default(),
            breaker: policy::Breaker::default(),
            retry: policy::Retry::default(),
            probe: policy::Probe::default(),
            redact: Redact::default(),
            cache: policy::Cache::default(),
            lines: BTreeMap::new(),
        }
    }
}
