//! A node that says exactly the bytes it was told to, for answers that no decent API would give.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::client::find;

/// What a node does after it has read a request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Writes bytes.
    Say(Vec<u8>),
    /// Writes bytes again and again, until nobody takes them.
    SayEndlessly(Vec<u8>),
    /// Lets everybody else run before it goes on.
    Pause,
    /// Is silent for so many milliseconds: the silence is what the test is about.
    Wait(u64),
    /// Is silent until so many requests have come, this one included.
    Heard(usize),
    /// Closes with FIN.
    Close,
    /// Closes with RST.
    Reset,
    /// Says nothing more.
    Hold,
}

/// Shorthand for one step.
pub(crate) fn bytes(bytes: impl AsRef<[u8]>) -> Step {
    Step::Say(bytes.as_ref().to_vec())
}

/// A whole answer of JSON.
pub(crate) fn http_json(status: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// The head of a stream whose end is the connection's.
pub(crate) fn sse() -> Step {
    bytes(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nconnection: close\r\n\r\n",
    )
}

/// What a node does with its nth request (from 0).
type Script = dyn Fn(usize, &[u8]) -> Vec<Step> + Send + Sync;

/// A scripted node. Dropped, it stops.
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
    connections: Arc<Mutex<usize>>,
    task: JoinHandle<()>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Node {
    /// Plays these steps on every connection, once for each request.
    pub(crate) async fn saying(steps: Vec<Step>) -> Self {
        Self::in_turn(vec![steps]).await
    }

    /// Plays the first script for the first request, the second for the second, the last for all others.
    pub(crate) async fn in_turn(scripts: Vec<Vec<Step>>) -> Self {
        Self::by(move |number, _request| scripts[number.min(scripts.len() - 1)].clone()).await
    }

    /// Plays what it is told for the nth request (from 0) and its bytes.
    pub(crate) async fn by(
        script: impl Fn(usize, &[u8]) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let connections: Arc<Mutex<usize>> = Arc::default();
        let script: Arc<Script> = Arc::new(script);
        let (heard, counted) = (Arc::clone(&requests), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _peer) = listener.accept().await.unwrap();
                *counted.lock().unwrap() += 1;
                stream.set_nodelay(true).unwrap();
                tokio::spawn(play(stream, Arc::clone(&heard), Arc::clone(&script)));
            }
        });
        Self { address, requests, connections, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, whole and as they came.
    pub(crate) fn requests(&self) -> Vec<Vec<u8>> {
        self.requests.lock().unwrap().clone()
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

async fn play(mut stream: TcpStream, heard: Arc<Mutex<Vec<Vec<u8>>>>, script: Arc<Script>) {
    let mut kept = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut kept).await {
        let steps = {
            let mut heard = heard.lock().unwrap();
            let steps = script(heard.len(), &request);
            heard.push(request);
            steps
        };
        for step in steps {
            match step {
                Step::Say(bytes) => {
                    if stream.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Step::SayEndlessly(bytes) => {
                    while stream.write_all(&bytes).await.is_ok() {
                        tokio::task::yield_now().await;
                    }
                    return;
                }
                Step::Pause => {
                    for _ in 0..50 {
                        tokio::task::yield_now().await;
                    }
                }
                Step::Wait(ms) => tokio::time::sleep(std::time::Duration::from_millis(ms)).await,
                Step::Heard(requests) => {
                    while heard.lock().unwrap().len() < requests {
                        tokio::task::yield_now().await;
                    }
                }
                Step::Close => {
                    drop(stream.shutdown().await);
                    return;
                }
                Step::Reset => {
                    stream.set_zero_linger().unwrap();
                    return;
                }
                Step::Hold => std::future::pending().await,
            }
        }
    }
}

/// One request by its length or chunks; `None` when the connection ends.
async fn read_request(stream: &mut TcpStream, kept: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        if let Some(end) = whole(kept) {
            return Some(kept.drain(..end).collect());
        }
        let mut buffer = vec![0; 16 * 1024];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => kept.extend_from_slice(&buffer[..read]),
        }
    }
}

fn whole(bytes: &[u8]) -> Option<usize> {
    let head = find(bytes, b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    if text.contains("\r\ntransfer-encoding: chunked") {
        return find(&bytes[head - 2..], b"\r\n0\r\n\r\n").map(|at| head - 2 + at + 7);
    }
    let length = text.split("\r\n").find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    (bytes.len() >= head + length).then_some(head + length)
}
