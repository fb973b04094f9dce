//! Which addresses are tried: those of the configuration, those that the operator names, the answers of the DNS. Lists
//! of single addresses only, and a bounded number of them: ranges are never expanded. Pure.

use std::net::{IpAddr, SocketAddr};

/// Candidates of one run. Eight at a time, each within its budget, is a minute and a half.
pub(super) const CANDIDATES_MAX: usize = 64;

/// Why a range is refused, for people who know programs that scan.
const NO_RANGES: &str = "is a range, and Ferry scans none: it tries nodes and addresses that are yours to use, each named \
                         by itself";

/// Who named an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Source {
    /// `addresses` of the node.
    Configured,
    /// A flag or a file.
    Given,
    /// The name of its URL, or the URL itself.
    Dns,
}

impl Source {
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::Given => "given",
            Self::Dns => "dns",
        }
    }
}

/// An address that the operator gave, for one node or for the only one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) node: Option<String>,
    pub(super) ip: IpAddr,
}

/// Why an entry is refused. Reads as a sentence after "failed to".
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EntryFault {
    #[error("use `{0}`: it {NO_RANGES}")]
    Range(String),
    #[error("use `{0}`: it is no IP address (write 203.0.113.7, 2001:db8::7, or NODE=203.0.113.7)")]
    NotAnAddress(String),
    #[error(
        "use `{ip}`: {nodes} nodes are tested, so say whose it is, as in --address {first}={ip}"
    )]
    WhoseIsIt { ip: IpAddr, nodes: usize, first: String },
    #[error("use `{entry}`: no node `{name}` is tested; there is {known}")]
    UnknownNode { entry: String, name: String, known: String },
    #[error(
        "use `{ip}`: node `{node}` is reached through a proxy, so this address would be dialled in the proxy's place, and \
         be shown its login; leave it out, and the addresses of the proxy are tried"
    )]
    Proxied { ip: IpAddr, node: String },
    #[error("test {0} addresses: the most at a time are {CANDIDATES_MAX}; name those that matter")]
    TooMany(usize),
}

/// `IP` or `NODE=IP`.
///
/// # Errors
/// It is a range, or no address.
pub(super) fn entry(text: &str) -> Result<Entry, EntryFault> {
    let text = text.trim();
    let (node, address) = match text.split_once('=') {
        Some((node, address)) => (Some(node.trim().to_owned()), address.trim()),
        None => (None, text),
    };
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(ip) => Ok(Entry { node, ip: ip.to_canonical() }),
        Err(_) if is_range(bare) => Err(EntryFault::Range(text.to_owned())),
        Err(_) => Err(EntryFault::NotAnAddress(text.to_owned())),
    }
}

/// A file's lines: blank ones and what follows a `#` are left out.
///
/// # Errors
/// The number of the first line that is no entry, from 1, and why.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, (usize, EntryFault)> {
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let lines = lines.zip(1..).filter(|(line, _)| !line.is_empty());
    lines.map(|(line, number)| entry(line).map_err(|fault| (number, fault))).collect()
}

/// `203.0.113.0/24`, `203.0.113.1-9`, `203.0.113.*`.
fn is_range(text: &str) -> bool {
    let digits = |text: &str| text.parse::<IpAddr>().is_ok();
    let slash = text.split_once('/').is_some_and(|(first, _bits)| digits(first));
    let dash = text.split_once('-').is_some_and(|(first, _last)| digits(first.trim()));
    let star = text.contains('*') && digits(&text.replace('*', "0"));
    slash || dash || star
}

/// A node that is tested, as far as its addresses go.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) port: u16,
    pub(super) configured: Vec<IpAddr>,
    /// A proxy is dialled in place of the node.
    pub(super) proxied: bool,
    /// Its URL, or that of its proxy, means this machine.
    pub(super) here: bool,
    /// What the resolver said, or why it said nothing.
    pub(super) found: Result<Vec<SocketAddr>, String>,
}

/// One address of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Candidate {
    /// Index among the nodes that are tested.
    pub(in super::super) node: usize,
    pub(in super::super) at: SocketAddr,
    pub(in super::super) source: Source,
}

/// What is tried, and what is not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gathered {
    pub(super) candidates: Vec<Candidate>,
    /// Answers of the DNS that were too many.
    pub(super) left_out: usize,
}

/// All candidates: configured first, then given, then found; each address of a node once.
///
/// # Errors
/// An entry of an unknown node, one without a node where there are several, or more named addresses than are tried.
pub(super) fn gather(places: &[Place], given: &[Entry]) -> Result<Gathered, EntryFault> {
    let mut gathered = Gathered::default();
    let list = &mut gathered.candidates;
    let mut add = |node, at: SocketAddr, source| {
        let at = SocketAddr::new(at.ip().to_canonical(), at.port());
        if !list.iter().any(|known: &Candidate| known.node == node && known.at == at) {
            list.push(Candidate { node, at, source });
        }
    };
    for (node, place) in places.iter().enumerate() {
        for ip in &place.configured {
            add(node, SocketAddr::new(*ip, place.port), Source::Configured);
        }
    }
    for entry in given {
        let node = owner(places, entry)?;
        let port = places.get(node).map_or(443, |place| place.port);
        add(node, SocketAddr::new(entry.ip, port), Source::Given);
    }
    let named = gathered.candidates.len();
    if named > CANDIDATES_MAX {
        return Err(EntryFault::TooMany(named));
    }
    let list = &mut gathered.candidates;
    for (node, place) in places.iter().enumerate() {
        for at in place.found.iter().flatten() {
            let at = SocketAddr::new(at.ip().to_canonical(), at.port());
            if list.iter().any(|known| known.node == node && known.at == at) {
                continue;
            }
            if list.len() == CANDIDATES_MAX {
                gathered.left_out += 1;
            } else {
                list.push(Candidate { node, at, source: Source::Dns });
            }
        }
    }
    // Addresses of a node stand together, in the order of the configuration.
    gathered.candidates.sort_by_key(|candidate| candidate.node);
    Ok(gathered)
}

/// The node that an entry is for.
///
/// # Errors
/// No such node is tested, it is not said which is meant, or it has a proxy.
pub(super) fn owner(places: &[Place], entry: &Entry) -> Result<usize, EntryFault> {
    let owner = named(places, entry)?;
    match places.get(owner).filter(|place| place.proxied) {
        Some(place) => Err(EntryFault::Proxied { ip: entry.ip, node: place.name.clone() }),
        None => Ok(owner),
    }
}

fn named(places: &[Place], entry: &Entry) -> Result<usize, EntryFault> {
    let names = || places.iter().map(|place| place.name.as_str()).collect::<Vec<_>>().join(", ");
    match &entry.node {
        Some(name) => places.iter().position(|place| place.name == *name).ok_or_else(|| {
            EntryFault::UnknownNode {
                entry: format!("{name}={}", entry.ip),
                name: name.clone(),
                known: names(),
            }
        }),
        None if places.len() == 1 => Ok(0),
        None => Err(EntryFault::WhoseIsIt {
            ip: entry.ip,
            nodes: places.len(),
            first: places.first().map(|place| place.name.clone()).unwrap_or_default(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str, configured: &[&str], found: &[&str]) -> Place {
        Place {
            name: name.to_owned(),
            port: 443,
            proxied: false,
            here: false,
            configured: configured.iter().map(|ip| ip.parse().unwrap()).collect(),
            found: Ok(found.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 443)).collect()),
        }
    }

    #[test]
    fn single_addresses_are_taken_and_ranges_are_not() {
        for (text, ip) in [
            ("203.0.113.7", "203.0.113.7"),
            (" 203.0.113.7 ", "203.0.113.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("tokyo-1=203.0.113.7", "203.0.113.7"),
        ] {
            assert_eq!(entry(text).unwrap().ip, ip.parse::<IpAddr>().unwrap(), "{text}");
        }
        for text in ["203.0.113.0/24", "2001:db8::/32", "203.0.113.1-9", "203.0.113.*"] {
            let fault = entry(text).unwrap_err();
            assert_eq!(fault, EntryFault::Range(text.to_owned()));
            assert!(fault.to_string().contains("scans none"), "{fault}");
        }
        for text in ["", "relay.example.com", "203.0.113", "203.0.113.7:443", "a/b"] {
            assert_eq!(entry(text).unwrap_err(), EntryFault::NotAnAddress(text.to_owned()));
        }
    }

    #[test]
    fn a_file_may_have_comments_and_a_byte_order_mark() {
        let text = "\u{feff}# mine\n203.0.113.7\n\n  n=203.0.113.8 # the second\r\n";
        let ips: Vec<String> =
            entries(text).unwrap().iter().map(|entry| entry.ip.to_string()).collect();
        assert_eq!(ips, ["203.0.113.7", "203.0.113.8"]);
        assert!(matches!(entries("203.0.113.7\n10.0.0.0/8"), Err((2, EntryFault::Range(_)))));
        assert!(matches!(entries("\n# a\n\nb"), Err((4, EntryFault::NotAnAddress(_)))));
    }

    #[test]
    fn each_address_of_a_node_is_tried_once_and_keeps_its_first_source() {
        let places =
            [place("a", &["203.0.113.7"], &["203.0.113.7", "203.0.113.9"]), place("b", &[], &[])];
        let given = [entry("a=203.0.113.8").unwrap(), entry("b=203.0.113.7").unwrap()];
        let gathered = gather(&places, &given).unwrap();
        let rows: Vec<String> = gathered
            .candidates
            .iter()
            .map(|one| format!("{} {} {}", one.node, one.at.ip(), one.source.name()))
            .collect();
        assert_eq!(
            rows,
            [
                "0 203.0.113.7 configured",
                "0 203.0.113.8 given",
                "0 203.0.113.9 dns",
                "1 203.0.113.7 given"
            ]
        );
    }

    #[test]
    fn an_address_needs_an_owner_where_there_are_several_nodes() {
        let places = [place("a", &[], &[]), place("b", &[], &[])];
        let whose = gather(&places, &[entry("203.0.113.7").unwrap()]).unwrap_err().to_string();
        assert!(whose.contains("--address a=203.0.113.7"), "{whose}");
        let unknown = gather(&places, &[entry("c=203.0.113.7").unwrap()]).unwrap_err().to_string();
        assert!(unknown.contains("there is a, b"), "{unknown}");
        assert!(gather(&places[..1], &[entry("203.0.113.7").unwrap()]).is_ok());
    }

    #[test]
    fn an_address_is_never_tried_in_the_place_of_a_proxy() {
        let proxied = Place { proxied: true, ..place("a", &[], &["203.0.113.1"]) };
        let places = [proxied, place("b", &[], &[])];
        for (places, text) in [(&places[..], "a=203.0.113.7"), (&places[..1], "203.0.113.7")] {
            let said = gather(places, &[entry(text).unwrap()]).unwrap_err().to_string();
            assert!(said.contains("node `a` is reached through a proxy"), "{said}");
        }
        assert!(gather(&places, &[entry("b=203.0.113.7").unwrap()]).is_ok());
    }

    #[test]
    fn the_number_of_candidates_is_bounded() {
        let many: Vec<String> = (0..70).map(|last| format!("203.0.113.{last}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let gathered = gather(&[place("a", &[], &many)], &[]).unwrap();
        assert_eq!((gathered.candidates.len(), gathered.left_out), (64, 6));
        let refused = gather(&[place("a", &many, &[])], &[]).unwrap_err();
        assert_eq!(refused, EntryFault::TooMany(70));
    }
}
