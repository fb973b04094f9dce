//! `ferry demo`: a scripted provider, the gateway before it, one request of each kind through it, and then every
//! address with the lines to paste. Needs no key, no network, no root and no terminal; reads nothing of the user's and
//! leaves nothing behind.

mod act;
mod client;
mod outcome;
mod paste;
mod play;
mod reading;
mod scene;
mod screen;
mod sheet;
mod show;
mod traffic;
mod words;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use ferry_gateway::causes::with_causes;
use ferry_gateway::clock;
use ferry_gateway::config::Inputs;
use ferry_gateway::serve::signals::{Ask, Signals};
use miette::{IntoDiagnostic as _, miette};
use serde_json::json;

use self::act::Act;
use self::outcome::{Outcome, millis};
use self::paste::Paste;
use self::scene::{Scene, SceneError, Wishes};
use self::screen::Screen;
use self::traffic::{Carried, Traffic};
pub(super) use self::words::Lang;
use super::runtime;
use super::terminal::{self, Tone};

/// What a shell reports for a process that SIGINT ended (128 and the signal's number).
const INTERRUPTED: u8 = 130;
/// How often the last line is drawn while light traffic runs.
const PULSE_EVERY: Duration = Duration::from_secs(1);

/// Arguments of `ferry demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Print the table and the addresses, then exit: 0 when every row is as it should be, else 1
    #[arg(long)]
    once: bool,
    /// One JSON object on each line instead of text
    #[arg(long)]
    json: bool,
    /// Language of the text [default: by `LC_ALL`, `LC_MESSAGES` and `LANG`]
    #[arg(long, value_enum, value_name = "LANG")]
    lang: Option<Lang>,
    /// Where clients connect [default: 127.0.0.1:7300, or a free port when it is taken]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where operators connect [default: 127.0.0.1:7301, or a free port when it is taken]
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<SocketAddr>,
    /// What the mock's answers and waits are made from
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
}

pub(crate) fn run(args: DemoArgs) -> miette::Result<ExitCode> {
    let env = Inputs::from_process(None, Vec::new()).env;
    let lang = args.lang.unwrap_or_else(|| Lang::of(&env));
    let screen = Screen::open(lang, args.json, &env);
    runtime(None)?.block_on(Box::pin(demo(args, Demo { lang, screen })))
}

/// Sets the scene, shows it, and takes it down whatever happened in between.
async fn demo(args: DemoArgs, mut demo: Demo) -> miette::Result<ExitCode> {
    // Before anything is started, so that no signal leaves a folder behind.
    let mut signals = Signals::new().into_diagnostic()?;
    let begun = clock::now();
    let wishes = Wishes { listen: args.listen, admin_listen: args.admin_listen, seed: args.seed };
    let scene = match Box::pin(Scene::open(wishes)).await {
        Ok(scene) => scene,
        // Shown with the place of the demo's own file.
        Err(SceneError::Config(report)) => return Err(report.into()),
        Err(error) => {
            return Err(miette!(help = error.hint(), "failed to {}", with_causes(&error)));
        }
    };
    let played = Box::pin(demo.play(&scene, &mut signals, args.once, begun)).await;
    scene.close().await;
    match played.and_then(|played| demo.end(&played)) {
        Ok(code) => Ok(code),
        // Whoever read the output has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error).into_diagnostic(),
    }
}

/// How the demo ended.
enum Played {
    /// The table was shown; whether all of it was right, and the light traffic after it.
    Whole(bool, Option<Carried>),
    /// Somebody stopped it before.
    Interrupted,
}

struct Demo {
    lang: Lang,
    screen: Screen,
}

impl Demo {
    async fn play(
        &mut self,
        scene: &Scene,
        signals: &mut Signals,
        once: bool,
        begun: Instant,
    ) -> io::Result<Played> {
        let words = self.lang.words();
        self.screen.say(words.title, Tone::Strong)?;
        self.screen.say(words.safe, Tone::Plain)?;
        for (wanted, got) in &scene.moved {
            self.screen.say(&self.lang.moved(*wanted, *got), Tone::Plain)?;
        }
        self.screen.verbatim("")?;
        let show = show::show(&Act::ALL, scene.target(), scene.gateway.tasks(), &mut self.screen);
        let outcomes = tokio::select! {
            outcomes = show => outcomes?,
            () = end_asked(signals) => return Ok(Played::Interrupted),
        };
        let right = self.summary(&outcomes, begun)?;
        self.addresses(scene, once)?;
        let carried = if once { None } else { Some(self.stay(scene, signals).await?) };
        Ok(Played::Whole(right, carried))
    }

    /// Says whether all rows were right.
    fn summary(&mut self, outcomes: &[Outcome], begun: Instant) -> io::Result<bool> {
        let right = outcomes.iter().filter(|outcome| outcome.is_right()).count();
        let all_right = right == outcomes.len();
        let time = clock::now().saturating_duration_since(begun);
        self.screen.object(&json!({
            "type": "summary", "requests": outcomes.len(), "right": right, "total_ms": millis(time),
        }))?;
        self.screen.verbatim("")?;
        let text = self.lang.summary(right, outcomes.len(), time.as_secs_f64());
        self.screen.say(&text, if all_right { Tone::Good } else { Tone::Bad })?;
        Ok(all_right)
    }

    /// Every address, and the lines to paste.
    fn addresses(&mut self, scene: &Scene, once: bool) -> io::Result<()> {
        let words = self.lang.words();
        let base = scene.target().base_url();
        let (admin, mock) = (scene.admin_url(), scene.mock.base_url());
        let [config, log] = scene.files().map(|path| path.display().to_string());
        let paste = Paste::new(&base, words.hello);
        self.screen.object(&json!({
            "type": "addresses", "base_url": base, "admin": admin, "mock": mock, "config": config, "log": log,
            "python": paste.python, "node": paste.node, "curl": paste.curl,
        }))?;
        self.screen.verbatim("")?;
        self.screen.say(words.addresses, Tone::Strong)?;
        let pages = [
            base,
            format!("{admin}/metrics"),
            format!("{admin}/readyz"),
            format!("{mock}/__mock/stats"),
            config,
            log,
        ];
        // The two files go with the demo.
        let shown = if once { pages.len() - 2 } else { pages.len() };
        let sheet = self.screen.sheet();
        let entries = words.labels.into_iter().zip(pages).take(shown);
        let lines: Vec<String> =
            entries.flat_map(|(label, page)| sheet.entry(label, &page)).collect();
        self.screen.lines(&lines)?;
        self.screen.verbatim("")?;
        self.screen.say(words.paste, Tone::Plain)?;
        for (title, program) in [
            (words.paste_python, paste.python),
            (words.paste_node, paste.node),
            (words.paste_curl, paste.curl),
        ] {
            self.screen.verbatim("")?;
            self.screen.say(title, Tone::Strong)?;
            self.screen.verbatim(&program)?;
        }
        self.screen.verbatim("")?;
        self.screen.say(if once { words.once } else { words.stay }, Tone::Plain)
    }

    /// Light traffic until a signal ends it.
    async fn stay(&mut self, scene: &Scene, signals: &mut Signals) -> io::Result<Carried> {
        let begun = clock::now();
        let traffic = Traffic::start(scene.gateway.tasks(), scene.target());
        let mut pulse = tokio::time::interval(PULSE_EVERY);
        let drawn = loop {
            tokio::select! {
                _tick = pulse.tick() => {}
                () = end_asked(signals) => break Ok(()),
            }
            let seconds = clock::now().saturating_duration_since(begun).as_secs();
            let text = self.lang.pulse(seconds, traffic.carried());
            let line = terminal::clip(&text, self.screen.sheet().width);
            if let Err(error) = self.screen.draw(&[line]) {
                break Err(error);
            }
        };
        let carried = traffic.stop().await;
        drawn.map(|()| carried)
    }

    /// The last line, when everything is down; gives the exit code.
    fn end(&mut self, played: &Played) -> io::Result<ExitCode> {
        let (right, carried) = match played {
            Played::Whole(right, carried) => (*right, carried),
            Played::Interrupted => {
                self.screen.say(self.lang.words().interrupted, Tone::Plain)?;
                return Ok(ExitCode::from(INTERRUPTED));
            }
        };
        if let Some(carried) = carried {
            self.screen.object(&json!({
                "type": "stopped", "requests": carried.requests, "wrong": carried.wrong,
                "output_tokens": carried.output,
            }))?;
            self.screen.say(&self.lang.stopped(*carried), Tone::Plain)?;
        }
        Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Waits for SIGINT or SIGTERM. Reloads and log rotations have no meaning here.
async fn end_asked(signals: &mut Signals) {
    while !matches!(signals.next().await, Ask::Drain | Ask::Stop) {}
}
