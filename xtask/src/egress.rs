//! Real proxies between Ferry and its mock: tinyproxy for HTTP CONNECT with a login, dante for SOCKS5 without and
//! microsocks for SOCKS5 with one. TLS goes through all of them. One that is not installed is named as skipped.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Fault;
use crate::bench::Plain;
use crate::place::{Place, Profile};
use crate::report::{Counts, Report};
use crate::server::{Server, free_port};
use crate::setup;

/// No real login; there is none other at these proxies.
const LOGIN: &str = "ferry:s3cret-of-the-proxy";
const PASSWORD: &str = "s3cret-of-the-proxy";
/// An answer of the mock comes at once, and one of Ferry within its deadlines.
const PATIENCE: Duration = Duration::from_secs(30);

/// A proxy, and what must come of its URL as Ferry is given it.
struct Kind {
    name: &'static str,
    package: &'static str,
    start: fn(&Path, u16) -> Result<Command, Fault>,
    cases: &'static [Case],
}

/// `AT` stands for host and port.
struct Case {
    url: &'static str,
    /// The mock, or a port where nobody listens.
    reachable: bool,
    /// Part of the refusal; empty: the answer comes through.
    refusal: &'static str,
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "tinyproxy",
        package: "tinyproxy-bin",
        start: tinyproxy,
        cases: &[
            Case { url: "http://ferry:env:PROXY_PASSWORD@AT", reachable: true, refusal: "" },
            Case {
                url: "http://ferry:wrong@AT",
                reachable: true,
                refusal: "it refuses the credentials (401)",
            },
            Case {
                url: "http://AT",
                reachable: true,
                refusal: "it asks for credentials (407, Basic)",
            },
            Case {
                url: "http://ferry:env:PROXY_PASSWORD@AT",
                reachable: false,
                refusal: "it cannot reach the node itself (500)",
            },
            Case { url: "socks5h://AT", reachable: true, refusal: "through the proxy socks5h://" },
        ],
    },
    Kind {
        name: "dante",
        package: "dante-server",
        start: dante,
        cases: &[
            Case { url: "socks5h://AT", reachable: true, refusal: "" },
            Case { url: "socks5://AT", reachable: true, refusal: "" },
            Case { url: "socks5h://AT", reachable: false, refusal: "connection refused" },
        ],
    },
    Kind {
        name: "microsocks",
        package: "microsocks",
        start: microsocks,
        cases: &[
            Case { url: "socks5h://ferry:env:PROXY_PASSWORD@AT", reachable: true, refusal: "" },
            Case { url: "socks5://ferry:env:PROXY_PASSWORD@AT", reachable: true, refusal: "" },
            Case {
                url: "socks5h://ferry:wrong@AT",
                reachable: true,
                refusal: "it refuses the credentials",
            },
            Case { url: "socks5h://AT", reachable: true, refusal: "it asks for credentials" },
            Case {
                url: "socks5h://ferry:env:PROXY_PASSWORD@AT",
                reachable: false,
                refusal: "connection refused",
            },
        ],
    },
];

/// Every proxy in turn.
pub(crate) fn all(place: &Place, report: &mut Report) {
    for kind in KINDS {
        let name = format!("proxy {}", kind.name);
        if setup::missing(kind.package) {
            report.skip(&name, &format!("{} is not installed (cargo xtask setup)", kind.package));
        } else {
            report.step(&name, "Ferry through a real proxy, TLS to the node", || {
                through(place, &kind)
            });
        }
    }
}

fn through(place: &Place, kind: &Kind) -> Result<Counts, Fault> {
    let dir = place.cache.join("proxies").join(kind.name);
    std::fs::create_dir_all(&dir)?;
    let binary = place.ferry(Profile::Debug)?;
    let ca = dir.join("ca.pem");
    let mut command = Command::new(&binary);
    command.args(["mock", "--listen", "127.0.0.1:0", "--fast", "--tls", "--ca-out"]).arg(&ca);
    let mock = Server::start(&mut command, &place.log("proxy-mock"), &["mock"])?;
    let port = free_port()?;
    let log = place.log(&format!("proxy-{}", kind.name));
    let output = std::fs::File::create(&log)?;
    let mut command = (kind.start)(&dir, port)?;
    command.stdout(output.try_clone()?).stderr(output);
    let proxy = Plain::start(&mut command, port).map_err(|fault| {
        format!("{fault}\n{}", std::fs::read_to_string(&log).unwrap_or_default())
    })?;
    let mut counts = Counts::default();
    for case in kind.cases {
        let nobody = format!("https://localhost:{}", free_port()?);
        let node = if case.reachable { mock.address("mock") } else { &nobody };
        let url = case.url.replace("AT", &format!("127.0.0.1:{port}"));
        match one(
            place,
            &dir,
            &binary,
            &format!("url = \"{node}\"\nproxy = \"{url}\"\nextra_ca_file = \"{}\"", ca.display()),
        ) {
            Ok(answers) if answers.iter().all(|answer| case.fits(answer)) => counts.passed += 1,
            Ok(answers) => {
                counts.failed += 1;
                println!("  {} of {url}: {}", kind.name, answers.join("\n"));
            }
            Err(fault) => return Err(fault),
        }
    }
    drop(proxy);
    Ok(counts)
}

impl Case {
    fn fits(&self, answer: &str) -> bool {
        if self.refusal.is_empty() {
            return answer.starts_with("HTTP/1.1 200") && !answer.contains("event: error");
        }
        answer.starts_with("HTTP/1.1 503")
            && answer.replace("\\\"", "\"").contains(self.refusal)
            && !answer.contains(PASSWORD)
    }
}

/// A Ferry with this node: a whole answer, then a stream.
fn one(place: &Place, dir: &Path, binary: &PathBuf, node: &str) -> Result<Vec<String>, Fault> {
    let file = dir.join("ferry.toml");
    let state = dir.join("state");
    let config = format!(
        "[state]\ndir = \"{}\"\n[timeouts]\npatience_ms = 0\n[[nodes]]\nname = \"n\"\n{node}\n",
        state.display()
    );
    std::fs::write(&file, config)?;
    let mut command = Command::new(binary);
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--config"])
        .arg(&file)
        .env("PROXY_PASSWORD", PASSWORD);
    let ferry = Server::start(&mut command, &place.log("proxy-serve"), &["data"])?;
    [false, true].into_iter().map(|stream| ask(ferry.address("data"), stream)).collect()
}

fn ask(base_url: &str, stream: bool) -> Result<String, Fault> {
    let address = base_url.strip_prefix("http://").unwrap_or(base_url);
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let body = format!(
        "{{\"model\":\"claude-sonnet-5\",\"max_tokens\":16,\"stream\":{stream},\
         \"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}"
    );
    write!(
        socket,
        "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nx-api-key: sk-ant-api03-mock\r\n\
         anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(answer)
}

fn tinyproxy(dir: &Path, port: u16) -> Result<Command, Fault> {
    let file = dir.join("tinyproxy.conf");
    let (user, password) = LOGIN.split_once(':').ok_or("no login")?;
    std::fs::write(
        &file,
        format!(
            "Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nBasicAuth {user} {password}\nTimeout 60\n"
        ),
    )?;
    let mut command = Command::new("tinyproxy");
    command.arg("-d").arg("-c").arg(file);
    Ok(command)
}

fn dante(dir: &Path, port: u16) -> Result<Command, Fault> {
    let file = dir.join("danted.conf");
    std::fs::write(
        &file,
        format!(
            "logoutput: stderr\ninternal: 127.0.0.1 port = {port}\nexternal: 127.0.0.1\n\
             clientmethod: none\nsocksmethod: none\n\
             client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}\n\
             socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}\n"
        ),
    )?;
    let mut command = Command::new("/usr/sbin/danted");
    command.arg("-f").arg(file).arg("-p").arg(dir.join("danted.pid"));
    Ok(command)
}

fn microsocks(_dir: &Path, port: u16) -> Result<Command, Fault> {
    let (user, password) = LOGIN.split_once(':').ok_or("no login")?;
    let mut command = Command::new("microsocks");
    command.args(["-i", "127.0.0.1", "-p", &port.to_string(), "-u", user, "-P", password]);
    Ok(command)
}
