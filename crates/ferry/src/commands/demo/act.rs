//! What the demo asks: one act for each kind of request, with the bytes that it sends. Which answer is right stands in
//! `play`; nothing here is sent to anyone but the demo's own gateway and mock.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::client::Call;

/// A key that the mock takes like any other; it opens nothing anywhere else.
pub(super) const KEY: &str = "sk-ant-demo-key";
/// A key that the mock refuses.
const WRONG_KEY: &str = "sk-ant-invalid-demo-key";
/// A model of the mock's list.
pub(super) const MODEL: &str = "claude-sonnet-5-5";
/// Long enough for every answer of the mock, which writes at most 80 tokens and as many of thinking.
const MAX_TOKENS: u32 = 400;
/// More than one read and one write of any socket, and quick to see.
pub(super) const FILE_BYTES: usize = 200 * 1024;
/// The two versions of the API that are alive.
const VERSIONS: [&str; 2] = ["2023-06-01", "2026-10-21"];
/// Never part of the file's bytes: they are below 251 and follow no alphabet.
const BOUNDARY: &str = "ferry-demo-boundary";

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// The list of models.
    Models,
    /// Tokens counted, nothing generated.
    CountTokens,
    /// One JSON answer, asked as a business line, with `x-api-key`.
    Json,
    /// One JSON answer, with `Authorization: Bearer` and the newer API version.
    JsonBearer,
    /// A stream.
    Stream,
    /// A stream for a long Chinese text.
    Summary,
    /// A stream that ends in a tool call.
    Tool,
    /// A stream with signed thinking.
    Thinking,
    /// A file up, down and deleted.
    File,
    /// A batch, waited for, with its results.
    Batch,
    /// `/v1/complete`, as it was before Messages.
    Complete,
    /// A key that the provider refuses.
    WrongKey,
    /// A provider without room.
    Overloaded,
}

impl Act {
    /// The table, in its order: the quick ones first, so that the first line comes at once.
    pub(super) const ALL: [Self; 13] = [
        Self::Models,
        Self::CountTokens,
        Self::Json,
        Self::JsonBearer,
        Self::Stream,
        Self::Summary,
        Self::Tool,
        Self::Thinking,
        Self::File,
        Self::Batch,
        Self::Complete,
        Self::WrongKey,
        Self::Overloaded,
    ];

    /// What the light traffic is made of.
    pub(super) const LIGHT: [Self; 6] =
        [Self::Stream, Self::Json, Self::Tool, Self::CountTokens, Self::Summary, Self::Thinking];

    /// Stable name for machines.
    pub(super) const fn slug(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::CountTokens => "count_tokens",
            Self::Json => "json",
            Self::JsonBearer => "json_bearer",
            Self::Stream => "stream",
            Self::Summary => "stream_summary",
            Self::Tool => "tool_use",
            Self::Thinking => "thinking",
            Self::File => "file",
            Self::Batch => "batch",
            Self::Complete => "complete",
            Self::WrongKey => "wrong_key",
            Self::Overloaded => "overloaded",
        }
    }

    /// The status that is right.
    pub(super) const fn status(self) -> u16 {
        match self {
            Self::WrongKey => 401,
            Self::Overloaded => 529,
            Self::Models
            | Self::CountTokens
            | Self::Json
            | Self::JsonBearer
            | Self::Stream
            | Self::Summary
            | Self::Tool
            | Self::Thinking
            | Self::File
            | Self::Batch
            | Self::Complete => 200,
        }
    }

    /// The first request of the act; a batch and a file go on from its answer.
    pub(super) fn call(self) -> Call {
        match self {
            Self::Models => get("/v1/models"),
            Self::CountTokens => {
                let mut body = ask("How long is a ferry?");
                if let Some(members) = body.as_object_mut() {
                    members.remove("max_tokens");
                }
                post("/v1/messages/count_tokens", &body)
            }
            Self::Json => post("/v1/messages", &ask("My parcel has not come. What can I do?"))
                .with("x-biz-type", "customer_service"),
            Self::JsonBearer => bearer(&ask("Review this: let x = x;")),
            Self::Stream => streamed(ask("Tell me about ferries."), &json!({})),
            Self::Summary => {
                streamed(ask("请用三句话总结：渡轮载着车辆和旅客往返于两岸。"), &json!({}))
            }
            Self::Tool => streamed(ask("What is the weather in Lyon?"), &tools()),
            Self::Thinking => {
                let thinking = json!({"thinking": {"type": "enabled", "budget_tokens": 1024}});
                streamed(ask("Which route is the shortest?"), &thinking)
            }
            Self::File => upload(),
            Self::Batch => post("/v1/messages/batches", &batch()),
            Self::Complete => {
                let prompt = "\n\nHuman: Hello, old API.\n\nAssistant:";
                let body =
                    json!({"model": MODEL, "prompt": prompt, "max_tokens_to_sample": MAX_TOKENS});
                post("/v1/complete", &body)
            }
            Self::WrongKey => keyed(Method::POST, "/v1/messages", WRONG_KEY, &ask("Hello?")),
            Self::Overloaded => {
                post("/v1/messages", &ask("Hello?")).with("x-mock-fault", "status:code=529")
            }
        }
    }
}

impl Call {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// The custom ids of the batch.
pub(super) const BATCH_IDS: [&str; 3] = ["reply-1", "reply-2", "reply-3"];

/// A request without a body.
pub(super) fn get(path: &str) -> Call {
    empty(Method::GET, path)
}

/// A request that takes something away again.
pub(super) fn delete(path: &str) -> Call {
    empty(Method::DELETE, path)
}

/// The file that goes up: every byte below 251, in no order that a text would have.
pub(super) fn file() -> Bytes {
    (0..FILE_BYTES).map(|at| u8::try_from((at * 31 + at / 251) % 251).unwrap_or(0)).collect()
}

fn empty(method: Method, path: &str) -> Call {
    let headers =
        vec![("x-api-key", KEY.to_owned()), ("anthropic-version", VERSIONS[0].to_owned())];
    Call { method, path: path.to_owned(), headers, body: Bytes::new() }
}

fn post(path: &str, body: &Value) -> Call {
    keyed(Method::POST, path, KEY, body)
}

fn keyed(method: Method, path: &str, key: &str, body: &Value) -> Call {
    let headers = vec![
        ("x-api-key", key.to_owned()),
        ("anthropic-version", VERSIONS[0].to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    Call { method, path: path.to_owned(), headers, body: body.to_string().into() }
}

fn bearer(body: &Value) -> Call {
    let headers = vec![
        ("authorization", format!("Bearer {KEY}")),
        ("anthropic-version", VERSIONS[1].to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    let body = body.to_string().into();
    Call { method: Method::POST, path: "/v1/messages".to_owned(), headers, body }
}

fn ask(prompt: &str) -> Value {
    json!({
        "model": MODEL,
        "max_tokens": MAX_TOKENS,
        "messages": [{"role": "user", "content": prompt}],
    })
}

fn streamed(mut body: Value, more: &Value) -> Call {
    if let Some(members) = body.as_object_mut() {
        members.insert("stream".to_owned(), json!(true));
        members.extend(more.as_object().cloned().unwrap_or_default());
    }
    post("/v1/messages", &body)
}

fn tools() -> Value {
    let city =
        json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    json!({
        "tools": [{"name": "get_weather", "description": "The weather of a city", "input_schema": city}],
        "tool_choice": {"type": "any"},
    })
}

fn batch() -> Value {
    let prompts = ["Thank a customer.", "Summarise a letter.", "给客户写一句问候。"];
    let pairs = BATCH_IDS.into_iter().zip(prompts);
    let requests: Vec<Value> =
        pairs.map(|(id, prompt)| json!({"custom_id": id, "params": ask(prompt)})).collect();
    json!({ "requests": requests })
}

fn upload() -> Call {
    let mut body = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"demo.bin\"\r\n\
         content-type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(&file());
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    Call {
        method: Method::POST,
        path: "/v1/files".to_owned(),
        headers: vec![
            ("x-api-key", KEY.to_owned()),
            ("anthropic-version", VERSIONS[0].to_owned()),
            ("anthropic-beta", "files-api-2025-04-14".to_owned()),
            ("content-type", format!("multipart/form-data; boundary={BOUNDARY}")),
        ],
        body: body.into(),
    }
}
