//! A comparison over hours: today's way and Ferry's at the same moments, round after round, in a journal that survives
//! restarts, and at the end one page to hand on. What was measured is never lost: not by Ctrl-C, not by a full disk.

mod journal;
mod page;
mod plot;
mod round;
mod tally;
mod timeline;
mod ways;
mod words;

use std::io::{self, IsTerminal as _, Write as _};
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

use self::journal::{Journal, JournalFault};
use self::page::Page;
use self::round::{Line, Round, Side, Start};
use self::timeline::Timeline;
use self::ways::Ways;
use self::words::Tongue;
use super::super::terminal;
use super::super::{INTERRUPTED, runtime, say};
use super::replace::replace;
use super::speed;
use super::trial::{Ground, TestArgs, node_of};

const HTML: &str = "report.html";
const TEXT: &str = "report.txt";
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
    let lang = args.lang.unwrap_or_else(|| Lang::of(&inputs.env));
    let dir = match &args.dir {
        Some(dir) => dir.clone(),
        None => match config::way(inputs) {
            Ok(way) => only(&way.state.join("nodes-test"))?,
            Err(report) => return super::super::config::refuse(report),
        },
    };
    let (lines, broken) = journal::look(&dir).map_err(|fault| refused(&fault))?;
    tell_broken(broken, &dir);
    finish(&dir, &lines, lang)
}

/// The one folder with a journal.
fn only(state: &Path) -> miette::Result<PathBuf> {
    let entries = std::fs::read_dir(state).into_iter().flatten().flatten();
    let mut dirs: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    dirs.retain(|dir| dir.join(journal::NAME).is_file());
    dirs.sort();
    match dirs.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(miette!(
            help = "name the folder that `ferry nodes test --for` printed",
            "failed to find a comparison in {}",
            state.display()
        )),
        several => {
            let names: Vec<String> = several.iter().map(|dir| dir.display().to_string()).collect();
            Err(miette!("failed to choose: there is {}; name one of them", names.join(", ")))
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
        return Err(miette!("failed to ask so often: --every is 1s at least"));
    }
    if during.as_millis() / args.every.as_millis() > ROUNDS_MAX {
        return Err(miette!(
            help = "ask more seldom with --every, or for a shorter time",
            "failed to keep so many rounds: {ROUNDS_MAX} are the most"
        ));
    }
    let node = node_of(against, &ground.inputs)?;
    speed::add_given(args, &mut ground.way.upstream.nodes)?;
    let lang = args.lang.unwrap_or_else(|| Lang::of(&ground.inputs.env));
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
    let mut watch = Watch::open(dir, start)?;
    if watch.left_ms() <= 0 {
        tell(
            "As much as was asked for has been measured before; this makes its page anew. To measure more, \
              ask for a longer time or name another folder with -o.",
        );
        return finish(&watch.dir, &watch.journal.lines, lang);
    }
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
    let code = finish(&watch.dir, &watch.journal.lines, lang)?;
    if !whole {
        tell(
            "Stopped before the end: the page is of what was measured, and the same command goes on from here.",
        );
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
    live: bool,
    /// Whether each way was well in the last round.
    well: [bool; 2],
}

impl Watch {
    fn open(dir: PathBuf, start: Start) -> miette::Result<Self> {
        let (journal, error) = Journal::open(&dir).map_err(|fault| refused(&fault))?;
        tell_broken(journal.broken, &dir);
        if let Some(error) = error {
            tell(&format!(
                "failed to write to {}: {error}. It goes on in memory; the page is printed at the end, and a \
                 restart begins anew.",
                dir.display()
            ));
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
        let live = io::stderr().is_terminal();
        let timeline = Timeline::of(&journal.lines);
        let watch = Self { dir, journal, timeline, start, zone, live, well: [true; 2] };
        let tongue = Tongue(Lang::En);
        let (left, done) = (watch.left_ms().max(0), watch.start.for_ms - watch.left_ms());
        let begun =
            if done > 0 { format!(", goes on after {}", tongue.span(done)) } else { String::new() };
        say(&format!(
            "{} left{begun}; one round every {}; kept in {}. Ctrl-C ends it with what there is.",
            tongue.span(left),
            tongue.span(watch.start.every_ms),
            watch.dir.display()
        ))?;
        Ok(watch)
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
        let mut next = Some(());
        loop {
            if next.take().is_none() && self.left_ms() <= 0 {
                self.draw("");
                return true;
            }
            let round = async {
                ticks.tick().await;
                ways.ask().await
            };
            tokio::select! {
                round = round => self.take(round),
                () = end_asked(signals) => {
                    self.draw("");
                    return false;
                }
            }
        }
    }

    fn take(&mut self, round: Round) {
        let sides = [("today's way", &round.direct), ("Ferry", &round.ferry)];
        let at = page::written(round.at_ms, &self.zone, "%H:%M:%S");
        let changes: Vec<String> = sides
            .iter()
            .zip(self.well)
            .filter_map(|((name, side), well)| match (&side.fault, well) {
                (Some(fault), true) => Some(format!("{at} {name} failed to {fault}")),
                (None, false) => Some(format!("{at} {name} answers again")),
                _ => None,
            })
            .collect();
        self.well = [round.direct.is_ok(), round.ferry.is_ok()];
        let last = format!("{at} today {}, Ferry {}", brief(&round.direct), brief(&round.ferry));
        self.add(Line::Round(round));
        self.draw("");
        for change in changes {
            tell(&terminal::plain(&change));
        }
        let rounds = &self.timeline.rounds;
        let good = |side: fn(&Round) -> &Side| {
            rounds.iter().filter(|placed| side(&placed.round).is_ok()).count()
        };
        let [direct, ferry] = [good(|round| &round.direct), good(|round| &round.ferry)];
        let all = rounds.len();
        self.draw(&format!("{last}; {direct}/{all} and {ferry}/{all} answered"));
    }

    /// Keeps a line; says once when it cannot be written, and once when it can again.
    fn add(&mut self, line: Line) {
        let failing = self.journal.failing;
        self.timeline.add(&line);
        match self.journal.add(line) {
            Err(error) if !failing => tell(&format!(
                "failed to write to {}: {error}. It goes on in memory and tries again with every round.",
                self.dir.display()
            )),
            Ok(()) if failing => tell("Writing works again; nothing was lost."),
            Err(_) | Ok(()) => {}
        }
    }

    /// In the place of the last line; only where somebody sees it.
    fn draw(&self, line: &str) {
        if self.live {
            let line = terminal::clip(line, Some(terminal::width().saturating_sub(1)));
            let mut err = io::stderr().lock();
            drop(write!(err, "\r\x1b[K{line}").and_then(|()| err.flush()));
        }
    }
}

/// Writes both pages and prints the one of text, whatever becomes of the files.
fn finish(dir: &Path, lines: &[Line], lang: Lang) -> miette::Result<ExitCode> {
    let timeline = Timeline::of(lines);
    let asked = timeline.start.as_ref().map_or(0, |start| start.for_ms);
    let whole = timeline.measured_ms() >= asked;
    let page = Page { timeline: &timeline, lang, whole };
    let text = page.text();
    // The files first: whoever read the output may have closed the terminal long ago.
    let written = [(HTML, page.html()), (TEXT, text.clone())].map(|(name, content)| {
        let path = dir.join(name);
        let done = replace(&path, content.as_bytes());
        (path, done)
    });
    say(&format!("\n{}", text.trim_end()))?;
    let mut code = ExitCode::SUCCESS;
    for (path, done) in written {
        match done {
            Ok(()) => say(&path.display().to_string())?,
            Err(error) => {
                tell(&format!(
                    "failed to write {}: {error}; the page stands above",
                    path.display()
                ));
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

fn refused(fault: &JournalFault) -> miette::Report {
    miette!("failed to {}", with_causes(fault))
}

fn brief(side: &Side) -> String {
    if side.is_ok() { format!("{:.0} ms", side.ms) } else { "failed".to_owned() }
}

/// To standard error, which may be gone.
fn tell(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

fn tell_broken(broken: usize, dir: &Path) {
    if broken > 0 {
        tell(&format!("{broken} lines of {} could not be read and are left out", dir.display()));
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
