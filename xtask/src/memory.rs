//! The figures of memory: idle, live streams after large requests, the largest bodies at once, and after
//! a million requests. Ferry before its own mock, both release builds; resident memory as the kernel
//! counts it. Prints figures; judging them against the issue is the reader's part.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::{Arc, Barrier};

use crate::Fault;
use crate::clients::in_front;
use crate::figures::resident_kib;
use crate::place::{Place, Profile};
use crate::server::Server;

/// Live streams at once, and the request that each began with.
const STREAMS: usize = 2_000;
const STREAM_REQUEST_BYTES: usize = 200 * 1024;

/// The largest bodies at once: one byte under the API's own 32 MiB each.
const BODIES: usize = 8;
const BODY_BYTES: usize = 32 * 1024 * 1024 - 1;

/// Connections that the million requests come over.
const CLIENTS: usize = 16;

/// `cargo xtask memory [--requests N]`. Starts itself again with more open files allowed, since every
/// stream needs two.
///
/// # Errors
/// When a server does not start or an answer is not what it should be.
pub(crate) fn all(args: &[String]) -> Result<ExitCode, Fault> {
    let own = std::env::current_exe()?;
    let status = Command::new("sh")
        .arg("-c")
        .arg("ulimit -n \"$(ulimit -Hn)\"; exec \"$0\" memory-inner \"$@\"")
        .arg(own)
        .args(args)
        .status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The chore itself, with enough open files.
///
/// # Errors
/// As [`all`].
pub(crate) fn inner(place: &Place, args: &[String]) -> Result<ExitCode, Fault> {
    let requests = match args {
        [] => 1_000_000,
        [flag, count] if flag == "--requests" => count.parse()?,
        _ => return Err("usage: cargo xtask memory [--requests N]".into()),
    };
    let binary = place.ferry(Profile::Release)?;
    let mut mock = Command::new(&binary);
    mock.args(["mock", "--listen", "127.0.0.1:0", "--fast", "--keep", "0"]);
    let mock = Server::start(&mut mock, &place.log("memory-mock"), &["mock"])?;
    let ferry = in_front(place, &binary, mock.address("mock"))?;
    let stand = Stand {
        authority: ferry.address("data").trim_start_matches("http://").to_owned(),
        pid: ferry.pid(),
    };
    let idle = stand.resident()?;
    println!("idle: {idle} KiB (at most 20480)");
    streams(&stand, idle)?;
    bodies(&stand)?;
    million(&stand, requests, idle)?;
    Ok(ExitCode::SUCCESS)
}

/// Ferry, as this chore sees it.
#[derive(Clone)]
struct Stand {
    authority: String,
    pid: u32,
}

impl Stand {
    fn resident(&self) -> Result<u64, Fault> {
        resident_kib(self.pid).ok_or_else(|| "no /proc: these figures need Linux".into())
    }

    fn connect(&self) -> Result<TcpStream, Fault> {
        let stream = TcpStream::connect(&self.authority)?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn head(&self, length: usize) -> String {
        format!(
            "POST /v1/messages HTTP/1.1\r\nhost: {}\r\nx-api-key: sk-ant-memory\r\n\
             anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n",
            self.authority
        )
    }
}

/// A Messages body of a length, with a marker that the mock reads.
fn body(bytes: usize, stream: bool, marker: &str) -> Vec<u8> {
    let begin = format!(
        "{{\"model\":\"claude-sonnet-5\",\"max_tokens\":64,\"stream\":{stream},\"messages\":[{{\"role\":\
         \"user\",\"content\":\"{marker} "
    );
    let end = "\"}]}";
    let mut body = begin.into_bytes();
    body.resize(bytes.saturating_sub(end.len()).max(body.len()), b'x');
    body.extend_from_slice(end.as_bytes());
    body
}

fn streams(stand: &Stand, idle: u64) -> Result<(), Fault> {
    // An event now and then keeps every stream alive while all of them are looked at.
    let body = body(STREAM_REQUEST_BYTES, true, "[mock chunks=1000 delay_ms=5000]");
    let mut live = Vec::with_capacity(STREAMS);
    for _ in 0..STREAMS {
        let mut stream = stand.connect()?;
        stream.write_all(stand.head(body.len()).as_bytes())?;
        stream.write_all(&body)?;
        read_until(&mut stream, b"message_start")?;
        live.push(stream);
    }
    let resident = stand.resident()?;
    let each = resident.saturating_sub(idle) / STREAMS as u64;
    println!(
        "{STREAMS} live streams after {STREAM_REQUEST_BYTES}-byte requests: {resident} KiB, {each} KiB each \
         (at most 100)"
    );
    Ok(())
}

fn bodies(stand: &Stand) -> Result<(), Fault> {
    reset_peak(stand.pid)?;
    // Every body is there but for its last byte before any of them is finished.
    let barrier = Arc::new(Barrier::new(BODIES));
    let senders: Vec<_> = (0..BODIES)
        .map(|_| {
            let (stand, barrier) = (stand.clone(), Arc::clone(&barrier));
            std::thread::spawn(move || large(&stand, &barrier).map_err(|fault| fault.to_string()))
        })
        .collect();
    for sender in senders {
        sender.join().map_err(|_panic| "a sender panicked")??;
    }
    let bound = (BODIES * BODY_BYTES) as u64 * 12 / 10 / 1024 + 60 * 1024;
    println!(
        "{BODIES} bodies of {BODY_BYTES} bytes at once: peak {} KiB (at most {bound})",
        peak_kib(stand.pid).unwrap_or_default()
    );
    Ok(())
}

fn large(stand: &Stand, barrier: &Barrier) -> Result<(), Fault> {
    let body = body(BODY_BYTES, false, "");
    let (last, rest) = body.split_last().ok_or("an empty body")?;
    let mut stream = stand.connect()?;
    stream.write_all(stand.head(body.len()).as_bytes())?;
    stream.write_all(rest)?;
    barrier.wait();
    stream.write_all(&[*last])?;
    read_until(&mut stream, b"HTTP/1.1 200")
}

fn million(stand: &Stand, requests: usize, idle: u64) -> Result<(), Fault> {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let stand = stand.clone();
            std::thread::spawn(move || {
                many(&stand, requests / CLIENTS).map_err(|fault| fault.to_string())
            })
        })
        .collect();
    for client in clients {
        client.join().map_err(|_panic| "a client panicked")??;
    }
    let resident = stand.resident()?;
    println!("after {requests} requests: {resident} KiB (at most {} KiB)", idle + 20 * 1024);
    Ok(())
}

fn many(stand: &Stand, requests: usize) -> Result<(), Fault> {
    let body = body(4096, false, "");
    let mut request = stand.head(body.len()).into_bytes();
    request.extend_from_slice(&body);
    let mut stream = stand.connect()?;
    for _ in 0..requests {
        stream.write_all(&request)?;
        whole_answer(&mut stream)?;
    }
    Ok(())
}

fn read_until(stream: &mut TcpStream, wanted: &[u8]) -> Result<(), Fault> {
    let mut seen = Vec::new();
    let mut piece = [0; 4096];
    while !seen.windows(wanted.len()).any(|window| window == wanted) {
        let n = stream.read(&mut piece)?;
        if n == 0 || seen.len() > 64 * 1024 {
            return Err(String::from_utf8_lossy(&seen).into_owned().into());
        }
        seen.extend_from_slice(piece.get(..n).unwrap_or_default());
    }
    Ok(())
}

/// Reads one answer with a `content-length` to its end.
fn whole_answer(stream: &mut TcpStream) -> Result<(), Fault> {
    let mut seen = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let n = stream.read(&mut piece)?;
        if n == 0 {
            return Err("the connection ended inside an answer".into());
        }
        seen.extend_from_slice(piece.get(..n).unwrap_or_default());
        let Some(end) = seen.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head =
            String::from_utf8_lossy(seen.get(..end).unwrap_or_default()).to_ascii_lowercase();
        if !head.starts_with("http/1.1 200") {
            // The reason stands in the body, which came in the same write.
            return Err(String::from_utf8_lossy(&seen).into_owned().into());
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .ok_or("an answer without a length")?;
        if seen.len() >= end + 4 + length.trim().parse::<usize>()? {
            return Ok(());
        }
    }
}

/// Has the kernel begin a new peak (proc(5), `clear_refs`).
fn reset_peak(pid: u32) -> Result<(), Fault> {
    std::fs::write(Path::new("/proc").join(pid.to_string()).join("clear_refs"), "5")?;
    Ok(())
}

fn peak_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"));
    let status = status.ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
