//! Ferry's decisions, pure: what came in and what is known go in as arguments, a verdict comes out.
//!
//! It exists so that every rule can be tested in a table, at any hour, with no socket open. Nothing
//! here reads a clock, the environment or a random source, logs a line, or waits.

pub mod backoff;
pub mod breaker;
pub mod budget;
pub mod choice;
pub mod credential;
pub mod diagnosis;
pub mod ewma;
pub mod exposure;
pub mod forwarded;
pub mod key;
mod key_form;
pub mod limit;
pub mod line;
pub mod node_key;
pub mod origin;
pub mod outage;
pub mod overload;
pub mod patience;
pub mod race;
pub mod redact;
pub mod retry;
pub mod should_retry;
#[cfg(test)]
mod tests;
pub mod timezone;
