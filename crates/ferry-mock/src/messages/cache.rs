//! The prompt cache: which prefixes were seen, for whom and until when. It follows the documented rules (prefix over
//! tools, system, messages; up to four breakpoints; 5 minutes or 1 hour, refreshed on use; apart for each credential
//! and model) but for the minimum length: the mock caches any prefix, so that tests can be short.
//! It holds hashes only, never text.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::envelope::{Envelope, tokens_of};
use crate::dice::{hash, mix};

/// Prefixes remembered at once; when full, the expired go, and if that is not enough, all.
const PREFIXES_MAX: usize = 16 * 1024;

/// Breakpoints that count; the API refuses a fifth.
const BREAKPOINTS_MAX: usize = 4;

/// The input side of a usage block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Input {
    /// Neither read nor written.
    pub(crate) fresh: u64,
    /// Read from the cache.
    pub(crate) read: u64,
    /// Written for five minutes.
    pub(crate) written_5m: u64,
    /// Written for an hour.
    pub(crate) written_1h: u64,
}

/// Prefixes by hash, with the time they are forgotten.
#[derive(Debug, Default)]
pub(crate) struct PromptCache {
    prefixes: Mutex<HashMap<u64, Instant>>,
}

struct Breakpoint {
    hash: u64,
    tokens: u64,
    life: Duration,
}

const FIVE_MINUTES: Duration = Duration::from_mins(5);
const ONE_HOUR: Duration = Duration::from_hours(1);

impl PromptCache {
    /// Splits a request's input into the classes and remembers its prefixes. `owner` is the credential.
    pub(crate) fn bill(&self, envelope: &Envelope<'_>, owner: u64, now: Instant) -> Input {
        let total = envelope.input_tokens();
        let marked = envelope.cache_control.is_some()
            || envelope.prompt().any(|part| part.contains("\"cache_control\""));
        if !marked {
            return Input { fresh: total, ..Input::default() };
        }
        let breakpoints = breakpoints(envelope, owner, total);
        let mut input = Input::default();
        let mut done = 0;
        if let Ok(mut prefixes) = self.prefixes.lock() {
            let known =
                |place: &Breakpoint| prefixes.get(&place.hash).is_some_and(|end| *end > now);
            let hit = breakpoints.iter().rposition(known);
            for (place, breakpoint) in breakpoints.iter().enumerate() {
                let tokens = breakpoint.tokens.min(total).saturating_sub(done);
                done += tokens;
                if hit.is_some_and(|hit| place <= hit) {
                    input.read += tokens;
                } else if breakpoint.life == ONE_HOUR {
                    input.written_1h += tokens;
                } else {
                    input.written_5m += tokens;
                }
                if prefixes.len() >= PREFIXES_MAX {
                    prefixes.retain(|_, end| *end > now);
                }
                if prefixes.len() >= PREFIXES_MAX {
                    prefixes.clear();
                }
                prefixes.insert(breakpoint.hash, now + breakpoint.life);
            }
        }
        input.fresh = total - done;
        input
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        if let Ok(mut prefixes) = self.prefixes.lock() {
            prefixes.clear();
        }
    }
}

/// Walks the blocks in cache order; each `cache_control` closes a prefix.
fn breakpoints(envelope: &Envelope<'_>, owner: u64, total: u64) -> Vec<Breakpoint> {
    let model = envelope.model.as_deref().unwrap_or_default();
    let mut state = hash(mix(owner), model.as_bytes());
    let mut bytes = 0;
    let mut found = Vec::new();
    for part in envelope.prompt() {
        let Ok(part) = serde_json::from_str::<Value>(part) else { continue };
        for block in blocks(part) {
            let (text, life) = without_mark(block);
            state = hash(state, text.as_bytes());
            bytes += text.len();
            if let Some(life) = life
                && found.len() < BREAKPOINTS_MAX
            {
                found.push(Breakpoint { hash: state, tokens: tokens_of(bytes).min(total), life });
            }
        }
    }
    if let Some(automatic) = envelope.cache_control
        && found.len() < BREAKPOINTS_MAX
    {
        let life = if automatic.get().contains("\"1h\"") { ONE_HOUR } else { FIVE_MINUTES };
        found.push(Breakpoint { hash: state, tokens: tokens_of(bytes).min(total), life });
    }
    found
}

/// The blocks of tools, system or messages; a message opens into its content, with the role in front.
fn blocks(part: Value) -> Vec<Value> {
    let Value::Array(entries) = part else { return vec![part] };
    let mut blocks = Vec::new();
    for mut entry in entries {
        let content = entry.get_mut("content").map(Value::take);
        match content {
            Some(Value::Array(content)) => {
                blocks.push(entry);
                blocks.extend(content);
            }
            Some(content) => {
                blocks.push(entry);
                blocks.push(content);
            }
            None => blocks.push(entry),
        }
    }
    blocks
}

/// The text of a block without its mark, and how long the mark asks to keep it.
fn without_mark(mut block: Value) -> (String, Option<Duration>) {
    let mark = block.as_object_mut().and_then(|block| block.shift_remove("cache_control"));
    let life = mark.filter(|mark| !mark.is_null()).map(|mark| {
        let hour = mark.get("ttl").and_then(Value::as_str) == Some("1h");
        if hour { ONE_HOUR } else { FIVE_MINUTES }
    });
    (block.to_string(), life)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bill(cache: &PromptCache, body: &str, now: Instant) -> Input {
        cache.bill(&Envelope::read(body.as_bytes()).unwrap(), 1, now)
    }

    fn body(system_ttl: &str, question: &str) -> String {
        format!(
            r#"{{"model":"m","system":[{{"type":"text","text":"{}","cache_control":{{"type":"ephemeral"{system_ttl}}}}}],
            "messages":[{{"role":"user","content":"{question}"}}]}}"#,
            "x".repeat(400)
        )
    }

    #[tokio::test]
    async fn the_first_request_writes_and_the_second_reads() {
        let cache = PromptCache::default();
        let now = Instant::now();
        let first = bill(&cache, &body("", "one"), now);
        assert!(first.written_5m >= 100 && first.read == 0 && first.written_1h == 0, "{first:?}");
        let second = bill(&cache, &body("", "two"), now + Duration::from_secs(200));
        assert_eq!(second.read, first.written_5m);
        assert_eq!(second.written_5m, 0);
        // Refreshed at 200 s: still known at 400 s, forgotten at 900 s.
        assert!(bill(&cache, &body("", "three"), now + Duration::from_secs(400)).read > 0);
        assert!(bill(&cache, &body("", "four"), now + Duration::from_mins(15)).read == 0);
    }

    #[tokio::test]
    async fn an_hour_is_a_class_of_its_own() {
        let cache = PromptCache::default();
        let input = bill(&cache, &body(r#","ttl":"1h""#, "one"), Instant::now());
        assert!(input.written_1h > 0 && input.written_5m == 0, "{input:?}");
    }

    #[tokio::test]
    async fn without_a_mark_all_input_is_fresh() {
        let cache = PromptCache::default();
        let body = r#"{"model":"m","messages":[{"role":"user","content":"hello"}]}"#;
        let input = bill(&cache, body, Instant::now());
        assert!(input.fresh > 0 && input.read == 0 && input.written_5m == 0, "{input:?}");
    }
}
