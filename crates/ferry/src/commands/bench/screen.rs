//! How the bench uses its terminal: progress that is drawn anew, a line now and then where there is no terminal, or one
//! JSON object at the end. It decides nothing about content.

use std::io;
use std::time::Duration;

use serde_json::Value;

use super::super::terminal::{Form, Redraw};
use super::sheet::Sheet;

/// Often enough to look alive.
const LIVE_EVERY: Duration = Duration::from_millis(200);
/// Seldom enough for a log.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Standard output.
#[derive(Debug)]
pub(super) struct Screen {
    out: Redraw,
}

impl Screen {
    /// As [`Redraw::open`] decides.
    pub(super) fn open(json: bool, env: &[(String, String)]) -> Self {
        Self { out: Redraw::open(json, env) }
    }

    /// The paper of this moment: terminals change their width.
    pub(super) fn sheet(&self) -> Sheet {
        Sheet { width: self.out.width(), colour: self.out.colour() }
    }

    /// How often something new is worth showing.
    pub(super) fn every(&self) -> Duration {
        if self.out.form() == Form::Live { LIVE_EVERY } else { PLAIN_EVERY }
    }

    /// Whether there is anyone to show how far it is.
    pub(super) fn shows_progress(&self) -> bool {
        self.out.form() != Form::Json
    }

    /// Lines that stay; nothing with JSON.
    ///
    /// # Errors
    /// Standard output is gone.
    pub(super) fn lines(&mut self, lines: &[String]) -> io::Result<()> {
        self.out.lines(lines)
    }

    /// Progress: all of it drawn at the bottom of a terminal, its first line where there is none, nothing with JSON.
    ///
    /// # Errors
    /// Standard output is gone.
    pub(super) fn progress(&mut self, lines: &[String]) -> io::Result<()> {
        match self.out.form() {
            Form::Live => self.out.draw(lines),
            Form::Plain => self.out.lines(lines.get(..1).unwrap_or_default()),
            Form::Json => Ok(()),
        }
    }

    /// An object; nothing but with JSON.
    ///
    /// # Errors
    /// Standard output is gone.
    pub(super) fn object(&mut self, value: &Value) -> io::Result<()> {
        self.out.object(value, true)
    }
}
