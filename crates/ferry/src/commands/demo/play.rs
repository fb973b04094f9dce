//! Plays an act against a target and judges the answer as a client of the API would. It knows no screen and no
//! language, and it does not care whether the target is Ferry or the provider itself.

use std::time::Duration;

use ferry_gateway::causes::with_causes;
use ferry_gateway::clock;
use serde_json::Value;

use super::act::{self, Act, BATCH_IDS};
use super::client::{Answer, Call, Target};
use super::outcome::{Diagnosis, Note, Outcome, Wrong};
use super::reading::{self, Message, Usage};

/// How often a batch is asked whether it has ended: often enough to look prompt, rarely enough to be polite.
const POLL_EVERY: Duration = Duration::from_millis(250);
/// The mock's batches take less than a second; this many polls are ten.
const POLLS_MAX: usize = 40;

/// What is right about an answer.
type Found = Result<(Note, Option<Usage>), Wrong>;

/// Plays one act to its end. What goes wrong is part of the outcome.
pub(super) async fn play(act: Act, target: Target) -> Outcome {
    let begun = clock::now();
    let mut stage = Stage { act, target, seen: Seen::default() };
    let found = stage.play().await;
    let Seen { status, node, first_token, diagnosis } = stage.seen;
    let (note, usage) = found.unwrap_or_else(|wrong| (Note::Wrong(wrong), None));
    let total = clock::now().saturating_duration_since(begun);
    Outcome { act, status, node, first_token, total, usage, diagnosis, note }
}

struct Stage {
    act: Act,
    target: Target,
    seen: Seen,
}

/// What the answers so far said of themselves; the last one counts.
#[derive(Default)]
struct Seen {
    status: Option<u16>,
    node: Option<String>,
    first_token: Option<Duration>,
    diagnosis: Option<Diagnosis>,
}

impl Stage {
    async fn play(&mut self) -> Found {
        let answer = self.send(self.act.call(), self.act.status()).await?;
        let body = &answer.body;
        match self.act {
            Act::Models => models(&reading::json(body)),
            Act::CountTokens => counted(&reading::json(body)),
            Act::Json => text(&reading::message(body), Note::Line("customer_service")),
            Act::JsonBearer => text(&reading::message(body), Note::Bearer),
            Act::Stream | Act::Summary => {
                let message = reading::stream(body);
                text(&message, Note::Events(message.events))
            }
            Act::Tool => tool(&reading::stream(body)),
            Act::Thinking => thinking(&reading::stream(body)),
            Act::File => self.file(&reading::json(body)).await,
            Act::Batch => self.batch(reading::json(body)).await,
            Act::Complete => completion(&reading::json(body)),
            Act::WrongKey | Act::Overloaded => self.explained(),
        }
    }

    /// Sends one request and takes down what its answer says of itself.
    async fn send(&mut self, call: Call, right: u16) -> Result<Answer, Wrong> {
        let answer =
            self.target.send(call).await.map_err(|error| Wrong::Broken(with_causes(&error)))?;
        let status = answer.status.as_u16();
        let header = |name: &str| answer.header(name).map(str::to_owned);
        self.seen = Seen {
            status: Some(status),
            node: header("x-ferry-node"),
            first_token: answer.first_token,
            diagnosis: header("x-ferry-code")
                .zip(header("x-ferry-hint"))
                .map(|(code, hint)| Diagnosis { code, hint }),
        };
        if status == right { Ok(answer) } else { Err(Wrong::Status(right)) }
    }

    async fn file(&mut self, uploaded: &Value) -> Found {
        let id = reading::text(uploaded, "id").ok_or(Wrong::Lacks("id"))?;
        let path = format!("/v1/files/{id}");
        let content = self.send(act::get(&format!("{path}/content")), 200).await?.body;
        if content != act::file() {
            return Err(Wrong::Lacks("the uploaded bytes"));
        }
        self.send(act::delete(&path), 200).await?;
        Ok((Note::File(content.len()), None))
    }

    async fn batch(&mut self, created: Value) -> Found {
        let id = reading::text(&created, "id").ok_or(Wrong::Lacks("id"))?;
        let path = format!("/v1/messages/batches/{id}");
        let mut batch = created.clone();
        for _poll in 0..POLLS_MAX {
            if reading::text(&batch, "processing_status") == Some("ended") {
                break;
            }
            tokio::time::sleep(POLL_EVERY).await;
            batch = reading::json(&self.send(act::get(&path), 200).await?.body);
        }
        // Absolute, and it must lead back through the target: a client sends its key there.
        let url = reading::text(&batch, "results_url").ok_or(Wrong::Lacks("results_url"))?;
        let through = url.strip_prefix(&self.target.base_url());
        let path = through.ok_or(Wrong::Lacks("results_url of this gateway"))?;
        let results = self.send(act::get(path), 200).await?.body;
        let lines: Vec<Value> = results
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(reading::json)
            .collect();
        let has = |id: &str| lines.iter().any(|line| reading::text(line, "custom_id") == Some(id));
        if lines.len() != BATCH_IDS.len() || !BATCH_IDS.into_iter().all(has) {
            return Err(Wrong::Lacks("a result for each custom_id"));
        }
        let usages = lines.iter().filter_map(|line| line.pointer("/result/message"));
        let usage = usages.map(reading::usage).fold(Usage::default(), |sum, usage| Usage {
            input: sum.input + usage.input,
            output: sum.output + usage.output,
        });
        Ok((Note::Results(lines.len()), Some(usage)))
    }

    fn explained(&self) -> Found {
        match self.seen.diagnosis {
            Some(_) => Ok((Note::Explained, None)),
            None => Err(Wrong::Lacks("x-ferry-hint")),
        }
    }
}

fn models(list: &Value) -> Found {
    let data = list.get("data").and_then(Value::as_array);
    let data = data.filter(|data| !data.is_empty()).ok_or(Wrong::Lacks("data"))?;
    Ok((Note::Models(data.len()), None))
}

fn counted(answer: &Value) -> Found {
    let input = answer.get("input_tokens").and_then(Value::as_u64);
    let input = input.filter(|input| *input > 0).ok_or(Wrong::Lacks("input_tokens"))?;
    Ok((Note::Counted, Some(Usage { input, output: 0 })))
}

/// A text answer that is whole.
fn text(message: &Message, note: Note) -> Found {
    whole(message)?;
    if message.text.is_empty() {
        return Err(Wrong::Lacks("text"));
    }
    Ok((note, Some(message.usage)))
}

fn tool(message: &Message) -> Found {
    whole(message)?;
    let (name, input) = message.tool.as_ref().ok_or(Wrong::Lacks("tool_use"))?;
    if !reading::json(input.as_bytes()).is_object() {
        return Err(Wrong::Lacks("whole tool JSON"));
    }
    Ok((Note::Tool(name.clone()), Some(message.usage)))
}

fn thinking(message: &Message) -> Found {
    whole(message)?;
    if message.thinking.is_empty() || message.signature_bytes == 0 {
        return Err(Wrong::Lacks("signed thinking"));
    }
    Ok((Note::Signed, Some(message.usage)))
}

fn completion(answer: &Value) -> Found {
    let text = reading::text(answer, "completion").filter(|text| !text.is_empty());
    text.map(|_text| (Note::Complete, None)).ok_or(Wrong::Lacks("completion"))
}

fn whole(message: &Message) -> Result<(), Wrong> {
    if !message.whole {
        return Err(Wrong::Lacks("message_stop"));
    }
    message.stop_reason.as_ref().map(|_reason| ()).ok_or(Wrong::Lacks("stop_reason"))
}

#[cfg(test)]
mod tests;
