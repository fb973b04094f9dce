//! Where a value was written: a span in the file, or in one variable or flag.
//!
//! Every source of values is a text with a name, so that a variable is pointed at with the same
//! caret as a line of the file. Only the masked form of a text is ever shown.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::NamedSource;

use super::mask;

/// Where a value comes from, for `ferry config explain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The configuration file, at a line counted from 1.
    File {
        /// As it was named.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable.
    Env(String),
    /// A flag of the command line, as it is written there.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Env(name) => write!(f, "env {name}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// What kind of text a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourceKind {
    File(PathBuf),
    Env(String),
    Flag(String),
}

/// A range in one of the sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) source: usize,
    pub(crate) span: Range<usize>,
}

/// All texts that values were read from.
#[derive(Default)]
pub(crate) struct Sources {
    list: Vec<Source>,
}

struct Source {
    kind: SourceKind,
    text: String,
    shown: String,
}

impl Sources {
    /// Adds a text and gives its number.
    pub(crate) fn add(&mut self, kind: SourceKind, text: String) -> usize {
        let shown = mask::text(&text);
        self.list.push(Source { kind, text, shown });
        self.list.len() - 1
    }

    /// Hides a range of a text from everything that is printed; lengths stay, so that carets do.
    pub(crate) fn hide(&mut self, place: &Place) {
        if let Some(source) = self.list.get_mut(place.source) {
            source.shown = mask::range(&source.shown, place.span.clone());
        }
    }

    /// Hides every value of a source, for a file that cannot be parsed.
    pub(crate) fn hide_values(&mut self, source: usize) {
        if let Some(source) = self.list.get_mut(source) {
            source.shown = mask::values(&source.shown);
        }
    }

    /// The folder that relative paths of a value start from: the file's own, else `None` for the
    /// working directory.
    pub(crate) fn folder(&self, place: Option<&Place>) -> Option<&Path> {
        match &self.list.get(place?.source)?.kind {
            SourceKind::File(path) => path.parent(),
            SourceKind::Env(_) | SourceKind::Flag(_) => None,
        }
    }

    /// A place with its text, for a report.
    pub(crate) fn locate(&self, place: Option<&Place>) -> Option<Location> {
        let place = place?;
        let source = self.list.get(place.source)?;
        let name = match &source.kind {
            SourceKind::File(path) => path.display().to_string(),
            SourceKind::Env(_) => "environment".to_owned(),
            SourceKind::Flag(_) => "command line".to_owned(),
        };
        Some(Location {
            source: place.source,
            shown: Arc::new(NamedSource::new(name, source.shown.clone())),
            origin: source.origin(place.span.start),
            span: place.span.clone(),
        })
    }

    /// Where a value comes from.
    pub(crate) fn origin(&self, place: Option<&Place>) -> Origin {
        let found = place.and_then(|place| Some((self.list.get(place.source)?, place)));
        found.map_or(Origin::Default, |(source, place)| source.origin(place.span.start))
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list.iter().map(|source| &source.kind)).finish()
    }
}

impl Source {
    fn origin(&self, offset: usize) -> Origin {
        match &self.kind {
            SourceKind::File(path) => {
                let before = self.text.bytes().take(offset);
                let line = 1 + before.filter(|byte| *byte == b'\n').count();
                Origin::File { path: path.clone(), line }
            }
            SourceKind::Env(name) => Origin::Env(name.clone()),
            SourceKind::Flag(flag) => Origin::Flag(flag.clone()),
        }
    }
}

/// A place that can be shown: the masked text and the range in it.
#[derive(Debug, Clone)]
pub struct Location {
    source: usize,
    shown: Arc<NamedSource<String>>,
    origin: Origin,
    span: Range<usize>,
}

impl Location {
    /// Where the value comes from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) fn order(&self) -> (usize, usize) {
        (self.source, self.span.start)
    }

    pub(crate) fn shown(&self) -> &NamedSource<String> {
        &self.shown
    }

    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.origin.fmt(f)
    }
}
