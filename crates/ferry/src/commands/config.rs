//! `ferry config`: checks the configuration, shows it, explains it, prints its schema.
//!
//! Everything it says is made in `ferry_gateway::config`; here it only finds its way to the terminal.
//! Starts nothing and dials nothing.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use ferry_gateway::config::{self, ConfigReport, Inputs, Loaded};
use miette::IntoDiagnostic as _;

use super::terminal::{self, Tone};

/// Arguments of `ferry config`.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Report every problem with its line; exit 0 when there is none, 78 otherwise
    Check,
    /// Print every value that is in force, secrets by their references
    Show {
        /// As JSON in place of TOML
        #[arg(long)]
        json: bool,
    },
    /// Say what a key means, what it is set to and by whom; all keys when none is named
    Explain {
        /// For example server.listen or nodes.tokyo-1.url
        key: Option<String>,
    },
    /// Print the JSON Schema of the file, for editors
    Schema,
}

/// Runs `ferry config`. Exit code 0, 78 for a configuration that cannot be used, 2 for a key that
/// does not exist.
///
/// # Errors
/// When standard output or standard error cannot be written, unless the reader has left.
pub(crate) fn run(
    args: ConfigArgs,
    config_path: Option<PathBuf>,
    flags: Vec<(String, String)>,
) -> miette::Result<ExitCode> {
    if matches!(args.command, ConfigCommand::Schema) {
        return print(&config::schema_json());
    }
    let inputs = Inputs::from_process(config_path, flags);
    let loaded = match config::load(&inputs) {
        Ok(loaded) => loaded,
        Err(report) => return refuse(report),
    };
    match args.command {
        ConfigCommand::Check => check(&loaded),
        ConfigCommand::Show { json: true } => print(&format!("{:#}\n", loaded.show_json())),
        ConfigCommand::Show { json: false } => print(&loaded.show_toml()),
        ConfigCommand::Explain { key: None } => print(&loaded.explain_all()),
        ConfigCommand::Explain { key: Some(key) } => explain(&loaded, &key, &inputs.env),
        ConfigCommand::Schema => print(&config::schema_json()),
    }
}

/// Prints what is wrong and gives the exit code of a broken configuration.
///
/// # Errors
/// When standard error cannot be written.
pub(crate) fn refuse(report: ConfigReport) -> miette::Result<ExitCode> {
    complain(&format!("{:?}", miette::Report::new(report)))?;
    Ok(ExitCode::from(ConfigReport::EXIT_CODE))
}

/// Prints what deserves a second look.
///
/// # Errors
/// When standard error cannot be written.
pub(crate) fn warn(loaded: &Loaded) -> miette::Result<()> {
    for warning in &loaded.warnings {
        complain(&format!("{:?}", miette::Report::new(warning.clone())))?;
    }
    Ok(())
}

fn check(loaded: &Loaded) -> miette::Result<ExitCode> {
    warn(loaded)?;
    let settings = &loaded.resolved;
    let count = |number: usize, what: &str| {
        format!("{number} {what}{}", if number == 1 { "" } else { "s" })
    };
    let source = loaded
        .file
        .as_ref()
        .map_or_else(|| "no file, defaults".to_owned(), |file| file.display().to_string());
    print(&format!(
        "ok: {}, {}, listening on {}, admin on {} ({source})\n",
        count(settings.upstream.nodes.len(), "node"),
        count(settings.journey.lines.len(), "line"),
        settings.serve.listen,
        settings.admin.listen,
    ))
}

fn explain(loaded: &Loaded, key: &str, env: &[(String, String)]) -> miette::Result<ExitCode> {
    let width = terminal::is_terminal(env).then(terminal::width);
    let fold = |text: &str, before: usize| {
        let room = width.map(|width| width.saturating_sub(before));
        terminal::fold(text, Tone::Plain, 0, room, false)
    };
    match loaded.explain(key, &fold) {
        Ok(text) => print(&text),
        Err(error) => {
            let hint = error.near.as_ref().map_or_else(
                || "`ferry config explain` lists all keys".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            complain(&format!("error: failed to {error}\nhint: {hint}"))?;
            Ok(ExitCode::from(2))
        }
    }
}

/// Writes to standard output. A reader that has left (`| head`) is no error.
fn print(text: &str) -> miette::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).into_diagnostic(),
        Ok(()) | Err(_) => Ok(ExitCode::SUCCESS),
    }
}

fn complain(text: &str) -> miette::Result<()> {
    writeln!(io::stderr().lock(), "{}", text.trim_end()).into_diagnostic()
}
