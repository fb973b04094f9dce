//! A comparison over hours: today's way and Ferry's at the same moments, round after round, in a journal that survives
//! restarts, and at the end one page to hand on. What was measured is never lost: not by Ctrl-C, not by a full disk.

mod journal;
mod page;
mod plot;
mod round;
mod said;
mod tally;
mod timeline;
mod ways;
mod words;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ferry_gateway::causes::with_causes;
use ferry_gateway::config::{self, Inputs};
use ferry_gateway::serve::signals::{Ask, Signals};
use ferry_gateway::tasks::Tasks;
use jiff::tz::TimeZone;
use miette::{IntoDiagnostic as _, miette};

pub(super) use super::super::demo::Lang;

use self::journal::Journal;
use self::page::Page;
use self::round::{Line, Round, Side, Start};
use self::timeline::Timeline;
use self::ways::Ways;
use self::words::Tongue;
use super::super::terminal::{self, Foot};
use super::super::{INTERRUPTED, runtime, say};
use super::replace::replace;
use super::speed;
use super::trial::{Ground, TestArgs, node_of};

const HTML: &str = "report.html";
const TEXT: &str = "report.txt";
/// What to do where there is no comparison.
const FOLDER: &str =
    "name the folder of a comparison, which `ferry nodes test --for` said it is kept in";
/// Below this the provider would be asked more often than a measurement needs.
const EVERY_LEAST: Duration = Duration::from_secs(1);
/// All rounds are kept in memory, as read and on the axis of time: a kilobyte each.
const ROUNDS_MAX: u128 = 100_000;

/// Arguments of `ferry nodes report`.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// The folder of a comparison, as `ferry nodes test --for` prints it [default: the only one in the state folder]
    dir: Option<PathBuf>,
    /// Language of the page [default: by `LC_ALL`, `LC_MESSAGES` and `LANG`]
    #[arg(long, value_enum, value_name = "LANG")]
    lang: Option<Lang>,
}

/// Makes the page of what is there. Exit code 0, or 1 when it cannot be written.
///
/// # Errors
/// There is no such folder, or it cannot be read.
pub(super) fn report(args: &ReportArgs, inputs: &Inputs) -> miette::Result<ExitCode> {
    let tongue = Tongue(args.lang.unwrap_or_else(|| Lang::of(&inputs.env)));
    let dir = match &args.dir {
        Some(dir) => dir.clone(),
        None => match config::way(inputs) {
            Ok(way) => only(&way.state.join("nodes-test"))?,
            Err(report) => return super::super::config::refuse(report),
        },
    };
    let (lines, broken) = journal::look(&dir)
        .map_err(|fault| miette!(help = FOLDER, "failed to {}", with_causes(&fault)))?;
    tell_broken(broken, &dir, tongue);
    finish(&dir, &lines, tongue, &inputs.env)
}

/// The one folder with a journal.
fn only(state: &Path) -> miette::Result<PathBuf> {
    let entries = std::fs::read_dir(state).into_iter().flatten().flatten();
    let mut dirs: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    dirs.retain(|dir| dir.join(journal::NAME).is_file());
    dirs.sort();
    match dirs.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(miette!(help = FOLDER, "failed to find a comparison in {}", state.display())),
        several => {
            let names: Vec<String> = several.iter().map(|dir| dir.display().to_string()).collect();
            let help = format!("name one of them: {}", names.join(", "));
            Err(miette!(help = help, "failed to choose one of {} comparisons", names.len()))
        }
    }
}

/// Runs it. Exit code 0 when as much as was asked for has been measured and the pages stand, 1 when a page cannot be
/// written, 130 when it was stopped before.
///
/// # Errors
/// What was named cannot be compared; the report says why.
pub(super) fn run(
    args: &TestArgs,
    during: Duration,
    against: &str,
    ground: &mut Ground,
) -> miette::Result<ExitCode> {
    if args.every < EVERY_LEAST {
        let help = "--every takes 1s to 366d, as in --every 30s";
        return Err(miette!(help = help, "failed to ask every {} ms", args.every.as_millis()));
    }
    if during.as_millis() / args.every.as_millis() > ROUNDS_MAX {
        return Err(miette!(
            help = "ask more seldom with --every, or for a shorter time",
            "failed to keep so many rounds: {ROUNDS_MAX} are the most"
        ));
    }
    let node = node_of(against, &ground.inputs)?;
    speed::add_given(args, &mut ground.way.upstream.nodes)?;
    let tongue = Tongue(args.lang.unwrap_or_else(|| Lang::of(&ground.inputs.env)));
    let folder = || ground.way.state.join("nodes-test").join(slug(&node.url.to_string()));
    let dir = args.output.clone().unwrap_or_else(folder);
    let start = Start {
        at_ms: ways::wall_ms(),
        against: node.url.to_string(),
        every_ms: millis(args.every),
        for_ms: millis(during),
        nodes: ground.way.upstream.nodes.iter().map(|node| node.name.to_string()).collect(),
        timezone: ground.way.timezone.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let mut watch = Watch::open(dir, start, tongue, &ground.inputs.env)?;
    if watch.left_ms() <= 0 {
        tell(tongue.is_over());
        return finish(&watch.dir, &watch.journal.lines, tongue, &ground.inputs.env);
    }
    say(&watch.begins())?;
    watch.add(Line::Start(watch.start.clone()));
    let runtime = runtime(None)?;
    let ended = runtime.block_on(async {
        let mut signals = Signals::new().into_diagnostic()?;
        let tasks = Tasks::default();
        let ways = Ways::new(node, &ground.way, &tasks).map_err(|error| {
            let help = "check the node's extra_ca_file, client_cert_file and client_key_file";
            miette!(help = help, "failed to {}", with_causes(&error))
        })?;
        Ok::<bool, miette::Report>(watch.rounds(&ways, args.every, &mut signals).await)
    });
    // A look-up may still hang in the system's resolver; nobody waits for it.
    runtime.shutdown_background();
    let whole = ended?;
    let code = finish(&watch.dir, &watch.journal.lines, tongue, &ground.inputs.env)?;
    if !whole {
        tell(tongue.stopped());
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(code)
}

/// A comparison under way.
#[derive(Debug)]
struct Watch {
    dir: PathBuf,
    journal: Journal,
    /// Of all lines of the journal.
    timeline: Timeline,
    start: Start,
    zone: TimeZone,
    tongue: Tongue,
    foot: Foot,
    /// Whether each way was well in the last round.
    well: [bool; 2],
}

impl Watch {
    fn open(
        dir: PathBuf,
        start: Start,
        tongue: Tongue,
        env: &[(String, String)],
    ) -> miette::Result<Self> {
        let (journal, error) = Journal::open(&dir).map_err(|fault| {
            miette!(help = "name another folder with -o", "failed to {}", with_causes(&fault))
        })?;
        tell_broken(journal.broken, &dir, tongue);
        if let Some(error) = error {
            tell(&tongue.in_memory(&dir, &error));
        }
        let before = journal.lines.iter().find_map(|line| match line {
            Line::Start(before) => Some(before.clone()),
            Line::Round(_) => None,
        });
        if let Some(before) = before.filter(|before| before.against != start.against) {
            return Err(miette!(
                help = "name another folder with -o",
                "failed to go on in {}: it compares with {}",
                dir.display(),
                before.against
            ));
        }
        let zone = page::zone(&start.timezone);
        let foot = Foot::open(env);
        let timeline = Timeline::of(&journal.lines);
        Ok(Self { dir, journal, timeline, start, zone, tongue, foot, well: [true; 2] })
    }

    fn begins(&self) -> String {
        let done_ms = self.timeline.measured_ms();
        self.tongue.begins(self.left_ms(), done_ms, self.start.every_ms, &self.dir)
    }

    /// What remains to be measured.
    fn left_ms(&self) -> i64 {
        self.start.for_ms - self.timeline.measured_ms()
    }

    /// Round after round; true when all that was asked for has been measured.
    async fn rounds(&mut self, ways: &Ways, every: Duration, signals: &mut Signals) -> bool {
        let mut ticks = tokio::time::interval(every);
        // After a sleep there is nothing to catch up with.
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while self.left_ms() > 0 {
            let round = async {
                ticks.tick().await;
                ways.ask().await
            };
            tokio::select! {
                round = round => self.take(&round),
                () = end_asked(signals) => {
                    self.foot.clear();
                    return false;
                }
            }
        }
        self.foot.clear();
        true
    }

    fn take(&mut self, round: &Round) {
        let at = page::written(round.at_ms, &self.zone, "%H:%M:%S");
        let sides = [(true, &round.direct), (false, &round.ferry)];
        let changed =
            sides.into_iter().zip(self.well).filter(|((_, side), well)| side.is_ok() != *well);
        let changes: Vec<String> = changed
            .map(|((today, side), _)| self.tongue.change(&at, today, side.fault.as_deref()))
            .collect();
        self.well = [round.direct.is_ok(), round.ferry.is_ok()];
        self.add(Line::Round(round.clone()));
        self.foot.clear();
        for change in changes {
            tell(&terminal::plain(&change));
        }
        let rounds = &self.timeline.rounds;
        let good = |side: fn(&Round) -> &Side| {
            rounds.iter().filter(|placed| side(&placed.round).is_ok()).count()
        };
        let [direct, ferry] = [good(|round| &round.direct), good(|round| &round.ferry)];
        let sides = [&round.direct, &round.ferry];
        self.foot.draw(&self.tongue.last(&at, sides, [direct, ferry], rounds.len()));
    }

    /// Keeps a line; says once when it cannot be written, and once when it can again.
    fn add(&mut self, line: Line) {
        let failing = self.journal.failing;
        self.timeline.add(&line);
        match self.journal.add(line) {
            Err(error) if !failing => tell(&self.tongue.unwritten(&self.dir, &error)),
            Ok(()) if failing => tell(self.tongue.written_again()),
            Err(_) | Ok(()) => {}
        }
    }
}

/// Writes both pages and prints the one of text, whatever becomes of the files.
fn finish(
    dir: &Path,
    lines: &[Line],
    tongue: Tongue,
    env: &[(String, String)],
) -> miette::Result<ExitCode> {
    let timeline = Timeline::of(lines);
    let asked = timeline.start.as_ref().map_or(0, |start| start.for_ms);
    let whole = timeline.measured_ms() >= asked;
    let page = Page { timeline: &timeline, lang: tongue.0, whole };
    // The files first: whoever read the output may have closed the terminal long ago.
    let written = [(HTML, page.html()), (TEXT, page.text(usize::MAX))].map(|(name, content)| {
        let path = dir.join(name);
        let done = replace(&path, content.as_bytes());
        (path, done)
    });
    let width = if terminal::is_terminal(env) { terminal::width() } else { usize::MAX };
    say(&format!("\n{}", page.text(width).trim_end()))?;
    let mut code = ExitCode::SUCCESS;
    for (path, done) in written {
        match done {
            Ok(()) => say(&path.display().to_string())?,
            Err(error) => {
                tell(&tongue.no_page(&path, &error));
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

/// Waits for SIGINT or SIGTERM.
async fn end_asked(signals: &mut Signals) {
    while !matches!(signals.next().await, Ask::Drain | Ask::Stop) {}
}

/// To standard error, which may be gone.
fn tell(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

fn tell_broken(broken: usize, dir: &Path, tongue: Tongue) {
    if broken > 0 {
        tell(&tongue.broken(broken, dir));
    }
}

/// A URL as the name of a folder.
fn slug(url: &str) -> String {
    let bare = url.split("://").last().unwrap_or(url).trim_end_matches('/');
    let safe = |character: char| {
        if character.is_ascii_alphanumeric() || character == '.' { character } else { '-' }
    };
    bare.trim_matches(['[', ']']).chars().map(safe).collect()
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_named_by_the_url() {
        for (url, name) in [
            ("https://api.anthropic.com/", "api.anthropic.com"),
            ("http://127.0.0.1:8080/api", "127.0.0.1-8080-api"),
            ("https://[2001:db8::7]/", "2001-db8--7"),
            ("https://a.example/../..", "a.example-..-.."),
        ] {
            assert_eq!(slug(url), name);
        }
    }
}
