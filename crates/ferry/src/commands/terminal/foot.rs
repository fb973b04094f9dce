//! One line at the foot of standard error, drawn anew in its place: how far something is, while standard output is for
//! what comes of it. Nothing is drawn where nobody looks.

use std::io::{self, IsTerminal as _, Write as _};

use super::{cells, clip, var};

/// The foot of standard error.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Foot {
    live: bool,
}

impl Foot {
    /// Decides by what standard error is, and by `TERM`.
    pub(in super::super) fn open(env: &[(String, String)]) -> Self {
        Self { live: io::stderr().is_terminal() && var(env, "TERM") != "dumb" }
    }

    /// In the place of the line before, as much of it as fits. Standard error may be gone; nothing hangs on it.
    pub(in super::super) fn draw(self, line: &str) {
        if !self.live {
            return;
        }
        // A terminal would fold a line that takes its last cell.
        let line = clip(line, Some(cells(io::stderr()).saturating_sub(1)));
        let mut err = io::stderr().lock();
        drop(write!(err, "\r\x1b[K{line}").and_then(|()| err.flush()));
    }

    /// Nothing is drawn any more, and other lines may come.
    pub(in super::super) fn clear(self) {
        self.draw("");
    }
}
