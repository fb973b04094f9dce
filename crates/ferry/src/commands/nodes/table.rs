//! How nodes look: a table where there is room, a few lines for each node on a narrow terminal, and below each node what
//! an operator asks next. Pure: statuses in, lines out. Widths are counted in cells.

use ferry_gateway::upstream::Role;
use ferry_gateway::upstream::status::{
    AddressSource, AddressState, AddressStatus, CoolingStatus, KeyState, KeyStatus, NodeState,
    NodeStatus,
};
use unicode_width::UnicodeWidthStr as _;

use super::super::terminal::{Tone, fold, lead, pad};

/// The columns, and whether their cells stand to the right.
const COLUMNS: [(&str, bool); 7] = [
    ("  NODE", false),
    ("ROLE", false),
    ("STATE", false),
    ("RTT", true),
    ("IN FLIGHT", true),
    ("CONNS", true),
    ("FAIL%", true),
];
/// Where the state stands among them; the only cell with a colour.
const STATE: usize = 2;
/// Between two columns.
const GAP: &str = "  ";
/// Where the lines below a node begin, and those below an address.
const INDENT: usize = 4;
const DEEPER: usize = 6;
/// What the figures mean, for people; scripts get none.
const LEGEND: &str =
    "> is asked first. CONNS: idle + HTTP/2 / ever opened. FAIL%: failed/all attempts of late.";

/// The paper that the table is written on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paper {
    /// Cells of a line; `None` where nobody counts (a file, a pipe).
    pub(super) width: Option<usize>,
    pub(super) colour: bool,
}

impl Paper {
    /// All nodes, in the order given.
    pub(super) fn lines(&self, nodes: &[NodeStatus]) -> Vec<String> {
        if nodes.is_empty() {
            return self.fold("This Ferry has no nodes.", Tone::Plain, 0);
        }
        let rows = |brief| nodes.iter().map(|node| cells(node, brief)).collect::<Vec<_>>();
        // Where the figures behind a share are what is too much, it goes without them.
        let forms = [rows(false), rows(true)];
        let fit = forms.iter().find(|rows| self.fits(whole(widths(rows))));
        let is_wide = fit.is_some();
        let [full, _brief] = &forms;
        let rows = fit.unwrap_or(full);
        let widths = widths(rows);
        let mut lines = Vec::new();
        if is_wide {
            let heads = COLUMNS.map(|(head, _right)| head.to_owned());
            let head = self.row(&heads, widths, Tone::Plain);
            lines.push(Tone::Strong.paint(&head, self.colour));
        }
        for (node, row) in nodes.iter().zip(rows) {
            if is_wide {
                lines.push(self.row(row, widths, tone(node)));
            } else {
                lines.extend(self.narrow(node, row));
            }
            lines.extend(self.below(node));
        }
        if self.width.is_some() {
            lines.extend(self.fold(LEGEND, Tone::Faint, 0));
        }
        lines
    }

    /// One line of the table.
    fn row(&self, cells: &[String; 7], widths: [usize; 7], tone: Tone) -> String {
        let columns = cells.iter().zip(COLUMNS).zip(widths).enumerate();
        let columns = columns.map(|(index, ((cell, (_, right)), width))| {
            let cell = if right { lead(cell, width) } else { pad(cell, width) };
            if index == STATE { tone.paint(&cell, self.colour) } else { cell }
        });
        columns.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    }

    /// The same for a narrow terminal.
    fn narrow(&self, node: &NodeStatus, row: &[String; 7]) -> Vec<String> {
        let [name, role, state, rtt, in_flight, conns, fail] = row;
        let mut lines =
            self.fold(name.trim_start(), Tone::Strong, name.len() - name.trim_start().len());
        lines.extend(self.fold(&format!("{role}, {state}"), tone(node), INDENT));
        let figures = [("rtt", rtt), ("in flight", in_flight), ("conns", conns), ("fail%", fail)];
        // A label stays with its value.
        let figures =
            figures.map(|(label, value)| format!("{label} {value}").replace(' ', "\u{a0}"));
        lines.extend(self.fold(&figures.join(", "), Tone::Plain, INDENT));
        lines
    }

    /// Why the node stands where it does, its addresses, and the keys that are not in use.
    fn below(&self, node: &NodeStatus) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(reason) = &node.reason {
            lines.extend(self.fold(reason, Tone::Plain, INDENT));
        }
        if let Some(proxy) = &node.proxy {
            lines.extend(self.fold(&format!("through the proxy {proxy}"), Tone::Plain, INDENT));
        }
        let longest = node.addresses.iter().map(|address| address.address.width()).max();
        for address in &node.addresses {
            lines.extend(self.address(address, longest.unwrap_or_default()));
        }
        for key in node.keys.iter().filter(|key| key.state != KeyState::Usable) {
            lines.extend(self.fold(&key_line(key), Tone::Bad, INDENT));
        }
        for cooling in &node.cooling {
            lines.extend(self.fold(&cooling_line(cooling), Tone::Doubtful, INDENT));
        }
        lines
    }

    fn address(&self, address: &AddressStatus, longest: usize) -> Vec<String> {
        let (state, tone) = match address.state {
            AddressState::Up => ("up", Tone::Plain),
            AddressState::Down => ("down", Tone::Bad),
            AddressState::Unknown => ("unknown", Tone::Faint),
        };
        let source = match address.source {
            AddressSource::Configured => "configured",
            AddressSource::Dns => "dns",
            AddressSource::Proxy => "proxy",
        };
        let dialling = match address.half_open {
            0 => String::new(),
            dials => format!(", dialling {dials}"),
        };
        let (name, rtt) = (pad(&address.address, longest), millis(address.rtt_ms));
        let mut line = format!("{name}  {state:<7}  {rtt:>8}  {source}{dialling}");
        if !self.fits(INDENT + line.width()) {
            // Columns that would be folded are none.
            let rtt = address.rtt_ms.map(|_known| format!(" {}", rtt.replace(' ', "\u{a0}")));
            let rtt = rtt.unwrap_or_default();
            line = format!("{} {state}{rtt} {source}{dialling}", address.address);
        }
        let Some(error) = &address.last_error else { return self.fold(&line, tone, INDENT) };
        let error = format!("failed to {error}");
        if self.fits(INDENT + line.width() + GAP.len() + error.width()) {
            return self.fold(&format!("{line}{GAP}{error}"), tone, INDENT);
        }
        let mut lines = self.fold(&line, tone, INDENT);
        lines.extend(self.fold(&error, tone, DEEPER));
        lines
    }

    fn fits(&self, cells: usize) -> bool {
        self.width.is_none_or(|width| cells <= width)
    }

    /// A paragraph, indented and folded at the edge.
    fn fold(&self, text: &str, tone: Tone, indent: usize) -> Vec<String> {
        fold(text, tone, indent, self.width, self.colour)
    }
}

/// A node's cells, in the order of [`COLUMNS`].
fn cells(node: &NodeStatus, brief: bool) -> [String; 7] {
    let mark = if node.current { '>' } else { ' ' };
    let role = match node.role {
        Role::Primary => "primary",
        Role::Standby => "standby",
    };
    let in_flight = match node.pending {
        0 => node.in_flight.to_string(),
        pending => format!("{}, {pending} wait", node.in_flight),
    };
    let conns =
        format!("{}+{}/{}", node.idle_connections, node.http2_connections, node.connections_opened);
    [
        format!("{mark} {}", node.name),
        role.to_owned(),
        state(node),
        millis(node.rtt_ms),
        in_flight,
        conns,
        share(node.failures, node.attempts, brief),
    ]
}

fn widths(rows: &[[String; 7]]) -> [usize; 7] {
    let mut widths = COLUMNS.map(|(head, _right)| head.width());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    widths
}

/// Cells of a line of the table.
fn whole(widths: [usize; 7]) -> usize {
    widths.iter().sum::<usize>() + GAP.len() * (widths.len() - 1)
}

fn state(node: &NodeStatus) -> String {
    let mut state = match node.state {
        NodeState::Closed => "closed",
        NodeState::Open => "open",
        NodeState::HalfOpen => "half-open",
    }
    .to_owned();
    if node.suspect {
        state.push_str(", suspect");
    }
    if let Some(wait) = node.recover_in_ms {
        state.push_str(", ");
        state.push_str(&back_in(wait));
    }
    state
}

fn tone(node: &NodeStatus) -> Tone {
    match node.state {
        NodeState::Closed if node.suspect => Tone::Doubtful,
        NodeState::Closed => Tone::Good,
        NodeState::HalfOpen => Tone::Doubtful,
        NodeState::Open => Tone::Bad,
    }
}

fn key_line(key: &KeyStatus) -> String {
    let workspace = key.workspace.as_ref().map(|name| format!(" (workspace {name})"));
    let state = match key.state {
        KeyState::Usable => "usable",
        KeyState::Refused => "refused",
        KeyState::Exhausted => "exhausted",
    };
    let wait = key.recover_in_ms.map(|wait| format!(", {}", back_in(wait)));
    let message = key.message.as_ref().map(|message| format!(": {message}"));
    format!(
        "key {}{} {state}{}{}",
        key.number,
        workspace.unwrap_or_default(),
        wait.unwrap_or_default(),
        message.unwrap_or_default()
    )
}

fn cooling_line(cooling: &CoolingStatus) -> String {
    let key = match cooling.key {
        0 => "the callers' keys".to_owned(),
        number => format!("key {number}"),
    };
    let (model, wait) = (&cooling.model, back_in(cooling.recover_in_ms));
    format!("{key} cooling for {model}, {wait}: {}", cooling.reason)
}

/// A wait, rounded up, so that nothing is promised too early.
fn back_in(millis: u64) -> String {
    let seconds = millis.div_ceil(1000);
    match seconds {
        0 => "back now".to_owned(),
        1..120 => format!("back in {seconds} s"),
        120..7200 => format!("back in {} min", seconds.div_ceil(60)),
        _ => format!("back in {} h", seconds.div_ceil(3600)),
    }
}

fn millis(time: Option<f64>) -> String {
    match time {
        None => "-".to_owned(),
        Some(time) if time < 10.0 => format!("{time:.1} ms"),
        Some(time) => format!("{time:.0} ms"),
    }
}

/// Percent, and unless it is to be brief what it is made of; `-` of nothing.
fn share(failures: u64, attempts: u64, brief: bool) -> String {
    let Some(thousandths) = failures.saturating_mul(1000).checked_div(attempts) else {
        return "-".to_owned();
    };
    let percent = match (thousandths / 10, thousandths % 10) {
        (whole, 0) => whole.to_string(),
        (whole, tenths) => format!("{whole}.{tenths}"),
    };
    if brief { percent } else { format!("{percent} ({failures}/{attempts})") }
}

#[cfg(test)]
mod tests;
