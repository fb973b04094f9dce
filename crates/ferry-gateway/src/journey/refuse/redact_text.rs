//! What is told to a client whose request holds sensitive data that its line refuses, or cannot be looked through.
//! Names types, counts and a place, never a value.

use ferry_wire::error::ApiErrorKind;

use super::Told;
use super::coding_text::coding;
use super::text::{busy, client};
use crate::journey::redact::Fault;
use crate::redaction::RedactError;

/// The refusal of a request.
pub(super) fn redact(fault: &Fault) -> Told {
    let refused =
        |status, code, message| client(status, ApiErrorKind::InvalidRequest, code, message);
    match fault {
        Fault::Blocked { counts, path } => {
            let of_types: Vec<_> =
                counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            // A report has a bound; behind it there are counts alone.
            let place = if path.is_empty() { String::new() } else { format!("; the first in {path}") };
            refused(
                400,
                "redact-blocked",
                format!(
                    "The request holds data that may not leave: {}{place}. Take it out and send the request again; the \
                     operator sets this under [redact].",
                    of_types.join(", "),
                ),
            )
        }
        Fault::Unreadable(error) => refused(
            400,
            "redact-unreadable",
            format!(
                "Ferry could not {error}; this line's requests are looked through for sensitive data, so it goes no \
                 further. Send one well-formed {}.",
                well_formed(error),
            ),
        ),
        Fault::Coding(fault) => coding(*fault),
        Fault::UnknownCoding => refused(
            415,
            "redact-coding",
            "The body has a Content-Encoding that Ferry cannot undo, and this line's requests are looked through for \
             sensitive data; send it with gzip, deflate or br, or without a coding."
                .to_owned(),
        ),
        Fault::Method => refused(
            405,
            "redact-method",
            "The API takes no body with this method here, and this line's requests are looked through for sensitive \
             data; send it with POST, or without a body."
                .to_owned(),
        ),
        Fault::NoMemory => busy(
            "held-bytes-max",
            "Ferry holds as many bytes as server.held_bytes_max allows; try again shortly.",
        ),
        Fault::Lost => Told {
            status: 500,
            kind: ApiErrorKind::Api,
            code: "redact-failed",
            message: "Ferry failed to look through this request for sensitive data, so it went no further; send it \
                      again."
                .to_owned(),
            hopeless: false,
            ..refused(500, "redact-failed", String::new())
        },
    }
}

/// What can be looked through.
fn well_formed(error: &RedactError) -> &'static str {
    match error {
        RedactError::Upload(_) => "multipart form, its parts without codings of their own",
        RedactError::Walk(_) | RedactError::NotUtf8 | RedactError::Edit(_) => "JSON object",
    }
}
