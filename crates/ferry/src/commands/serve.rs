//! `ferry serve`: the gateway, until a signal ends it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use ferry_gateway::causes::with_causes;
use ferry_gateway::config::watch::Watch;
use ferry_gateway::config::{self, ConfigReport, Inputs};
use ferry_gateway::run::{self, ReloadError, Running, StartError};
use ferry_gateway::serve::listen::{self, Inherited};
use ferry_gateway::serve::signals::{self, Ask, Signals, Tell};
use miette::{IntoDiagnostic, miette};
use tokio::sync::mpsc;

use super::{Shared, runtime, say};

/// Arguments of `ferry serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where clients connect [default: 127.0.0.1:7300]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where operators connect [default: 127.0.0.1:7301]
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<String>,
    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

pub(crate) fn run(args: ServeArgs, shared: Shared) -> miette::Result<ExitCode> {
    let mut flags = shared.set;
    flags.extend(args.listen.map(|address| ("listen".to_owned(), address)));
    flags.extend(args.admin_listen.map(|address| ("admin-listen".to_owned(), address)));
    let inputs = Inputs::from_process(shared.config, flags);
    let loaded = match config::load(&inputs) {
        Ok(loaded) => loaded,
        Err(report) => return Ok(refuse(report)),
    };
    for warning in &loaded.warnings {
        warn(&warning.line());
    }
    runtime(args.threads)?.block_on(serve(inputs, loaded))
}

/// A broken configuration: shown with line and caret; exit code 78, which systemd does not retry.
fn refuse(report: ConfigReport) -> ExitCode {
    warn(&format!("{:?}", miette::Report::new(report)));
    ExitCode::from(ConfigReport::EXIT_CODE)
}

fn warn(text: &str) {
    use std::io::Write;
    // Nobody is left to tell when standard error is gone.
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

async fn serve(inputs: Inputs, loaded: config::Loaded) -> miette::Result<ExitCode> {
    // Before any socket is open, so that no signal is lost.
    let signals = Signals::new().into_diagnostic()?;
    if let Err((limit, error)) = listen::raise_descriptors() {
        warn(&format!("warning: only {} files may be open ({error})", limit.now));
    }
    let inherited = Inherited::take(inputs.var("LISTEN_FDNAMES")).into_diagnostic()?;
    let files = loaded.files.clone();
    let tls = loaded.resolved.serve.tls.is_some();
    let running = match run::start(loaded.resolved, inherited).await {
        Ok(running) => running,
        // Wrong settings, seen only now that the sockets are known.
        Err(error @ StartError::Exposure(_)) => {
            warn(&format!("error: failed to {error}"));
            return Ok(ExitCode::from(ConfigReport::EXIT_CODE));
        }
        Err(error) => {
            return Err(miette!(help = error.hint(), "failed to {}", with_causes(&error)));
        }
    };
    // Before anyone is told that Ferry runs: a change after that is never missed.
    let watches = Watches::new(files, &running).await;
    let scheme = if tls { "https" } else { "http" };
    say(&format!("data {scheme}://{}", running.data))?;
    say(&format!("admin http://{}", running.admin))?;
    tell(Tell::Ready);
    attend(running, signals, &inputs, watches).await
}

/// Answers signals and changes of the configuration until the end.
async fn attend(
    mut running: Running,
    mut signals: Signals,
    inputs: &Inputs,
    mut watches: Watches,
) -> miette::Result<ExitCode> {
    let mut alive = watchdog();
    loop {
        let reload = tokio::select! {
            ask = signals.next() => match ask {
                Ask::Drain => break,
                Ask::Stop => { running.shutdown().cut(); break }
                Ask::Reload => true,
                Ask::ReopenLog => { running.reopen_log(); false }
            },
            () = watches.changed() => true,
            () = tick(&mut alive) => { tell(Tell::Watchdog); false }
        };
        if reload {
            tell(Tell::Reloading);
            watches.reload(&mut running, inputs).await;
            tell(Tell::Ready);
        }
    }
    tell(Tell::Stopping);
    let shutdown = running.shutdown();
    let mut draining = Box::pin(running.drain());
    loop {
        tokio::select! {
            _drained = &mut draining => return Ok(ExitCode::SUCCESS),
            ask = signals.next() => if matches!(ask, Ask::Stop | Ask::Drain) { shutdown.cut() },
        }
    }
}

/// systemd not listening is no reason to stop serving.
fn tell(what: Tell) {
    if let Err(error) = signals::tell(what) {
        warn(&format!("warning: could not tell systemd: {error}"));
    }
}

type Watched = Option<(Watch, mpsc::Receiver<()>)>;

/// What is looked at for changes of the configuration; without a watch, SIGHUP still reloads.
struct Watches {
    /// The files of the configuration in force.
    files: Vec<PathBuf>,
    in_force: Watched,
    /// What a refused configuration names besides: it is tried again when one of these comes or changes.
    refused: Watched,
}

impl Watches {
    async fn new(files: Vec<PathBuf>, running: &Running) -> Self {
        let in_force = watch(files.clone(), running).await;
        Self { files, in_force, refused: None }
    }

    /// Waits until a file has changed.
    async fn changed(&mut self) {
        tokio::select! {
            () = changed(&mut self.in_force) => {}
            () = changed(&mut self.refused) => {}
        }
    }

    /// Reloads, and looks at what the outcome depends on.
    async fn reload(&mut self, running: &mut Running, inputs: &Inputs) {
        let mut reloaded = running.reload(inputs);
        if let Err(error) = &reloaded {
            self.refused = watch_refused(&self.files, running).await;
            // What it lacked may have come before the watch began.
            let mended = matches!(error, ReloadError::Config(_)) && config::load(inputs).is_ok();
            if mended {
                reloaded = running.reload(inputs);
            }
        }
        if let Ok(reloaded) = reloaded {
            *self = Self::new(reloaded.files, running).await;
        }
    }
}

async fn watch(files: Vec<PathBuf>, running: &Running) -> Watched {
    match config::watch::watch(files, running.tasks()).await {
        Ok(watched) => Some(watched),
        Err(error) => {
            warn(&format!(
                "warning: changes of the configuration are not noticed: failed to {error}"
            ));
            None
        }
    }
}

/// Watches what a refused configuration names and the one in force does not. A folder that is missing cannot be
/// watched; the refusal in the log names the file.
async fn watch_refused(files: &[PathBuf], running: &Running) -> Watched {
    let fresh = running.files_tried().iter().filter(|file| !files.contains(file));
    let fresh: Vec<_> = fresh.cloned().collect();
    if fresh.is_empty() {
        return None;
    }
    config::watch::watch(fresh, running.tasks()).await.ok()
}

async fn changed(watched: &mut Watched) {
    if let Some((_, receiver)) = watched
        && receiver.recv().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}

fn watchdog() -> Option<tokio::time::Interval> {
    signals::watchdog_period().map(tokio::time::interval)
}

async fn tick(alive: &mut Option<tokio::time::Interval>) {
    match alive {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}
