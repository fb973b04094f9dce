//! What is wrong with a configuration, each problem with the place it was written at.
//!
//! A report carries every problem of one run, so that a file is mended once and not line by line.
//! The text shown has its secrets masked before it gets here.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode, SourceSpan};

use super::place::Location;

/// One thing that is wrong, or that deserves a second look.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The dotted key (`nodes.0.url`); empty when the whole file is meant.
    pub key: String,
    /// What is wrong, without the key.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where it was written; `None` for defaults and for files that cannot be read.
    pub location: Option<Location>,
    severity: Severity,
}

impl Problem {
    /// Something that must be mended before Ferry starts.
    pub(crate) fn error(key: &str, message: impl Into<String>) -> Self {
        Self {
            key: key.to_owned(),
            message: message.into(),
            help: None,
            location: None,
            severity: Severity::Error,
        }
    }

    /// Something that Ferry starts with all the same.
    pub(crate) fn warning(key: &str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(key, message) }
    }

    /// Adds the next action.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Names the key.
    pub(crate) fn under(mut self, key: &str) -> Self {
        key.clone_into(&mut self.key);
        self
    }

    /// Adds the place.
    pub(crate) fn at(mut self, location: Option<Location>) -> Self {
        self.location = location;
        self
    }

    /// One line for a log: place, key, what is wrong, what to do.
    pub fn line(&self) -> String {
        let mut line = String::new();
        if let Some(location) = &self.location {
            line.push_str(&location.to_string());
            line.push_str(": ");
        }
        line.push_str(&self.to_string());
        if let Some(help) = &self.help {
            line.push_str("; ");
            line.push_str(help);
        }
        line
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.key, self.message)
        }
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        let source: &NamedSource<String> = self.location.as_ref()?.shown();
        Some(source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.location.as_ref()?.span();
        let label = LabeledSpan::new_with_span(
            Some("here".to_owned()),
            SourceSpan::new(span.start.into(), span.len()),
        );
        Some(Box::new(std::iter::once(label)))
    }
}

/// Every problem of one configuration. Prints with lines and carets through miette.
#[derive(Debug, Clone)]
pub struct ConfigReport {
    problems: Arc<[Problem]>,
    files: Arc<[PathBuf]>,
}

impl ConfigReport {
    /// The exit code of a configuration that cannot be used: `EX_CONFIG` of sysexits(3). systemd's
    /// `RestartPreventExitStatus=78` keeps a broken file from being tried for ever.
    pub const EXIT_CODE: u8 = 78;

    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        // In the order of reading: the file from top to bottom, then variables, then flags.
        problems.sort_by_key(|problem| problem.location.as_ref().map(Location::order));
        Self { problems: problems.into(), files: Arc::default() }
    }

    pub(crate) fn with_files(self, files: Vec<PathBuf>) -> Self {
        Self { files: files.into(), ..self }
    }

    /// The files that it came from, as far as they are known: a change of one may mend it.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The problems, in the order of the places they stand at. Never empty.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// One line per problem, for a log.
    pub fn lines(&self) -> Vec<String> {
        self.problems.iter().map(Problem::line).collect()
    }
}

impl fmt::Display for ConfigReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("the configuration has a problem"),
            count => write!(f, "the configuration has {count} problems"),
        }
    }
}

impl std::error::Error for ConfigReport {}

impl Diagnostic for ConfigReport {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}
