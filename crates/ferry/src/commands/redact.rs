//! `ferry redact`: what the policy of a line would do to a text or a request, tried without traffic. Reads a file or
//! standard input, starts nothing and sends nothing; values are shown to nobody but whoever gave them.

mod diff;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use ferry_gateway::causes::with_causes;
use ferry_gateway::config::{self, Inputs};
use ferry_gateway::redaction::RuleSet;
use ferry_gateway::redaction::trial::{Form, Trial};
use ferry_gateway::state;
use miette::{IntoDiagnostic as _, miette};

use self::diff::{Cursor, Diff};
use super::terminal::{self, Tone, lead, pad};
use super::{Shared, say, write};

/// Largest text that is read: twice the largest body of the API.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Exit code where the request would be refused; 1 is that of a text that cannot be read.
const REFUSED: u8 = 3;

/// Places of values that stay as they are, listed below the diff.
const KEPT_SHOWN_MAX: usize = 100;

/// Arguments of `ferry redact`.
#[derive(Debug, Args)]
pub(crate) struct RedactArgs {
    /// The text or JSON body; standard input when it is `-` or left out
    file: Option<PathBuf>,
    /// The business line whose policy is tried
    #[arg(long, value_name = "NAME", default_value = "default")]
    line: String,
    /// What is read
    #[arg(long = "as", value_name = "FORM", value_enum, default_value_t = Reading::Auto)]
    reading: Reading,
    /// Print the whole result and nothing else
    #[arg(long, conflicts_with_all = ["json", "stats"])]
    apply: bool,
    /// Print types, actions, places and lengths as JSON; no values
    #[arg(long, conflicts_with = "stats")]
    json: bool,
    /// Print the counts alone
    #[arg(long)]
    stats: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Reading {
    /// A body when it looks like one, else a text
    Auto,
    Text,
    Messages,
    Batch,
    Complete,
}

impl Reading {
    fn form(self, bytes: &[u8]) -> Form {
        let name = match self {
            Self::Auto => return Form::guess(bytes),
            Self::Text => "text",
            Self::Messages => "messages",
            Self::Batch => "batch",
            Self::Complete => "complete",
        };
        Form::named(name).unwrap_or(Form::Text)
    }
}

/// Runs `ferry redact`. Exit code 0, 3 when the request would be refused, 78 for a configuration that cannot be used.
///
/// # Errors
/// The text cannot be read or looked through, or there is no such line.
pub(crate) fn run(args: &RedactArgs, shared: Shared) -> miette::Result<ExitCode> {
    let inputs = Inputs::from_process(shared.config, shared.set);
    let policies = match config::policies(&inputs) {
        Ok(policies) => policies,
        Err(report) => return super::config::refuse(report),
    };
    known(&args.line, policies.lines.iter().map(String::as_str))?;
    let rules = &*policies.rules;
    let bytes = read(args.file.as_deref())?;
    let (secret, is_real) = state::redaction_secret(&policies.state);
    let form = args.reading.form(&bytes);
    let trial = rules.try_on(&args.line, &secret, form, &bytes).map_err(|error| {
        let help = match form {
            Form::Body(_) => {
                "a request like this would be refused; --as text reads it as plain text"
            }
            Form::Text => "save it as UTF-8",
        };
        miette!(help = help, "failed to {}", with_causes(&error))
    })?;
    let width = terminal::is_terminal(&inputs.env).then(terminal::width);
    let colour = width.is_some() && terminal::may_colour(&inputs.env);
    if args.json {
        say(&format!("{:#}", trial.report(rules)))?;
    } else if args.stats {
        say(&stats(&trial, rules))?;
    } else if args.apply && trial.is_blocked() {
        warn(&last_words(&trial, rules, &args.line, false))?;
    } else if args.apply {
        write(&trial.edits.apply(&[bytes.into()]).concat())?;
    } else {
        let diff = Diff { colour, width };
        let mut lines = diff.lines(&bytes, &trial.edits);
        let mut cursor = Cursor::new(&bytes);
        lines.extend(trial.kept().take(KEPT_SHOWN_MAX).map(|entry| {
            let place = match form {
                Form::Text => cursor.place(entry.start),
                Form::Body(_) => entry.path.to_string(),
            };
            format!("{place}  {} ({})", rules.name(entry.kind), entry.action.name())
        }));
        if !is_real
            && trial.counts(rules).any(|(_, action, _)| matches!(action, "pseudonym" | "hash"))
        {
            let note = "The pseudonyms and hashes are samples: state.dir holds no secret yet.";
            lines.push(Tone::Doubtful.paint(note, colour));
        }
        lines.push(last_words(&trial, rules, &args.line, colour));
        say(&lines.join("\n"))?;
    }
    Ok(if trial.is_blocked() { ExitCode::from(REFUSED) } else { ExitCode::SUCCESS })
}

fn known<'a>(line: &str, lines: impl Iterator<Item = &'a str>) -> miette::Result<()> {
    let all: Vec<&str> = ["default", "other"].into_iter().chain(lines).collect();
    if all.contains(&line) {
        return Ok(());
    }
    let help = format!("the lines of this configuration are {}", all.join(", "));
    Err(miette!(help = help, "there is no line `{}`", terminal::plain(line)))
}

fn read(file: Option<&Path>) -> miette::Result<Vec<u8>> {
    let file = file.filter(|file| *file != Path::new("-"));
    let mut bytes = Vec::new();
    let read = match file {
        Some(path) => std::fs::File::open(path)
            .and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes)),
        None => std::io::stdin().lock().take(BYTES_MAX + 1).read_to_end(&mut bytes),
    };
    let name = file.map_or_else(|| "standard input".to_owned(), |path| path.display().to_string());
    read.map_err(|error| {
        miette!(
            help = "name a file that can be read, or - for standard input",
            "failed to read {name}: {error}"
        )
    })?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(miette!(help = "try it on a part", "{name} is larger than {BYTES_MAX} bytes"));
    }
    Ok(bytes)
}

/// Writes a line to standard error.
fn warn(text: &str) -> miette::Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stderr().lock(), "{text}").into_diagnostic()
}

/// A line for each type and action.
fn stats(trial: &Trial, rules: &RuleSet) -> String {
    let mut rows = vec![["TYPE".to_owned(), "ACTION".to_owned(), "COUNT".to_owned()]];
    for (kind, action, count) in trial.counts(rules) {
        rows.push([kind.to_owned(), action.to_owned(), count.to_string()]);
    }
    let widest = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths = [widest(0), widest(1), widest(2)];
    let line = |row: &[String; 3]| {
        format!(
            "{}  {}  {}",
            pad(&row[0], widths[0]),
            pad(&row[1], widths[1]),
            lead(&row[2], widths[2])
        )
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What it comes to, in one sentence.
fn last_words(trial: &Trial, rules: &RuleSet, line: &str, colour: bool) -> String {
    if rules.policy(line).is_off() {
        let text = "Redaction is off for this line: nothing was looked for. Set redact.enabled = true, or try \
                    --set redact.enabled=true.";
        return Tone::Doubtful.paint(text, colour);
    }
    let counts: Vec<String> = trial
        .counts(rules)
        .map(|(kind, action, count)| format!("{count} {kind} ({action})"))
        .collect();
    let dry_run = if rules.policy(line).is_dry_run() {
        " This is a dry run: nothing is changed."
    } else {
        ""
    };
    let (tone, text) = match (trial.is_blocked(), counts.is_empty()) {
        (_, true) => (Tone::Good, "Nothing was found.".to_owned()),
        (true, false) => {
            (Tone::Bad, format!("The request would be refused: {}.", counts.join(", ")))
        }
        (false, false) => (Tone::Strong, format!("Found: {}.{dry_run}", counts.join(", "))),
    };
    tone.paint(&text, colour)
}
