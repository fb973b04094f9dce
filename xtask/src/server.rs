//! Servers that a chore starts: on ports the system chooses, ready when they say so on standard output,
//! ended by their own process id when dropped. Never waits by sleeping.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::Fault;

/// Ample for a debug build on a loaded machine; a server that needs more is broken.
const READY: Duration = Duration::from_mins(1);

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    addresses: BTreeMap<String, String>,
}

impl Server {
    /// Starts a server and waits until it has printed a line `NAME ... http://...` or `https://...` for every wanted name.
    ///
    /// # Errors
    /// When it ends, or says nothing for a minute, before all are there.
    pub(crate) fn start(command: &mut Command, log: &Path, wanted: &[&str]) -> Result<Self, Fault> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(log)?)
            .spawn()
            .map_err(|error| format!("{}: {error}", command.get_program().to_string_lossy()))?;
        let mut server = Self { child, addresses: BTreeMap::new() };
        let output = server.child.stdout.take().ok_or("no standard output")?;
        let (lines, said) = mpsc::channel();
        // Reads to the end, also after all is ready: a full pipe would stop the server.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    // Nobody listens any more; reading on keeps the pipe empty.
                }
            }
        });
        while !wanted.iter().all(|name| server.addresses.contains_key(*name)) {
            let Ok(line) = said.recv_timeout(READY) else {
                let log = std::fs::read_to_string(log).unwrap_or_default();
                return Err(format!("{command:?} did not come up:\n{log}").into());
            };
            if let Some((name, address)) = announced(&line) {
                server.addresses.entry(name).or_insert(address);
            }
        }
        Ok(server)
    }

    /// An address it printed under this name.
    pub(crate) fn address(&self, name: &str) -> &str {
        self.addresses.get(name).map_or("", String::as_str)
    }

    /// Its process id, for figures.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What a line of standard output announces: its first word, and the first address in it.
fn announced(line: &str) -> Option<(String, String)> {
    let mut words = line.split_whitespace();
    let name = words.next()?;
    let address = words.find(|word| word.starts_with("http://") || word.starts_with("https://"))?;
    Some((name.to_owned(), address.to_owned()))
}

/// A port that is free now, for programs that cannot choose one themselves.
///
/// # Errors
/// When loopback has none.
pub(crate) fn free_port() -> Result<u16, Fault> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::announced;

    #[test]
    fn a_server_announces_its_addresses() {
        let pair = |name: &str| Some((name.to_owned(), "http://127.0.0.1:1".to_owned()));
        assert_eq!(announced("data http://127.0.0.1:1"), pair("data"));
        assert_eq!(announced("mock Claude API at http://127.0.0.1:1"), pair("mock"));
        assert_eq!(announced("drained in 3 ms"), None);
    }
}
