//! What a Messages request says, read in one pass without copying its content, and the checks that the API makes,
//! with its wording. It never looks into blocks that nothing depends on.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::refusal::Refusal;

/// The version under which sampling parameters are refused.
pub(crate) const VERSION_2026: &str = "2026-10-21";

/// The members that the mock acts on; all others are let through.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Envelope<'a> {
    #[serde(borrow)]
    pub(crate) model: Option<Cow<'a, str>>,
    pub(crate) max_tokens: Option<u64>,
    #[serde(borrow)]
    pub(crate) messages: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) system: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) tools: Option<&'a RawValue>,
    pub(crate) tool_choice: Option<ToolChoice>,
    pub(crate) thinking: Option<Thinking>,
    #[serde(borrow, default)]
    pub(crate) stop_sequences: Option<Vec<Cow<'a, str>>>,
    pub(crate) stream: Option<bool>,
    #[serde(borrow)]
    pub(crate) cache_control: Option<&'a RawValue>,
    temperature: Option<IgnoredAny>,
    top_p: Option<IgnoredAny>,
    top_k: Option<IgnoredAny>,
}

/// `tool_choice`.
#[derive(Debug, Deserialize)]
pub(crate) struct ToolChoice {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) name: Option<String>,
}

/// `thinking`.
#[derive(Debug, Deserialize)]
pub(crate) struct Thinking {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) display: Option<String>,
}

impl<'a> Envelope<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// 400 for what is not JSON or has a member of a wrong type.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(body).map_err(|error| {
            if error.is_data() {
                Refusal::invalid(format!("Invalid request body: {error}"))
            } else {
                Refusal::invalid(format!("The request body is not valid JSON: {error}"))
            }
        })
    }

    /// The checks of `POST /v1/messages`.
    ///
    /// # Errors
    /// 400 with the API's wording, or 404 for a model that is gone.
    pub(crate) fn check(&self, version: &str) -> Result<(), Refusal> {
        match self.max_tokens {
            None => return Err(Refusal::invalid("max_tokens: Field required")),
            Some(0) => {
                return Err(Refusal::invalid(
                    "max_tokens: Input should be greater than or equal to 1",
                ));
            }
            Some(_) => {}
        }
        self.check_prompt(version)
    }

    /// The checks that `count_tokens` shares: everything but `max_tokens`.
    ///
    /// # Errors
    /// As [`Envelope::check`].
    pub(crate) fn check_prompt(&self, version: &str) -> Result<(), Refusal> {
        let Some(model) = self.model.as_deref() else {
            return Err(Refusal::invalid("model: Field required"));
        };
        let Some(messages) = self.messages else {
            return Err(Refusal::invalid("messages: Field required"));
        };
        if !messages.get().starts_with('[') {
            return Err(Refusal::invalid("messages: Input should be a valid list"));
        }
        // A list that holds anything holds an object.
        if !messages.get().contains('{') {
            return Err(Refusal::invalid("messages: at least one message is required"));
        }
        if version == VERSION_2026 {
            let sampling = [
                ("temperature", self.temperature.is_some()),
                ("top_p", self.top_p.is_some()),
                ("top_k", self.top_k.is_some()),
            ];
            if let Some((name, _)) = sampling.iter().find(|(_, given)| *given) {
                return Err(Refusal::invalid(format!(
                    "{name}: this parameter is not supported under anthropic-version {VERSION_2026}"
                )));
            }
        }
        if model.starts_with("retired-") {
            return Err(Refusal::not_found(format!("model: {model}")));
        }
        Ok(())
    }

    /// The prompt's raw parts in the order of the cache: tools, system, messages.
    pub(crate) fn prompt(&self) -> impl Iterator<Item = &'a str> {
        [self.tools, self.system, self.messages].into_iter().flatten().map(RawValue::get)
    }

    /// Input tokens by the mock's count: four bytes of raw JSON each, at least one.
    pub(crate) fn input_tokens(&self) -> u64 {
        tokens_of(self.prompt().map(str::len).sum())
    }
}

/// Tokens of a number of bytes of JSON: a mean over English text and markup. A number, not a tokenizer.
pub(crate) fn tokens_of(bytes: usize) -> u64 {
    u64::try_from(bytes / 4).unwrap_or(u64::MAX).max(1)
}
