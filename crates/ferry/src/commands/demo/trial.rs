//! The trial: the same requests direct and through Ferry, at the same time, over the same kind of path. It draws the
//! bars while they run and keeps what has ended when somebody stops it. What it all comes to stands in `tally`.

use std::io;
use std::time::Duration;

use ferry_gateway::clock;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::caller::{End, Shot};
use super::halt::Halt;
use super::plan::{Item, plan};
use super::scene::Scene;
use super::screen::Screen;
use super::tally::{Side, Tally};

/// How often the bars are drawn: smooth to the eye, nothing to the machine.
const DRAW_EVERY: Duration = Duration::from_millis(100);
/// Without a terminal: a line so often, of these draws.
const LINE_EVERY: usize = 20;
/// Ends that wait to be read; each side has far fewer at once.
const QUEUE: usize = 64;

/// What the trial came to.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) direct: Tally,
    pub(super) ferry: Tally,
    /// Somebody stopped it before its end.
    pub(super) halted: bool,
}

/// The requests under way; they stop with the trial.
struct Callers(Vec<JoinHandle<()>>);

impl Callers {
    /// Hangs up, in the middle of a stream if need be, and waits until all have.
    async fn end(mut self) {
        for caller in &self.0 {
            caller.abort();
        }
        for caller in self.0.drain(..) {
            // An aborted task ends in an error, which is what was asked for.
            caller.await.ok();
        }
    }
}

/// Where the trial fails.
impl Drop for Callers {
    fn drop(&mut self) {
        for caller in &self.0 {
            caller.abort();
        }
    }
}

/// What has ended so far.
#[derive(Debug, Default)]
pub(super) struct Ended {
    pub(super) direct: Vec<(Item, Shot)>,
    pub(super) ferry: Vec<(Item, Shot)>,
}

/// How far one side is, for its bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) whole: usize,
    pub(super) failed: usize,
    pub(super) asked: usize,
}

/// Runs both sides to their end, or until somebody stops it.
///
/// # Errors
/// Standard output is gone.
pub(super) async fn run(
    scene: &Scene,
    (seed, requests): (u64, usize),
    screen: &mut Screen,
    halt: &mut Halt,
) -> io::Result<Trial> {
    let (done, mut ends) = mpsc::channel(QUEUE);
    let callers = start(scene, &plan(seed, requests), &done);
    drop(done);
    let mut ended = Ended::default();
    let mut ticks = tokio::time::interval(DRAW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut turn = 0;
    let halted = loop {
        tokio::select! {
            end = ends.recv() => match end {
                Some((Side::Direct, item, shot)) => ended.direct.push((item, shot)),
                Some((Side::Ferry, item, shot)) => ended.ferry.push((item, shot)),
                None => break false,
            },
            _tick = ticks.tick() => {
                turn += 1;
                draw(screen, &ended, requests, turn)?;
            }
            () = halt.asked() => break true,
        }
    };
    // Before the books are read, so that nothing is counted that nobody waits for.
    callers.end().await;
    screen.draw(&[])?;
    let tally = |side, shots: &[_]| Tally::new(side, requests, shots, scene.books(side));
    Ok(Trial {
        direct: tally(Side::Direct, &ended.direct),
        ferry: tally(Side::Ferry, &ended.ferry),
        halted,
    })
}

fn start(scene: &Scene, items: &[Item], done: &mpsc::Sender<(Side, Item, Shot)>) -> Callers {
    let begun = clock::now();
    let mut callers = Vec::with_capacity(items.len() * 2);
    for item in items {
        for side in [Side::Direct, Side::Ferry] {
            let (caller, done, item) = (scene.caller(side).clone(), done.clone(), *item);
            callers.push(scene.tasks().spawn(async move {
                tokio::time::sleep_until((begun + item.due).into()).await;
                let shot = caller.shoot(&item).await;
                // Nobody waits any more when the trial is stopped.
                done.send((side, item, shot)).await.ok();
            }));
        }
    }
    Callers(callers)
}

fn draw(screen: &mut Screen, ended: &Ended, asked: usize, turn: usize) -> io::Result<()> {
    let progress = |shots: &[(Item, Shot)]| {
        let whole = shots.iter().filter(|(_, shot)| shot.end == End::Whole).count();
        Progress { whole, failed: shots.len() - whole, asked }
    };
    let (direct, ferry) = (progress(&ended.direct), progress(&ended.ferry));
    if screen.is_live() {
        let sheet = screen.sheet();
        return screen.draw(&[sheet.bar(Side::Direct, direct), sheet.bar(Side::Ferry, ferry)]);
    }
    if turn.is_multiple_of(LINE_EVERY) {
        let sheet = screen.sheet();
        screen.lines(&[sheet.lang.progress(direct, ferry)])?;
    }
    Ok(())
}
