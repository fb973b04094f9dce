//! Where things are: the repository, the cache folder, the folder beside it. Reads the environment so
//! that no other chore has to. Never writes outside the cache folder and cargo's target folder.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Fault;

/// The folders a chore works in.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The repository.
    pub root: PathBuf,
    /// What chores install and write: `$FERRY_CACHE`, else `.cache/` in the repository.
    pub cache: PathBuf,
}

impl Place {
    /// Finds the repository from where this crate was compiled, else from the working folder.
    ///
    /// # Errors
    /// When neither holds a `Cargo.toml`, or the cache folder cannot be made.
    pub(crate) fn find() -> Result<Self, Fault> {
        let manifest = variable("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let root = manifest.and_then(|dir| dir.parent().map(Path::to_path_buf));
        let root = root.map_or_else(std::env::current_dir, Ok)?;
        if !root.join("Cargo.toml").is_file() {
            return Err("no Cargo.toml here: start it as `cargo xtask` in the repository".into());
        }
        let cache = variable("FERRY_CACHE").map_or_else(|| root.join(".cache"), PathBuf::from);
        std::fs::create_dir_all(cache.join("log"))?;
        Ok(Self { root, cache: cache.canonicalize()? })
    }

    /// A folder that may lie beside the repository, with benchmarks and suites that are not part of it.
    pub(crate) fn shared(&self, name: &str) -> Option<PathBuf> {
        let beside = self.root.parent()?.join("shared").join(name);
        beside.exists().then_some(beside)
    }

    /// Where a step's output goes.
    pub(crate) fn log(&self, step: &str) -> PathBuf {
        self.cache.join("log").join(format!("{step}.log"))
    }

    /// Builds the `ferry` binary and says where it is; `$FERRY_BIN` names one that is built already.
    ///
    /// # Errors
    /// When cargo cannot build it; the compiler's words are in the log that the message names.
    pub(crate) fn ferry(&self, profile: Profile) -> Result<PathBuf, Fault> {
        if let Some(binary) = variable("FERRY_BIN") {
            return Ok(PathBuf::from(binary).canonicalize()?);
        }
        let mut build = Command::new("cargo");
        build.args(["build", "--locked", "--package", "ferry"]).current_dir(&self.root);
        if profile == Profile::Release {
            build.arg("--release");
        }
        crate::command::logged(&self.log("build-ferry"), &mut build)?.or_fail("cargo build")?;
        Ok(self.target()?.join(profile.folder()).join("ferry"))
    }

    /// Cargo's target folder, asked from cargo itself.
    fn target(&self) -> Result<PathBuf, Fault> {
        let answer = Command::new("cargo")
            .args(["metadata", "--format-version=1", "--no-deps", "--locked"])
            .current_dir(&self.root)
            .output()?;
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        let found = text
            .split_once("\"target_directory\":\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(dir, _)| PathBuf::from(dir));
        found.ok_or_else(|| "cargo metadata names no target folder".into())
    }
}

/// How the binary is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build: enough for correctness.
    Debug,
    /// What is shipped: for every figure.
    Release,
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
        }
    }
}

/// An environment variable, when it is set and not empty.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
