//! `ferry bench`: requests at a fixed rate, whatever the target does, and what became of each. By default the target is a
//! mock behind a gateway, both in this process. It asks nothing that could cost money of whom it was not told to.

mod call;
mod connection;
mod framing;
mod load;
mod ratio;
mod report;
mod scene;
mod schedule;
mod screen;
mod sheet;
mod spend;
mod tally;
mod target;
mod turns;
mod verdict;
mod watch;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use ferry_gateway::causes::with_causes;
use ferry_gateway::config::Inputs;
use ferry_gateway::serve::listen;
use ferry_gateway::serve::signals::Signals;
use ferry_mock::MARK;
use http::HeaderValue;
use miette::{IntoDiagnostic as _, miette};
use tokio::runtime::Runtime;

use self::call::{Call, KeyPlace, Wishes};
use self::connection::Dialler;
use self::load::{Aim, end_asked};
use self::scene::{Scene, SceneError};
use self::schedule::{Rate, Span};
use self::screen::Screen;
use self::spend::Purse;
use self::target::{Target, Url};
use self::turns::{Played, Side};
use self::verdict::{Failure, Kind};
use super::{INTERRUPTED, runtime};

/// The API's own bound for a request.
const BYTES_MOST: u64 = 32_000_000;

/// What `--help` says below the options, and `-h` does not.
const MORE: &str = "\
Each request is due at a time of its own, and its answer counts from then, however long it had to wait for a connection: a \
target that stalls cannot hide it (an open loop, without coordinated omission). Without --url the target is `ferry mock` \
behind a gateway, both in this process.

Nothing is asked that could cost money: a target must show that a mock answers, on loopback too, or --yes-spend must be \
given. Ctrl-C ends it at any time, with the results until then; so does a terminal that is closed.

Exit code 0 when every request had a whole answer, 1 when not, 130 when it was interrupted.

Examples:
  ferry bench
  ferry bench --kind stream --rate 50 --duration 30s
  ferry bench --url http://127.0.0.1:7300 --rate 500
  ferry bench --compare http://127.0.0.1:7399 http://127.0.0.1:7300";

/// Arguments of `ferry bench`.
#[derive(Debug, Args)]
#[command(after_long_help = MORE)]
pub(crate) struct BenchArgs {
    /// Base URL of the target, as a client would set it [default: a mock behind a gateway, in this process]
    #[arg(long, value_name = "URL", conflicts_with = "compare")]
    url: Option<String>,
    /// Measure two base URLs in turn, and show B as a ratio to A
    #[arg(long, num_args = 2, value_names = ["A", "B"])]
    compare: Vec<String>,
    /// Rounds of a comparison; each takes its part of --duration for each of the two
    #[arg(long, value_name = "N", default_value_t = 5, requires = "compare", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    #[command(flatten)]
    plan: Plan,
    /// The variable that holds the key to send, as in `env:CLAUDE_KEY` [default: a key that only a mock takes]
    #[arg(long, value_name = "env:NAME")]
    key: Option<String>,
    /// The model to ask for
    #[arg(long, value_name = "NAME", default_value = "claude-sonnet-5")]
    model: String,
    /// Measure a target although its answers may have to be paid for
    #[arg(long)]
    yes_spend: bool,
    /// One JSON object, at the end, instead of text
    #[arg(long)]
    json: bool,
}

/// What is sent, and how fast.
#[derive(Clone, Debug, Args)]
pub(crate) struct Plan {
    /// Requests a second; down to 0.001
    #[arg(long, value_name = "N", default_value = "200")]
    rate: Rate,
    /// How long, as in 10, 90s or 5m
    #[arg(long, value_name = "TIME", default_value = "10", value_parser = Span::above_zero)]
    duration: Span,
    /// How long to send before that, without counting
    #[arg(long, value_name = "TIME", default_value = "1")]
    warm_up: Span,
    /// Connections at most; a request that finds all of them busy waits, and its wait counts
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
    /// What to ask for
    #[arg(long, value_enum, default_value = "message")]
    kind: Kind,
    /// Size of a request's body
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u64).range(1..=BYTES_MOST))]
    bytes: u64,
    /// How long one answer may take, and how long to wait for the last ones
    #[arg(long, value_name = "TIME", default_value = "60")]
    timeout: Span,
}

/// What may hold a secret by mistake, read here and not by the parser of arguments: that one shows what it cannot read.
struct Named {
    urls: Vec<Url>,
    key: Option<KeyPlace>,
}

impl Named {
    fn of(args: &BenchArgs) -> miette::Result<Self> {
        let flag = if args.url.is_some() { "--url" } else { "--compare" };
        let url = |text: &String| text.parse::<Url>();
        let urls: Result<Vec<Url>, String> =
            args.url.iter().chain(&args.compare).map(url).collect();
        let urls = urls.map_err(|hint| miette!(help = hint, "failed to use the URL of {flag}"))?;
        let key = args.key.as_ref().map(|text| text.parse::<KeyPlace>()).transpose();
        let key = key.map_err(|hint| miette!(help = hint, "failed to use the value of --key"))?;
        Ok(Self { urls, key })
    }
}

/// Runs `ferry bench`.
///
/// # Errors
/// The target cannot be reached or may cost money, there is no such key, or standard output is gone.
pub(crate) fn run(args: &BenchArgs) -> miette::Result<ExitCode> {
    let named = Named::of(args)?;
    let env = Inputs::from_process(None, Vec::new()).env;
    let screen = Screen::open(args.json, &env);
    // Each connection is a descriptor; when there are too few, the failures say so.
    drop(listen::raise_descriptors());
    // One thread for the load, apart from the target's own, so that neither waits for the other's work.
    let load = runtime(Some(1))?;
    // Before anything is started, so that no signal leaves a folder behind.
    let mut signals = {
        let _inside = load.enter();
        Signals::new().into_diagnostic()?
    };
    let is_here = args.url.is_none() && args.compare.is_empty();
    let here = is_here.then(Here::open).transpose()?;
    let target = here.as_ref().map(|here| here.scene.target());
    let played = load.block_on(Box::pin(bench(args, &named, &env, target, &mut signals, screen)));
    if let Some(here) = here {
        here.close();
    }
    // A look-up of the host may still hang in the system's resolver; nobody waits for it.
    load.shutdown_background();
    Ok(match played? {
        Played::Whole(true) => ExitCode::SUCCESS,
        Played::Whole(false) => ExitCode::FAILURE,
        Played::Interrupted => ExitCode::from(INTERRUPTED),
    })
}

async fn bench(
    args: &BenchArgs,
    named: &Named,
    env: &[(String, String)],
    here: Option<Target>,
    signals: &mut Signals,
    screen: Screen,
) -> miette::Result<Played> {
    let sides = tokio::select! {
        sides = Box::pin(sides(args, named, env, here)) => sides?,
        () = end_asked(signals) => {
            // Nobody is left to tell when standard error is gone.
            drop(writeln!(io::stderr().lock(), "interrupted before anything was measured"));
            return Ok(Played::Interrupted);
        }
    };
    Box::pin(turns::play(&args.plan, args.rounds, &sides, signals, screen)).await
}

/// Everyone who is measured, looked up, reached once and known to be free, or allowed not to be.
async fn sides(
    args: &BenchArgs,
    named: &Named,
    env: &[(String, String)],
    here: Option<Target>,
) -> miette::Result<Vec<Side>> {
    let key = match named.key.as_ref().map(|place| place.read(env)).transpose() {
        Ok(key) => key,
        Err(what) => {
            let help = "export the variable, or leave --key away: a mock takes any key";
            return Err(miette!(help = help, "failed to {what}"));
        }
    };
    let mut sides = Vec::new();
    if let Some(target) = here {
        let label = format!("a mock behind a gateway, both in this process ({})", target.url);
        sides.push(side(args, target, Some(label), key.as_ref()).await?);
    }
    for url in &named.urls {
        let found = Target::find(url.clone()).await;
        let target = found.map_err(|error| {
            miette!(help = "check the host of the URL", "failed to find {}: {error}", url.host)
        })?;
        sides.push(side(args, target, None, key.as_ref()).await?);
    }
    Ok(sides)
}

async fn side(
    args: &BenchArgs,
    target: Target,
    label: Option<String>,
    key: Option<&HeaderValue>,
) -> miette::Result<Side> {
    let url = target.url.clone();
    let bytes = usize::try_from(args.plan.bytes).into_diagnostic()?;
    let wishes = Wishes { kind: args.plan.kind, bytes, model: &args.model };
    let call = Call::new(wishes, &url, key);
    let dialler = Dialler::new(target).map_err(|error| miette!("failed to set up TLS: {error}"))?;
    let purse = spend::purse(&dialler, &call, &url, args.yes_spend).await.map_err(|trouble| {
        let help = if trouble.failure == Failure::Connect {
            "start it, as in `ferry serve` or `ferry mock --fast`, and check host and port"
        } else {
            "check scheme and port: what speaks TLS wants https://, and what does not http://"
        };
        miette!(help = help, "failed to {}", trouble.words)
    })?;
    if let Purse::Unknown(status) = purse {
        let help = match status {
            401 | 403 => "name the variable of a key that the target takes: --key env:NAME",
            _ => {
                "measure `ferry mock --fast`, or a gateway whose nodes are mocks; add --yes-spend if its answers may cost money"
            }
        };
        return Err(miette!(
            help = help,
            "failed to see a mock behind {url}: GET /v1/models has status {status} and no header {MARK}, so a real provider may \
             answer, and charge for it"
        ));
    }
    let aim = Aim { dialler, call, purse, patience: args.plan.timeout.0 };
    let url = url.to_string();
    Ok(Side { label: label.unwrap_or_else(|| url.clone()), url, aim: Arc::new(aim) })
}

/// The default target, with threads of its own.
struct Here {
    runtime: Runtime,
    scene: Scene,
}

impl Here {
    fn open() -> miette::Result<Self> {
        let runtime = runtime(None)?;
        match runtime.block_on(Box::pin(Scene::open())) {
            Ok(scene) => Ok(Self { runtime, scene }),
            Err(SceneError::Config(report)) => Err(report.into()),
            Err(error) => Err(miette!(help = error.hint(), "failed to {}", with_causes(&error))),
        }
    }

    fn close(self) {
        self.runtime.block_on(self.scene.close());
        self.runtime.shutdown_background();
    }
}
