//! The Messages API in bytes, as far as the simulation needs it: reads requests, writes answers.

use super::plan::Fault;

/// What a machine is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// The gateway asks whether the path works.
    Probe,
    /// A client's request, by its number.
    Call { number: usize, stream: bool },
}

/// A client's request.
pub(super) fn ask(number: usize, stream: bool) -> Vec<u8> {
    let flag = if stream { r#","stream":true"# } else { "" };
    let body = format!(
        r#"{{"model":"claude-sonnet-5","max_tokens":64,"messages":[{{"role":"user","content":"r{number}."}}]{flag}}}"#
    );
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: ferry.sim\r\nx-api-key: sk-ant-sim\r\n\
         anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}

/// The request at the beginning of what was read, and its length; `None` while it is not whole.
pub(super) fn request(bytes: &[u8]) -> Option<(Request, usize)> {
    let text = std::str::from_utf8(bytes).unwrap();
    let (head, rest) = text.split_once("\r\n\r\n")?;
    let head = head.to_ascii_lowercase();
    let (_, length) = head.split_once("content-length: ").unwrap();
    let length: usize = length.lines().next().unwrap().parse().unwrap();
    let body = rest.get(..length)?;
    let whole = head.len() + 4 + length;
    if head.contains("user-agent: ferry-probe") {
        return Some((Request::Probe, whole));
    }
    Some((asked(body), whole))
}

/// What the body of a client's request asks for.
pub(super) fn asked(body: &str) -> Request {
    let (_, number) = body.split_once(r#""content":"r"#).unwrap();
    let (number, _) = number.split_once('.').unwrap();
    let stream = body.contains(r#""stream":true"#);
    Request::Call { number: number.parse().unwrap(), stream }
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Answer {
    fn new(status: u16, fields: &[(&'static str, &str)], body: impl Into<String>) -> Self {
        let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { status, fields, body: body.into() }
    }

    /// Its bytes over HTTP/1.1.
    pub(super) fn http1(&self) -> Vec<u8> {
        let length = format!("content-length: {}", self.body.len());
        format!("{}\r\n{length}\r\n\r\n{}", self.head(), self.body).into_bytes()
    }

    fn head(&self) -> String {
        let fields = self.fields.iter().map(|(name, value)| format!("\r\n{name}: {value}"));
        format!("HTTP/1.1 {} So{}", self.status, fields.collect::<String>())
    }
}

const JSON: (&str, &str) = ("content-type", "application/json");

/// The answer to a probe.
pub(super) fn unauthorized() -> Answer {
    let body = r#"{"type":"error","error":{"type":"authentication_error","message":"no key"}}"#;
    Answer::new(401, &[JSON, ("request-id", "req_p")], body)
}

/// An error in the API's shape.
pub(super) fn error(status: u16, after: Option<u64>) -> Answer {
    let kind = match status {
        429 => "rate_limit_error",
        529 => "overloaded_error",
        _ => "api_error",
    };
    let body = format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"no"}}}}"#);
    let mut answer = Answer::new(status, &[JSON, ("request-id", "req_e")], body);
    answer.fields.extend(after.map(|after| ("retry-after", after.to_string())));
    answer
}

/// A page of something on the way.
pub(super) fn page(status: u16) -> Answer {
    Answer::new(status, &[("content-type", "text/html")], "<html><body>hm</body></html>")
}

/// An answer that comes in pieces.
#[derive(Debug)]
pub(super) struct Spoken {
    /// With the length of its whole body, where the head says it; else with no body.
    pub(super) head: Answer,
    pub(super) is_stream: bool,
    pub(super) pieces: Vec<String>,
    /// The connection, or the stream, ends after the last.
    pub(super) breaks: bool,
}

impl Spoken {
    /// The bytes of its pieces over HTTP/1.1.
    pub(super) fn http1(&self) -> Vec<Vec<u8>> {
        let mut frames: Vec<String> = self.pieces.clone();
        if self.is_stream {
            for frame in &mut frames {
                *frame = format!("{:x}\r\n{frame}\r\n", frame.len());
            }
        }
        let framing = if self.is_stream {
            "transfer-encoding: chunked".to_owned()
        } else {
            format!("content-length: {}", self.head.body.len())
        };
        if let Some(first) = frames.first_mut() {
            *first = format!("{}\r\n{framing}\r\n\r\n{first}", self.head.head());
        }
        if let Some(last) = frames.last_mut().filter(|_| self.is_stream && !self.breaks) {
            last.push_str("0\r\n\r\n");
        }
        frames.into_iter().map(String::into_bytes).collect()
    }
}

const NO_ROOM: &str = r#"{"type":"error","error":{"type":"overloaded_error","message":"no room"}}"#;
const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":1}}}"#;
const BLOCK: &str =
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
const STOP: &str = r#"{"type":"content_block_stop","index":0}"#;
const DELTA: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":9}}"#;

fn event(name: &str, data: &str) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

/// A stream, whole or cut: first `message_start`, then a piece for every word, then its end.
pub(super) fn stream(said: &[String], cut: Option<Fault>) -> Spoken {
    let mut pieces = vec![event("message_start", START)];
    let kept = match cut {
        Some(Fault::EarlyError | Fault::CutEarly) => 0,
        Some(_) => said.len() / 2,
        None => said.len(),
    };
    for (at, word) in said.iter().take(kept).enumerate() {
        let begin = if at == 0 { event("content_block_start", BLOCK) } else { String::new() };
        let delta = format!(
            r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{word}"}}}}"#
        );
        pieces.push(format!("{begin}{}", event("content_block_delta", &delta)));
    }
    let mut breaks = false;
    match cut {
        None => pieces.push(
            [
                event("content_block_stop", STOP),
                event("message_delta", DELTA),
                event("message_stop", r#"{"type":"message_stop"}"#),
            ]
            .concat(),
        ),
        Some(Fault::EarlyError | Fault::LateError) => pieces.push(event("error", NO_ROOM)),
        Some(Fault::EndMid) => {}
        Some(_) => breaks = true,
    }
    let fields = [("content-type", "text/event-stream"), ("request-id", "req_s")];
    Spoken { head: Answer::new(200, &fields, ""), is_stream: true, pieces, breaks }
}

/// An answer in one piece, whole or cut.
pub(super) fn whole(said: &[String], cut: Option<Fault>) -> Spoken {
    let body = format!(
        r#"{{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-5","content":[{{"type":"text","text":"{}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":5,"output_tokens":9}}}}"#,
        said.concat()
    );
    let mut piece = body.clone();
    if cut.is_some() {
        piece.truncate(body.len() / 2);
    }
    let head = Answer::new(200, &[JSON, ("request-id", "req_w")], body);
    Spoken { head, is_stream: false, pieces: vec![piece], breaks: cut.is_some() }
}
