//! What a mock has seen: counters, and a bounded ring of past requests. Tests wait on it and compare with it.
//! It never answers a request.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hyper::{HeaderMap, Method, Uri, Version};
use serde::Serialize;
use tokio::sync::Notify;

use crate::dice::{FNV_START, fnv1a};
use crate::settings::Capture;

/// Different paths that get a counter of their own; the rest share `other`.
const COUNTED_PATHS_MAX: usize = 256;

/// Counters of a mock at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Connections accepted.
    pub connections: u64,
    /// Requests whose head was read, without those to `/__mock`.
    pub requests: u64,
    /// Generations begun: Messages and Text Completions that passed validation and no fault turned down.
    pub generations_started: u64,
    /// Generations whose last byte was handed to the connection.
    pub generations_finished: u64,
    /// Generations whose client went away before the end.
    pub generations_aborted: u64,
    /// Generations that a fault of the mock cut.
    pub generations_cut: u64,
    /// Tokens billed, by class.
    pub tokens: Tokens,
    /// Requests by `METHOD path` and status; status 0 stands for no answer.
    pub by_path: BTreeMap<String, BTreeMap<u16, u64>>,
}

/// Tokens by the five classes of a usage block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// Uncached input.
    pub input: u64,
    /// Output that was handed to the connection.
    pub output: u64,
    /// Read from the cache.
    pub cache_read: u64,
    /// Written to the cache for five minutes.
    pub cache_write_5m: u64,
    /// Written to the cache for an hour.
    pub cache_write_1h: u64,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Captured {
    /// Its number, from 1.
    pub number: u64,
    /// Method.
    pub method: Method,
    /// Path and query as sent.
    pub uri: Uri,
    /// HTTP version.
    pub version: Version,
    /// Headers by name; for order and case see [`Captured::header_lines`].
    pub headers: HeaderMap,
    /// The head byte for byte, where it could be told apart: HTTP/1.1 without pipelining.
    pub raw_head: Option<Bytes>,
    /// The body, up to the bound of [`Capture`].
    pub body: Bytes,
    /// Length of the whole body.
    pub body_len: u64,
    /// FNV-1a over the whole body, where it was longer than the bound.
    pub(crate) long_digest: Option<u64>,
}

impl Captured {
    /// Header names and values in the order and case of the wire (HTTP/2: in the order of the header map).
    pub fn header_lines(&self) -> Vec<(String, String)> {
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let Some(head) = &self.raw_head else {
            let pairs = self.headers.iter();
            return pairs
                .map(|(name, value)| (name.to_string(), lossy(value.as_bytes())))
                .collect();
        };
        lossy(head)
            .split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect()
    }

    /// FNV-1a (64 bits) over the whole body.
    pub fn body_digest(&self) -> u64 {
        self.long_digest.unwrap_or_else(|| fnv1a(FNV_START, &self.body))
    }

    /// The form of `/__mock/last` and `/__mock/requests`.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "number": self.number,
            "method": self.method.as_str(),
            "path": self.uri.path(),
            "query": self.uri.query(),
            "version": format!("{:?}", self.version),
            "headers": self.header_lines(),
            "body_bytes": self.body_len,
            "body_fnv1a": format!("{:016x}", self.body_digest()),
            "body": std::str::from_utf8(&self.body).ok(),
        })
    }
}

/// The books of one mock.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    capture: Option<Capture>,
    numbers: AtomicU64,
    connections: AtomicU64,
    started: AtomicU64,
    finished: AtomicU64,
    aborted: AtomicU64,
    cut: AtomicU64,
    tokens: [AtomicU64; 5],
    paths: Mutex<BTreeMap<String, BTreeMap<u16, u64>>>,
    ring: Mutex<VecDeque<Captured>>,
    changed: Notify,
}

/// A class of tokens, by its place in the counters.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Class {
    /// Uncached input.
    Input = 0,
    /// Output.
    Output = 1,
    /// Cache read.
    CacheRead = 2,
    /// Cache write, five minutes.
    CacheWrite5m = 3,
    /// Cache write, one hour.
    CacheWrite1h = 4,
}

impl Ledger {
    /// Empty books.
    pub(crate) fn new(capture: Capture) -> Self {
        Self { capture: Some(capture), ..Self::default() }
    }

    /// What the ring keeps.
    pub(crate) fn capture(&self) -> Capture {
        self.capture.unwrap_or_default()
    }

    /// Counts a connection.
    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    /// Counts a request and gives it its number, from 1.
    pub(crate) fn number(&self) -> u64 {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        self.changed.notify_waiters();
        number
    }

    /// Keeps a request in the ring.
    pub(crate) fn keep(&self, captured: Captured) {
        let bound = self.capture().requests;
        if bound == 0 {
            return;
        }
        if let Ok(mut ring) = self.ring.lock() {
            if ring.len() >= bound {
                ring.pop_front();
            }
            ring.push_back(captured);
        }
        self.changed.notify_waiters();
    }

    /// Counts an answer; status 0 for none.
    pub(crate) fn answered(&self, method: &Method, path: &str, status: u16) {
        if let Ok(mut paths) = self.paths.lock() {
            let full = paths.len() >= COUNTED_PATHS_MAX;
            // One short text per request; the map's own keys are kept.
            let mut key = String::with_capacity(path.len() + 8);
            key.push_str(method.as_str());
            key.push(' ');
            key.push_str(path);
            let entry = match paths.get_mut(&key) {
                Some(entry) => entry,
                None if full => paths.entry("other".to_owned()).or_default(),
                None => paths.entry(key).or_default(),
            };
            *entry.entry(status).or_default() += 1;
        }
        self.changed.notify_waiters();
    }

    /// Adds billed tokens.
    pub(crate) fn bill(&self, class: Class, tokens: u64) {
        self.tokens[class as usize].fetch_add(tokens, Ordering::Relaxed);
    }

    /// The counters now.
    pub(crate) fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let token = |class: Class| read(&self.tokens[class as usize]);
        Stats {
            connections: read(&self.connections),
            requests: read(&self.numbers),
            generations_started: read(&self.started),
            generations_finished: read(&self.finished),
            generations_aborted: read(&self.aborted),
            generations_cut: read(&self.cut),
            tokens: Tokens {
                input: token(Class::Input),
                output: token(Class::Output),
                cache_read: token(Class::CacheRead),
                cache_write_5m: token(Class::CacheWrite5m),
                cache_write_1h: token(Class::CacheWrite1h),
            },
            by_path: self.paths.lock().map(|paths| paths.clone()).unwrap_or_default(),
        }
    }

    /// The kept requests, oldest first.
    pub(crate) fn requests(&self) -> Vec<Captured> {
        self.ring.lock().map(|ring| ring.iter().cloned().collect()).unwrap_or_default()
    }

    /// The newest kept request.
    pub(crate) fn last(&self) -> Option<Captured> {
        self.ring.lock().ok()?.back().cloned()
    }

    /// Sets everything back to zero.
    pub(crate) fn reset(&self) {
        let counters = [
            &self.numbers,
            &self.connections,
            &self.started,
            &self.finished,
            &self.aborted,
            &self.cut,
        ];
        for counter in counters.into_iter().chain(&self.tokens) {
            counter.store(0, Ordering::Relaxed);
        }
        if let Ok(mut paths) = self.paths.lock() {
            paths.clear();
        }
        if let Ok(mut ring) = self.ring.lock() {
            ring.clear();
        }
        self.changed.notify_waiters();
    }

    /// Waits until the counters satisfy `enough`.
    pub(crate) async fn until(&self, enough: impl Fn(&Stats) -> bool) -> Stats {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let stats = self.stats();
            if enough(&stats) {
                return stats;
            }
            changed.await;
        }
    }
}

/// One generation under way. Dropping it unfinished counts it as aborted: the client went away.
#[derive(Debug)]
pub(crate) struct Generation {
    ledger: Arc<Ledger>,
    /// Output tokens not yet handed out.
    left: AtomicU64,
    open: bool,
}

impl Generation {
    /// Begins a generation of `output` tokens.
    pub(crate) fn start(ledger: Arc<Ledger>, output: u64) -> Self {
        ledger.started.fetch_add(1, Ordering::Relaxed);
        ledger.changed.notify_waiters();
        Self { ledger, left: AtomicU64::new(output), open: true }
    }

    /// Counts output as handed out, up to what the generation has.
    pub(crate) fn tokens(&self, tokens: u32) {
        let left = self.left.load(Ordering::Relaxed);
        let now = left.min(u64::from(tokens));
        self.left.store(left - now, Ordering::Relaxed);
        self.ledger.bill(Class::Output, now);
    }

    /// Ends it well.
    pub(crate) fn finish(mut self) {
        self.open = false;
        self.ledger.finished.fetch_add(1, Ordering::Relaxed);
        self.ledger.changed.notify_waiters();
    }

    /// Ends it by a fault of the mock.
    pub(crate) fn cut(mut self) {
        self.open = false;
        self.ledger.cut.fetch_add(1, Ordering::Relaxed);
        self.ledger.changed.notify_waiters();
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        if self.open {
            self.ledger.aborted.fetch_add(1, Ordering::Relaxed);
            self.ledger.changed.notify_waiters();
        }
    }
}
