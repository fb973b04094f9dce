//! The subcommands, one file each, and `terminal`, which those that draw share. This file knows their names and the flags
//! that all of them share.

mod bench;
mod config;
mod demo;
mod mock;
mod nodes;
mod redact;
mod serve;
mod span;
mod terminal;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use miette::IntoDiagnostic;

pub(crate) use nodes::familiar;

/// What a shell reports for a process that SIGINT ended (128 and the signal's number).
const INTERRUPTED: u8 = 130;

/// A self-hosted gateway for the Claude API: requests get through, over bad paths and several nodes.
#[derive(Debug, Parser)]
#[command(name = "ferry", version, arg_required_else_help = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every command that reads the configuration.
#[derive(Debug, Args)]
pub(crate) struct Shared {
    /// The configuration file [default: ./ferry.toml when it is there]
    #[arg(long, global = true, env = "FERRY_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one key over the file and the environment, as in --set server.listen=127.0.0.1:7400
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the gateway
    Serve(serve::ServeArgs),
    /// Shows the gateway at work before a scripted provider: no key, no network
    Demo(demo::DemoArgs),
    /// Runs the scripted Claude API alone, with faults on a dial
    Mock(mock::MockArgs),
    /// Measures the gateway, or any target, with requests at a fixed rate
    Bench(bench::BenchArgs),
    /// Says how the nodes of a running Ferry are doing, resets one, and tests the way to them
    Nodes(nodes::NodesArgs),
    /// Shows what redaction would do to a text or a request: no traffic, nothing sent
    Redact(redact::RedactArgs),
    /// Checks, shows and explains the configuration
    Config(config::ConfigArgs),
}

impl Cli {
    pub(crate) fn run(self) -> miette::Result<ExitCode> {
        match self.command {
            Command::Serve(args) => serve::run(args, self.shared),
            Command::Demo(args) => demo::run(args),
            Command::Mock(args) => runtime(None)?.block_on(mock::run(args)),
            Command::Bench(args) => bench::run(&args),
            Command::Nodes(args) => nodes::run(args, self.shared),
            Command::Redact(args) => redact::run(&args, self.shared),
            Command::Config(args) => config::run(args, self.shared.config, self.shared.set),
        }
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .ok_or_else(|| "write it as KEY=VALUE, as in server.listen=127.0.0.1:7400".to_owned())
}

/// The runtime of a long-running command: `threads` workers, or one for each core.
fn runtime(threads: Option<usize>) -> miette::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(threads.max(1));
    }
    builder.enable_all().build().into_diagnostic()
}

/// Writes a line to standard output; a closed pipe is the reader's wish and no error.
fn say(line: &str) -> miette::Result<()> {
    write(format!("{line}\n").as_bytes())
}

/// Writes bytes to standard output as they are; whoever has stopped reading has had enough.
fn write(bytes: &[u8]) -> miette::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => done.into_diagnostic(),
    }
}
