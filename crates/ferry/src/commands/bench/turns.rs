//! The order of things: one run, or the rounds of a comparison, and what is shown of them. It measures nothing itself.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ferry_gateway::clock;
use ferry_gateway::serve::signals::Signals;
use miette::IntoDiagnostic as _;
use serde_json::{Value, json};

use super::super::terminal::Tone;
use super::Plan;
use super::load::{Aim, Load, Outcome, Phase, Stopped};
use super::ratio::{self, READINGS, Round, Spread};
use super::report;
use super::schedule::Schedule;
use super::screen::Screen;
use super::sheet::throughput;
use super::tally::Tally;

/// Someone who is measured.
pub(super) struct Side {
    /// For people.
    pub(super) label: String,
    pub(super) url: String,
    pub(super) aim: Arc<Aim>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Played {
    /// To the end; whether every request had a whole answer.
    Whole(bool),
    Interrupted,
}

struct Play<'a> {
    plan: &'a Plan,
    signals: &'a mut Signals,
    screen: Screen,
}

/// Measures one side, or two in turn, and shows what came of it.
///
/// # Errors
/// Standard output is gone.
pub(super) async fn play(
    plan: &Plan,
    rounds: u32,
    sides: &[Side],
    signals: &mut Signals,
    screen: Screen,
) -> miette::Result<Played> {
    let mut play = Play { plan, signals, screen };
    let played = match sides {
        [a, b] => Box::pin(play.compare([a, b], rounds)).await,
        sides => Box::pin(play.alone(sides)).await,
    };
    match played {
        // Whoever read the output has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Played::Whole(true)),
        done => done.into_diagnostic(),
    }
}

impl Play<'_> {
    async fn alone(&mut self, sides: &[Side]) -> io::Result<Played> {
        let mut played = Played::Whole(true);
        for side in sides {
            self.title(&[side], 1)?;
            let outcome = self.turn(side, self.plan.duration.0, "").await?;
            self.table(None, &outcome)?;
            let mut object = object("bench", self.plan);
            join(&mut object, report::outcome(&side.url, &outcome));
            self.screen.object(&object)?;
            played = ending([&outcome].into_iter());
        }
        Ok(played)
    }

    async fn compare(&mut self, sides: [&Side; 2], rounds: u32) -> io::Result<Played> {
        self.title(&sides, rounds)?;
        let duration = self.plan.duration.0 / rounds;
        let mut seen = [Vec::new(), Vec::new()];
        'rounds: for round in 0..rounds {
            for at in ratio::order(round) {
                let (Some(side), Some(seen)) = (sides.get(at), seen.get_mut(at)) else { continue };
                let name = name(at);
                let label = format!("round {} of {rounds}, {name}: ", round + 1);
                let outcome = self.turn(side, duration, &label).await?;
                let stopped = outcome.stopped;
                seen.push(outcome);
                if matches!(stopped, Stopped::Interrupted | Stopped::Unmarked | Stopped::Silent) {
                    break 'rounds;
                }
            }
        }
        let rows = ratios(&seen);
        let mut object = object("compare", self.plan);
        join(&mut object, json!({ "rounds": rounds, "ratios": report::ratios(&rows) }));
        let [a, b] = seen;
        let mut whole = Vec::new();
        for (at, (outcomes, side)) in [a, b].into_iter().zip(sides).enumerate() {
            let outcome = sum(outcomes)?;
            self.table(Some(&format!("{}: {}", name(at), side.label)), &outcome)?;
            let value = report::outcome(&side.url, &outcome);
            join(&mut object, json!({ name(at).to_lowercase(): value }));
            whole.push(outcome);
        }
        let mut lines = vec![String::new()];
        lines.extend(self.screen.sheet().ratios(&rows));
        self.screen.lines(&lines)?;
        self.screen.object(&object)?;
        Ok(ending(whole.iter()))
    }

    /// What is sent, and to whom.
    fn title(&mut self, sides: &[&Side], rounds: u32) -> io::Result<()> {
        let plan = self.plan;
        let bytes = sides.first().map_or(0, |side| side.aim.call.body_bytes);
        let mut text = format!(
            "{} of kind {}, {bytes} bytes each, for {} over at most {} connections",
            plan.rate,
            plan.kind.name(),
            plan.duration,
            plan.connections,
        );
        if rounds > 1 {
            text.push_str(", each of the two, in rounds: ");
            text.push_str(&rounds.to_string());
        }
        let sheet = self.screen.sheet();
        let mut lines = sheet.fold(&text, Tone::Strong);
        for (at, side) in sides.iter().enumerate() {
            let who = if sides.len() > 1 { name(at) } else { "target" };
            lines.extend(sheet.fold(&format!("{who}: {}", side.label), Tone::Plain));
        }
        self.screen.lines(&lines)
    }

    /// A warm-up and a run.
    async fn turn(&mut self, side: &Side, duration: Duration, label: &str) -> io::Result<Outcome> {
        let tally = || Tally::new().map_err(io::Error::other);
        let warm_up = Schedule::new(clock::now(), self.plan.rate, self.plan.warm_up.0);
        let measured = Schedule::new(warm_up.end(), self.plan.rate, duration);
        let phases = (Phase::new(warm_up, tally()?), Phase::new(measured, tally()?));
        let load = Arc::new(Load::new(Arc::clone(&side.aim), phases.0, phases.1));
        let screen = &mut self.screen;
        let every = screen.every();
        let show = |phase: &Phase| {
            let schedule = &phase.schedule;
            let passed = clock::now().saturating_duration_since(schedule.begun);
            let part =
                passed.as_secs_f64() / schedule.duration.as_secs_f64().max(f64::MIN_POSITIVE);
            let lines = screen.sheet().progress(label, part.min(1.0), &phase.tally());
            screen.progress(&lines)
        };
        load.run(self.plan.connections, self.signals, every, show).await
    }

    fn table(&mut self, title: Option<&str>, outcome: &Outcome) -> io::Result<()> {
        let sheet = self.screen.sheet();
        let mut lines = vec![String::new()];
        if let Some(title) = title {
            lines.extend(sheet.fold(title, Tone::Strong));
        }
        lines.extend(sheet.table(outcome));
        lines.extend(sheet.caveats(outcome));
        self.screen.lines(&lines)
    }
}

fn name(at: usize) -> &'static str {
    if at == 0 { "A" } else { "B" }
}

fn ending<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Played {
    let mut whole = true;
    for outcome in outcomes {
        if outcome.stopped == Stopped::Interrupted {
            return Played::Interrupted;
        }
        let is_whole = outcome.stopped == Stopped::Whole;
        whole &= is_whole && outcome.tally.ok == outcome.tally.sent && outcome.tally.ok > 0;
    }
    Played::Whole(whole)
}

/// All rounds of one side as one run.
fn sum(outcomes: Vec<Outcome>) -> io::Result<Outcome> {
    let tally = Tally::new().map_err(io::Error::other)?;
    let mut whole = Outcome { tally, time: Duration::ZERO, unsent: 0, stopped: Stopped::Whole };
    for outcome in outcomes {
        whole.tally.join(&outcome.tally);
        whole.time += outcome.time;
        whole.unsent += outcome.unsent;
        if outcome.stopped != Stopped::Whole {
            whole.stopped = outcome.stopped;
        }
    }
    Ok(whole)
}

/// B against A, over the rounds that both have finished.
fn ratios([a, b]: &[Vec<Outcome>; 2]) -> Vec<(&'static str, Option<Spread>)> {
    let rounds = |outcomes: &[Outcome]| -> Vec<Round> {
        let finished = outcomes
            .iter()
            .filter(|outcome| matches!(outcome.stopped, Stopped::Whole | Stopped::Behind));
        let round = |outcome: &Outcome| Round {
            answer: outcome.tally.answer.figures(),
            throughput: throughput(outcome),
        };
        finished.map(round).collect()
    };
    let (a, b) = (rounds(a), rounds(b));
    READINGS.iter().map(|(name, reading)| (*name, ratio::ratios(&a, &b, *reading))).collect()
}

fn object(sort: &str, plan: &Plan) -> Value {
    let mut object = json!({ "type": sort });
    join(&mut object, report::plan(plan));
    object
}

/// Adds the members of one object to another.
fn join(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}
