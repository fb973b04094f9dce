//! Plays the whole table, a few acts at a time, and shows each row when all rows before it are shown. It judges
//! nothing: `play` does.

use std::io;
use std::time::{Duration, Instant};

use ferry_gateway::clock;
use ferry_gateway::tasks::Tasks;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::act::Act;
use super::client::Target;
use super::outcome::Outcome;
use super::play::play;
use super::screen::Screen;

/// Acts under way at once: enough to be done in a few seconds, few enough to follow with the eye.
const AT_ONCE: usize = 4;
/// How often running rows are drawn: smooth to the eye, nothing to the machine.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// The acts under way; they stop with the show.
struct Players(Vec<JoinHandle<()>>);

impl Drop for Players {
    fn drop(&mut self) {
        for player in &self.0 {
            player.abort();
        }
    }
}

/// Where a row stands.
enum Row {
    Waiting,
    Running(Instant),
    Done(Box<Outcome>),
}

/// Plays the acts against a target; gives the outcomes in order.
///
/// # Errors
/// Standard output is gone.
pub(super) async fn show(
    acts: &[Act],
    target: Target,
    tasks: &Tasks,
    screen: &mut Screen,
) -> io::Result<Vec<Outcome>> {
    let head = screen.sheet().head();
    screen.lines(&head)?;
    let (done, mut results) = mpsc::channel(AT_ONCE);
    let mut table = Table { acts, rows: acts.iter().map(|_act| Row::Waiting).collect(), shown: 0 };
    let mut ticks = tokio::time::interval(DRAW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut turn = 0;
    let mut players = Players(Vec::with_capacity(acts.len()));
    while table.shown < acts.len() {
        for (number, act) in table.start() {
            let done = done.clone();
            players.0.push(tasks.spawn(async move {
                let outcome = Box::new(play(act, target).await);
                // Nobody waits any more when the demo is interrupted.
                drop(done.send((number, outcome)).await);
            }));
        }
        tokio::select! {
            Some((number, outcome)) = results.recv() => {
                if let Some(row) = table.rows.get_mut(number) {
                    *row = Row::Done(outcome);
                }
                table.settle(screen)?;
            }
            _tick = ticks.tick() => turn += 1,
        }
        let lines = table.below(screen, turn);
        screen.draw(&lines)?;
    }
    let outcomes = table.rows.into_iter().filter_map(|row| match row {
        Row::Done(outcome) => Some(*outcome),
        Row::Waiting | Row::Running(_) => None,
    });
    Ok(outcomes.collect())
}

struct Table<'a> {
    acts: &'a [Act],
    rows: Vec<Row>,
    /// Rows that stand on the screen for good.
    shown: usize,
}

impl Table<'_> {
    /// Marks the rows that may begin now. Only rows near the first open one begin: the drawn part stays small.
    fn start(&mut self) -> Vec<(usize, Act)> {
        let mut begun = Vec::new();
        let rows = self.rows.iter_mut().zip(self.acts).enumerate();
        for (number, (row, act)) in rows.skip(self.shown).take(AT_ONCE) {
            if matches!(row, Row::Waiting) {
                *row = Row::Running(clock::now());
                begun.push((number, *act));
            }
        }
        begun
    }

    /// Writes the rows that are done up to the first that is not.
    fn settle(&mut self, screen: &mut Screen) -> io::Result<()> {
        while let Some(Row::Done(outcome)) = self.rows.get(self.shown) {
            screen.object(&outcome.to_json())?;
            let lines = screen.sheet().row(outcome);
            screen.lines(&lines)?;
            self.shown += 1;
        }
        Ok(())
    }

    /// The lines of the rows that have begun and do not stand yet.
    fn below(&self, screen: &Screen, turn: usize) -> Vec<String> {
        let sheet = screen.sheet();
        let now = clock::now();
        let rows = self.rows.iter().zip(self.acts).skip(self.shown);
        rows.flat_map(|(row, act)| match row {
            Row::Waiting => Vec::new(),
            Row::Running(begun) => {
                vec![sheet.running(*act, now.saturating_duration_since(*begun), turn)]
            }
            Row::Done(outcome) => sheet.row(outcome),
        })
        .collect()
    }
}
