//! Puts an answer on the stage: common headers, pace, and the faults that shape or break a body.
//! It changes no content but by faults, and touches no socket: a body's steps do.

mod script;

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};

use crate::body::{MockBody, Step};
use crate::clock;
use crate::conn::Conn;
use crate::dice::Dice;
use crate::exchange::{Payload, Reply};
use crate::fault::Fault;
use crate::knobs::{Knobs, Switch};
use crate::messages::Event;
use crate::settings::{MARK, Timing};
use crate::state::Shared;
use script::script;

/// What an answer is staged with.
pub(super) struct Stage<'a> {
    pub(super) shared: &'a Shared,
    pub(super) conn: &'a Arc<Conn>,
    pub(super) knobs: &'a Knobs,
    pub(super) faults: &'a [Fault],
    pub(super) request_id: &'a str,
    pub(super) number: u64,
    pub(super) http2: bool,
}

/// How often a wait is a long pause instead, and how many times as long, where there is jitter.
const PAUSE_ONE_IN: usize = 50;
const PAUSE_FACTOR: u32 = 10;

/// Limits of a usual organisation: the figures of the API's rate-limit headers.
const LIMITS: [(&str, &str); 8] = [
    ("anthropic-organization-id", "11111111-2222-4333-8444-555555555555"),
    ("anthropic-ratelimit-requests-limit", "4000"),
    ("anthropic-ratelimit-requests-remaining", "3999"),
    ("anthropic-ratelimit-input-tokens-limit", "2000000"),
    ("anthropic-ratelimit-input-tokens-remaining", "1999000"),
    ("anthropic-ratelimit-output-tokens-limit", "400000"),
    ("anthropic-ratelimit-output-tokens-remaining", "399000"),
    ("anthropic-ratelimit-tokens-limit", "2400000"),
];

/// Makes the response.
pub(super) fn stage(context: &Stage<'_>, reply: Reply) -> Response<MockBody> {
    let Reply { status, headers, payload, generation, tokens } = reply;
    let mut headers = headers;
    common(&mut headers, context);
    let shaping = context.faults.iter().any(|fault| !matches!(fault, Fault::Delay { .. }));
    let body = match payload {
        Payload::Whole(bytes) if !shaping => MockBody::ready(bytes),
        Payload::Pieces(pieces) if !shaping => {
            let steps = pieces.map(|bytes| Step::Data(bytes, 0));
            MockBody::played(Box::new(steps), Arc::clone(context.conn))
        }
        payload @ (Payload::Whole(_) | Payload::Events(_) | Payload::Pieces(_)) => {
            let steps = script(context, payload, tokens, &mut headers).play(context, &mut headers);
            MockBody::played(Box::new(steps.into_iter()), Arc::clone(context.conn))
        }
    };
    let mut response = Response::new(body.with_generation(generation));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    *response.headers_mut() = headers;
    response
}

fn common(headers: &mut HeaderMap, context: &Stage<'_>) {
    if let Ok(id) = HeaderValue::from_str(context.request_id) {
        headers.insert("request-id", id);
    }
    headers.insert(HeaderName::from_static(MARK), HeaderValue::from_static("ferry"));
    for (name, value) in LIMITS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    // A minute bucket that is nearly full is full again within a second.
    if let Ok(reset) = HeaderValue::from_str(&clock::rfc3339_in(Duration::from_secs(1))) {
        headers.insert("anthropic-ratelimit-requests-reset", reset);
    }
    for fault in context.faults {
        if let Fault::BigHead { bytes } = fault {
            big_head(headers, *bytes);
        }
    }
    if context.faults.contains(&Fault::Close) && !context.http2 {
        headers.insert("connection", HeaderValue::from_static("close"));
    }
}

/// Adds lines of a kilobyte, as a chatty proxy would.
fn big_head(headers: &mut HeaderMap, bytes: usize) {
    const LINE: usize = 1024;
    let mut left = bytes;
    let mut line = 0;
    while left > 0 {
        let name = format!("x-mock-filler-{line}");
        // Name, colon, blank and line end count too.
        let value = "f".repeat(left.min(LINE).saturating_sub(name.len() + 4));
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
        left = left.saturating_sub(LINE);
        line += 1;
    }
}

/// Puts waits between events.
fn paced(context: &Stage<'_>, events: Vec<Event>) -> Vec<Step> {
    let knobs = context.knobs;
    let timing = context.shared.settings.timing;
    let flush = knobs.switches.has(Switch::Flush);
    let mut dice = Dice::new(context.shared.settings.seed ^ context.number);
    let mut steps = Vec::with_capacity(events.len() * 2 + 1);
    let wait = |steps: &mut Vec<Step>, time: Duration| {
        if !time.is_zero() {
            steps.push(Step::Wait(time));
        }
    };
    wait(&mut steps, knobs.ttfb.unwrap_or_else(|| timing.first(&mut dice)));
    let mut begun = false;
    for Event { bytes, tokens } in events {
        if tokens > 0 && begun {
            let usual = || timing.tokens(u64::from(tokens), &mut dice);
            wait(&mut steps, knobs.delay.unwrap_or_else(usual));
        }
        begun = begun || tokens > 0;
        steps.push(Step::Data(bytes, tokens));
        if flush {
            steps.push(Step::Flush);
        }
    }
    steps
}

impl Timing {
    /// The wait before the first token.
    pub(super) fn first(&self, dice: &mut Dice) -> Duration {
        self.vary(self.first_token, dice)
    }

    /// The wait for so many tokens.
    pub(super) fn tokens(&self, tokens: u64, dice: &mut Dice) -> Duration {
        if self.tokens_per_second <= 0.0 {
            return Duration::ZERO;
        }
        // Answers have far fewer tokens than 2^32.
        let tokens = f64::from(u32::try_from(tokens).unwrap_or(u32::MAX));
        let time = Duration::try_from_secs_f64(tokens / self.tokens_per_second);
        self.vary(time.unwrap_or(Duration::MAX), dice)
    }

    fn vary(&self, time: Duration, dice: &mut Dice) -> Duration {
        if self.jitter <= 0.0 || time.is_zero() {
            return time;
        }
        let factor = 1.0 + self.jitter.min(1.0) * (2.0 * dice.unit() - 1.0);
        let varied = Duration::try_from_secs_f64(time.as_secs_f64() * factor).unwrap_or(time);
        if dice.below(PAUSE_ONE_IN) == 0 { varied.saturating_mul(PAUSE_FACTOR) } else { varied }
    }
}
