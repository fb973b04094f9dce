//! `ferry nodes`: how the nodes of a running Ferry are doing, and the reset of one, both asked over its admin port; and
//! tests of the way to the nodes from here, which need no running Ferry. No secret of the configuration is read.

mod ask;
mod figures;
mod replace;
mod span;
mod speed;
mod table;
mod trial;
mod watch;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use ferry_gateway::causes::with_causes;
use ferry_gateway::config::{self, Inputs};
use miette::miette;
use serde_json::Value;

use self::ask::{AdminPort, Failure};
use self::table::Paper;
use self::trial::TestArgs;
use self::watch::ReportArgs;
use super::terminal;
use super::{Shared, runtime, say};

pub(crate) use self::speed::flags::familiar;

/// Arguments of `ferry nodes`.
#[derive(Debug, Args)]
pub(crate) struct NodesArgs {
    /// The admin port to ask, as in `http://127.0.0.1:7301` [default: `server.admin_listen` of the configuration]
    #[arg(long, global = true, value_name = "URL")]
    admin: Option<AdminPort>,
    #[command(subcommand)]
    command: NodesCommand,
}

#[derive(Debug, Subcommand)]
enum NodesCommand {
    /// Print how each node is doing: breaker, round trip, connections, failures, addresses
    List {
        /// As JSON in place of a table, with everything that is known
        #[arg(long)]
        json: bool,
    },
    /// Close a node's breaker and use its addresses and keys again, as if nothing had been held against it
    Reset {
        /// As `ferry nodes list` shows it
        name: String,
    },
    /// Rank nodes and addresses like a speed test, or compare today's way with Ferry's for hours
    Test(Box<TestArgs>),
    /// Make the page of a comparison from what has been measured so far
    Report(ReportArgs),
}

/// What is asked over the admin port.
enum Asked {
    List { json: bool },
    Reset { name: String },
}

/// Runs `ferry nodes`. Exit code 0, 78 for a configuration that cannot be used, 1 when there is no answer or no such
/// node; those of the tests stand with them.
///
/// # Errors
/// No Ferry answers, or it has no such node; the report says what to do.
pub(crate) fn run(args: NodesArgs, shared: Shared) -> miette::Result<ExitCode> {
    let inputs = Inputs::from_process(shared.config, shared.set);
    let command = match args.command {
        NodesCommand::Test(args) => return trial::run(*args, inputs),
        NodesCommand::Report(args) => return watch::report(&args, &inputs),
        NodesCommand::List { json } => Asked::List { json },
        NodesCommand::Reset { name } => Asked::Reset { name },
    };
    let (port, by_flag) = match args.admin {
        Some(port) => (port, true),
        None => match config::admin_listen(&inputs) {
            Ok(listen) => (AdminPort::of(listen)?, false),
            Err(report) => return super::config::refuse(report),
        },
    };
    let runtime = runtime(Some(1))?;
    let answered = runtime.block_on(async {
        match &command {
            Asked::List { json } => list(&port, *json, &inputs.env).await,
            Asked::Reset { name } => reset(&port, name).await,
        }
    });
    // A look-up of the port's host may still hang in the system's resolver; nobody waits for it.
    runtime.shutdown_background();
    let text = answered.map_err(|failure| {
        miette!(help = failure.hint(&port, by_flag), "failed to {}", with_causes(&failure))
    })?;
    say(&text)?;
    Ok(ExitCode::SUCCESS)
}

async fn list(port: &AdminPort, json: bool, env: &[(String, String)]) -> Result<String, Failure> {
    let answer = port.nodes().await?;
    if json {
        return Ok(format!("{:#}", answer.written));
    }
    let width = terminal::is_terminal(env).then(terminal::width);
    let colour = width.is_some() && terminal::may_colour(env);
    Ok(Paper { width, colour }.lines(&answer.nodes).join("\n"))
}

async fn reset(port: &AdminPort, name: &str) -> Result<String, Failure> {
    // Asked first, so that a name that is not there is told from a port that is not Ferry's.
    let names = port.nodes().await?.nodes.into_iter().map(|node| node.name);
    let names: Vec<String> = names.collect();
    if !names.iter().any(|known| known == name) {
        return Err(Failure::UnknownNode { name: terminal::plain(name), names });
    }
    port.reset(name).await?;
    Ok(format!("{name}: breaker closed, nothing held against its addresses and keys any more"))
}

/// Takes out of every text what a terminal would obey instead of show.
fn tame(value: &mut Value) {
    match value {
        Value::String(text) => *text = terminal::plain(text),
        Value::Array(items) => items.iter_mut().for_each(tame),
        Value::Object(members) => members.values_mut().for_each(tame),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
