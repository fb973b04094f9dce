//! `/v1/messages/batches`: created, listed, cancelled, and their results written line by line while they are sent.
//! A batch ends by a clock that tests set. It generates nothing until results are asked for.

mod results;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::clock;
use crate::dice;
use crate::exchange::{Arrived, Payload, Reply};
use crate::models::page;
use crate::refusal::Refusal;
use results::{Outcome, outcome};

/// Documented limit of one batch.
const ITEMS_MAX: usize = 100_000;

/// Batches kept; the oldest go.
const BATCHES_MAX: usize = 1000;

/// The API gives a batch a day.
const LIFE: Duration = Duration::from_hours(24);

/// The batches of one mock, oldest first.
#[derive(Debug)]
pub(crate) struct Batches {
    seed: u64,
    duration: Duration,
    kept: Mutex<Vec<Batch>>,
}

#[derive(Clone, Debug)]
struct Batch {
    id: String,
    items: Arc<[Item]>,
    created: String,
    expires: String,
    ends: Instant,
    /// When it was cancelled: RFC 3339.
    cancelled: Option<String>,
    version: String,
}

/// One request of a batch.
#[derive(Debug)]
struct Item {
    custom_id: String,
    params: Box<RawValue>,
}

#[derive(Deserialize)]
struct Creation<'a> {
    #[serde(borrow)]
    requests: Option<Vec<Entry<'a>>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    custom_id: Option<String>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

impl Batches {
    /// No batches; each new one will run for `duration`.
    pub(crate) fn new(seed: u64, duration: Duration) -> Self {
        Self { seed, duration, kept: Mutex::new(Vec::new()) }
    }

    /// Forgets all batches.
    pub(crate) fn clear(&self) {
        if let Ok(mut kept) = self.kept.lock() {
            kept.clear();
        }
    }

    /// Ends all running batches.
    pub(crate) fn finish_all(&self) {
        let now = clock::now();
        if let Ok(mut kept) = self.kept.lock() {
            kept.iter_mut().for_each(|batch| batch.ends = batch.ends.min(now));
        }
    }

    /// Answers below `/v1/messages/batches`. `results_base` goes over the address that the client used.
    ///
    /// # Errors
    /// 404 for an unknown batch, 400 for an invalid one or one that is not in the right state, 405 otherwise.
    pub(crate) fn answer(
        &self,
        arrived: &Arrived<'_>,
        method: &str,
        rest: &[&str],
        results_base: Option<&str>,
    ) -> Result<Reply, Refusal> {
        let base = results_base.unwrap_or(&arrived.base);
        let now = clock::now();
        let show = |batch: &Batch| Reply::json(&batch.object(base, now));
        match (method, rest) {
            ("POST", []) => Ok(show(&self.create(arrived, now)?)),
            ("GET", []) => {
                let all = self.all().iter().rev().map(|batch| batch.object(base, now)).collect();
                Ok(Reply::json(&page(all, arrived.query, 20)?))
            }
            ("GET", [id]) => Ok(show(&self.find(id)?)),
            ("POST", [id, "cancel"]) => Ok(show(&self.cancel(id, now)?)),
            ("DELETE", [id]) => self.delete(id, now),
            ("GET", [id, "results"]) => self.results(id, now),
            _ => Err(Refusal::wrong_method()),
        }
    }

    fn all(&self) -> Vec<Batch> {
        self.kept.lock().map(|kept| kept.clone()).unwrap_or_default()
    }

    fn find(&self, id: &str) -> Result<Batch, Refusal> {
        let missing = || Refusal::not_found(format!("Message Batch {id} not found"));
        self.all().into_iter().find(|batch| batch.id == id).ok_or_else(missing)
    }

    fn create(&self, arrived: &Arrived<'_>, now: Instant) -> Result<Batch, Refusal> {
        let body: Creation<'_> = serde_json::from_slice(arrived.body).map_err(|error| {
            Refusal::invalid(format!("The request body is not valid JSON: {error}"))
        })?;
        let entries = body.requests.ok_or_else(|| Refusal::invalid("requests: Field required"))?;
        if entries.is_empty() || entries.len() > ITEMS_MAX {
            return Err(Refusal::invalid("requests: List should have 1 to 100000 items"));
        }
        let mut seen = std::collections::HashSet::new();
        let mut items = Vec::with_capacity(entries.len());
        for (number, entry) in entries.into_iter().enumerate() {
            let at = |rest: &str| Refusal::invalid(format!("requests.{number}.{rest}"));
            let custom_id = entry.custom_id.ok_or_else(|| at("custom_id: Field required"))?;
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            if custom_id.is_empty() || custom_id.len() > 64 || !custom_id.bytes().all(fits) {
                return Err(at("custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'"));
            }
            if !seen.insert(custom_id.clone()) {
                return Err(at(&format!("custom_id: \"{custom_id}\" is not unique")));
            }
            let params = entry.params.ok_or_else(|| at("params: Field required"))?.to_owned();
            items.push(Item { custom_id, params });
        }
        let version =
            arrived.headers.get("anthropic-version").and_then(|value| value.to_str().ok());
        let batch = Batch {
            id: dice::id("msgbatch_", self.seed ^ dice::mix(arrived.number)),
            items: items.into(),
            created: clock::rfc3339_in(Duration::ZERO),
            expires: clock::rfc3339_in(LIFE),
            ends: now + self.duration,
            cancelled: None,
            version: version.unwrap_or_default().to_owned(),
        };
        if let Ok(mut kept) = self.kept.lock() {
            if kept.len() >= BATCHES_MAX {
                kept.remove(0);
            }
            kept.push(batch.clone());
        }
        Ok(batch)
    }

    fn cancel(&self, id: &str, now: Instant) -> Result<Batch, Refusal> {
        let batch = self.find(id)?;
        if batch.ended(now) {
            return Err(Refusal::invalid(format!(
                "Batch {id} has already ended and cannot be canceled"
            )));
        }
        let mut kept = self.kept.lock().ok();
        let held = kept.iter_mut().flat_map(|kept| kept.iter_mut()).find(|batch| batch.id == id);
        if let Some(held) = held {
            held.cancelled = Some(clock::rfc3339_in(Duration::ZERO));
            return Ok(held.clone());
        }
        Ok(batch)
    }

    fn delete(&self, id: &str, now: Instant) -> Result<Reply, Refusal> {
        if !self.find(id)?.ended(now) {
            return Err(Refusal::invalid(format!(
                "Batch {id} cannot be deleted while it is in progress"
            )));
        }
        if let Ok(mut kept) = self.kept.lock() {
            kept.retain(|batch| batch.id != id);
        }
        Ok(Reply::json(&json!({ "id": id, "type": "message_batch_deleted" })))
    }

    fn results(&self, id: &str, now: Instant) -> Result<Reply, Refusal> {
        let batch = self.find(id)?;
        if !batch.ended(now) {
            return Err(Refusal::not_found(format!(
                "Batch {id} is not yet ended, no results are available"
            )));
        }
        let seed = self.seed;
        let mut numbers = 0..batch.items.len();
        let lines = std::iter::from_fn(move || {
            let item = batch.items.get(numbers.next()?)?;
            Some(results::line(&batch, item, seed))
        });
        Ok(Reply::new(200, "application/x-jsonl", Payload::Pieces(Box::new(lines))))
    }
}

impl Batch {
    fn ended(&self, now: Instant) -> bool {
        now >= self.ends
    }

    fn object(&self, base: &str, now: Instant) -> Value {
        let ended = self.ended(now);
        let status = match (ended, &self.cancelled) {
            (true, _) => "ended",
            (false, Some(_)) => "canceling",
            (false, None) => "in_progress",
        };
        let base = base.trim_end_matches('/');
        let url = format!("{base}/v1/messages/batches/{}/results", self.id);
        json!({
            "id": self.id, "type": "message_batch", "processing_status": status,
            "request_counts": self.counts(ended),
            "ended_at": ended.then_some(&self.created), "created_at": self.created,
            "expires_at": self.expires, "archived_at": null, "cancel_initiated_at": self.cancelled,
            "results_url": ended.then_some(url),
        })
    }

    fn counts(&self, ended: bool) -> Value {
        let mut counts = [0_usize; 4];
        if ended {
            for item in self.items.iter() {
                counts[outcome(self, item) as usize] += 1;
            }
        }
        json!({
            "processing": if ended { 0 } else { self.items.len() },
            "succeeded": counts[Outcome::Succeeded as usize],
            "errored": counts[Outcome::Errored as usize],
            "canceled": counts[Outcome::Cancelled as usize],
            "expired": counts[Outcome::Expired as usize],
        })
    }
}
