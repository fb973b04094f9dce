//! One caller, from its request's head to the last byte of its answer. A passage owns the permit and
//! the facts that are settled; whatever happens to it, it settles exactly once, when it is dropped.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use ferry_rules::budget::{self, Budget, Budgets};
use ferry_rules::key::KeyState;
use ferry_rules::redact::pseudonym::Secret;
use ferry_rules::retry::Verdict;
use ferry_wire::affinity::Prefix;
use ferry_wire::envelope::Envelope;
use ferry_wire::path::Family;
use ferry_wire::restore::Restorer;
use ferry_wire::stream_flag::StreamFlag;
use ferry_wire::usage::Usage;
use http::{HeaderValue, Method};

pub(super) use super::request_id::RequestId;
use super::settings::Retry;
use super::settle;
use super::snapshot::Snapshot;
use crate::clock;
use crate::redaction::{Keeper, Screen};
use crate::state::State;
use crate::telemetry::{Outcome, Telemetry};
use crate::upstream::{Base, Node};

/// What all passages share, over every reload.
#[derive(Debug)]
pub struct Shared {
    /// Logs and metrics.
    pub telemetry: Telemetry,
    /// The tenant secret.
    pub state: State,
    /// Requests in flight.
    pub(super) in_flight: AtomicUsize,
    /// Bytes of held bodies and answers.
    pub(super) held: AtomicU64,
    /// Which redaction rules each conversation began with.
    pub(super) redaction: Keeper,
    /// What retries of all requests together may cost.
    budgets: Mutex<Budgets>,
    base: Base,
    /// The drain is over.
    closing: AtomicBool,
    /// Numbers requests; with the seed it makes ids that two processes do not share.
    next_id: AtomicU64,
    id_seed: u64,
}

impl Shared {
    /// `id_seed` is random, so that ids of two runs differ.
    pub fn new(
        telemetry: Telemetry,
        state: State,
        base: Base,
        retry: &Retry,
        id_seed: u64,
    ) -> Self {
        let now = clock::now();
        let budgets = Budgets {
            free: Budget::full(budget::Settings::free(retry.free_ratio), now),
            paid: Budget::full(budget::Settings::paid(retry.paid_ratio, retry.paid_burst), now),
        };
        Self {
            redaction: Keeper::new(Secret::new(state.tenant_secret())),
            budgets: Mutex::new(budgets),
            base,
            telemetry,
            state,
            in_flight: AtomicUsize::new(0),
            held: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            next_id: AtomicU64::new(0),
            id_seed,
        }
    }

    /// The drain is over: who goes now has not hung up.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// A new request id.
    pub fn request_id(&self) -> RequestId {
        RequestId::new(self.id_seed, self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    /// Other bounds on retries, as on a reload; what has been saved up stays.
    pub fn reconfigure(&self, retry: &Retry) {
        let now = clock::now();
        let mut budgets = self.budgets();
        budgets.free.reconfigure(budget::Settings::free(retry.free_ratio), now);
        let paid = budget::Settings::paid(retry.paid_ratio, retry.paid_burst);
        budgets.paid.reconfigure(paid, now);
    }

    /// One request has come: it earns its share of a retry.
    pub(super) fn deposit(&self, now: Instant) {
        self.budgets().deposit(now);
    }

    /// A verdict, as far as the budgets of all requests bear it.
    pub(super) fn grant(&self, verdict: Verdict, now: Instant) -> Verdict {
        self.budgets().grant(verdict, now)
    }

    /// What the nodes of every configuration stand on.
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// A number from 0 up to 1.
    pub(super) fn roll(&self) -> f64 {
        self.base.roll()
    }

    fn budgets(&self) -> MutexGuard<'_, Budgets> {
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What pseudonyms are made with.
    pub(crate) fn redaction_secret(&self) -> &Secret {
        self.redaction.secret()
    }

    /// Requests in flight now.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Bytes held now.
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }
}

/// A seat among the requests in flight, given back when the last byte is out.
#[derive(Debug)]
pub(super) struct Permit(Arc<Shared>);

impl Permit {
    /// Takes a seat when fewer than `max` are taken.
    pub(super) fn take(shared: &Arc<Shared>, max: usize) -> Option<Self> {
        let taken = shared
            .in_flight
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < max).then_some(n + 1));
        taken.is_ok().then(|| Self(Arc::clone(shared)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Memory set aside for held bytes, given back when they are dropped.
#[derive(Debug)]
pub(super) struct HeldBytes {
    shared: Arc<Shared>,
    bytes: u64,
}

impl HeldBytes {
    pub(super) fn none(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), bytes: 0 }
    }

    /// Takes over what another has set aside.
    pub(super) fn join(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Hands over what was set aside for `bytes` of them.
    pub(super) fn split(&mut self, bytes: u64) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self { shared: Arc::clone(&self.shared), bytes }
    }

    /// Sets `bytes` more aside; false when all held bytes together would pass `max`.
    pub(super) fn grow(&mut self, bytes: u64, max: u64) -> bool {
        let held = self.shared.held.fetch_add(bytes, Ordering::Relaxed);
        self.shared.telemetry.held_bytes(bytes.cast_signed());
        self.bytes += bytes;
        held.saturating_add(bytes) <= max
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.shared.held.fetch_sub(self.bytes, Ordering::Relaxed);
            self.shared.telemetry.held_bytes(-self.bytes.cast_signed());
        }
    }
}

/// The client has left before a status was known, as others log it.
const NO_STATUS: u16 = 499;

/// What is known of a request so far, and settled at its end.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that have nothing to do with one another")]
pub(super) struct Facts {
    pub(super) status: u16,
    pub(super) outcome: Outcome,
    pub(super) node: Option<Arc<Node>>,
    pub(super) attempts: u8,
    /// When the last byte of the try under way was handed over.
    pub(super) written_at: Option<Instant>,
    /// Those of them that a client's own retry would only repeat.
    pub(super) tries: u32,
    /// A key of the configuration that the last answer was about.
    pub(super) key: Option<KeyState>,
    /// The answer is asked for as a stream, and assembled for a client that asked for none.
    pub(super) assembles: bool,
    /// That was tried, and no answer could be made of the stream: the next try is as the caller asked.
    pub(super) unassembled: bool,
    /// The stream broke off in an error after its content had begun: a model has run.
    pub(super) late_error: bool,
    /// What a conversation is told by, where it has to be: `metadata.user_id`, else its beginning.
    pub(super) user_id: Option<Box<str>>,
    pub(super) prefix: Prefix,
    /// A hash of that beginning, where a room has made one already.
    pub(super) beginning: Option<u64>,
    /// The request names a container.
    pub(super) container: bool,
    /// Where the body asks for a stream, or could.
    pub(super) stream_flag: StreamFlag,
    pub(super) client_retry: u32,
    pub(super) model: Option<Box<str>>,
    pub(super) stream: bool,
    pub(super) first_event: Option<Instant>,
    pub(super) upstream_request_id: Option<Box<str>>,
    pub(super) usage: Usage,
    /// The usage is the last that was seen of an answer that broke off.
    pub(super) usage_is_lower_bound: bool,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    /// Sensitive values found in the request.
    pub(super) redactions: u64,
    pub(super) code: Option<&'static str>,
}

impl Facts {
    /// Nothing happened yet: dropped like this, the client has left.
    fn begin() -> Self {
        Self {
            status: NO_STATUS,
            outcome: Outcome::HangUp,
            node: None,
            attempts: 0,
            written_at: None,
            tries: 0,
            key: None,
            assembles: false,
            unassembled: false,
            late_error: false,
            user_id: None,
            prefix: Prefix::default(),
            beginning: None,
            container: false,
            stream_flag: StreamFlag::default(),
            client_retry: 0,
            model: None,
            stream: false,
            first_event: None,
            upstream_request_id: None,
            usage: Usage::default(),
            usage_is_lower_bound: false,
            bytes_in: 0,
            bytes_out: 0,
            redactions: 0,
            code: None,
        }
    }
}

impl Facts {
    /// The drain ended it, and not the client: with an answer of Ferry's own, or in the middle of the node's.
    fn drained(&mut self) {
        let unanswered = self.status == NO_STATUS;
        if unanswered {
            self.status = 503;
        }
        self.outcome = if unanswered { Outcome::Refused } else { Outcome::Cut };
        self.code = Some("drain-over");
    }
}

/// One caller's way through the rooms.
#[derive(Debug)]
pub struct Passage {
    pub(super) shared: Arc<Shared>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) request_id: RequestId,
    pub(super) arrival: Instant,
    pub(super) arrival_wall: SystemTime,
    /// When the body was in hand: an upload's time is not the node's.
    pub(super) read_at: Instant,
    pub(super) client: IpAddr,
    pub(super) method: Method,
    /// Without the query: it may hold what nobody should log.
    pub(super) path: Box<str>,
    pub(super) family: Family,
    pub(super) tenant: Box<str>,
    pub(super) line: Arc<str>,
    /// The allowed origin of a browser's request, repeated in the answer.
    pub(super) cors: Option<HeaderValue>,
    /// The base URL ended in `/v1`: mended, and said in a hint.
    pub(super) doubled_v1: bool,
    pub(super) facts: Facts,
    /// Turns the pseudonyms of this request back in its answer; nothing when it has none.
    pub(super) restorer: Option<Arc<Restorer>>,
    /// Looks through what the model writes by itself; nothing where nobody asked for that.
    pub(super) screen: Option<Box<Screen>>,
    /// Dropping it frees the seat; it stays until the last byte is out.
    pub(super) permit: Option<Permit>,
}

impl Passage {
    /// A passage at its very beginning.
    pub(super) fn begin(
        shared: &Arc<Shared>,
        snapshot: Arc<Snapshot>,
        (arrival, arrival_wall): (Instant, SystemTime),
        method: Method,
        client: IpAddr,
    ) -> Box<Self> {
        shared.telemetry.request_began();
        Box::new(Self {
            request_id: shared.request_id(),
            shared: Arc::clone(shared),
            line: snapshot.line(None),
            snapshot,
            arrival,
            arrival_wall,
            read_at: arrival,
            client,
            method,
            path: Box::default(),
            family: Family::Other,
            tenant: Box::from("default"),
            cors: None,
            doubled_v1: false,
            facts: Facts::begin(),
            restorer: None,
            screen: None,
            permit: None,
        })
    }
}

impl Passage {
    /// Notes what the envelope says.
    pub(super) fn note(&mut self, envelope: Envelope) {
        let (snapshot, facts) = (&self.snapshot, &mut self.facts);
        facts.model = envelope.model;
        facts.stream = envelope.stream;
        facts.stream_flag = envelope.stream_flag;
        if snapshot.has_many_keys || self.shared.redaction.asks(&snapshot.settings.redaction) {
            facts.prefix = envelope.prefix;
        }
        if snapshot.has_many_keys {
            facts.user_id = envelope.user_id;
            facts.container = envelope.container;
        }
    }

    /// When the whole request must be over.
    pub(super) fn total_deadline(&self) -> Instant {
        let timeouts = &self.snapshot.settings.timeouts;
        let stream = self.facts.stream;
        self.read_at + if stream { timeouts.stream_total } else { timeouts.nonstream_total }
    }
}

/// The only thing a passage does at its end is to hand its facts over; settling is `settle`'s work.
impl Drop for Passage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.facts.status = 500;
            self.facts.outcome = Outcome::Panic;
        } else if self.facts.outcome == Outcome::HangUp
            && self.shared.closing.load(Ordering::Relaxed)
        {
            self.facts.drained();
        }
        settle::settle(self);
    }
}
