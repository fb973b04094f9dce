//! A run for machines: one JSON object, times in microseconds, names that stay. Pure.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Plan;
use super::load::{Outcome, Stopped};
use super::ratio::Spread;
use super::sheet::{caveats, throughput};
use super::tally::{Figures, Times};

/// What was asked for; the same for all runs of a comparison.
pub(super) fn plan(plan: &Plan) -> Value {
    json!({
        "kind": plan.kind.name(),
        "bytes": plan.bytes,
        "rate_per_second": plan.rate.per_second(),
        "duration_s": plan.duration.0.as_secs_f64(),
        "warm_up_s": plan.warm_up.0.as_secs_f64(),
        "connections": plan.connections,
    })
}

/// What came of it.
pub(super) fn outcome(target: &str, outcome: &Outcome) -> Value {
    let tally = &outcome.tally;
    let failures: Map<String, Value> =
        tally.failures.iter().map(|(failure, count)| (failure.name(), (*count).into())).collect();
    json!({
        "target": target,
        "ended": ended(outcome.stopped),
        "seconds": rounded(outcome.time.as_secs_f64(), 1e3),
        "sent": tally.sent,
        "ok": tally.ok,
        "failed": tally.failed_count(),
        "failures": failures,
        "first_failure": tally.first_failure,
        "late": tally.late,
        "unfinished": tally.unfinished(),
        "not_sent": outcome.unsent,
        "throughput_per_second": rounded(throughput(outcome), 1e3),
        "answer_us": times(&tally.answer),
        "first_token_us": times(&tally.first),
        "gap_us": times(&tally.gap),
        "caveats": caveats(outcome),
    })
}

/// The ratios of a comparison by their names.
pub(super) fn ratios(ratios: &[(&'static str, Option<Spread>)]) -> Value {
    let spread = |spread: &Spread| {
        json!({
            "median": rounded(spread.median, 1e4),
            "least": rounded(spread.least, 1e4),
            "most": rounded(spread.most, 1e4),
        })
    };
    let ratios = ratios
        .iter()
        .map(|(name, ratio)| ((*name).to_owned(), ratio.as_ref().map_or(Value::Null, spread)));
    Value::Object(ratios.collect())
}

fn ended(stopped: Stopped) -> &'static str {
    match stopped {
        Stopped::Whole => "whole",
        Stopped::Interrupted => "interrupted",
        Stopped::Behind => "behind",
        Stopped::Unmarked => "unmarked",
        Stopped::Silent => "silent",
    }
}

fn times(times: &Times) -> Value {
    let micros = |time: Duration| rounded(time.as_secs_f64() * 1e6, 10.0);
    times.figures().map_or(Value::Null, |figures| {
        let Figures { p50, p90, p99, p999, max } = figures;
        json!({
            "count": times.count(),
            "p50": micros(p50),
            "p90": micros(p90),
            "p99": micros(p99),
            "p999": micros(p999),
            "max": micros(max),
        })
    })
}

/// As many places as mean something.
fn rounded(number: f64, scale: f64) -> f64 {
    (number * scale).round() / scale
}
