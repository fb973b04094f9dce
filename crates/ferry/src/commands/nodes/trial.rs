//! `ferry nodes test`: its flags, the nodes that it is about, and which of its two forms is meant: a ranking now, or a
//! comparison over hours. Both send unpaid requests only.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use ferry_gateway::config::{self, Inputs, Way};
use ferry_gateway::upstream::{HttpVersion, NodeKind, NodeSettings, Nonstream, Role};
use miette::miette;

use super::watch::{self, Lang};
use super::{span, speed};

/// Arguments of `ferry nodes test`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ferry nodes test                                   rank the nodes of the configuration
  ferry nodes test --address 203.0.113.7 -t 4        try an address of yours as well, four times
  ferry nodes test -f mine.txt -o result.csv         a list of addresses in, a spreadsheet out
  ferry nodes test --apply                           write the ranking into the configuration
  ferry nodes test --for 24h --against https://api.anthropic.com
                                                     today's way beside Ferry's, for a day

Nothing that is sent costs anything: no key, no model. Exit code 0 when a candidate can be used, 1 when none can.")]
pub(super) struct TestArgs {
    /// Only this node; may be repeated [default: all]
    #[arg(long = "node", value_name = "NAME")]
    pub(super) nodes: Vec<String>,
    /// A base URL to test in place of the configured nodes
    #[arg(long, short = 'u', value_name = "URL", conflicts_with_all = ["nodes", "apply"])]
    pub(super) url: Option<String>,
    /// An IP address to try as well, NODE=IP where there are several nodes; may be repeated. No ranges
    #[arg(long = "address", alias = "ip", value_name = "IP", value_delimiter = ',')]
    pub(super) addresses: Vec<String>,
    /// A file of such addresses, one on each line
    #[arg(long, short = 'f', value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Tries for each candidate, 12 at most
    #[arg(long, short = 't', value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u8).range(1..=12))]
    pub(super) tries: u8,
    /// Candidates at a time, 8 at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 8,
          value_parser = clap::value_parser!(u8).range(1..=8))]
    pub(super) parallel: u8,
    /// Show and save only candidates whose mean connect takes at most so many ms
    #[arg(long, value_name = "MS")]
    pub(super) tl: Option<f64>,
    /// The same, at least so many ms
    #[arg(long, value_name = "MS")]
    pub(super) tll: Option<f64>,
    /// The same, with a loss of at most this, from 0 to 1
    #[arg(long, value_name = "LOSS")]
    pub(super) tlr: Option<f64>,
    /// Rows to print [default: all]
    #[arg(long = "rows", short = 'p', value_name = "N")]
    pub(super) rows: Option<usize>,
    /// Write the ranking as CSV to this file; with --for, the folder of results and pages
    #[arg(long, short = 'o', value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// One JSON object in place of the table
    #[arg(long)]
    pub(super) json: bool,
    /// Write the ranking into the configuration file, after showing the difference
    #[arg(long)]
    pub(super) apply: bool,
    /// Do not ask before writing
    #[arg(long, short = 'y', requires = "apply")]
    pub(super) yes: bool,
    /// Compare for so long (24h, 90m, 45s), one round after the other; started again, it goes on
    #[arg(long = "for", value_name = "TIME", value_parser = span::parse, requires = "against",
          conflicts_with_all = ["apply", "json", "tl", "tll", "tlr", "rows", "tries", "parallel"])]
    pub(super) during: Option<Duration>,
    /// What is called today, without Ferry: a base URL
    #[arg(long, value_name = "URL", requires = "during")]
    pub(super) against: Option<String>,
    /// Between the beginnings of two rounds, 1s at least
    #[arg(long, value_name = "TIME", value_parser = span::parse, default_value = "30s", requires = "during")]
    pub(super) every: Duration,
    /// Language of the page [default: by `LC_ALL`, `LC_MESSAGES` and `LANG`]
    #[arg(long, value_enum, value_name = "LANG", requires = "during")]
    pub(super) lang: Option<Lang>,
    /// What other speed tests download or scan for.
    #[command(flatten)]
    foreign: ForeignArgs,
}

/// Flags of speed tests that measure something else. Known, so that the refusal can say what is different here.
#[derive(Debug, Args)]
struct ForeignArgs {
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "", value_name = "N")]
    dn: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "", value_name = "N")]
    dt: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "", value_name = "N")]
    sl: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "", value_name = "N")]
    tp: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "", value_name = "N")]
    cfcolo: Option<String>,
    /// There is nothing else here.
    #[arg(long, hide = true)]
    httping: bool,
    /// There is no download to leave out.
    #[arg(long, hide = true)]
    dd: bool,
}

impl ForeignArgs {
    fn refusal(&self) -> Option<&'static str> {
        let download = self.dn.is_some() || self.dt.is_some() || self.sl.is_some();
        match (download, self.tp.is_some(), self.cfcolo.is_some()) {
            (true, _, _) => Some(
                "nothing is downloaded here: MB/s say nothing about an API; leave -dn, -dt and -sl out",
            ),
            (_, true, _) => Some("the port is that of the node's URL; leave -tp out"),
            (_, _, true) => {
                Some("candidates are your own nodes, wherever they are; leave -cfcolo out")
            }
            _ => None,
        }
    }
}

/// The nodes that are tested, and what is known of the configuration.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) way: Way,
    pub(super) inputs: Inputs,
}

/// Runs `ferry nodes test`.
///
/// # Errors
/// What was asked for cannot be done; the report says why.
pub(super) fn run(mut args: TestArgs, inputs: Inputs) -> miette::Result<ExitCode> {
    if let Some(refusal) = args.foreign.refusal() {
        return Err(miette!("{refusal}"));
    }
    let mut way = match config::way(&inputs) {
        Ok(way) => way,
        Err(report) => return super::super::config::refuse(report),
    };
    if let Some(url) = &args.url {
        way.upstream.nodes = vec![Arc::new(node_of(url, &inputs)?)];
    }
    let known: Vec<&str> = way.upstream.nodes.iter().map(|node| &*node.name).collect();
    if let Some(missing) = args.nodes.iter().find(|name| !known.contains(&name.as_str())) {
        let help = format!("name one of the configuration's nodes: {}", known.join(", "));
        return Err(miette!(help = help, "failed to find node `{missing}`"));
    }
    if !args.nodes.is_empty() {
        way.upstream.nodes.retain(|node| args.nodes.iter().any(|name| **name == *node.name));
    }
    let mut ground = Ground { way, inputs };
    match (args.during, args.against.take()) {
        (Some(during), Some(against)) => watch::run(&args, during, &against, &mut ground),
        _ => speed::run(&args, &ground),
    }
}

/// A node of which nothing but the base URL is known. Named by its host, and reached through the proxy of the environment,
/// if one is meant for it.
///
/// # Errors
/// It is no base URL, or what the environment names is no proxy.
pub(super) fn node_of(url: &str, inputs: &Inputs) -> miette::Result<NodeSettings> {
    let help = "write it as in https://relay.example.com/api, without /v1, query or user name";
    // Not shown: it may hold a password.
    let refused =
        || miette!(help = help, "failed to use the URL that was given: it is no base URL");
    let parsed: http::Uri = url.trim_end_matches('/').parse().map_err(|_fault| refused())?;
    let host = parsed.host().filter(|host| !host.is_empty()).ok_or_else(refused)?.to_owned();
    let web = matches!(parsed.scheme_str(), Some("http" | "https"));
    let user = parsed.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if !web || user || parsed.query().is_some() {
        return Err(refused());
    }
    let path = parsed.path().trim_end_matches('/');
    let path = path.strip_suffix("/v1").unwrap_or(path).to_owned();
    let mut parts = parsed.into_parts();
    let path = if path.is_empty() { "/" } else { &path };
    parts.path_and_query = Some(path.parse().map_err(|_fault| refused())?);
    let url = http::Uri::from_parts(parts).map_err(|_fault| refused())?;
    let proxy = config::environment_proxy(inputs, &url)
        .map_err(|fault| miette!(help = fault.hint(), "failed to {fault}"))?;
    Ok(NodeSettings {
        name: host.as_str().into(),
        kind: NodeKind::Messages,
        url,
        keys: Vec::new(),
        addresses: Vec::<IpAddr>::new(),
        role: Role::Primary,
        headers: Vec::new(),
        extra_ca_file: None,
        client_cert: None,
        http: HttpVersion::Auto,
        nonstream: Nonstream::Pass,
        proxy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_becomes_a_node_named_by_its_host() {
        for (url, node) in [
            ("https://relay.example.com/api/", Some(("relay.example.com", "/api"))),
            ("https://relay.example.com/api/v1", Some(("relay.example.com", "/api"))),
            ("http://127.0.0.1:8080", Some(("127.0.0.1", "/"))),
            ("https://[2001:db8::7]", Some(("[2001:db8::7]", "/"))),
            ("relay.example.com", None),
            ("ftp://relay.example.com", None),
            ("https://me@relay.example.com", None),
            ("https://relay.example.com/?a=b", None),
            ("https://", None),
            ("", None),
        ] {
            let made = node_of(url, &Inputs::default()).ok();
            let made = made.as_ref().map(|made| (&*made.name, made.url.path()));
            assert_eq!(made, node, "{url}");
        }
    }
}
