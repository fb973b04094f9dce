//! The lines to paste: complete programs for Python, Node and cURL that reach the demo's gateway. Each is the smallest
//! that an application would have too; only `base_url` is Ferry's.

use super::act::{KEY, MODEL};

/// The programs for one gateway.
#[derive(Debug)]
pub(super) struct Paste {
    pub(super) python: String,
    pub(super) node: String,
    pub(super) curl: String,
}

impl Paste {
    /// Programs that say `hello` (free of quotes) to the gateway at `base`.
    pub(super) fn new(base: &str, hello: &str) -> Self {
        Self {
            python: format!(
                r#"from anthropic import Anthropic
client = Anthropic(base_url="{base}", api_key="{KEY}")
message = client.messages.create(
    model="{MODEL}", max_tokens=200,
    messages=[{{"role": "user", "content": "{hello}"}}])
print(message.content[0].text)"#
            ),
            node: format!(
                r#"import Anthropic from "@anthropic-ai/sdk";
const client = new Anthropic({{
  baseURL: "{base}", apiKey: "{KEY}" }});
const message = await client.messages.create({{
  model: "{MODEL}", max_tokens: 200,
  messages: [{{ role: "user", content: "{hello}" }}] }});
console.log(message.content[0].text);"#
            ),
            curl: format!(
                r#"curl -N {base}/v1/messages \
  -H 'x-api-key: {KEY}' \
  -H 'anthropic-version: 2023-06-01' \
  -H 'content-type: application/json' \
  -d '{{"model": "{MODEL}", "max_tokens": 200, "stream": true,
       "messages": [{{"role": "user", "content": "{hello}"}}]}}'"#
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_complete() {
        let paste = Paste::new("http://127.0.0.1:7300", "Hello, Ferry");
        insta::assert_snapshot!(format!("{}\n\n{}\n\n{}", paste.python, paste.node, paste.curl));
    }
}
