//! Writes the ranking into the configuration file: the difference is shown first, then asked for, then a new file takes
//! the place of the old one in one step, with its mode and owner. Nothing is written that Ferry would not load.

use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ferry_gateway::config::{self, Inputs};
use ferry_gateway::serve::signals::{Ask, Signals};
use ferry_gateway::upstream::NodeSettings;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::super::replace::Draft;
use super::Row;
use super::candidates::Source;
use super::diff::unified;
use super::edit::{EditFault, Wish, rewrite};
use super::verdict::Filter;

/// Why nothing was written. Reads as a sentence after "failed to".
#[derive(Debug, thiserror::Error)]
pub(super) enum ApplyFault {
    #[error("apply the ranking: there is no configuration file to write it to")]
    NoFile,
    #[error("read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("apply the ranking to {path}")]
    Edit { path: PathBuf, source: EditFault },
    #[error("write a configuration that Ferry can load: {said}")]
    Broken { said: String },
    #[error("write {path}")]
    Write { path: PathBuf, source: io::Error },
    #[error("write {path}: it was changed by somebody else in the meantime")]
    Changed { path: PathBuf },
}

/// What is to be written.
#[derive(Debug)]
pub(super) struct Change {
    /// Where the file itself lies, links followed.
    path: PathBuf,
    before: String,
    after: String,
    /// As `diff -u` shows it; empty when there is nothing to change.
    pub(super) diff: Vec<String>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    /// Nobody could be asked.
    Nobody,
}

/// Best first: of each node the addresses that the operator named and that answer, then those of the file that did not.
/// Answers of the DNS are left to the DNS: Ferry finds and measures them by itself. What was tried of a node behind a proxy
/// is the proxy, so its own addresses stay as they are.
pub(super) fn wishes(rows: &[Row], nodes: &[Arc<NodeSettings>], filter: Filter) -> Vec<Wish> {
    let is_good = |row: &Row| row.figures.verdict().is_usable() && filter.passes(&row.figures);
    let mut order: Vec<&str> = Vec::new();
    let usable = rows.iter().filter(|row| is_good(row));
    for name in usable.map(|row| row.node.as_str()).chain(nodes.iter().map(|node| &*node.name)) {
        if !order.contains(&name) {
            order.push(name);
        }
    }
    let wish = |name: &str| {
        let proxied = nodes.iter().any(|node| *node.name == *name && node.proxy.is_some());
        let named = |row: &&Row| row.node == name && row.candidate.source != Source::Dns;
        let own = || rows.iter().filter(|row| !proxied && named(row));
        let (good, bad): (Vec<&Row>, Vec<&Row>) = own().partition(|row| is_good(row));
        let kept = bad.into_iter().filter(|row| row.candidate.source == Source::Configured);
        Wish {
            name: name.to_owned(),
            addresses: good.into_iter().chain(kept).map(|row| row.candidate.at.ip()).collect(),
        }
    };
    order.into_iter().map(wish).collect()
}

/// Works out the change, and checks that Ferry would load it.
///
/// # Errors
/// [`ApplyFault`]: no file, one that cannot be read or edited, or a result that does not load.
pub(super) fn prepare(
    file: Option<&Path>,
    wishes: &[Wish],
    inputs: &Inputs,
) -> Result<Change, ApplyFault> {
    let named = file.ok_or(ApplyFault::NoFile)?;
    let read = |source| ApplyFault::Read { path: named.to_owned(), source };
    let path = fs::canonicalize(named).map_err(read)?;
    let before = fs::read_to_string(&path).map_err(read)?;
    let edit = |source| ApplyFault::Edit { path: named.to_owned(), source };
    let after = rewrite(&before, wishes).map_err(edit)?;
    let diff = unified(&before, &after);
    let change = Change { path, before, after, diff };
    if !change.diff.is_empty() {
        // Beside the old file, so that relative paths in it lead where they will lead.
        let draft = change.draft()?;
        let inputs = Inputs { path: Some(draft.path().to_owned()), ..inputs.clone() };
        config::way(&inputs)
            .map_err(|report| ApplyFault::Broken { said: report.lines().join("; ") })?;
    }
    Ok(change)
}

impl Change {
    /// Puts the new file in the place of the old one.
    ///
    /// # Errors
    /// It cannot be written, or the old one is no longer what was read.
    pub(super) fn write(&self) -> Result<(), ApplyFault> {
        let draft = self.draft()?;
        let failed = |source| ApplyFault::Write { path: self.path.clone(), source };
        let now = fs::read_to_string(&self.path).map_err(failed)?;
        if now != self.before {
            return Err(ApplyFault::Changed { path: self.path.clone() });
        }
        draft.put().map_err(failed)
    }

    /// The new text in a file beside the old one, which goes by itself unless it is kept.
    fn draft(&self) -> Result<Draft, ApplyFault> {
        let failed = |source| ApplyFault::Write { path: self.path.clone(), source };
        Draft::new(&self.path, self.after.as_bytes()).map_err(failed)
    }
}

/// How often the terminal is looked at while it is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Asks on the terminal; nobody is asked where there is none, and Ctrl-C says no.
///
/// # Errors
/// The terminal cannot be read or written.
pub(super) async fn ask(question: &str, signals: &mut Signals) -> io::Result<Answer> {
    if !io::stdin().is_terminal() {
        return Ok(Answer::Nobody);
    }
    let mut err = io::stderr();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    // Reading blocks, and would leave Ctrl-C to nobody: so it begins when a line is there.
    while !has_line()? {
        tokio::select! {
            ask = signals.next() => if matches!(ask, Ask::Drain | Ask::Stop) {
                writeln!(err)?;
                return Ok(Answer::No);
            },
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let yes = matches!(line.trim().to_lowercase().as_str(), "y" | "yes" | "是" | "好");
    Ok(if yes { Answer::Yes } else { Answer::No })
}

/// True when reading from the terminal would not wait.
fn has_line() -> io::Result<bool> {
    let stdin = io::stdin();
    let mut waiting = [PollFd::new(&stdin, PollFlags::IN)];
    Ok(poll(&mut waiting, Some(&Timespec::default()))? > 0)
}

#[cfg(test)]
mod tests {
    use super::super::candidates::Candidate;
    use super::super::verdict::{Figures, Tried};
    use super::*;

    /// `node ip source connect`, in the order of the ranking; without a connect it is dead.
    fn row(text: &str) -> Row {
        let parts: Vec<&str> = text.split(' ').collect();
        let source = match parts[2] {
            "configured" => Source::Configured,
            "given" => Source::Given,
            _ => Source::Dns,
        };
        let connect_ms = parts.get(3).map(|time| time.parse().unwrap());
        let fault = connect_ms.is_none().then(|| "connect".to_owned());
        let tried = Tried { connect_ms, answer_ms: connect_ms, fault, ..Tried::default() };
        let at = format!("{}:443", parts[1]).parse().unwrap();
        Row {
            node: parts[0].to_owned(),
            candidate: Candidate { node: 0, at, source },
            figures: Figures::of(&[tried]),
            suspicion: None,
        }
    }

    /// Nodes of these names, with this line in each.
    fn nodes(names: &[&str], line: &str) -> Vec<Arc<NodeSettings>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ferry.toml");
        let node =
            |name| format!("[[nodes]]\nname = \"{name}\"\nurl = \"https://{name}.test\"\n{line}\n");
        fs::write(&path, names.iter().map(node).collect::<String>()).unwrap();
        let home = Some(folder.path().to_owned());
        let inputs = Inputs { path: Some(path), home, ..Inputs::default() };
        config::way(&inputs).unwrap().upstream.nodes
    }

    #[test]
    fn addresses_of_a_node_behind_a_proxy_stay_as_they_are() {
        let rows = ["a 203.0.113.2 given 20", "a 203.0.113.3 configured 10"].map(row);
        for proxy in ["http://p:1", "https://p:1", "socks5://p:1", "socks5h://p:1"] {
            let nodes = nodes(&["a"], &format!("proxy = \"{proxy}\""));
            let wishes = wishes(&rows, &nodes, Filter::default());
            assert_eq!(wishes, [Wish { name: "a".to_owned(), addresses: Vec::new() }], "{proxy}");
        }
    }

    #[test]
    fn what_the_operator_named_is_written_and_nothing_of_it_is_lost() {
        let rows: Vec<Row> = [
            "b 203.0.113.1 dns 10",
            "a 203.0.113.2 given 20",
            "a 203.0.113.3 configured 90",
            "a 203.0.113.4 configured",
            "a 203.0.113.5 given",
        ]
        .map(row)
        .into();
        let nodes = nodes(&["a", "b", "c"], "");
        let slowest = |ms| Filter { slowest_ms: Some(ms), ..Filter::default() };
        for (filter, written) in [
            // The DNS is left to itself, a given address that is dead is not taken up, a configured one stays.
            (Filter::default(), "b[] a[203.0.113.2 203.0.113.3 203.0.113.4] c[]"),
            (slowest(50.0), "b[] a[203.0.113.2 203.0.113.3 203.0.113.4] c[]"),
            (slowest(15.0), "b[] a[203.0.113.3 203.0.113.4] c[]"),
            (slowest(5.0), "a[203.0.113.3 203.0.113.4] b[] c[]"),
        ] {
            let wishes = wishes(&rows, &nodes, filter);
            let text: Vec<String> = wishes
                .iter()
                .map(|wish| {
                    let ips: Vec<String> = wish.addresses.iter().map(ToString::to_string).collect();
                    format!("{}[{}]", wish.name, ips.join(" "))
                })
                .collect();
            assert_eq!(text.join(" "), written, "{filter:?}");
        }
    }
}
