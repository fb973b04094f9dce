//! How the demo uses its terminal: lines that stay, a board that is drawn anew below them, or a JSON object on each line.
//! It decides nothing about content.

use std::io;

use serde_json::Value;

use super::super::terminal::{Form, Redraw, Tone};
use super::sheet::Sheet;
use super::words::Lang;

/// Standard output, in one language.
#[derive(Debug)]
pub(super) struct Screen {
    out: Redraw,
    lang: Lang,
}

impl Screen {
    /// As [`Redraw::open`] decides.
    pub(super) fn open(lang: Lang, json: bool, env: &[(String, String)]) -> Self {
        Self { out: Redraw::open(json, env), lang }
    }

    /// The paper of this moment: terminals change their width.
    pub(super) fn sheet(&self) -> Sheet {
        Sheet { lang: self.lang, width: self.out.width(), colour: self.out.colour() }
    }

    /// Whether drawing anew makes sense.
    pub(super) fn is_live(&self) -> bool {
        self.out.form() == Form::Live
    }

    /// Lines that stay; nothing with JSON.
    ///
    /// # Errors
    /// Standard output is gone.
    pub(super) fn lines(&mut self, lines: &[String]) -> io::Result<()> {
        self.out.lines(lines)
    }

    /// A folded paragraph that stays.
    ///
    /// # Errors
    /// Standard output is gone.
    pub(super) fn say(&mut self, text: &str, tone: Tone) -> io::Result<()> {
        let lines = self.sheet().fold(text, tone, 0);
        self.lines(&lines)
    }

    /// Text that stays as it is, to be copied: never folded, never coloured.
    ///
    /// # Errors
    /// Standard output is gone.
    pub(super) fn verbatim(&mut self, text: &str) -> io::Result<()> {
        self.lines(&[text.to_owned()])
    }

    /// An object; nothing but with JSON.
    ///
    /// # Errors
    /// Standard output is gone.
    pub(super) fn object(&mut self, value: &Value) -> io::Result<()> {
        self.out.object(value, false)
    }

    /// Replaces the lines at the bottom by others; nothing but on a terminal.
    ///
    /// # Errors
    /// Standard output is gone.
    pub(super) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        self.out.draw(lines)
    }
}
