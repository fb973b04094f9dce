//! Where the demo writes: a terminal whose last lines are drawn anew, or plain lines, or JSON lines. It decides nothing
//! about their content, and it never hides the cursor, so that no end of the process can leave a terminal broken.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde_json::Value;

use super::super::terminal::{self, Tone};
use super::sheet::Sheet;
use super::words::Lang;

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Lines that are drawn anew below the others.
    Live,
    /// One line after the other.
    Plain,
    /// One JSON object on each line, and nothing else.
    Json,
}

/// Standard output, in one of its forms.
#[derive(Debug)]
pub(super) struct Screen {
    form: Form,
    lang: Lang,
    colour: bool,
    /// Lines at the bottom that the next drawing replaces.
    drawn: usize,
}

impl Screen {
    /// Decides by what standard output is, and by `NO_COLOR` (no-color.org) and `TERM`.
    pub(super) fn open(lang: Lang, json: bool, env: &[(String, String)]) -> Self {
        let form = match (json, terminal::is_terminal(env)) {
            (true, _) => Form::Json,
            (false, true) => Form::Live,
            (false, false) => Form::Plain,
        };
        let colour = form == Form::Live && terminal::may_colour(env);
        Self { form, lang, colour, drawn: 0 }
    }

    /// The paper of this moment: terminals change their width.
    pub(super) fn sheet(&self) -> Sheet {
        let width = (self.form == Form::Live).then(terminal::width);
        Sheet { lang: self.lang, width, colour: self.colour }
    }

    /// Whether drawing anew makes sense.
    pub(super) fn is_live(&self) -> bool {
        self.form == Form::Live
    }

    /// Lines that stay; nothing with JSON.
    ///
    /// # Errors
    /// Standard output is gone.
    pub(super) fn lines(&mut self, lines: &[String]) -> io::Result<()> {
        if self.form == Form::Json { Ok(()) } else { self.write(lines, &[]) }
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
        if self.form == Form::Json { self.write(&[value.to_string()], &[]) } else { Ok(()) }
    }

    /// Replaces the lines at the bottom by others; nothing but on a terminal.
    ///
    /// # Errors
    /// Standard output is gone.
    pub(super) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        if self.is_live() { self.write(&[], lines) } else { Ok(()) }
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
