//! Puts the events of a stream together into the answer that the API gives without one.
//!
//! It exists so that a client that asked for no stream can be served from one: a middle box then
//! sees bytes all the time, and a cut shows at once. Texts, numbers and unknown members are kept
//! as they were written: a text grows by the raw letters between its quotes, a tool's input is
//! the JSON of its fragments. What cannot be put together truly is an error, never a guess.
//!
//! The order of events and their framing are the observer's; this only reads what it lets go.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::object;
use crate::sse::event::{self, Name};
use crate::sse::{Facts, Flavor, Observer, StreamError};

mod block;
mod members;
mod message;

use members::Members;
use message::Message;

/// Why an answer could not be put together. Display fits after "failed to".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssembleError {
    /// The stream ended before its last event.
    #[error("assemble the answer: its stream ended before its last event")]
    Truncated,
    /// The answer, or one event of it, is larger than the caller allows.
    #[error("assemble the answer: it is larger than {bytes_max} bytes")]
    TooLarge {
        /// What the caller allows.
        bytes_max: usize,
    },
    /// An event whose data is not what its name says.
    #[error("assemble the answer: the data of {event} cannot be read")]
    Malformed {
        /// Its name.
        event: &'static str,
    },
    /// An event that cannot stand there, such as a delta of a block that never began.
    #[error("assemble the answer: {event} came out of order")]
    OutOfOrder {
        /// Its name.
        event: &'static str,
    },
    /// A kind of delta that this version does not know: leaving it out would lose content.
    #[error("assemble the answer: it has a delta of an unknown type")]
    UnknownDelta,
    /// The fragments of a tool's input are no JSON, as when a limit cut it.
    #[error("assemble the answer: the input of a tool is no JSON")]
    ToolInput,
}

/// What a whole stream came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The JSON that the API would have answered.
    Answer(Bytes),
    /// The stream carried an error.
    Error {
        /// The data of its event: the body that the API would have answered, as it was written.
        body: Bytes,
        /// What it says; `kind.status()` is the status of such an answer.
        error: StreamError,
    },
}

/// Takes one stream and gives its answer.
#[derive(Debug)]
pub struct Assembler {
    observer: Observer,
    flavor: Flavor,
    /// What the observer has let go of the chunk in work.
    pieces: Vec<Bytes>,
    /// No event has been read: a byte order mark may stand before it.
    is_first: bool,
    budget: Budget,
    /// The answer so far, once its first event came.
    message: Option<Box<Message>>,
    end: Option<End>,
    failed: Option<AssembleError>,
}

/// How a stream ended.
#[derive(Debug)]
enum End {
    Stopped,
    Error(Bytes),
}

/// Bytes that may still be kept.
#[derive(Clone, Copy, Debug)]
struct Budget {
    left: usize,
    bytes_max: usize,
}

impl Budget {
    fn charge(&mut self, bytes: usize) -> Result<(), AssembleError> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or(AssembleError::TooLarge { bytes_max: self.bytes_max })?;
        Ok(())
    }
}

#[derive(Deserialize)]
struct MessageStart<'a> {
    #[serde(borrow)]
    message: &'a RawValue,
}

#[derive(Deserialize)]
struct BlockStart<'a> {
    index: usize,
    #[serde(borrow)]
    content_block: &'a RawValue,
}

#[derive(Deserialize)]
struct BlockDelta<'a> {
    index: usize,
    #[serde(borrow)]
    delta: &'a RawValue,
}

/// The members of an event's data.
fn read<'a, T: Deserialize<'a>>(data: &'a [u8], event: &'static str) -> Result<T, AssembleError> {
    object(data).ok_or(AssembleError::Malformed { event })
}

impl Assembler {
    /// An assembler before the first byte; [`Flavor::Other`] has no answer to assemble.
    ///
    /// `bytes_max` bounds what is kept: all content, and the event in work. Buffers that grow may
    /// have reserved as much again, and [`Assembler::finish`] needs the answer's size on top.
    pub fn new(flavor: Flavor, bytes_max: usize) -> Self {
        Self {
            observer: Observer::with_tail_max(flavor, bytes_max),
            flavor,
            pieces: Vec::new(),
            is_first: true,
            budget: Budget { left: bytes_max, bytes_max },
            message: None,
            end: None,
            failed: None,
        }
    }

    /// Takes the next bytes of the stream, cut anywhere.
    ///
    /// # Errors
    /// [`AssembleError`] once the answer cannot be assembled; the same again ever after.
    pub fn push(&mut self, chunk: Bytes) -> Result<(), AssembleError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let taken = self.take(chunk);
        self.failed = taken.err();
        taken
    }

    /// Whether the last event came, or an error: what follows is not read any more.
    pub const fn is_ended(&self) -> bool {
        self.end.is_some()
    }

    /// What has been learnt so far, as of any stream.
    pub const fn facts(&self) -> &Facts {
        self.observer.facts()
    }

    /// Ends the stream and gives its answer, once.
    ///
    /// # Errors
    /// [`AssembleError::Truncated`] when its last event did not come, or what makes the answer
    /// impossible to assemble. The facts can still be read then.
    pub fn finish(&mut self) -> Result<Outcome, AssembleError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match (self.end.take(), self.message.take(), &self.facts().error) {
            (Some(End::Error(body)), _, Some(error)) => {
                Ok(Outcome::Error { body, error: error.clone() })
            }
            (Some(End::Stopped), Some(message), _) => Ok(Outcome::Answer(message.into_json()?)),
            _ => Err(AssembleError::Truncated),
        }
    }

    fn take(&mut self, chunk: Bytes) -> Result<(), AssembleError> {
        let mut pieces = std::mem::take(&mut self.pieces);
        self.observer.push(chunk, &mut pieces);
        let mut taken = Ok(());
        for piece in pieces.drain(..) {
            let events = event::without_mark(&piece, std::mem::take(&mut self.is_first));
            taken = event::whole(events).try_for_each(|event| self.event(event));
            if taken.is_err() {
                break;
            }
        }
        self.pieces = pieces;
        taken?;
        if self.end.is_none() && self.observer.mid_event() {
            return Err(AssembleError::TooLarge { bytes_max: self.budget.bytes_max });
        }
        Ok(())
    }

    fn event(&mut self, event: &[u8]) -> Result<(), AssembleError> {
        if self.end.is_some() {
            return Ok(());
        }
        let name = event::name_of(event);
        let data = event::data(event);
        match (name, self.flavor) {
            (Name::Error, _) => {
                self.budget.charge(data.len())?;
                self.end = Some(End::Error(Bytes::from(data.into_owned())));
                Ok(())
            }
            (Name::MessageStart, Flavor::Messages) => self.message_start(&data),
            (Name::ContentStart, Flavor::Messages) => self.content_start(&data),
            (Name::ContentDelta, Flavor::Messages) => self.content_delta(&data),
            (Name::MessageDelta, Flavor::Messages) => {
                self.charge_object(&data, "message_delta")?;
                self.running("message_delta")?.merge_delta(&data)
            }
            (Name::MessageStop, Flavor::Messages) => {
                self.running("message_stop")?;
                self.end = Some(End::Stopped);
                Ok(())
            }
            (Name::Completion, Flavor::Complete) => self.completion(&data),
            // The end of a block says nothing; an unknown event is none of the answer.
            _ => Ok(()),
        }
    }

    fn message_start(&mut self, data: &[u8]) -> Result<(), AssembleError> {
        const EVENT: &str = "message_start";
        if self.message.is_some() {
            return Err(AssembleError::OutOfOrder { event: EVENT });
        }
        let start: MessageStart<'_> = read(data, EVENT)?;
        let raw = start.message.get().as_bytes();
        self.charge_object(raw, EVENT)?;
        let message = Message::start(raw).ok_or(AssembleError::Malformed { event: EVENT })?;
        self.message = Some(Box::new(message));
        Ok(())
    }

    fn content_start(&mut self, data: &[u8]) -> Result<(), AssembleError> {
        const EVENT: &str = "content_block_start";
        let start: BlockStart<'_> = read(data, EVENT)?;
        let raw = start.content_block.get().as_bytes();
        self.charge_object(raw, EVENT)?;
        self.budget.charge(size_of::<block::Block>())?;
        let blocks = &mut self.running(EVENT)?.blocks;
        if start.index != blocks.len() {
            return Err(AssembleError::OutOfOrder { event: EVENT });
        }
        blocks.push(block::Block::start(raw).ok_or(AssembleError::Malformed { event: EVENT })?);
        Ok(())
    }

    fn content_delta(&mut self, data: &[u8]) -> Result<(), AssembleError> {
        const EVENT: &str = "content_block_delta";
        let delta: BlockDelta<'_> = read(data, EVENT)?;
        let raw = delta.delta.get();
        self.budget.charge(raw.len())?;
        let block = self.running(EVENT)?.blocks.get_mut(delta.index);
        block.ok_or(AssembleError::OutOfOrder { event: EVENT })?.delta(raw)
    }

    /// An event of `POST /v1/complete`: the whole object, with the next piece of the text.
    fn completion(&mut self, data: &[u8]) -> Result<(), AssembleError> {
        const EVENT: &str = "completion";
        let malformed = AssembleError::Malformed { event: EVENT };
        self.charge_object(data, EVENT)?;
        let next = Members::read(data).ok_or(malformed)?;
        let message = match &mut self.message {
            Some(message) => {
                message.append_completion(next).ok_or(malformed)?;
                message
            }
            none @ None => none.insert(Box::new(Message::of(next))),
        };
        if message.has_stopped() {
            self.end = Some(End::Stopped);
        }
        Ok(())
    }

    fn running(&mut self, event: &'static str) -> Result<&mut Message, AssembleError> {
        self.message.as_deref_mut().ok_or(AssembleError::OutOfOrder { event })
    }

    /// Pays for an object that is kept in its members; checks that it is JSON on the way.
    fn charge_object(&mut self, raw: &[u8], event: &'static str) -> Result<(), AssembleError> {
        let count = members::count(raw).ok_or(AssembleError::Malformed { event })?;
        self.budget.charge(raw.len() + count * members::MEMBER_BYTES)
    }
}

#[cfg(test)]
mod tests;
