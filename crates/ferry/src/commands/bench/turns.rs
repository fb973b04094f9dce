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
        let mut seen = [Rounds::new()?, Rounds::new()?];
        'rounds: for round in 0..rounds {
            for at in ratio::order(round) {
                let (Some(side), Some(seen)) = (sides.get(at), seen.get_mut(at)) else { continue };
                let name = name(at);
                let label = format!("round {} of {rounds}, {name}: ", round + 1);
                let outcome = self.turn(side, duration, &label).await?;
                let stopped = outcome.stopped;
                seen.add(&outcome);
                if matches!(stopped, Stopped::Interrupted | Stopped::Unmarked | Stopped::Silent) {
                    break 'rounds;
                }
            }
        }
        let rows = ratios(&seen);
        let mut object = object("compare", self.plan);
        join(&mut object, json!({ "rounds": rounds, "ratios": report::ratios(&rows) }));
        for (at, (Rounds { whole, .. }, side)) in seen.iter().zip(sides).enumerate() {
            self.table(Some(&format!("{}: {}", name(at), side.label)), whole)?;
            let value = report::outcome(&side.url, whole);
            join(&mut object, json!({ name(at).to_lowercase(): value }));
        }
        let mut lines = vec![String::new()];
        lines.extend(self.screen.sheet().ratios(&rows));
        self.screen.lines(&lines)?;
        self.screen.object(&object)?;
        Ok(ending(seen.iter().map(|rounds| &rounds.whole)))
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
            if !screen.shows_progress() {
                return Ok(());
            }
            let schedule = &phase.schedule;
            let passed = clock::now().saturating_duration_since(schedule.begun);
            let part =
                passed.as_secs_f64() / schedule.duration.as_secs_f64().max(f64::MIN_POSITIVE);
            // Taken and let go of before anything is drawn.
            let seen = phase.tally().glance();
            screen.progress(&screen.sheet().progress(label, part.min(1.0), &seen))
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

/// All rounds of one side: as one run, and of each what ratios are made of.
struct Rounds {
    whole: Outcome,
    finished: Vec<Round>,
}

impl Rounds {
    fn new() -> io::Result<Self> {
        let tally = Tally::new().map_err(io::Error::other)?;
        let whole = Outcome { tally, time: Duration::ZERO, unsent: 0, stopped: Stopped::Whole };
        Ok(Self { whole, finished: Vec::new() })
    }

    fn add(&mut self, outcome: &Outcome) {
        if matches!(outcome.stopped, Stopped::Whole | Stopped::Behind) {
            let answer = outcome.tally.answer.figures();
            self.finished.push(Round { answer, throughput: throughput(outcome) });
        }
        self.whole.tally.join(&outcome.tally);
        self.whole.time += outcome.time;
        self.whole.unsent += outcome.unsent;
        if outcome.stopped != Stopped::Whole {
            self.whole.stopped = outcome.stopped;
        }
    }
}

/// B against A, over the rounds that both have finished.
fn ratios([a, b]: &[Rounds; 2]) -> Vec<(&'static str, Option<Spread>)> {
    let spread = |reading| ratio::ratios(&a.finished, &b.finished, reading);
    READINGS.iter().map(|(name, reading)| (*name, spread(*reading))).collect()
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
