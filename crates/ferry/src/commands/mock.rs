//! `ferry mock`: the scripted Claude API alone, for tests, demos and CI. It turns flags into settings and waits;
//! what is answered and what can go wrong stands in the crate `ferry-mock`.

use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use ferry_gateway::serve::signals::{Ask, Signals};
use ferry_mock::fault::{Rule, parse_rules, parse_scenario};
use ferry_mock::{Capture, Mock, MockSettings, RunningMock, StartError, Timing, TlsSettings};
use miette::{IntoDiagnostic as _, WrapErr as _, miette};

use super::say;

/// Run the scripted Claude API.
///
/// Any key is accepted; `sk-ant-invalid...` gives 401 and `sk-ant-forbidden...` 403. Headers `x-mock-NAME: VALUE` and
/// prompt markers `[mock NAME=VALUE ...]` set up single requests. GET /__mock/stats shows counters.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct MockArgs {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7399")]
    listen: SocketAddr,

    /// What answers, ids and random faults are made from
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Standing faults, for example `529@p=0.1; cut:at=5@nth=3,path=/v1/messages`; may be repeated
    #[arg(long, value_name = "SPEC")]
    fault: Vec<String>,

    /// TOML file with a list of rules, tried after those of --fault
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,

    /// Milliseconds before the first token
    #[arg(long, value_name = "MS", default_value_t = 300)]
    first_token_ms: u64,

    /// Tokens per second after the first; 0 is as fast as possible
    #[arg(long, value_name = "N", default_value_t = 80.0)]
    tokens_per_second: f64,

    /// Spread of all waits, 0 to 1
    #[arg(long, value_name = "X", default_value_t = 0.2)]
    jitter: f64,

    /// Answer as fast as possible: no waits at all
    #[arg(long, conflicts_with_all = ["first_token_ms", "tokens_per_second", "jitter"])]
    fast: bool,

    /// Milliseconds that a batch takes
    #[arg(long, value_name = "MS", default_value_t = 500)]
    batch_ms: u64,

    /// Milliseconds that the long poll for work waits
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    poll_ms: u64,

    /// Serve TLS with a certificate made now, signed by an authority made now
    #[arg(long)]
    tls: bool,

    /// Host name for the certificate besides localhost; may be repeated
    #[arg(long, value_name = "NAME", requires = "tls")]
    tls_name: Vec<String>,

    /// Write the authority's certificate to this file (PEM)
    #[arg(long, value_name = "FILE", requires = "tls")]
    ca_out: Option<PathBuf>,

    /// Ask clients for a certificate, and write one that is taken, with its key, to this file (PEM)
    #[arg(long, value_name = "FILE", requires = "tls")]
    client_out: Option<PathBuf>,

    /// Base of the absolute `results_url` of batches, instead of the address that the client used
    #[arg(long, value_name = "URL")]
    results_base: Option<String>,

    /// Requests kept for GET /__mock/requests; 0 keeps counters only and is fastest
    #[arg(long, value_name = "N", default_value_t = 64)]
    keep: usize,
}

/// Runs until Ctrl-C or SIGTERM.
///
/// # Errors
/// A fault spec or scenario that cannot be read, an address that cannot be bound, a file that cannot be written.
pub(crate) async fn run(args: MockArgs) -> miette::Result<ExitCode> {
    // Before the announcement, so that whoever waits for it may send a signal at once.
    let mut signals = Signals::new().into_diagnostic()?;
    let mock = match Mock::start(settings(&args)?).await {
        Ok(mock) => mock,
        Err(error) => return Err(refusal(&error)),
    };
    write_certificates(&args, &mock)?;
    announce(&mock)?;
    while !matches!(signals.next().await, Ask::Drain | Ask::Stop) {}
    mock.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Why it did not start, and what to do about it.
fn refusal(error: &StartError) -> miette::Report {
    match error {
        StartError::Listen { address, source } => {
            let kind = source.kind();
            let help = if kind == ErrorKind::AddrInUse {
                "name another port, or --listen 127.0.0.1:0 for a free one"
            } else if kind == ErrorKind::PermissionDenied {
                "name a port above 1023: --listen 127.0.0.1:7399"
            } else {
                "name an address of this machine: --listen 127.0.0.1:7399"
            };
            miette!(help = help, "failed to listen on {address}: {source}")
        }
        StartError::Tls(source) => {
            miette!(help = "check the names after --tls-name", "failed to {error}: {source}")
        }
    }
}

fn settings(args: &MockArgs) -> miette::Result<MockSettings> {
    let timing = Timing {
        first_token: Duration::from_millis(args.first_token_ms),
        tokens_per_second: args.tokens_per_second,
        jitter: args.jitter,
    };
    let defaults = Capture::default();
    Ok(MockSettings {
        listen: args.listen,
        seed: args.seed,
        timing: if args.fast { Timing::default() } else { timing },
        faults: rules(args)?,
        tls: args.tls.then(|| TlsSettings {
            names: args.tls_name.clone(),
            require_client_certificate: args.client_out.is_some(),
            http1_only: false,
        }),
        results_base: args.results_base.clone(),
        batch_duration: Duration::from_millis(args.batch_ms),
        poll_duration: Duration::from_millis(args.poll_ms),
        capture: Capture { requests: args.keep, ..defaults },
    })
}

fn rules(args: &MockArgs) -> miette::Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for spec in &args.fault {
        rules.extend(parse_rules(spec).map_err(|error| {
            miette!(
                help =
                    "write it as FAULT[@WHEN], as in --fault 529@p=0.1 or --fault cut:at=5@nth=3",
                "failed to {error}"
            )
        })?);
    }
    if let Some(path) = &args.scenario {
        let text = std::fs::read_to_string(path)
            .into_diagnostic()
            .wrap_err_with(|| format!("failed to read {}", path.display()))?;
        let scenario = parse_scenario(&text)
            .into_diagnostic()
            .wrap_err_with(|| format!("failed to play {}", path.display()))?;
        rules.extend(scenario);
    }
    Ok(rules)
}

fn write_certificates(args: &MockArgs, mock: &RunningMock) -> miette::Result<()> {
    if let (Some(path), Some(pem)) = (&args.ca_out, mock.ca_pem()) {
        write_file(path, pem)?;
    }
    if let (Some(path), Some(identity)) = (&args.client_out, mock.client_identity()) {
        write_file(path, &format!("{}{}", identity.certificate_pem, identity.key_pem))?;
    }
    Ok(())
}

fn write_file(path: &Path, text: &str) -> miette::Result<()> {
    std::fs::write(path, text)
        .into_diagnostic()
        .wrap_err_with(|| format!("failed to write {}", path.display()))
}

/// One line for scripts that wait for it; what people may want to know besides goes to standard error.
fn announce(mock: &RunningMock) -> miette::Result<()> {
    let url = mock.base_url();
    say(&format!("mock {url}"))?;
    let hint = format!("counters at {url}/__mock/stats; any key is accepted; Ctrl-C ends it");
    // Nobody is left to tell when standard error is gone.
    drop(writeln!(std::io::stderr().lock(), "{hint}"));
    Ok(())
}
