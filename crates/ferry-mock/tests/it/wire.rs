//! A client that writes and reads raw bytes, so that nothing is mended on the way.

use std::io;

use ferry_mock::{Mock, MockSettings, RunningMock};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back on a connection that was read to its end.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) raw: Vec<u8>,
    /// Whether the connection ended in RST instead of FIN.
    pub(crate) reset: bool,
}

impl Exchange {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    pub(crate) fn status(&self) -> u16 {
        let text = self.text();
        let code = text.split(' ').nth(1).unwrap_or_else(|| panic!("no status line: {text:?}"));
        code.parse().unwrap()
    }

    pub(crate) fn header(&self, wanted: &str) -> Option<String> {
        let text = self.text();
        let head = text.split("\r\n\r\n").next().unwrap();
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
        lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.to_owned())
    }

    /// The body behind the head, chunk framing taken away; what a cut left is kept.
    pub(crate) fn body(&self) -> Vec<u8> {
        let at = memchr::memmem::find(&self.raw, b"\r\n\r\n").expect("a head") + 4;
        let rest = &self.raw[at..];
        if self.header("transfer-encoding").as_deref() != Some("chunked") {
            return rest.to_vec();
        }
        chunks(rest).concat()
    }

    /// Whether a chunked body has its last chunk.
    pub(crate) fn ended_cleanly(&self) -> bool {
        self.raw.ends_with(b"0\r\n\r\n")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body())
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn events(&self) -> Vec<(String, Value)> {
        events(&String::from_utf8(self.body()).unwrap())
    }
}

/// The chunks of a chunked body; the last may be cut.
pub(crate) fn chunks(mut rest: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while let Some(at) = memchr::memmem::find(rest, b"\r\n") {
        let size = std::str::from_utf8(&rest[..at]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        rest = &rest[at + 2..];
        if size == 0 {
            break;
        }
        found.push(rest[..size.min(rest.len())].to_vec());
        rest = rest.get(size + 2..).unwrap_or_default();
    }
    found
}

pub(crate) fn events(text: &str) -> Vec<(String, Value)> {
    let text = text.replace("\r\n", "\n");
    let blocks = text.split("\n\n").filter(|block| block.contains("event: "));
    let event = |block: &str| {
        let name = block.lines().find_map(|line| line.strip_prefix("event: "))?;
        let data = block.lines().find_map(|line| line.strip_prefix("data: "))?;
        Some((name.to_owned(), serde_json::from_str(data).ok()?))
    };
    blocks.filter_map(event).collect()
}

pub(crate) async fn start() -> RunningMock {
    Mock::start(MockSettings::default()).await.unwrap()
}

/// Sends raw bytes and reads until the connection ends.
pub(crate) async fn send_raw(mock: &RunningMock, bytes: &[u8]) -> Exchange {
    let mut socket = TcpStream::connect(mock.addr()).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    read_to_end(&mut socket).await
}

pub(crate) async fn read_to_end(socket: &mut TcpStream) -> Exchange {
    let mut raw = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match socket.read(&mut buffer).await {
            Ok(0) => return Exchange { raw, reset: false },
            Ok(count) => raw.extend_from_slice(&buffer[..count]),
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
                return Exchange { raw, reset: true };
            }
        }
    }
}

/// The usual headers of a request that closes its connection.
pub(crate) fn head(method: &str, path: &str, more: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: mock.test:80\r\nx-api-key: sk-ant-test\r\n\
         anthropic-version: 2023-06-01\r\nConnection: close\r\n{more}"
    )
}

pub(crate) async fn get(mock: &RunningMock, path: &str) -> Exchange {
    send_raw(mock, format!("{}\r\n", head("GET", path, "")).as_bytes()).await
}

pub(crate) async fn post(mock: &RunningMock, path: &str, body: &str) -> Exchange {
    post_with(mock, path, "", body).await
}

/// `more` holds further header lines, each with its line end.
pub(crate) async fn post_with(mock: &RunningMock, path: &str, more: &str, body: &str) -> Exchange {
    let more = format!("{more}Content-Length: {}\r\n\r\n{body}", body.len());
    send_raw(mock, head("POST", path, &more).as_bytes()).await
}

/// A Messages body with one user message; `more` holds further members, each with a comma in front.
pub(crate) fn prompt(text: &str, more: &str) -> String {
    let text = Value::from(text);
    format!(
        r#"{{"model":"claude-opus-5-5","max_tokens":1000,"messages":[{{"role":"user","content":{text}}}]{more}}}"#
    )
}

pub(crate) async fn ask(mock: &RunningMock, text: &str, more: &str) -> Exchange {
    post(mock, "/v1/messages", &prompt(text, more)).await
}

pub(crate) async fn stream(mock: &RunningMock, text: &str) -> Exchange {
    ask(mock, text, r#","stream":true"#).await
}

/// Puts a message together from its events, as SDKs do.
pub(crate) fn assemble(events: &[(String, Value)]) -> Value {
    let mut message = Value::Null;
    let mut partial = String::new();
    for (name, data) in events {
        let index = usize::try_from(data["index"].as_u64().unwrap_or(0)).unwrap();
        match name.as_str() {
            "message_start" => message = data["message"].clone(),
            "content_block_start" => {
                partial.clear();
                message["content"].as_array_mut().unwrap().push(data["content_block"].clone());
            }
            "content_block_delta" => {
                let delta = &data["delta"];
                let block = &mut message["content"][index];
                for key in ["text", "thinking", "signature"] {
                    if let Some(part) = delta[key].as_str() {
                        block[key] = Value::from(format!("{}{part}", block[key].as_str().unwrap()));
                    }
                }
                partial.push_str(delta["partial_json"].as_str().unwrap_or_default());
            }
            "content_block_stop" if message["content"][index]["type"] == "tool_use" => {
                message["content"][index]["input"] = serde_json::from_str(&partial).unwrap();
            }
            "message_delta" => {
                for (key, value) in data["delta"].as_object().unwrap() {
                    message[key] = value.clone();
                }
                for (key, value) in data["usage"].as_object().unwrap() {
                    message["usage"][key] = value.clone();
                }
            }
            _ => {}
        }
    }
    message
}
