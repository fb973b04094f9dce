//! The one request that a run sends over and over: its path, headers and body, made once. A key is read here and never
//! shown.

use http::HeaderValue;

use super::target::Url;
use super::verdict::Kind;

/// What a prompt is filled with: prose, code, quotes and Chinese, as a chat has.
const PROSE: &str = "Please summarise the ticket below and answer in two sentences. The customer says: \\\"my order has \
    not arrived and the tracking page is empty\\\".\\n客户反馈订单延迟，请用礼貌的语气回复。\\nfn main() { let x = vec![1, 2, 3]; }\\n";
/// Of an answer: enough for a stream of some length, little enough to be cheap where it is paid for.
const TOKENS_MOST: u32 = 64;
/// What a mock takes and a provider refuses.
const NO_KEY: &str = "sk-ant-ferry-bench-no-key";

/// A request, ready to be sent any number of times. It holds a key, and cannot be printed.
pub(super) struct Call {
    pub(super) kind: Kind,
    /// As it goes out.
    pub(super) request: Vec<u8>,
    /// A request that no model sees and nobody pays for, to see who answers.
    pub(super) unpaid: Vec<u8>,
    pub(super) body_bytes: usize,
}

/// What the user asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wishes<'a> {
    pub(super) kind: Kind,
    pub(super) bytes: usize,
    pub(super) model: &'a str,
}

/// A reference to a key, `env:NAME`: a key itself would stand in the list of processes.
#[derive(Clone, Debug)]
pub(super) struct KeyPlace(String);

impl std::str::FromStr for KeyPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("env:") {
            Some(name) if !name.is_empty() => Ok(Self(name.to_owned())),
            _ => Err("write it as env:NAME, the variable that holds the key".to_owned()),
        }
    }
}

impl KeyPlace {
    /// The key as a header.
    ///
    /// # Errors
    /// There is no such variable, or no key in it; the text fits after "failed to".
    pub(super) fn read(&self, env: &[(String, String)]) -> Result<HeaderValue, String> {
        let name = &self.0;
        let found = env.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim());
        let key = found.filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| format!("find a key in the environment variable {name}"))?;
        let header = HeaderValue::from_str(key);
        let mut key =
            header.or(Err(format!("use the key in {name}: it has unusual characters")))?;
        key.set_sensitive(true);
        Ok(key)
    }
}

impl Call {
    pub(super) fn new(wishes: Wishes<'_>, url: &Url, key: Option<&HeaderValue>) -> Self {
        let route = match wishes.kind {
            Kind::Message | Kind::Stream => "/v1/messages",
            Kind::Tokens => "/v1/messages/count_tokens",
        };
        let body = body(wishes);
        let more = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        let mut request = head(&format!("POST {}{route}", url.prefix), &more, url, key);
        request.extend_from_slice(body.as_bytes());
        let unpaid = head(&format!("GET {}/v1/models", url.prefix), "", url, key);
        Self { kind: wishes.kind, request, unpaid, body_bytes: body.len() }
    }
}

fn head(line: &str, more: &str, url: &Url, key: Option<&HeaderValue>) -> Vec<u8> {
    let host = url.authority();
    let version = env!("CARGO_PKG_VERSION");
    let head = format!(
        "{line} HTTP/1.1\r\nhost: {host}\r\nuser-agent: ferry-bench/{version}\r\naccept: application/json\r\n\
         anthropic-version: 2023-06-01\r\n{more}x-api-key: "
    );
    let key = key.map_or(NO_KEY.as_bytes(), HeaderValue::as_bytes);
    [head.as_bytes(), key, b"\r\n\r\n"].concat()
}

/// A body of so many bytes, or of the fewest that a request has.
fn body(wishes: Wishes<'_>) -> String {
    let model = serde_json::Value::from(wishes.model);
    let more = match wishes.kind {
        Kind::Message => format!("\"max_tokens\":{TOKENS_MOST},"),
        Kind::Stream => format!("\"max_tokens\":{TOKENS_MOST},\"stream\":true,"),
        Kind::Tokens => String::new(),
    };
    let head = format!(
        "{{\"model\":{model},{more}\"messages\":[{{\"role\":\"user\",\"content\":\"Hello. "
    );
    let tail = "\"}]}";
    let room = wishes.bytes.saturating_sub(head.len() + tail.len());
    format!("{head}{}{tail}", prose(room))
}

/// So many bytes of prose, as the inside of a JSON string.
fn prose(bytes: usize) -> String {
    let mut text = PROSE.repeat(bytes / PROSE.len());
    let rest = bytes - text.len();
    // Cut between characters, and never behind a backslash.
    let part = PROSE.char_indices().map(|(at, _)| at).take_while(|at| *at <= rest).last();
    let part = PROSE.get(..part.unwrap_or(0)).unwrap_or_default().trim_end_matches('\\');
    text.push_str(part);
    text.push_str(&".".repeat(bytes - text.len()));
    text
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn bodies_are_json_of_the_size_that_was_asked_for() {
        for kind in [Kind::Message, Kind::Stream, Kind::Tokens] {
            for bytes in (200..900).chain([4096, 200_000]) {
                let body = body(Wishes { kind, bytes, model: "claude-\"x" });
                assert_eq!(body.len(), bytes);
                let value: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(value["stream"] == true, kind == Kind::Stream);
                assert_eq!(value["max_tokens"].is_u64(), kind != Kind::Tokens);
            }
            let least = body(Wishes { kind, bytes: 0, model: "m" });
            assert!(serde_json::from_str::<Value>(&least).is_ok(), "{least}");
        }
    }

    #[test]
    fn a_request_goes_where_the_url_says() {
        let url: Url = "http://relay.test:81/api/v1".parse().unwrap();
        let wishes = Wishes { kind: Kind::Tokens, bytes: 300, model: "m" };
        let call = Call::new(wishes, &url, None);
        let text = String::from_utf8(call.request).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with(
                "POST /api/v1/messages/count_tokens HTTP/1.1\r\nhost: relay.test:81\r\n"
            )
        );
        assert!(head.contains("content-length: 300\r\n") && body.len() == 300, "{text}");
        assert!(call.unpaid.starts_with(b"GET /api/v1/models HTTP/1.1\r\n"));
        assert!(call.unpaid.ends_with(format!("x-api-key: {NO_KEY}\r\n\r\n").as_bytes()));
    }

    #[test]
    fn a_key_comes_from_a_variable_and_cannot_be_printed() {
        let env = vec![("K".to_owned(), "sk-ant-x\n".to_owned()), ("E".to_owned(), " ".to_owned())];
        let key = "env:K".parse::<KeyPlace>().unwrap().read(&env).unwrap();
        assert_eq!(key, "sk-ant-x");
        assert_eq!(format!("{key:?}"), "Sensitive");
        for missing in ["env:E", "env:F"] {
            let error = missing.parse::<KeyPlace>().unwrap().read(&env).unwrap_err();
            assert!(error.starts_with("find a key"), "{error}");
        }
        for literal in ["sk-ant-x", "env:", ""] {
            assert!(literal.parse::<KeyPlace>().is_err());
        }
    }
}
