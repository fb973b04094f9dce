//! Where the bench writes: a terminal whose last lines are drawn anew, plain lines, or one JSON object at the end. It
//! decides nothing about content, and never hides the cursor, so that no end of the process can leave a terminal broken.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

use serde_json::Value;

use super::super::terminal;
use super::sheet::Sheet;

/// Often enough to look alive.
const LIVE_EVERY: Duration = Duration::from_millis(200);
/// Seldom enough for a log.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Live,
    Plain,
    Json,
}

/// Standard output, in one of its forms.
#[derive(Debug)]
pub(super) struct Screen {
    form: Form,
    colour: bool,
    /// Lines at the bottom that the next writing replaces.
    drawn: usize,
}

impl Screen {
    /// Decides by what standard output is, and by `NO_COLOR` and `TERM`.
    pub(super) fn open(json: bool, env: &[(String, String)]) -> Self {
        let form = match (json, terminal::is_terminal(env)) {
            (true, _) => Form::Json,
            (false, true) => Form::Live,
            (false, false) => Form::Plain,
        };
        Self { form, colour: form == Form::Live && terminal::may_colour(env), drawn: 0 }
    }

    /// The paper of this moment: terminals change their width.
    pub(super) fn sheet(&self) -> Sheet {
        Sheet { width: (self.form == Form::Live).then(terminal::width), colour: self.colour }
    }

    /// How often something new is worth showing.
    pub(super) fn every(&self) -> Duration {
        if self.form == Form::Live { LIVE_EVERY } else { PLAIN_EVERY }
    }

    /// Lines that stay; nothing with JSON.
    ///
    /// # Errors
    /// Standard output is gone.
    pub(super) fn lines(&mut self, lines: &[String]) -> io::Result<()> {
        if self.form == Form::Json { Ok(()) } else { self.write(lines, &[]) }
    }

    /// Progress: all of it drawn at the bottom of a terminal, its first line where there is none, nothing with JSON.
    ///
    /// # Errors
    /// Standard output is gone.
    pub(super) fn progress(&mut self, lines: &[String]) -> io::Result<()> {
        match self.form {
            Form::Live => self.write(&[], lines),
            Form::Plain => self.write(lines.get(..1).unwrap_or_default(), &[]),
            Form::Json => Ok(()),
        }
    }

    /// An object; nothing but with JSON.
    ///
    /// # Errors
    /// Standard output is gone.
    pub(super) fn object(&mut self, value: &Value) -> io::Result<()> {
        if self.form == Form::Json { self.write(&[format!("{value:#}")], &[]) } else { Ok(()) }
    }

    /// Everything in one write, so that a terminal never shows half of it.
    fn write(&mut self, staying: &[String], drawn: &[String]) -> io::Result<()> {
        let (up, clear) = if self.drawn > 0 { (self.drawn, "\x1b[K") } else { (0, "") };
        let mut out = String::new();
        if up > 0 {
            // To the first of the drawn lines.
            write!(out, "\x1b[{up}F").ok();
        }
        for line in staying.iter().chain(drawn) {
            out.push_str(line);
            out.push_str(clear);
            out.push('\n');
        }
        if up > 0 {
            // What is left of the lines before.
            out.push_str("\x1b[J");
        }
        self.drawn = drawn.len();
        let mut stdout = io::stdout().lock();
        stdout.write_all(out.as_bytes())?;
        stdout.flush()
    }
}
