//! Ferry beside a bare hyper proxy, with the harness beside the repository (`../shared/bench`). What counts
//! is the ratio within one run: nothing absolute compares across days or machines.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use crate::Fault;
use crate::clients::{in_front, in_front_with};
use crate::command::logged;
use crate::place::{Place, Profile};
use crate::server::{Server, free_port};

/// Label and arguments of each load: the sizes and streams that the issues name figures for.
const LOADS: [(&str, &[&str]); 6] = [
    ("4 KB", &["--body", "chat", "--conc", "16"]),
    ("200 KB", &["--body", "large", "--conc", "16"]),
    ("1 MB", &["--body", "image", "--conc", "4"]),
    ("events", &["--body", "chat", "--stream", "--chunks", "100", "--conc", "16"]),
    (
        "paced",
        &[
            "--body",
            "chat",
            "--stream",
            "--chunks",
            "50",
            "--delay-ms",
            "20",
            "--ttfb-ms",
            "100",
            "--conc",
            "50",
            "--warm",
            "0",
            "--slot",
            "5",
            "--stagger",
            "1.1",
        ],
    ),
    ("open 1000/s", &["--body", "chat", "--rate", "1000", "--conc", "256"]),
];
/// A Ferry that looks through every request: the rules that `enabled = true` alone means.
const REDACTING: (&str, &str) = ("bench-redact", "[redact]\nenabled = true\n");

/// The load whose requests are looked through.
const REDACTED: (&str, &[&str]) = ("200 KB redact", &["--body", "large", "--conc", "16"]);

/// Looks at a port that a server will open, 5 ms apart: a minute.
const LOOKS: u32 = 12_000;

/// `cargo xtask bench [ARGS]`: arguments go to the load program of every scenario.
///
/// # Errors
/// When something cannot be built or started.
pub(crate) fn all(place: &Place, args: &[String]) -> Result<ExitCode, Fault> {
    let Some(bench) = place.shared("bench") else {
        println!("bench: SKIPPED, ../shared/bench is not there");
        return Ok(ExitCode::SUCCESS);
    };
    let tools = build(place, &bench)?;
    let binary = place.ferry(Profile::Release)?;
    let upstream_port = free_port()?;
    let upstream = Plain::start(
        Command::new(tools.join("mock-upstream")).args(["--port", &upstream_port.to_string()]),
        upstream_port,
    )?;
    let floor_port = free_port()?;
    let floor = Plain::start(
        Command::new(tools.join("floor-proxy"))
            .args([floor_port.to_string(), format!("127.0.0.1:{upstream_port}")]),
        floor_port,
    )?;
    let node = format!("http://127.0.0.1:{upstream_port}");
    let ferry = in_front(place, &binary, &node)?;
    let redacting = in_front_with(place, &binary, &node, REDACTING)?;
    let nginx = nginx(place, upstream_port)?;
    let targets = place.cache.join("bench-targets.txt");
    let nginx_port = nginx.as_ref().map(|(_, port)| *port);
    std::fs::write(&targets, target_lines(upstream_port, floor_port, nginx_port, &ferry))?;
    let looked = place.cache.join("bench-targets-redact.txt");
    std::fs::write(&looked, target_lines(upstream_port, floor_port, None, &redacting))?;
    let mut good = true;
    let mut ratios = Vec::new();
    let loads = LOADS.iter().map(|load| (*load, &targets)).chain([(REDACTED, &looked)]);
    for ((label, load), targets) in loads {
        println!("\n{label}: {}", load.join(" "));
        let output = Command::new(tools.join("load"))
            .arg("--targets")
            .arg(targets)
            .args(["--label", label, "--rounds", "5"])
            .args(load)
            .args(args)
            .stderr(Stdio::inherit())
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        println!("{text}");
        good &= output.status.success();
        ratios.push(ratio_line(label, &text));
    }
    drop((nginx, floor, upstream));
    println!(
        "{:<14} {:>14} {:>16} {:>16}",
        "ferry/floor", "cpu per request", "+ttft p50, us", "+event p99, us"
    );
    for line in ratios {
        println!("{line}");
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the issues ask for, out of a table of the load program: CPU as a ratio to the floor, delays as what
/// Ferry adds to the floor's. A column that the load does not have is a dash.
fn ratio_line(label: &str, table: &str) -> String {
    let cell = |target: &str, column: &str| cell(table, target, column);
    let pair = |column: &str| Some((cell("ferry", column)?, cell("floor", column)?));
    let ratio = pair("cpu us/req").map_or_else(|| "-".to_owned(), |(a, b)| format!("{:.2}", a / b));
    let more = |column: &str| {
        pair(column).map_or_else(|| "-".to_owned(), |(a, b)| format!("{:.0}", a - b))
    };
    format!("{label:<14} {ratio:>14} {:>16} {:>16}", more("ttft p50"), more("ev p99"))
}

/// A number of a Markdown table, by the first cell of its row and the heading of its column.
pub(crate) fn cell(table: &str, target: &str, column: &str) -> Option<f64> {
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let head = table.lines().find(|line| line.starts_with("| target"))?;
    let at = cells(head).iter().position(|name| name == column)?;
    let row = table.lines().find(|line| line.starts_with(&format!("| {target} ")))?;
    cells(row).get(at)?.parse().ok()
}

/// Debian's nginx as a plain proxy beside the floor, where it is installed.
fn nginx(place: &Place, upstream: u16) -> Result<Option<(Plain, u16)>, Fault> {
    let Some(program) =
        ["/usr/sbin/nginx", "/usr/bin/nginx"].map(Path::new).into_iter().find(|p| p.exists())
    else {
        println!("bench: no nginx beside Ferry, it is not installed");
        return Ok(None);
    };
    let port = free_port()?;
    let folder = place.cache.join("bench-nginx");
    std::fs::create_dir_all(&folder)?;
    let config = folder.join("nginx.conf");
    std::fs::write(&config, nginx_config(&folder, port, upstream))?;
    let mut command = Command::new(program);
    command.arg("-c").arg(&config).arg("-p").arg(&folder).stdout(Stdio::null());
    Ok(Some((Plain::start(&mut command, port)?, port)))
}

/// As in the article, and kept alive: two workers, no buffering of answers, no log.
fn nginx_config(folder: &Path, port: u16, upstream: u16) -> String {
    let folder = folder.display();
    format!(
        "daemon off;\nworker_processes 2;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n access_log off;\n client_body_temp_path {folder}/body;\n\
         proxy_temp_path {folder}/proxy;\n fastcgi_temp_path {folder}/fastcgi;\n\
         uwsgi_temp_path {folder}/uwsgi;\n scgi_temp_path {folder}/scgi;\n\
         client_max_body_size 64m;\n client_body_buffer_size 2m;\n tcp_nodelay on;\n\
         upstream api {{ server 127.0.0.1:{upstream}; keepalive 512; }}\n\
         server {{ listen 127.0.0.1:{port};\n location / {{ proxy_pass http://api;\n\
         proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_buffering off; }} }}\n}}\n"
    )
}

fn target_lines(upstream: u16, floor: u16, nginx: Option<u16>, ferry: &Server) -> String {
    let nginx = nginx
        .map_or_else(String::new, |port| format!("nginx http://127.0.0.1:{port}/v1/messages\n"));
    format!(
        "direct http://127.0.0.1:{upstream}/v1/messages pidport=0\n\
         floor http://127.0.0.1:{floor}/v1/messages\n{nginx}\
         ferry {}/v1/messages\n",
        ferry.address("data")
    )
}

/// Builds the harness into the cache: the folder beside the repository may be read-only.
///
/// # Errors
/// When it does not build.
pub(crate) fn build(place: &Place, bench: &Path) -> Result<PathBuf, Fault> {
    let target = place.cache.join("bench-target");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--release", "--locked", "--manifest-path"])
        .arg(bench.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target);
    logged(&place.log("bench-build"), &mut cargo)?.or_fail("the benchmark's build")?;
    Ok(target.join("release"))
}

/// A server that prints no address: it is ready when its port answers. Ended by its process id when dropped.
pub(crate) struct Plain(Child);

impl Plain {
    /// # Errors
    /// When it cannot be started, or ends before its port answers.
    pub(crate) fn start(command: &mut Command, port: u16) -> Result<Self, Fault> {
        let mut plain = Self(command.stdin(Stdio::null()).spawn()?);
        for _ in 0..LOOKS {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(plain);
            }
            if plain.0.try_wait()?.is_some() {
                break;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        Err(format!("{command:?} did not come up on port {port}").into())
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::ratio_line;

    #[test]
    fn ratios_are_read_from_the_table() {
        let table = "### x\n| target | cpu us/req | ttft p50 |\n|---|---|---|\n| floor | 20 | 100 |\n| ferry | 25 | 130 |\n";
        let words: Vec<String> =
            ratio_line("4 KB", table).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words, ["4", "KB", "1.25", "30", "-"]);
    }
}
