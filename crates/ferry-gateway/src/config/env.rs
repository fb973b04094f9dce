//! The only reader of the process environment: takes it as data, once, and hands it on.
//!
//! Everything behind it can be tested with any environment. Interprets nothing.

use std::path::PathBuf;

use ferry_rules::egress::{Environment, Variable};

/// All that a configuration is made of, apart from the files it names.
#[derive(Clone, Default)]
pub struct Inputs {
    /// The file named by `--config`.
    pub path: Option<PathBuf>,
    /// The environment.
    pub env: Vec<(String, String)>,
    /// Dotted keys and their values from `--set`, in order; `listen` and `admin-listen` stand for
    /// the flags of that name.
    pub flags: Vec<(String, String)>,
    /// The working directory.
    pub cwd: PathBuf,
    /// The home folder, which `~` stands for.
    pub home: Option<PathBuf>,
}

impl Inputs {
    /// The inputs of this process. Variables that are not Unicode are left out.
    pub fn from_process(path: Option<PathBuf>, flags: Vec<(String, String)>) -> Self {
        Self {
            path,
            env: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            flags,
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            home: std::env::home_dir().filter(|home| !home.as_os_str().is_empty()),
        }
    }

    /// A variable, when it is set and not empty.
    pub fn var(&self, name: &str) -> Option<&str> {
        let found = self.env.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// What it says about proxies: of each variable the small letters go before the capitals, as in curl.
    pub(crate) fn proxies(&self) -> Environment<'_> {
        let first = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| Some(Variable { name, value: self.var(name)? }))
        };
        Environment {
            https: first(["https_proxy", "HTTPS_PROXY"]),
            all: first(["all_proxy", "ALL_PROXY"]),
            none: first(["no_proxy", "NO_PROXY"]),
        }
    }
}

impl std::fmt::Debug for Inputs {
    /// Without values: the environment and flags may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let flags: Vec<&str> = self.flags.iter().map(|(key, _)| key.as_str()).collect();
        f.debug_struct("Inputs")
            .field("path", &self.path)
            .field("env", &self.env.len())
            .field("flags", &flags)
            .field("cwd", &self.cwd)
            .finish_non_exhaustive()
    }
}
