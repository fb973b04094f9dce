//! Whether `ferry bench` says the same as the harness beside the repository (`../shared/bench`): both measure the same
//! target at the same rate, in alternating rounds. Two programs that share no code and agree are both believed. What else
//! runs on the machine only ever adds time, so the quietest round of each is what is judged; medians stand beside.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use crate::Fault;
use crate::bench::{Plain, build, cell};
use crate::place::{Place, Profile};
use crate::server::free_port;

/// What the issue asks for.
const APART_MOST: f64 = 0.05;
/// Enough for one to be quiet on a machine that others use as well.
const ROUNDS: usize = 7;
/// Seconds of each round. The harness opens each of its connections within a measured request, where `ferry bench` has
/// warmed them up: so many seconds, and so few connections, that these requests are far fewer than the one in a hundred
/// that p99 leaves out.
const SECONDS: &str = "10";

/// One comparison.
struct Case {
    label: &'static str,
    rate: &'static str,
    /// Twice as many as are in use at a time, or more.
    connections: &'static str,
    /// What the mock of the harness is told at start.
    upstream: &'static [&'static str],
    /// Whether the bare proxy stands between.
    proxied: bool,
    load: &'static [&'static str],
    bench: &'static [&'static str],
    figures: &'static [Figure],
}

/// A figure by the harness's column, and by the object and member of `ferry bench --json`.
type Figure = (&'static str, &'static str, &'static str);

const WHOLE: &[Figure] = &[
    ("req/s", "", "throughput_per_second"),
    ("p50", "answer_us", "p50"),
    ("p99", "answer_us", "p99"),
];
const STREAM: &[Figure] = &[
    ("req/s", "", "throughput_per_second"),
    ("p50", "answer_us", "p50"),
    ("p99", "answer_us", "p99"),
    ("ttft p50", "first_token_us", "p50"),
    ("gap p99", "gap_us", "p99"),
];

const CASES: [Case; 4] = [
    // The target's own time is known and long beside what the programs cost: whether they mean the same by their figures.
    Case {
        label: "20 ms",
        rate: "500",
        connections: "16",
        upstream: &["--latency-ms", "20"],
        proxied: false,
        load: &["--latency-ms", "20"],
        bench: &[],
        figures: WHOLE,
    },
    Case {
        label: "stream",
        rate: "50",
        connections: "16",
        upstream: &["--chunks", "50", "--delay-ms", "2", "--ttfb-ms", "20"],
        proxied: false,
        load: &["--stream", "--chunks", "50", "--delay-ms", "2", "--ttfb-ms", "20"],
        bench: &["--kind", "stream"],
        figures: STREAM,
    },
    // A target that takes no time at all: what the programs themselves cost shows.
    Case {
        label: "at once",
        rate: "1000",
        connections: "4",
        upstream: &[],
        proxied: false,
        load: &[],
        bench: &[],
        figures: WHOLE,
    },
    Case {
        label: "proxied",
        rate: "1000",
        connections: "4",
        upstream: &[],
        proxied: true,
        load: &[],
        bench: &[],
        figures: WHOLE,
    },
];

/// `cargo xtask bench-agree`: exit code 0 when all quietest rounds are within 5 %.
///
/// # Errors
/// When something cannot be built, started or read.
pub(crate) fn all(place: &Place) -> Result<ExitCode, Fault> {
    let Some(bench) = place.shared("bench") else {
        println!("bench-agree: SKIPPED, ../shared/bench is not there");
        return Ok(ExitCode::SUCCESS);
    };
    let tools = build(place, &bench)?;
    let ferry = place.ferry(Profile::Release)?;
    println!(
        "{ROUNDS} rounds of {SECONDS} s each; times in us; the quietest round of each, and medians"
    );
    println!(
        "{:<9} {:<9} {:>10} {:>12} {:>8} {:>10} {:>12} {:>8}",
        "case", "figure", "harness", "ferry bench", "ratio", "harness", "ferry bench", "ratio"
    );
    let mut good = true;
    for case in CASES {
        good &= case.run(place, &tools, &ferry)?;
    }
    println!("{}", if good { "all within 5 %" } else { "not all within 5 %" });
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Case {
    fn run(&self, place: &Place, tools: &Path, ferry: &Path) -> Result<bool, Fault> {
        let port = free_port()?;
        let mut upstream = Command::new(tools.join("mock-upstream"));
        upstream.args(["--port", &port.to_string()]).args(self.upstream);
        let _upstream = Plain::start(&mut upstream, port)?;
        let proxy_port = free_port()?;
        let mut proxy = Command::new(tools.join("floor-proxy"));
        proxy.args([proxy_port.to_string(), format!("127.0.0.1:{port}")]);
        let _proxy = Plain::start(&mut proxy, proxy_port)?;
        let target = if self.proxied { proxy_port } else { port };
        let targets = place.cache.join("agree-targets.txt");
        std::fs::write(
            &targets,
            format!("direct http://127.0.0.1:{target}/v1/messages pidport=0\n"),
        )?;
        let mut rounds = vec![(Vec::new(), Vec::new()); self.figures.len()];
        for round in 0..ROUNDS {
            // Neither always follows the other.
            let first_ours = (round % 2 == 1).then(|| self.ours(ferry, target)).transpose()?;
            let harness = self.harness(tools, &targets)?;
            let ours = first_ours.map_or_else(|| self.ours(ferry, target), Ok)?;
            for ((theirs, mine), (column, object, member)) in rounds.iter_mut().zip(self.figures) {
                let missing = || format!("no {column} in\n{harness}\n{ours}");
                theirs.push(cell(&harness, "direct", column).ok_or_else(missing)?);
                mine.push(number(&ours, object, member).ok_or_else(missing)?);
            }
        }
        let mut good = true;
        for ((theirs, mine), (column, ..)) in rounds.into_iter().zip(self.figures) {
            let ratios = theirs.iter().zip(&mine).map(|(theirs, mine)| mine / theirs);
            let ratio = middle(&sorted(ratios.collect()));
            let (theirs, mine) = (sorted(theirs), sorted(mine));
            // Of rates the highest is the quietest.
            let quietest = |sorted: &[f64]| {
                let best = if *column == "req/s" { sorted.last() } else { sorted.first() };
                best.copied().unwrap_or(f64::NAN)
            };
            let quiet = quietest(&mine) / quietest(&theirs);
            good &= (quiet - 1.0).abs() <= APART_MOST;
            println!(
                "{:<9} {column:<9} {:>10.1} {:>12.1} {quiet:>8.3} {:>10.1} {:>12.1} {ratio:>8.3}",
                self.label,
                quietest(&theirs),
                quietest(&mine),
                middle(&theirs),
                middle(&mine),
            );
        }
        Ok(good)
    }

    fn harness(&self, tools: &Path, targets: &Path) -> Result<String, Fault> {
        let mut load = Command::new(tools.join("load"));
        load.arg("--targets").arg(targets).args(["--label", self.label, "--rounds", "1"]);
        load.args(["--warm", "1", "--body", "chat", "--rate", self.rate]);
        load.args(["--conc", self.connections, "--slot", SECONDS]).args(self.load);
        output(&mut load)
    }

    fn ours(&self, ferry: &Path, port: u16) -> Result<String, Fault> {
        let mut bench = Command::new(ferry);
        // The harness's mock does not say that it is one.
        bench.args([
            "bench",
            "--json",
            "--yes-spend",
            "--url",
            &format!("http://127.0.0.1:{port}"),
        ]);
        bench.args(["--rate", self.rate, "--connections", self.connections, "--duration", SECONDS]);
        output(bench.args(self.bench))
    }
}

fn output(command: &mut Command) -> Result<String, Fault> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{command:?} failed").into())
}

/// A number of the JSON that `ferry bench` writes: of a member of an object, or of the whole when that is empty.
fn number(json: &str, object: &str, member: &str) -> Option<f64> {
    let from =
        json.find(&format!("\"{object}\": {{")).or_else(|| object.is_empty().then_some(0))?;
    let (_, rest) = json.get(from..)?.split_once(&format!("\"{member}\": "))?;
    rest.split([',', '\n', '}']).next()?.trim().parse().ok()
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

fn middle(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_read_from_the_json() {
        let json = "{\n  \"rate\": 2.5,\n  \"answer_us\": {\n    \"p50\": 12.5,\n    \"max\": 3\n  },\n  \"gap_us\": null\n}";
        assert_eq!(number(json, "", "rate"), Some(2.5));
        assert_eq!(number(json, "answer_us", "p50"), Some(12.5));
        assert_eq!(number(json, "answer_us", "max"), Some(3.0));
        assert_eq!(number(json, "gap_us", "p50"), None);
    }
}
