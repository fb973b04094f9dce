//! The Messages API: a request is checked, an answer planned from seed and request, and the plan written as JSON or as
//! events. Both forms of one request carry the same content.
//! It opens no socket and keeps nothing but the prompt cache.

mod cache;
mod envelope;
mod events;
mod plan;
mod sample;

pub(crate) use cache::{Input, PromptCache};
pub(crate) use envelope::{Envelope, VERSION_2026, tokens_of};
pub(crate) use events::{Event, events};
pub(crate) use plan::Planner;
