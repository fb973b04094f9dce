//! Runs programs for the chores: output into a log, the end of it shown when the program fails.
//! Never through a shell, so no argument is ever interpreted.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Fault;

/// How many lines of a failed step are shown: a compiler error with its notes, or a few failed tests.
const TAIL_LINES: usize = 60;

/// A program that has ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    /// It ended with 0.
    pub ok: bool,
    /// Standard output and standard error, in the order they were written.
    pub text: String,
    log: PathBuf,
}

impl Ended {
    /// Turns a failed end into an error that shows the end of the log.
    ///
    /// # Errors
    /// When the program did not end with 0.
    pub(crate) fn or_fail(self, what: &str) -> Result<Self, Fault> {
        if self.ok { Ok(self) } else { Err(format!("{what} failed\n{}", self.tail()).into()) }
    }

    /// The last lines of the log, indented, and where all of it stands.
    pub(crate) fn tail(&self) -> String {
        let lines: Vec<&str> = self.text.lines().collect();
        let from = lines.len().saturating_sub(TAIL_LINES);
        let shown: Vec<String> =
            lines.iter().skip(from).map(|line| format!("    {line}")).collect();
        format!("{}\n    (all of it: {})", shown.join("\n"), self.log.display())
    }
}

/// Runs a program to its end with its output in `log`.
///
/// # Errors
/// When the program cannot be started or the log cannot be written.
pub(crate) fn logged(log: &Path, command: &mut Command) -> Result<Ended, Fault> {
    let file = File::create(log)?;
    let status = command
        .env("NO_COLOR", "1")
        .env("CARGO_TERM_COLOR", "never")
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .status()
        .map_err(|error| format!("{}: {error}", command.get_program().to_string_lossy()))?;
    let text = String::from_utf8_lossy(&std::fs::read(log)?).into_owned();
    Ok(Ended { ok: status.success(), text, log: log.to_path_buf() })
}

/// A command that is ended when it takes longer than any healthy run: a hang must fail, not wait.
pub(crate) fn bounded(program: &Path, seconds: u32) -> Command {
    let mut command = Command::new("timeout");
    command.arg("--kill-after=10").arg(seconds.to_string()).arg(program);
    command
}

/// Whether a program can be started and answers the arguments with 0.
pub(crate) fn answers(program: &str, args: &[&str]) -> bool {
    Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The trimmed standard output of a program that ended with 0.
pub(crate) fn said(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
