//! Counters, gauges and histograms, and the page that shows them.
//!
//! A label is a word of `names.rs`, or a line or node of the configuration; any other name counts as
//! `other`, so that no caller can grow the page. Recording takes read locks and atomics only.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::event::{NodeGauges, RedactEvent, RequestEvent, Tokens};
use super::names::{
    self, AttemptResult, Outcome, ReloadResult, RestoreResult, RetryCost, TokenClass,
};
use super::node_families::NodeFamilies;
use super::redact_families::RedactFamilies;

/// Seconds of a whole request: from a cached answer to the SDKs' own limit of ten minutes.
const DURATION_BUCKETS: [f64; 14] =
    [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0];

/// Seconds to the first event: fine around the 0.8 s that users aim at, coarse where it is slow anyway.
const FIRST_EVENT_BUCKETS: [f64; 14] =
    [0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0];

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    known: RwLock<Known>,
    line_default: Arc<str>,
    node_none: Arc<str>,
    other: Arc<str>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<LineLabel, Histogram>,
    first_events: Family<LineLabel, Histogram>,
    tokens: Family<TokenLabels, Counter>,
    attempts: Family<AttemptLabels, Counter>,
    nodes: NodeFamilies,
    redact: RedactFamilies,
    retries: Family<RetryLabel, Counter>,
    retries_refused: Counter,
    requests_in_flight: Gauge,
    held_bytes: Gauge,
    connections: Gauge,
    config_reloads: Family<ReloadLabel, Counter>,
    panics: Counter,
}

/// The names that may be labels, and the handles of each, looked up once.
#[derive(Debug, Default)]
struct Known {
    lines: HashMap<Arc<str>, LineMetrics>,
    nodes: HashMap<Arc<str>, NodeMetrics>,
}

/// Handles of one node, each from its first use on: a series that was never counted is not shown.
#[derive(Debug, Default)]
struct NodeMetrics {
    attempts: [OnceLock<Counter>; AttemptResult::ALL.len()],
    /// Of each line, by the outcome.
    requests: HashMap<Arc<str>, [OnceLock<Counter>; Outcome::ALL.len()]>,
}

/// Handles into the families, so that settling hashes no label set per token class.
#[derive(Debug, Clone)]
struct LineMetrics {
    duration: Histogram,
    first_event: Histogram,
    input: Counter,
    output: Counter,
    cache_read: Counter,
    cache_write_5m: Counter,
    cache_write_1h: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    line: Arc<str>,
    node: Arc<str>,
    outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LineLabel {
    line: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    line: Arc<str>,
    class: TokenClass,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    node: Arc<str>,
    result: AttemptResult,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RetryLabel {
    cost: RetryCost,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabel {
    result: ReloadResult,
}

impl Metrics {
    /// Registers every metric. `log_dropped` is the log's own count.
    pub fn new(log_dropped: Counter) -> Self {
        let metrics = Self {
            registry: Registry::default(),
            known: RwLock::default(),
            line_default: ferry_rules::line::DEFAULT.into(),
            node_none: names::NODE_NONE.into(),
            other: ferry_rules::line::OTHER.into(),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS)),
            first_events: Family::new_with_constructor(|| Histogram::new(FIRST_EVENT_BUCKETS)),
            tokens: Family::default(),
            attempts: Family::default(),
            nodes: NodeFamilies::default(),
            redact: RedactFamilies::default(),
            retries: Family::default(),
            retries_refused: Counter::default(),
            requests_in_flight: Gauge::default(),
            held_bytes: Gauge::default(),
            connections: Gauge::default(),
            config_reloads: Family::default(),
            panics: Counter::default(),
        };
        metrics.register(log_dropped)
    }

    fn register(mut self, log_dropped: Counter) -> Self {
        let mut registry = Registry::with_prefix(names::PREFIX);
        registry.register(names::REQUESTS, "Requests settled", self.requests.clone());
        registry.register(
            names::REQUEST_DURATION_SECONDS,
            "From the head of a request to the last byte of its answer",
            self.durations.clone(),
        );
        registry.register(
            names::FIRST_EVENT_SECONDS,
            "From the head of a request to the first event of its answer",
            self.first_events.clone(),
        );
        registry.register(
            names::TOKENS,
            "Tokens as the provider counted them",
            self.tokens.clone(),
        );
        registry.register(names::ATTEMPTS, "Attempts at a node", self.attempts.clone());
        self.nodes.register(&mut registry);
        self.redact.register(&mut registry);
        registry.register(
            names::RETRIES,
            "Tries after the first, by what they cost",
            self.retries.clone(),
        );
        registry.register(
            names::RETRIES_REFUSED,
            "Retries that were not made because the budget of all requests was spent",
            self.retries_refused.clone(),
        );
        registry.register(
            names::REQUESTS_IN_FLIGHT,
            "Requests between head and last byte",
            self.requests_in_flight.clone(),
        );
        registry.register(
            names::HELD_BYTES,
            "Bytes of bodies and answers held in memory",
            self.held_bytes.clone(),
        );
        registry.register(names::CONNECTIONS, "Client connections open", self.connections.clone());
        registry.register(
            names::LOG_LINES_DROPPED,
            "Log lines that were not written because the log was slow or failing",
            log_dropped,
        );
        registry.register(
            names::CONFIG_RELOADS,
            "Configurations read again",
            self.config_reloads.clone(),
        );
        registry.register(names::PANICS, "Requests that ended in a panic", self.panics.clone());
        registry.register(
            names::BUILD,
            "The version that runs",
            Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
        );
        for cost in RetryCost::ALL {
            drop(self.retries.get_or_create(&RetryLabel { cost }));
        }
        for result in ReloadResult::ALL {
            drop(self.config_reloads.get_or_create(&ReloadLabel { result }));
        }
        self.registry = registry;
        self
    }

    /// Lets names be labels, and creates their series at 0.
    pub fn know(&self, lines: &[Arc<str>], nodes: &[Arc<str>]) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for line in lines.iter().chain([&self.line_default, &self.other]) {
            if !known.lines.contains_key(line) {
                known.lines.insert(Arc::clone(line), self.line_metrics(line));
            }
        }
        for node in nodes {
            if !known.nodes.contains_key(node) {
                known.nodes.insert(Arc::clone(node), NodeMetrics::default());
                let labels = AttemptLabels { node: Arc::clone(node), result: AttemptResult::Ok };
                drop(self.attempts.get_or_create(&labels));
            }
        }
        let Known { lines, nodes } = &mut *known;
        for name in [&self.node_none, &self.other] {
            nodes.entry(Arc::clone(name)).or_default();
        }
        for line in lines.keys() {
            for node in nodes.values_mut() {
                node.requests.entry(Arc::clone(line)).or_default();
            }
        }
    }

    /// Counts a settled request.
    pub fn settled(&self, event: &RequestEvent) {
        let known = self.known();
        let (line, handles) = match known.lines.get_key_value(&event.line) {
            Some((line, handles)) => (line, Some(handles)),
            None => (&self.other, known.lines.get(&self.other)),
        };
        let (node, of_node) = self.node(&known, event.node.as_ref().unwrap_or(&self.node_none));
        let create = || {
            let (line, node) = (Arc::clone(line), Arc::clone(node));
            let labels = RequestLabels { line, node, outcome: event.outcome };
            self.requests.get_or_create_owned(&labels)
        };
        let of_line = of_node.and_then(|node| node.requests.get(line));
        match of_line.and_then(|outcomes| outcomes.get(event.outcome as usize)) {
            Some(slot) => slot.get_or_init(create).inc(),
            None => create().inc(),
        };
        let Some(handles) = handles else { return };
        handles.duration.observe(event.duration.as_secs_f64());
        if let Some(first_event) = event.first_event {
            handles.first_event.observe(first_event.as_secs_f64());
        }
        if let Some(tokens) = event.tokens {
            handles.count(tokens);
        }
    }

    /// Counts an attempt.
    pub fn attempt(&self, node: &Arc<str>, result: AttemptResult) {
        let known = self.known();
        let (node, of_node) = self.node(&known, node);
        let create =
            || self.attempts.get_or_create_owned(&AttemptLabels { node: Arc::clone(node), result });
        match of_node.and_then(|node| node.attempts.get(result as usize)) {
            Some(slot) => slot.get_or_init(create).inc(),
            None => create().inc(),
        };
    }

    /// Sets a node's gauges.
    pub fn node_gauges(&self, gauges: &NodeGauges) {
        if self.known().nodes.contains_key(&gauges.node) {
            self.nodes.set(gauges);
        }
    }

    /// Counts sensitive values.
    pub fn redacted(&self, line: &Arc<str>, event: &RedactEvent) {
        self.redact.found(self.line(&self.known(), line), event);
    }

    /// Counts sensitive values that a model wrote by itself.
    pub fn answer_redacted(&self, line: &Arc<str>, event: &RedactEvent) {
        self.redact.written(self.line(&self.known(), line), event);
    }

    /// Counts what of answers was not looked through.
    pub fn answers_unread(&self, line: &Arc<str>, count: u64) {
        self.redact.unread(self.line(&self.known(), line), count);
    }

    /// Counts pseudonyms in an answer.
    pub fn restored(&self, line: &Arc<str>, result: RestoreResult, count: u64) {
        self.redact.restored(self.line(&self.known(), line), result, count);
    }

    /// Counts a retry.
    pub fn retried(&self, cost: RetryCost) {
        self.retries.get_or_create(&RetryLabel { cost }).inc();
    }

    /// Counts a retry that was not made.
    pub fn retry_refused(&self) {
        self.retries_refused.inc();
    }

    /// Moves the gauge of running requests.
    pub fn requests_in_flight(&self, delta: i64) {
        self.requests_in_flight.inc_by(delta);
    }

    /// Moves the gauge of held bytes.
    pub fn held_bytes(&self, delta: i64) {
        self.held_bytes.inc_by(delta);
    }

    /// Moves the gauge of open connections.
    pub fn connections(&self, delta: i64) {
        self.connections.inc_by(delta);
    }

    /// Counts a configuration that was read again.
    pub fn config_reloaded(&self, result: ReloadResult) {
        self.config_reloads.get_or_create(&ReloadLabel { result }).inc();
    }

    /// Counts a request that ended in a panic.
    pub fn panicked(&self) {
        self.panics.inc();
    }

    /// The page, in `OpenMetrics` text.
    pub fn render(&self) -> String {
        let mut page = String::new();
        // Writing to a string cannot fail; a page that stops early would lack its `# EOF` and be refused by the scraper.
        encode(&mut page, &self.registry).unwrap_or_default();
        page
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line's label, `other` for one that is not known.
    fn line<'a>(&'a self, known: &'a Known, line: &Arc<str>) -> &'a Arc<str> {
        known.lines.get_key_value(line).map_or(&self.other, |(label, _)| label)
    }

    /// A node's label, `other` for one that is not known, and its handles.
    fn node<'a>(
        &'a self,
        known: &'a Known,
        node: &Arc<str>,
    ) -> (&'a Arc<str>, Option<&'a NodeMetrics>) {
        match known.nodes.get_key_value(node) {
            Some((label, handles)) => (label, Some(handles)),
            None => (&self.other, known.nodes.get(&self.other)),
        }
    }

    fn line_metrics(&self, line: &Arc<str>) -> LineMetrics {
        let label = LineLabel { line: Arc::clone(line) };
        let tokens =
            |class| self.tokens.get_or_create_owned(&TokenLabels { line: Arc::clone(line), class });
        LineMetrics {
            duration: self.durations.get_or_create_owned(&label),
            first_event: self.first_events.get_or_create_owned(&label),
            input: tokens(TokenClass::Input),
            output: tokens(TokenClass::Output),
            cache_read: tokens(TokenClass::CacheRead),
            cache_write_5m: tokens(TokenClass::CacheWrite5m),
            cache_write_1h: tokens(TokenClass::CacheWrite1h),
        }
    }
}

impl LineMetrics {
    fn count(&self, tokens: Tokens) {
        self.input.inc_by(tokens.input);
        self.output.inc_by(tokens.output);
        self.cache_read.inc_by(tokens.cache_read);
        self.cache_write_5m.inc_by(tokens.cache_write_5m);
        self.cache_write_1h.inc_by(tokens.cache_write_1h);
    }
}
