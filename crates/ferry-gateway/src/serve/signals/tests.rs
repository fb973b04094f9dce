//! Signals to this process, and a child that systemd seems to have started.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use rustix::process::{Signal, getpid, kill_process};

use super::*;
use crate::serve::listen::Inherited;

/// In a child: a process that has taken its signals over can no longer be ended by them.
#[test]
fn signals_become_asks_and_the_second_interrupt_stops() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "serve::signals::tests::the_signalled_child", "--nocapture"])
        .env("FERRY_TEST_SIGNALLED_CHILD", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("went through all of it"), "{told}");
}

/// What the child does; nothing when the test is run by itself.
#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "plays the part of main, which reads the environment"
)]
async fn the_signalled_child() {
    if std::env::var("FERRY_TEST_SIGNALLED_CHILD").is_err() {
        return;
    }
    let mut signals = Signals::new().unwrap();
    for (signal, ask) in [
        (Signal::HUP, Ask::Reload),
        (Signal::USR1, Ask::ReopenLog),
        (Signal::INT, Ask::Drain),
        (Signal::INT, Ask::Stop),
        (Signal::TERM, Ask::Drain),
    ] {
        kill_process(getpid(), signal).unwrap();
        assert_eq!(signals.next().await, ask);
    }
    println!("went through all of it");
}

/// Runs this test binary again with two listeners as descriptors 3 and 4, the way systemd does.
fn activated(names: &str, notify: &std::path::Path) -> (std::process::Child, [u16; 2]) {
    let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let ports = [0, 1].map(|index: usize| sockets[index].local_addr().unwrap().port());
    let [first, second] = sockets.map(OwnedFd::from);
    let script = "exec 3<&0 4<&1 1>&2 </dev/null; LISTEN_PID=$$ LISTEN_FDS=2 exec \"$@\"";
    let child = Command::new("/bin/sh")
        .args(["-c", script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "serve::signals::tests::the_activated_child", "--nocapture"])
        .env("LISTEN_FDNAMES", names)
        .env("NOTIFY_SOCKET", notify)
        .stdin(Stdio::from(first))
        .stdout(Stdio::from(second))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    (child, ports)
}

/// What the child does; nothing when the test is run by itself.
#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "plays the part of main, which reads the environment"
)]
async fn the_activated_child() {
    if std::env::var("LISTEN_FDS").is_err() {
        return;
    }
    let names = std::env::var("LISTEN_FDNAMES").unwrap();
    let inherited = Inherited::take(Some(&names)).unwrap();
    tell(Tell::Ready).unwrap();
    for (name, listener) in [("data", inherited.data), ("admin", inherited.admin)] {
        let (stream, _remote) = listener.unwrap().socket.accept().await.unwrap();
        stream.writable().await.unwrap();
        stream.try_write(name.as_bytes()).unwrap();
    }
    tell(Tell::Reloading).unwrap();
    tell(Tell::Watchdog).unwrap();
    tell(Tell::Stopping).unwrap();
}

#[test]
fn a_child_of_systemd_takes_its_sockets_over_and_reports() {
    let dir = tempfile::tempdir().unwrap();
    for (names, expected) in [("", ["data", "admin"]), ("admin:data", ["admin", "data"])] {
        let path = dir.path().join(format!("notify{}", names.len()));
        let notify = UnixDatagram::bind(&path).unwrap();
        // A child that dies early must fail the test and not hang it.
        notify.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let (mut child, ports) = activated(names, &path);
        let told = || {
            let mut buffer = [0; 256];
            let length = notify.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        };
        assert_eq!(told(), "READY=1\n");
        // The connections wait in the kernel until the child gets to them.
        let mut streams = ports.map(|port| TcpStream::connect(("127.0.0.1", port)).unwrap());
        for (stream, expected) in streams.iter_mut().zip(expected) {
            let mut name = String::new();
            stream.read_to_string(&mut name).unwrap();
            assert_eq!(name, expected);
        }
        let reloading = told();
        let (reloading, monotonic) = reloading.split_once('\n').unwrap();
        assert_eq!(reloading, "RELOADING=1");
        let monotonic = monotonic.trim_end().strip_prefix("MONOTONIC_USEC=").unwrap();
        assert!(monotonic.parse::<u64>().unwrap() > 0);
        assert_eq!(told(), "WATCHDOG=1\n");
        assert_eq!(told(), "STOPPING=1\n");
        let output = BufReader::new(child.stderr.take().unwrap()).lines();
        let output: Vec<_> = output.map(Result::unwrap).collect();
        assert!(child.wait().unwrap().success(), "{output:?}");
    }
}
