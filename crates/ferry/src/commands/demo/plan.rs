//! What the trial asks: short streamed answers at a steady rate, each with a pace of its own that the mock keeps to. So
//! the model's own time is known, and all that a caller waits beyond it was added on the way. Pure.

use std::time::Duration;

use http::Method;
use serde_json::json;

use super::act::{KEY, MODEL};
use super::client::Call;
use super::dice::Dice;

/// Between two requests of a side: 200 in 4.4 s, so that the last connect limit of 5 s ends before ten.
const GAP: Duration = Duration::from_millis(22);
/// Before the first text, in milliseconds: a small model and a short prompt.
const FIRST_MS: (u64, u64) = (150, 250);
/// Pieces of text: enough to be cut half-way, few enough that their rounded waits add nothing to speak of.
const PIECES: (u64, u64) = (5, 7);
/// Between two pieces, in milliseconds.
const PIECE_MS: (u64, u64) = (40, 70);

/// One request of the trial; both sides send the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) number: usize,
    /// When it is sent, from the start of the trial, whatever became of those before.
    pub(super) due: Duration,
    /// The model's own time to the first text.
    pub(super) first: Duration,
    /// Pieces of text.
    pub(super) pieces: u64,
    /// Between two pieces.
    pub(super) pause: Duration,
}

/// The requests of a trial.
pub(super) fn plan(seed: u64, requests: usize) -> Vec<Item> {
    let mut dice = Dice::new(seed, 200);
    (0..requests).map(|number| Item::new(number, &mut dice)).collect()
}

impl Item {
    /// A request with a pace from the dice.
    pub(super) fn new(number: usize, dice: &mut Dice) -> Self {
        Self {
            number,
            due: GAP.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX)),
            first: dice.millis(FIRST_MS.0, FIRST_MS.1),
            pieces: dice.between(PIECES.0, PIECES.1),
            pause: dice.millis(PIECE_MS.0, PIECE_MS.1),
        }
    }

    /// How long the model itself takes, from the request to the last event.
    pub(super) fn own(&self) -> Duration {
        let pauses = u32::try_from(self.pieces.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first + self.pause.saturating_mul(pauses)
    }

    /// The request; a marker in the prompt tells the mock its pace.
    pub(super) fn call(&self) -> Call {
        let Self { number, first, pieces, pause, .. } = self;
        let prompt = format!(
            "Question {number}: what does a ferry carry? [mock ttfb_ms={} chunks={pieces} delay_ms={} unique]",
            first.as_millis(),
            pause.as_millis()
        );
        let body = json!({
            "model": MODEL, "max_tokens": 1024, "stream": true,
            "messages": [{"role": "user", "content": prompt}],
        });
        let headers = vec![
            ("x-api-key", KEY.to_owned()),
            ("anthropic-version", "2023-06-01".to_owned()),
            ("content-type", "application/json".to_owned()),
        ];
        Call {
            method: Method::POST,
            path: "/v1/messages".to_owned(),
            headers,
            body: body.to_string().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_repeats_and_is_over_before_ten_seconds() {
        let items = plan(1, 200);
        assert_eq!(items, plan(1, 200));
        assert_ne!(items, plan(2, 200));
        for item in &items {
            // The SDK's connect limit is the longest that a request takes.
            assert!(item.due + Duration::from_secs(5) < Duration::from_secs(10), "{item:?}");
            assert!(item.own() < Duration::from_secs(1), "{item:?}");
        }
    }

    #[test]
    fn the_models_own_time_is_that_of_its_pieces() {
        let item = Item {
            number: 7,
            due: Duration::ZERO,
            first: Duration::from_millis(200),
            pieces: 8,
            pause: Duration::from_millis(20),
        };
        assert_eq!(item.own(), Duration::from_millis(340));
        let body = String::from_utf8(item.call().body.to_vec()).unwrap();
        assert!(body.contains("[mock ttfb_ms=200 chunks=8 delay_ms=20 unique]"), "{body}");
    }
}
