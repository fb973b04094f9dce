//! What became of one request: a whole answer, or a failure of one kind. Pure: what was seen goes in, a verdict comes
//! out. It knows nothing of how the bytes came.

use super::watch::Watch;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    /// POST `/v1/messages`, answered in one piece
    Message,
    /// POST `/v1/messages`, answered as a stream of events
    Stream,
    /// POST `/v1/messages/count_tokens`, which runs no model
    Tokens,
}

/// Why a request has no whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Failure {
    /// No connection.
    Connect,
    /// The connection ended before an answer began.
    Lost,
    /// No end in time.
    Timeout,
    /// Another status than 200.
    Status(u16),
    /// The answer began and did not reach its end; of a stream, its `message_stop`.
    Truncated,
    /// The stream said itself that it failed (`event: error`).
    ErrorEvent,
    /// Status 200 and something else than was asked for, as the page of a captive portal.
    NotAnAnswer,
}

/// How the body came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// As HTTP wants it.
    Clean,
    /// The connection broke before.
    Cut,
}

impl Kind {
    /// For people and machines.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Stream => "stream",
            Self::Tokens => "tokens",
        }
    }
}

impl Failure {
    /// For people and machines: the same word in the table and in JSON.
    pub(super) fn name(self) -> String {
        match self {
            Self::Connect => "connect".to_owned(),
            Self::Lost => "lost".to_owned(),
            Self::Timeout => "timeout".to_owned(),
            Self::Status(status) => format!("status_{status}"),
            Self::Truncated => "truncated".to_owned(),
            Self::ErrorEvent => "error_event".to_owned(),
            Self::NotAnAnswer => "not_an_answer".to_owned(),
        }
    }
}

/// Judges an answer whose head came.
///
/// # Errors
/// The kind of failure.
pub(super) fn judge(status: u16, watch: &Watch, end: End) -> Result<(), Failure> {
    if status != 200 {
        return Err(Failure::Status(status));
    }
    match watch {
        Watch::Events(events) if events.stopped => Ok(()),
        Watch::Events(events) if events.failed => Err(Failure::ErrorEvent),
        // A whole page, but no stream.
        Watch::Events(events) if events.seen == 0 && end == End::Clean => Err(Failure::NotAnAnswer),
        Watch::Events(_) => Err(Failure::Truncated),
        Watch::Whole(_) if end == End::Cut => Err(Failure::Truncated),
        Watch::Whole(whole) if whole.found => Ok(()),
        Watch::Whole(_) => Err(Failure::NotAnAnswer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(kind: Kind, status: u16, body: &str, end: End) -> Result<(), Failure> {
        let mut watch = Watch::new(kind);
        watch.feed(body.as_bytes());
        judge(status, &watch, end)
    }

    #[test]
    fn only_a_whole_answer_is_right() {
        let whole = "event: message_start\ndata: {}\n\nevent: content_block_delta\ndata: {}\n\nevent: message_stop\ndata: {}\n\n";
        let half = "event: message_start\ndata: {}\n\nevent: message_stop\ndata: {}\n";
        let failed = "event: message_start\ndata: {}\n\nevent: error\ndata: {}\n\n";
        let message = r#"{"id":"msg_1","type":"message","content":[]}"#;
        let tokens = r#"{"input_tokens":12}"#;
        for (kind, status, body, end, wanted) in [
            (Kind::Stream, 200, whole, End::Clean, Ok(())),
            (Kind::Stream, 200, whole, End::Cut, Ok(())),
            // It ends cleanly, and says nothing of being half: the worst of all.
            (Kind::Stream, 200, half, End::Clean, Err(Failure::Truncated)),
            (Kind::Stream, 200, half, End::Cut, Err(Failure::Truncated)),
            (Kind::Stream, 200, "", End::Cut, Err(Failure::Truncated)),
            (Kind::Stream, 200, failed, End::Clean, Err(Failure::ErrorEvent)),
            (Kind::Stream, 200, message, End::Clean, Err(Failure::NotAnAnswer)),
            (Kind::Stream, 529, whole, End::Clean, Err(Failure::Status(529))),
            (Kind::Message, 200, message, End::Clean, Ok(())),
            (Kind::Message, 200, message, End::Cut, Err(Failure::Truncated)),
            (Kind::Message, 200, "<html>", End::Clean, Err(Failure::NotAnAnswer)),
            (Kind::Message, 200, "", End::Clean, Err(Failure::NotAnAnswer)),
            (Kind::Message, 302, message, End::Clean, Err(Failure::Status(302))),
            (Kind::Tokens, 200, tokens, End::Clean, Ok(())),
            (Kind::Tokens, 200, message, End::Clean, Err(Failure::NotAnAnswer)),
        ] {
            assert_eq!(judged(kind, status, body, end), wanted, "{kind:?} {status} {body}");
        }
    }

    #[test]
    fn failures_have_names_that_stay() {
        assert_eq!(Failure::Status(429).name(), "status_429");
        assert_eq!(Failure::Truncated.name(), "truncated");
    }
}
