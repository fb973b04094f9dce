//! A ranking of nodes and addresses by what matters to an API, in the form that users of speed tests know. It tries what
//! is configured, named by the operator, or found by the name of a node's URL, and nothing else.

mod apply;
mod candidates;
mod diff;
mod edit;
mod export;
pub(super) mod flags;
mod given;
mod measure;
mod paper;
mod verdict;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use ferry_gateway::causes::with_causes;
use ferry_gateway::clock;
use ferry_gateway::serve::signals::{Ask, Signals};
use ferry_gateway::tasks::Tasks;
use ferry_gateway::upstream::{Base, NodeSettings, Settings, Trial};
use miette::{IntoDiagnostic as _, miette};
use serde_json::json;

use self::apply::Answer;
use self::candidates::{Candidate, Entry, Gathered, Place, Source};
pub(super) use self::given::add_given;
use self::given::given;
use self::measure::{Job, Run};
use self::paper::Paper;
use self::verdict::{Figures, Filter, Suspicion, suspicion};
use super::super::terminal::{self, Foot, Tone};
use super::super::{INTERRUPTED, runtime, say};
use super::replace::{check, replace};
use super::trial::{Ground, TestArgs};

/// Longer than any path takes, and short enough that a dead one does not hold up the rest.
const CONNECT_MAX: Duration = Duration::from_secs(2);
const TLS_MAX: Duration = Duration::from_secs(3);
/// For the resolver, before anything else begins.
const RESOLVE_MAX: Duration = Duration::from_secs(3);
/// How often the bar is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(200);

/// One candidate with all that was found out about it.
#[derive(Clone, Debug)]
struct Row {
    node: String,
    candidate: Candidate,
    figures: Figures,
    suspicion: Option<Suspicion>,
}

/// All that a run found out.
#[derive(Debug)]
struct Ranking {
    /// Best first.
    rows: Vec<Row>,
    /// Nodes whose name has no address, and why.
    unresolved: Vec<(String, String)>,
    left_out: usize,
    took: Duration,
    interrupted: bool,
}

/// Runs it. Exit code 0, 1 when no candidate can be used or nothing was written that should have been, 130 when it was
/// stopped.
///
/// # Errors
/// What was named cannot be tested; the report says why.
pub(super) fn run(args: &TestArgs, ground: &Ground) -> miette::Result<ExitCode> {
    let given = given(args)?;
    if let Some(path) = &args.output {
        // Before anything is measured.
        check(path).map_err(|error| {
            let help = "name a file with -o, in a folder that is there and takes files of yours";
            miette!(help = help, "failed to write {}: {error}", path.display())
        })?;
    }
    let runtime = runtime(None)?;
    let code = runtime.block_on(async {
        let mut signals = Signals::new().into_diagnostic()?;
        let ranking = rank(args, ground, &given, &mut signals).await?;
        show(args, &ranking, &ground.inputs.env)?;
        if ranking.interrupted {
            return Ok(ExitCode::from(INTERRUPTED));
        }
        let usable = ranking.rows.iter().any(|row| row.figures.verdict().is_usable());
        match (usable, args.apply) {
            (false, _) => Ok(ExitCode::FAILURE),
            (true, false) => Ok(ExitCode::SUCCESS),
            (true, true) => apply(args, &ranking, ground, &mut signals).await,
        }
    });
    // A look-up may still hang in the system's resolver; nobody waits for it.
    runtime.shutdown_background();
    code
}

async fn rank(
    args: &TestArgs,
    ground: &Ground,
    given: &[Entry],
    signals: &mut Signals,
) -> miette::Result<Ranking> {
    let begun = clock::now();
    let upstream = &ground.way.upstream;
    let bounds = Settings {
        connect_timeout: upstream.connect_timeout.min(CONNECT_MAX),
        tls_timeout: upstream.tls_timeout.min(TLS_MAX),
        ..upstream.clone()
    };
    let tasks = Tasks::default();
    let base = Base::new(&tasks, 0);
    let places = resolved(&bounds, &base, &tasks).await?;
    let Gathered { candidates, left_out } =
        candidates::gather(&places, given).map_err(|fault| miette!("failed to {fault}"))?;
    let jobs: miette::Result<Vec<Job>> =
        candidates.iter().map(|one| job(one, &bounds, &base)).collect();
    let tries = usize::from(args.tries);
    let mut run = Run::start(jobs?, tries, usize::from(args.parallel), &tasks);
    let foot = Foot::open(&ground.inputs.env);
    let interrupted = watch(&mut run, candidates.len(), tries, foot, signals).await;
    let tried = run.tried();
    drop(run);
    let row = |(candidate, tried): (&Candidate, &Vec<_>)| {
        let figures = Figures::of(tried);
        let near = figures.connect.map(|spread| spread.min);
        let place = places.get(candidate.node);
        let by_name = candidate.source == Source::Dns && place.is_some_and(|place| !place.here);
        Row {
            node: place.map(|place| place.name.clone()).unwrap_or_default(),
            suspicion: suspicion(candidate.at.ip(), near, by_name),
            candidate: candidate.clone(),
            figures,
        }
    };
    let mut rows: Vec<Row> = candidates.iter().zip(&tried).map(row).collect();
    rows.sort_by(|a, b| verdict::order(&a.figures, &b.figures));
    let unresolved = places.into_iter().filter_map(|place| Some((place.name, place.found.err()?)));
    Ok(Ranking {
        rows,
        unresolved: unresolved.collect(),
        left_out,
        took: clock::now().saturating_duration_since(begun),
        interrupted,
    })
}

/// Asks for the addresses of all nodes at once.
async fn resolved(bounds: &Settings, base: &Base, tasks: &Tasks) -> miette::Result<Vec<Place>> {
    let mut asked = Vec::new();
    for node in &bounds.nodes {
        let trial = trial(node, bounds, base)?;
        let here = trial.is_this_machine();
        let task = async move { trial.resolve(RESOLVE_MAX).await };
        asked.push((Arc::clone(node), here, tasks.spawn(task)));
    }
    let mut places = Vec::new();
    for (node, here, asked) in asked {
        let said = asked.await.into_diagnostic()?;
        let https = node.url.scheme_str() == Some("https");
        let own_port = node.url.port_u16().unwrap_or(if https { 443 } else { 80 });
        places.push(Place {
            name: node.name.to_string(),
            // Behind a proxy it is the proxy that is connected to, and its addresses are what can be ranked.
            port: node.proxy.as_ref().map_or(own_port, |proxy| proxy.port),
            proxied: node.proxy.is_some(),
            here,
            configured: if node.proxy.is_some() { Vec::new() } else { node.addresses.clone() },
            found: said.map_err(|error| with_causes(&error)),
        });
    }
    Ok(places)
}

fn job(candidate: &Candidate, bounds: &Settings, base: &Base) -> miette::Result<Job> {
    let node = bounds.nodes.get(candidate.node).ok_or_else(|| miette!("failed to find a node"))?;
    Ok(Job { trial: trial(node, bounds, base)?, at: candidate.at })
}

fn trial(node: &Arc<NodeSettings>, bounds: &Settings, base: &Base) -> miette::Result<Trial> {
    Trial::new(node, bounds, base).map_err(|error| {
        let help = "check the node's extra_ca_file, client_cert_file and client_key_file";
        miette!(help = help, "failed to {}", with_causes(&error))
    })
}

/// Waits for the end and draws a bar on the way. True when somebody stopped it.
async fn watch(
    run: &mut Run,
    candidates: usize,
    tries: usize,
    foot: Foot,
    signals: &mut Signals,
) -> bool {
    let mut ticks = tokio::time::interval(DRAW_EVERY);
    let stopped = loop {
        tokio::select! {
            () = run.ended() => break false,
            ask = signals.next() => if matches!(ask, Ask::Drain | Ask::Stop) { break true },
            _tick = ticks.tick() => {
                let (tried, done) = run.progress();
                foot.draw(&bar(tried, done, candidates, tries));
            },
        }
    };
    foot.clear();
    stopped
}

/// A line like `[=====-----] 3/8 candidates, 34 tries`, short enough for 40 columns.
fn bar(tried: usize, done: usize, candidates: usize, tries: usize) -> String {
    const CELLS: usize = 10;
    let whole = (candidates * tries).max(1);
    let full = if done == candidates { CELLS } else { (tried * CELLS / whole).min(CELLS) };
    let (full, empty) = ("=".repeat(full), "-".repeat(CELLS - full));
    format!("[{full}{empty}] {done}/{candidates}, {tried} tries")
}

fn show(args: &TestArgs, ranking: &Ranking, env: &[(String, String)]) -> miette::Result<()> {
    let filter = filter(args);
    let passing: Vec<&Row> =
        ranking.rows.iter().filter(|row| filter.passes(&row.figures)).collect();
    let saved = match &args.output {
        Some(path) => {
            let rows: Vec<Row> = passing.iter().map(|row| (*row).clone()).collect();
            let written = replace(path, export::csv(&rows).as_bytes());
            Some(written.map_err(|error| {
                let before = if path.exists() { "; the file is as it was" } else { "" };
                miette!(
                    "failed to write {}: {error}{before}; the ranking stands above",
                    path.display()
                )
            }))
        }
        None => None,
    };
    let shown: Vec<&Row> = passing.iter().copied().take(args.rows.unwrap_or(usize::MAX)).collect();
    if args.json {
        say(&whole(ranking, &shown).to_string())?;
    } else {
        let width = terminal::is_terminal(env).then(terminal::width);
        let colour = width.is_some() && terminal::may_colour(env);
        let paper = Paper { width, colour };
        let mut lines = paper.lines(&shown);
        lines.extend(remarks(ranking, &shown, passing.len(), paper));
        if let (Some(path), Some(Ok(()))) = (&args.output, &saved) {
            lines.extend(paper.fold(&format!("Saved to {}.", path.display()), Tone::Plain, 0));
        }
        say(&lines.join("\n"))?;
    }
    saved.transpose().map(drop)
}

fn filter(args: &TestArgs) -> Filter {
    Filter { slowest_ms: args.tl, fastest_ms: args.tll, loss_max: args.tlr }
}

/// What there is to say beside the table.
fn remarks(ranking: &Ranking, shown: &[&Row], passing: usize, paper: Paper) -> Vec<String> {
    let mut remarks = Vec::new();
    for (node, reason) in &ranking.unresolved {
        remarks.push((format!("{node}: failed to {reason}"), Tone::Bad));
    }
    for kind in Suspicion::ALL {
        let rows = shown.iter().filter(|row| row.suspicion == Some(kind));
        let at: Vec<String> = rows.map(|row| row.candidate.at.ip().to_string()).collect();
        if !at.is_empty() {
            remarks.push((format!("{}: {}.", at.join(", "), kind.sentence()), Tone::Doubtful));
        }
    }
    if ranking.left_out > 0 {
        let text = format!(
            "{} more answers of the DNS were left out: {} candidates are the most at a time.",
            ranking.left_out,
            candidates::CANDIDATES_MAX
        );
        remarks.push((text, Tone::Doubtful));
    }
    if passing < ranking.rows.len() {
        let hidden = ranking.rows.len() - passing;
        let text = match hidden {
            1 => "1 candidate does not keep the bounds asked for.".to_owned(),
            _ => format!("{hidden} candidates do not keep the bounds asked for."),
        };
        remarks.push((text, Tone::Plain));
    }
    let usable = ranking.rows.iter().filter(|row| row.figures.verdict().is_usable()).count();
    let tries: usize = ranking.rows.iter().map(|row| row.figures.sent).sum();
    let took = ranking.took.as_secs_f64();
    if !ranking.rows.is_empty() {
        let all = ranking.rows.len();
        let candidates = if all == 1 { "candidate" } else { "candidates" };
        let tried = if tries == 1 { "try" } else { "tries" };
        let summary =
            format!("{usable} of {all} {candidates} can be used; {tries} {tried} in {took:.1} s.");
        remarks.push((summary, if usable > 0 { Tone::Good } else { Tone::Bad }));
    }
    if ranking.interrupted {
        let text = "Stopped before the end: the figures are of the tries so far.";
        remarks.push((text.to_owned(), Tone::Doubtful));
    } else if usable == 0 {
        let text = "No candidate can be used. When none answers at all, look at this machine's own network and \
                    proxy first; the reasons stand above.";
        remarks.push((text.to_owned(), Tone::Bad));
    }
    remarks.iter().flat_map(|(text, tone)| paper.fold(text, *tone, 0)).collect()
}

fn whole(ranking: &Ranking, shown: &[&Row]) -> serde_json::Value {
    json!({
        "candidates": shown.iter().map(|row| export::object(row)).collect::<Vec<_>>(),
        "unresolved": ranking.unresolved.iter().map(|(node, reason)| {
            json!({ "node": node, "reason": format!("failed to {reason}") })
        }).collect::<Vec<_>>(),
        "left_out": ranking.left_out,
        "took_ms": ranking.took.as_secs_f64() * 1000.0,
        "interrupted": ranking.interrupted,
    })
}

/// Shows the difference, asks, and writes.
async fn apply(
    args: &TestArgs,
    ranking: &Ranking,
    ground: &Ground,
    signals: &mut Signals,
) -> miette::Result<ExitCode> {
    let failed = |fault: apply::ApplyFault| {
        miette!(help = "the file is as it was", "failed to {}", with_causes(&fault))
    };
    let wishes = apply::wishes(&ranking.rows, &ground.way.upstream.nodes, filter(args));
    let file = ground.way.file.as_deref();
    let change = apply::prepare(file, &wishes, &ground.inputs).map_err(failed)?;
    let path = file.map(|file| file.display().to_string()).unwrap_or_default();
    let tell = |text: &str| {
        // With --json standard output has one object and nothing else.
        if args.json {
            drop(writeln!(std::io::stderr().lock(), "{text}"));
        } else {
            say(text)?;
        }
        Ok::<(), miette::Report>(())
    };
    if change.diff.is_empty() {
        tell(&format!("{path} has this order already; nothing to write."))?;
        return Ok(ExitCode::SUCCESS);
    }
    tell(&format!("\n--- {path}\n+++ {path}\n{}", change.diff.join("\n")))?;
    let answer = if args.yes {
        Answer::Yes
    } else {
        apply::ask(&format!("Write this to {path}?"), signals).await.into_diagnostic()?
    };
    match answer {
        Answer::Yes => {
            change.write().map_err(failed)?;
            tell(&format!("Written to {path}; a running Ferry takes it over by itself."))?;
            Ok(ExitCode::SUCCESS)
        }
        Answer::No => {
            tell("Not written.")?;
            Ok(ExitCode::FAILURE)
        }
        Answer::Nobody => {
            tell(
                "Not written: there is no terminal to ask on; add --yes to write without asking.",
            )?;
            Ok(ExitCode::FAILURE)
        }
    }
}
