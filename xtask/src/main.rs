//! Ferry's own chores, so that cargo alone is enough: `cargo xtask setup | test | fmt | lint | bench | ...`.
//!
//! Every chore prints one line per fact and names what it could not do. It never ships: nothing here
//! is part of the `ferry` binary, and no crate of the product depends on it.
#![expect(clippy::print_stdout, reason = "a chore talks to the person who started it")]

mod agree;
mod bench;
mod check;
mod clients;
mod command;
mod figures;
mod fuzz;
mod lab;
mod memory;
mod place;
mod report;
mod sdk_suite;
mod server;
mod setup;
mod tidy;

use std::process::ExitCode;

use place::Place;
use report::Report;

/// What a chore may fail with: the text goes to the person who started it.
type Fault = Box<dyn std::error::Error>;

const HELP: &str = "\
cargo xtask COMMAND

  setup               install what the tests need into .cache/ (or $FERRY_CACHE), and say what is missing
  test [--quick]      everything that must hold: house rules, Rust, real clients, the official SDK's suite
                      (--quick: Rust only)
  clients [--direct]  the real clients alone, through Ferry (--direct: straight at the mock)
  sdk-suite           the official Python SDK's own suite, through Ferry
  fmt                 format every crate
  lint                rustfmt check, clippy, house rules
  tidy                the house rules alone
  docs                the API documentation of every crate, warnings denied
  bench [ARGS]        load beside a bare hyper proxy; ARGS go to the load program of every scenario
  bench-agree         whether `ferry bench` says the same as that load program (five minutes)
  lab [--more] [ARGS] the fault lab (root, Linux); ARGS go to it, e.g. --scenarios cut_mid,all_down
                      (--more: other faults of the same kinds)
  lab-http [ARGS]     HTTP/1.1 beside HTTP/2 towards a node that loses packets (root, Linux; five minutes)
  fuzz [--seconds N]  every fuzz target for N seconds (60)
  memory [--requests N]  live streams, large bodies, and after N requests (1000000); Linux
  figures             start-up time, idle memory, binary size, number of packages

$FERRY_BIN names a ferry that is built already, for figures of a packaged one.
Servers listen on loopback, on ports the system chooses. Logs of every step stand in the cache folder.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(code) => code,
        Err(fault) => {
            println!("xtask: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<ExitCode, Fault> {
    let (name, rest) =
        args.split_first().map_or(("help", &[][..]), |(name, rest)| (name.as_str(), rest));
    if name == "lab-gateway" {
        return lab::gateway(rest);
    }
    if name == "memory" {
        return memory::all(rest);
    }
    let place = Place::find()?;
    let mut report = Report::new(&place);
    match name {
        "setup" => setup::all(&place, &mut report),
        "test" => test(&place, &mut report, rest.iter().any(|arg| arg == "--quick")),
        "clients" => clients::all(&place, &mut report, rest.iter().any(|arg| arg == "--direct")),
        "sdk-suite" => sdk_suite::all(&place, &mut report),
        "fmt" => check::format(&mut report),
        "lint" => check::lint(&place, &mut report),
        "tidy" => check::tidy(&place, &mut report),
        "docs" => check::docs(&mut report),
        "bench" => return bench::all(&place, rest),
        "bench-agree" => return agree::all(&place),
        "lab" => return lab::all(&place, rest),
        "lab-http" => return lab::http_versions(&place, rest),
        "fuzz" => fuzz::all(&place, &mut report, rest)?,
        "figures" => return figures::all(&place),
        "memory-inner" => return memory::inner(&place, rest),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            return Ok(ExitCode::SUCCESS);
        }
        other => return Err(format!("no command `{other}`\n\n{HELP}").into()),
    }
    Ok(report.close())
}

/// The README's test command, and all that continuous integration runs.
fn test(place: &Place, report: &mut Report, quick: bool) {
    // The house rules are among the tests.
    check::static_checks(report);
    check::tests(report);
    check::docs(report);
    if quick {
        report.skip("clients", "--quick asks for Rust only");
        report.skip("sdk-suite", "--quick asks for Rust only");
        return;
    }
    setup::all(place, report);
    clients::all(place, report, false);
    sdk_suite::all(place, report);
}
