//! Lines on standard output of which the last ones are drawn anew: plain lines where nothing is ever drawn. The cursor is
//! never hidden, so that no end of the process can leave a terminal broken.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde_json::Value;

use super::{is_terminal, may_colour, width};

/// How a command writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Form {
    /// Lines that are drawn anew below the others.
    Live,
    /// One line after the other.
    Plain,
    /// JSON, and nothing else.
    Json,
}

/// Standard output, in one of its forms.
#[derive(Debug)]
pub(in super::super) struct Redraw {
    form: Form,
    colour: bool,
    /// Lines at the bottom that the next writing replaces.
    drawn: usize,
}

impl Redraw {
    /// Decides by what standard output is, and by `NO_COLOR` (no-color.org) and `TERM`.
    pub(in super::super) fn open(json: bool, env: &[(String, String)]) -> Self {
        let form = match (json, is_terminal(env)) {
            (true, _) => Form::Json,
            (false, true) => Form::Live,
            (false, false) => Form::Plain,
        };
        Self { form, colour: form == Form::Live && may_colour(env), drawn: 0 }
    }

    pub(in super::super) const fn form(&self) -> Form {
        self.form
    }

    pub(in super::super) const fn colour(&self) -> bool {
        self.colour
    }

    /// Cells of a line at this moment; none where lines are not cut.
    pub(in super::super) fn width(&self) -> Option<usize> {
        (self.form == Form::Live).then(width)
    }

    /// Lines that stay; nothing with JSON.
    ///
    /// # Errors
    /// Standard output is gone.
    pub(in super::super) fn lines(&mut self, lines: &[String]) -> io::Result<()> {
        if self.form == Form::Json { Ok(()) } else { self.write(lines, &[]) }
    }

    /// Replaces the lines at the bottom by others; nothing but on a terminal.
    ///
    /// # Errors
    /// Standard output is gone.
    pub(in super::super) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        if self.form == Form::Live { self.write(&[], lines) } else { Ok(()) }
    }

    /// An object on a line of its own, or over many that are indented; nothing but with JSON.
    ///
    /// # Errors
    /// Standard output is gone.
    pub(in super::super) fn object(&mut self, value: &Value, indented: bool) -> io::Result<()> {
        if self.form != Form::Json {
            return Ok(());
        }
        let text = if indented { format!("{value:#}") } else { value.to_string() };
        self.write(&[text], &[])
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
