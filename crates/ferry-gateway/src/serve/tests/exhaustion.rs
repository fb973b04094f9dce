//! A process that is out of descriptors, in a child of its own: the limit holds for a whole process.

use std::process::Command;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

#[test]
fn accepting_pauses_without_descriptors_and_goes_on_after() {
    let output = Command::new("/bin/sh")
        .args(["-c", "ulimit -n 64; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "serve::tests::exhaustion::the_poor_child", "--nocapture"])
        .env("FERRY_TEST_POOR_CHILD", "1")
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
async fn the_poor_child() {
    if std::env::var("FERRY_TEST_POOR_CHILD").is_err() {
        return;
    }
    let mut running = start(settings());
    let mut files = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        files.push(file);
    }
    // The last descriptor goes to the client, so that the server finds none.
    files.pop();
    let mut stream = running.connect().await;
    assert!(running.notices.recv().await.unwrap().starts_with("AcceptPaused"));
    drop(files);
    assert!(running.notices.recv().await.unwrap().starts_with("AcceptResumed"));
    stream.write_all(b"GET /peer HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    running.stop().await;
    println!("went through all of it");
}
