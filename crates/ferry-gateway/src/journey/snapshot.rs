//! What one request sees of the configuration, from its start to its end: a reload makes a new
//! snapshot and leaves the old one to those who began under it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferry_rules::line::{self, LineRef};
use http::HeaderValue;
use secrecy::ExposeSecret;

use super::settings::Settings;
use crate::upstream::Fleet;

/// The resolved configuration of the rooms, with what is derived from it once.
#[derive(Debug)]
pub struct Snapshot {
    /// Bounds, deadlines and names.
    pub settings: Settings,
    /// The nodes.
    pub fleet: Fleet,
    /// Some node has several keys: then a request has to say which it belongs to.
    pub(super) has_many_keys: bool,
    /// True when a node passes the caller's own credential on.
    pub callers_key_travels: bool,
    /// `X-Claude-Timezone` on every upstream request.
    pub(super) zone: Option<HeaderValue>,
    /// Hashes of Ferry's own keys: compared in constant time, useless to a thief.
    access: Vec<blake3::Hash>,
    lines: BTreeMap<String, Arc<str>>,
    line_default: Arc<str>,
    line_other: Arc<str>,
}

/// Why the settings do not make a snapshot; the configuration check has said so before.
#[derive(Debug, thiserror::Error)]
#[error("put the time zone {0:?} into a header")]
pub struct ZoneNotAHeader(String);

impl Snapshot {
    /// Derives what the rooms need from resolved settings.
    ///
    /// # Errors
    /// The time zone cannot stand in a header.
    pub fn new(settings: Settings, fleet: Fleet) -> Result<Self, ZoneNotAHeader> {
        let nodes = || fleet.nodes.iter();
        let zone = match settings.timezone.as_str() {
            "" => None,
            name => Some(
                HeaderValue::from_str(name)
                    .map_err(|_not_ascii| ZoneNotAHeader(name.to_owned()))?,
            ),
        };
        let access = settings
            .access_keys
            .iter()
            .map(|key| blake3::hash(key.expose_secret().as_bytes()))
            .collect();
        let lines =
            settings.lines.iter().map(|name| (name.clone(), Arc::from(name.as_str()))).collect();
        Ok(Self {
            callers_key_travels: nodes().any(|node| node.settings.keys.is_empty()),
            // A caller's own key counts as one.
            has_many_keys: {
                let keys = || nodes().map(|node| node.settings.keys.len());
                keys().sum::<usize>() + usize::from(keys().any(|count| count == 0)) > 1
            },
            zone,
            access,
            lines,
            line_default: Arc::from("default"),
            line_other: Arc::from("other"),
            settings,
            fleet,
        })
    }

    /// True when callers must show one of Ferry's own keys.
    pub(super) fn guarded(&self) -> bool {
        !self.access.is_empty()
    }

    /// True when the credential is one of Ferry's own keys. Every key is compared, in constant time.
    pub(super) fn admits(&self, credential: &str) -> bool {
        let hash = blake3::hash(credential.as_bytes());
        self.access.iter().filter(|key| **key == hash).count() > 0
    }

    /// The business line that a `X-Biz-Type` value names: `default` without one, `other` for one
    /// that is not configured, so that a caller cannot make labels.
    pub(super) fn line(&self, value: Option<&HeaderValue>) -> Arc<str> {
        match line::resolve(&self.settings.lines, value.map(HeaderValue::as_bytes)) {
            LineRef::Default => Arc::clone(&self.line_default),
            LineRef::Known(name) => Arc::clone(self.lines.get(name).unwrap_or(&self.line_other)),
            LineRef::Other => Arc::clone(&self.line_other),
        }
    }

    /// Every label a line may have, for the metrics.
    pub fn line_labels(&self) -> Vec<Arc<str>> {
        let own = [Arc::clone(&self.line_default), Arc::clone(&self.line_other)];
        own.into_iter().chain(self.lines.values().map(Arc::clone)).collect()
    }
}
