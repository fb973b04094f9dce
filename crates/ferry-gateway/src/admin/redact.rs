//! `POST /redact?line=NAME&as=FORM`: a policy tried on the text or body that is sent, as `ferry redact` does. The answer
//! reports types, places and lengths, and holds the text as it would go on. Nothing is sent, counted or logged.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;

use super::{Admin, answer, refuse};
use crate::redaction::trial::Form;

/// Largest text that is taken: as large as a held body.
pub(super) const BYTES_MAX: usize = 32 * 1024 * 1024;

/// What is to be tried.
#[derive(Debug)]
pub struct Trying {
    /// The business line.
    pub line: String,
    /// What the bytes are.
    pub form: Form,
    /// The text or body.
    pub bytes: Bytes,
}

/// What came of it.
#[derive(Debug)]
pub enum Tried {
    /// The report, with the text as it would go on.
    Report(Value),
    /// There is no such line; those that there are.
    UnknownLine(Vec<String>),
    /// It cannot be looked through, and why.
    Unreadable(String),
}

/// `POST /redact`.
pub(super) async fn try_on(State(admin): State<Admin>, uri: Uri, bytes: Bytes) -> Response {
    let line = query(&uri, "line").unwrap_or("default");
    let form = match query(&uri, "as") {
        None | Some("auto") => Form::guess(&bytes),
        Some(name) => match Form::named(name) {
            Some(form) => form,
            None => return bad("`as` is one of auto, text, messages, batch and complete."),
        },
    };
    // One after the other, and where it holds up nobody: a trial takes as much memory as a few requests.
    let turn = Arc::clone(&admin.trials).lock_owned().await;
    let tries = Arc::clone(&admin.redact);
    let trying = Trying { line: line.to_owned(), form, bytes };
    let tried = admin.tasks.aside(move || {
        // It goes on when its client has left, and so does its turn.
        let _turn = turn;
        tries(&trying)
    });
    let Ok(tried) = tried.await else { return bad("The trial broke off; please report this.") };
    match tried {
        Tried::Report(report) => answer(StatusCode::OK, "application/json", format!("{report}\n")),
        Tried::UnknownLine(lines) => {
            bad(&format!("There is no such line; the lines are {}.", lines.join(", ")))
        }
        Tried::Unreadable(why) => bad(&format!("Ferry could not {why}.")),
    }
}

fn bad(message: &str) -> Response {
    refuse(StatusCode::BAD_REQUEST, "invalid_request_error", message)
}

fn query<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
}
