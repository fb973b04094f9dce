//! What commands know of the terminal they write to, how text is laid out for it (width in cells, colours, folding), and
//! lines that are drawn anew. It decides nothing about content.

mod foot;
mod redraw;
mod wrap;

use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd;

use unicode_width::UnicodeWidthStr as _;

pub(super) use self::foot::Foot;
pub(super) use self::redraw::{Form, Redraw};
pub(super) use self::wrap::{clip, wrap};

/// A terminal that does not tell its width.
const WIDTH_USUAL: usize = 80;
/// Narrower than this nothing can be read; lines are folded for this width all the same.
const WIDTH_LEAST: usize = 24;

/// What a line is for, as far as colours care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Good,
    Doubtful,
    Bad,
    Faint,
}

impl Tone {
    /// Wraps a text in the escape sequences of ECMA-48 (SGR).
    pub(super) fn paint(self, text: &str, colour: bool) -> String {
        let code = match self {
            Self::Strong => "1",
            Self::Good => "32",
            Self::Doubtful => "33",
            Self::Bad => "1;31",
            Self::Faint => "2",
            Self::Plain => return text.to_owned(),
        };
        if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Whether standard output is a terminal. A dumb one counts as none: it can neither move its cursor nor show colours.
pub(super) fn is_terminal(env: &[(String, String)]) -> bool {
    io::stdout().is_terminal() && var(env, "TERM") != "dumb"
}

/// Whether the user lets a terminal be coloured (no-color.org).
pub(super) fn may_colour(env: &[(String, String)]) -> bool {
    var(env, "NO_COLOR").is_empty()
}

/// Cells of a line of the terminal that standard output is, at this moment: terminals change their width.
pub(super) fn width() -> usize {
    cells(io::stdout())
}

fn cells(terminal: impl AsFd) -> usize {
    let size = rustix::termios::tcgetwinsize(terminal);
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    if columns == 0 { WIDTH_USUAL } else { columns.max(WIDTH_LEAST) }
}

/// A text from outside with a mark in the place of each character that a terminal would obey, or that turns or hides text.
pub(super) fn plain(text: &str) -> String {
    let is_unseen = |character: char| {
        character.is_control()
            || matches!(
                character,
                '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            )
    };
    text.replace(is_unseen, "\u{fffd}")
}

/// A paragraph, indented and folded at the edge; it has no edge where nobody counts the cells of a line.
pub(super) fn fold(
    text: &str,
    tone: Tone,
    indent: usize,
    width: Option<usize>,
    colour: bool,
) -> Vec<String> {
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(indent).max(1));
    let lines = wrap(text, room).into_iter();
    lines.map(|line| format!("{:indent$}{}", "", tone.paint(&line, colour))).collect()
}

/// Filled up with spaces behind it.
pub(super) fn pad(text: &str, cells: usize) -> String {
    format!("{text}{}", " ".repeat(cells.saturating_sub(text.width())))
}

/// Filled up with spaces before it.
pub(super) fn lead(text: &str, cells: usize) -> String {
    format!("{}{text}", " ".repeat(cells.saturating_sub(text.width())))
}

fn var<'a>(env: &'a [(String, String)], name: &str) -> &'a str {
    let found = env.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str()).unwrap_or_default()
}
