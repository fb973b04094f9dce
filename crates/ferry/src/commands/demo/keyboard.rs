//! Keys that turn the dial: reads them one by one from the terminal, unechoed, and gives the terminal back as it was when
//! the demo ends, by Ctrl-C or a panic as well. Ctrl-C stays a signal and is not read here; Ctrl-\ and Ctrl-Z, which would
//! end or stop the demo with the terminal as it is, are off. A signal that another process sends may still do so.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _};

use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};

use super::dial::Mood;

/// Keys that wait; nobody types faster than they are read.
const WAITING_MAX: usize = 32;

/// Keys that the terminal makes signals of which nobody here could wait for (SIGQUIT, SIGTSTP).
const FATAL: [SpecialCodeIndex; 2] = [SpecialCodeIndex::VQUIT, SpecialCodeIndex::VSUSP];
/// In the place of a key: none (`_POSIX_VDISABLE` of the system).
const NO_KEY: u8 = if cfg!(target_os = "linux") { 0 } else { 0xff };

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// The node that the next keys are for, from 0.
    Node(usize),
    /// That node's mood.
    Mood(Mood),
    /// The end of the demo.
    Quit,
}

impl Key {
    /// What a byte from the keyboard means.
    fn of(byte: u8) -> Option<Self> {
        Some(match byte.to_ascii_lowercase() {
            byte @ b'1'..=b'3' => Self::Node(usize::from(byte - b'1')),
            b'd' => Self::Mood(Mood::Dead),
            b'b' => Self::Mood(Mood::Rough),
            b'f' => Self::Mood(Mood::Fair),
            b's' => Self::Mood(Mood::Slow),
            b'c' => Self::Mood(Mood::Cutting),
            b'q' => Self::Quit,
            _ => return None,
        })
    }
}

/// The terminal that standard input is, in a mode in which a key is there at once.
#[derive(Debug)]
pub(super) struct Keyboard {
    /// As it was found.
    before: Termios,
    /// As it is while the demo runs.
    during: Termios,
    waiting: VecDeque<Key>,
}

impl Keyboard {
    /// `None` where standard input is no terminal, or the terminal belongs to another process at the moment.
    pub(super) fn open() -> Option<Self> {
        if !io::stdin().is_terminal() || !is_ours() {
            return None;
        }
        let before = tcgetattr(io::stdin()).ok()?;
        let during = key_by_key(&before);
        let keyboard = Self { before, during, waiting: VecDeque::new() };
        set(&keyboard.during).then_some(keyboard)
    }

    /// The next key, if one was pressed.
    pub(super) fn key(&mut self) -> Option<Key> {
        if self.waiting.is_empty() && self.is_set() {
            let mut bytes = [0; WAITING_MAX];
            let read = rustix::io::read(io::stdin(), &mut bytes).unwrap_or(0);
            self.waiting.extend(bytes.iter().take(read).filter_map(|byte| Key::of(*byte)));
        }
        self.waiting.pop_front()
    }

    /// Whether a read will not wait: a shell that had stopped and continued the demo may have set its own mode, and a
    /// process in the background must leave the terminal alone (it would be stopped).
    fn is_set(&self) -> bool {
        if !is_ours() {
            return false;
        }
        let is_set = |now: Termios| !now.local_modes.contains(LocalModes::ICANON);
        tcgetattr(io::stdin()).is_ok_and(is_set) || set(&self.during)
    }
}

/// Also while a panic unwinds.
impl Drop for Keyboard {
    fn drop(&mut self) {
        if is_ours() {
            set(&self.before);
        }
    }
}

/// The mode in which keys are there at once, made of another one.
fn key_by_key(before: &Termios) -> Termios {
    let mut mode = before.clone();
    mode.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    // A read gives what is there and never waits: no thread sits in it when the demo ends.
    mode.special_codes[SpecialCodeIndex::VMIN] = 0;
    mode.special_codes[SpecialCodeIndex::VTIME] = 0;
    for fatal in FATAL {
        mode.special_codes[fatal] = NO_KEY;
    }
    mode
}

fn set(mode: &Termios) -> bool {
    tcsetattr(io::stdin(), OptionalActions::Now, mode).is_ok()
}

/// Whether this process is in the foreground of its terminal.
fn is_ours() -> bool {
    tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_ends_or_stops_the_demo_behind_its_back() {
        let terminal =
            std::fs::OpenOptions::new().read(true).write(true).open("/dev/ptmx").unwrap();
        let before = tcgetattr(&terminal).unwrap();
        tcsetattr(&terminal, OptionalActions::Now, &key_by_key(&before)).unwrap();
        let during = tcgetattr(&terminal).unwrap();
        for key in FATAL {
            assert_ne!(before.special_codes[key], NO_KEY);
            assert_eq!(during.special_codes[key], NO_KEY);
        }
        let interrupt = SpecialCodeIndex::VINTR;
        assert_eq!(during.special_codes[interrupt], before.special_codes[interrupt]);
        assert!(during.local_modes.contains(LocalModes::ISIG), "Ctrl-C stays a signal");
    }

    #[test]
    fn keys_mean_what_the_help_line_says() {
        for (byte, key) in [
            (b'1', Some(Key::Node(0))),
            (b'3', Some(Key::Node(2))),
            (b'4', None),
            (b'd', Some(Key::Mood(Mood::Dead))),
            (b'D', Some(Key::Mood(Mood::Dead))),
            (b'b', Some(Key::Mood(Mood::Rough))),
            (b'f', Some(Key::Mood(Mood::Fair))),
            (b's', Some(Key::Mood(Mood::Slow))),
            (b'c', Some(Key::Mood(Mood::Cutting))),
            (b'q', Some(Key::Quit)),
            (b'\x1b', None),
        ] {
            assert_eq!(Key::of(byte), key, "{}", byte as char);
        }
    }
}
