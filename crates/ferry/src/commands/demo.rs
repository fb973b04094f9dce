//! `ferry demo`: a scripted provider behind three faulty paths, the same requests direct and through Ferry, one table of
//! what became of them, one request of each kind, and then every address with the lines to paste. Needs no key, no
//! network, no root and no terminal; reads nothing of the user's and leaves nothing behind.

mod act;
mod board;
mod caller;
mod client;
mod dial;
mod dice;
mod halt;
mod keyboard;
mod outcome;
mod paste;
mod path;
mod plan;
mod play;
mod reading;
mod scene;
mod screen;
mod sea;
mod sheet;
mod show;
mod stay;
mod tally;
mod traffic;
mod trial;
mod words;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use ferry_gateway::causes::with_causes;
use ferry_gateway::clock;
use ferry_gateway::config::Inputs;
use miette::{IntoDiagnostic as _, miette};
use serde_json::json;

use self::act::Act;
use self::dial::Mood;
use self::halt::Halt;
use self::outcome::{Outcome, millis};
use self::paste::Paste;
use self::scene::{Scene, SceneError, Wishes};
use self::screen::Screen;
use self::tally::{ADDED_MOST, SUCCESS_LEAST};
use self::traffic::Carried;
use self::trial::Trial;
pub(super) use self::words::Lang;
use super::terminal::Tone;
use super::{INTERRUPTED, runtime};

/// Arguments of `ferry demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Print the tables and the addresses, then exit: 0 when Ferry kept its word (99 % of answers whole, at most 800 ms
    /// added at P99) and every kind of request is as it should be, else 1
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
    /// What faults, answers and waits are made from
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Requests of the trial on each side
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=2000))]
    requests: u16,
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
    let mut halt = Halt::new().into_diagnostic()?;
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
    if demo.screen.is_live() && !args.once {
        halt.listen_to_keys();
    }
    let played = Box::pin(demo.play(&scene, &mut halt, &args, begun)).await;
    scene.close().await;
    // The terminal is as it was before the last line is written.
    drop(halt);
    match played.and_then(|played| demo.end(&played)) {
        Ok(code) => Ok(code),
        // Whoever read the output has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error).into_diagnostic(),
    }
}

/// How the demo ended.
enum Played {
    /// All was shown; whether all of it was right, and the light traffic after it.
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
        halt: &mut Halt,
        args: &DemoArgs,
        begun: Instant,
    ) -> io::Result<Played> {
        self.intro(scene)?;
        let wanted = (args.seed, usize::from(args.requests));
        let trial = Box::pin(trial::run(scene, wanted, &mut self.screen, halt)).await?;
        self.board(&trial)?;
        if trial.halted {
            return Ok(Played::Interrupted);
        }
        scene.turn(Mood::Fair);
        self.screen.verbatim("")?;
        self.screen.say(self.lang.trial().kinds, Tone::Strong)?;
        let show = show::show(&Act::ALL, scene.target(), scene.tasks(), &mut self.screen);
        let outcomes = tokio::select! {
            outcomes = show => outcomes?,
            () = halt.asked() => return Ok(Played::Interrupted),
        };
        let right = self.summary(&outcomes, begun)? && trial.ferry.is_good();
        self.addresses(scene, args.once)?;
        if args.once {
            return Ok(Played::Whole(right, None));
        }
        scene.turn(Mood::Rough);
        let carried = Box::pin(stay::stay(scene, args.seed, &mut self.screen, halt)).await?;
        Ok(Played::Whole(right, Some(carried)))
    }

    /// What this is, and what is compared.
    fn intro(&mut self, scene: &Scene) -> io::Result<()> {
        let words = self.lang.words();
        self.screen.say(words.title, Tone::Strong)?;
        self.screen.say(words.safe, Tone::Plain)?;
        for (wanted, got) in &scene.moved {
            self.screen.say(&self.lang.moved(*wanted, *got), Tone::Plain)?;
        }
        for line in self.lang.trial().intro {
            self.screen.say(line, Tone::Faint)?;
        }
        self.screen.verbatim("")
    }

    /// What the trial came to.
    fn board(&mut self, trial: &Trial) -> io::Result<()> {
        for tally in [&trial.direct, &trial.ferry] {
            self.screen.object(&tally.to_json())?;
        }
        self.screen.object(&json!({
            "type": "verdict", "right": (!trial.halted).then(|| trial.ferry.is_good()), "interrupted": trial.halted,
            "success_percent_least": SUCCESS_LEAST, "added_p99_ms_most": millis(ADDED_MOST),
        }))?;
        let lines = self.screen.sheet().board(trial);
        self.screen.lines(&lines)
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
        let (admin, stats) = (scene.admin_url(), scene.sea.stats_url());
        let [config, log] = scene.files().map(|path| path.display().to_string());
        let paste = Paste::new(&base, words.hello);
        self.screen.object(&json!({
            "type": "addresses", "base_url": base, "admin": admin, "mock": stats, "config": config, "log": log,
            "python": paste.python, "node": paste.node, "curl": paste.curl,
        }))?;
        self.screen.verbatim("")?;
        self.screen.say(words.addresses, Tone::Strong)?;
        let pages =
            [base, format!("{admin}/metrics"), format!("{admin}/readyz"), stats, config, log];
        // The two files go with the demo.
        let shown = if once { pages.len() - 2 } else { pages.len() };
        let sheet = self.screen.sheet();
        let entries = words.labels.into_iter().zip(pages).take(shown);
        let lines: Vec<String> =
            entries.flat_map(|(label, page)| sheet.entry(label, &page)).collect();
        self.screen.lines(&lines)?;
        self.screen.say(self.lang.trial().own_certificate, Tone::Faint)?;
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
