//! May a failed attempt be made again, where, when, and who pays? And who is to blame for it?
//!
//! The table is reliability.md 2.1: what reached no model is free, what may have been billed is made
//! again once at most, and what the client did wrong never. It counts and waits for nothing, and picks
//! no node; `budget` says whether all requests together may still retry.

mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::status::{Refusal, Status};
use crate::backoff;

/// Free retries of one request (reliability.md 2.1).
pub const FREE_MAX: u32 = 3;
/// Paid retries of one request: a third generation is bought by nobody.
pub const PAID_MAX: u32 = 1;
/// Retries at another node of the same provider that wait for nothing when the provider had no room.
/// The next ones back off there, too: nodes of one provider are overloaded together, and a direct
/// client that backs off must not do better.
pub const AT_ONCE_MAX: u32 = 1;

/// How an attempt failed, in the order in which it can. That no connection stands is the race's affair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The request was given back unwritten, or the node says that it did not process it
    /// (`REFUSED_STREAM`, a stream above the last id of `GOAWAY`: RFC 9113 sections 8.7 and 6.8).
    NotWritten,
    /// A kept-alive connection died under the request before any byte of an answer.
    StaleConnection,
    /// Written, then lost, or silent on a path proven dead or past the hard deadline, before the answer.
    Lost,
    /// The node answered with this error.
    Status(Status),
    /// An `error` event in a stream of status 200 before its first content: judged as its status.
    EarlyError(Status),
    /// The answer broke off in the middle, and the client has nothing of it yet.
    Cut,
    /// Not HTTP, not the API's answer, a redirect.
    BadAnswer,
}

/// What a second run of the same request would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing: a list, a count of tokens.
    Nothing,
    /// It bills a second answer.
    Billed,
    /// It stores a second object: a batch, a file.
    Stored,
}

/// What a request has behind it and before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    /// What a second run would do.
    pub effect: Effect,
    /// The body can be sent again whole.
    pub resendable: bool,
    /// Another node or key that this request has not tried is usable.
    pub elsewhere: bool,
    /// One is there that it has not tried, usable or not: its breaker may be open, its provider without room.
    pub untried: bool,
    /// It has had its retry for a stale connection.
    pub stale_retried: bool,
    /// Requests written so far, the failed one included.
    pub written: u32,
    /// Requests that may be written, from [`attempts_max`].
    pub attempts_max: u32,
    /// Free retries so far.
    pub free: u32,
    /// Paid retries so far.
    pub paid: u32,
    /// How long the request may still wait.
    pub patience: Duration,
}

/// What may follow a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The caller gets this failure, unchanged if it is a node's answer.
    Final,
    /// Once more.
    Retry(Again),
}

/// How to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    /// What it is counted as.
    pub cost: Cost,
    /// Where.
    pub place: Place,
    /// How long to wait first; never longer than the patience that is left.
    pub wait: Duration,
}

/// What a retry is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cost {
    /// Free: nothing can have been billed.
    Free,
    /// Paid: it may be billed twice.
    Paid,
}

/// Where to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// At a node, or with a key, that this request has not tried.
    Elsewhere,
    /// On a new connection, whichever node; never on the next pooled one.
    FreshConnection,
    /// Wherever choice leads.
    Anywhere,
}

/// Whom a failure counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The node: its breaker.
    Path,
    /// Provider, key and model: they cool.
    Overload,
    /// The key: refused or spent, until something is done about it.
    Key,
    /// The client's own mistake; nothing else changes.
    Client,
    /// An accident that says nothing.
    Nobody,
}

/// Requests that may be written for one of the client's: as configured, less the retries that the
/// client has already made by itself (`x-stainless-retry-count`), and one always.
pub fn attempts_max(configured: u32, client_retries: u32) -> u32 {
    configured.saturating_sub(client_retries).max(1)
}

/// Judges one failure. `roll` is a number from 0 to 1.
pub fn verdict(failure: Failure, course: &Course, roll: f64) -> Verdict {
    if !course.resendable {
        return Verdict::Final;
    }
    match failure {
        // Once is an accident of keep-alive (RFC 9110 section 9.2.2), twice in a row is none.
        Failure::StaleConnection if course.stale_retried => Verdict::Final,
        Failure::StaleConnection | Failure::NotWritten => unread(course, roll),
        Failure::Lost | Failure::Cut => maybe_billed(course, roll),
        // The same node would say the same again.
        Failure::BadAnswer if course.elsewhere || course.untried => {
            maybe_billed(&Course { elsewhere: true, ..*course }, roll)
        }
        Failure::BadAnswer => Verdict::Final,
        Failure::Status(status) | Failure::EarlyError(status) => answered(status, course, roll),
    }
}

/// Whom a failure counts against, whatever follows it.
pub fn blame(failure: Failure) -> Blame {
    match failure {
        Failure::Lost | Failure::Cut | Failure::BadAnswer => Blame::Path,
        Failure::NotWritten | Failure::StaleConnection => Blame::Nobody,
        Failure::Status(status) | Failure::EarlyError(status) => status.blame(),
    }
}

/// Nobody has looked at it. Once that is a connection that was ending; a node that gives back one after the
/// other takes none.
fn unread(course: &Course, roll: f64) -> Verdict {
    if course.free == 0 {
        free(course, Place::FreshConnection, Some(Duration::ZERO))
    } else if course.elsewhere {
        free(course, Place::Elsewhere, Some(Duration::ZERO))
    } else {
        free(course, Place::FreshConnection, backed_off(course, roll))
    }
}

fn answered(status: Status, course: &Course, roll: f64) -> Verdict {
    if course.written >= course.attempts_max {
        return Verdict::Final;
    }
    match status.refusal() {
        Refusal::Final => Verdict::Final,
        Refusal::Limited(_) | Refusal::NotReached if course.elsewhere => {
            free(course, Place::Elsewhere, Some(Duration::ZERO))
        }
        Refusal::Limited(retry_after) => waited(retry_after, course, roll),
        // An error of the API's that may come after the object was made.
        Refusal::NoRoom(_)
            if course.effect == Effect::Stored && matches!(status.code, 500 | 502 | 504) =>
        {
            Verdict::Final
        }
        Refusal::NoRoom(retry_after) => overloaded(retry_after, course, roll),
        Refusal::NotReached => later(course, roll),
        Refusal::MaybeBilled => maybe_billed(course, roll),
    }
}

fn overloaded(retry_after: Option<Duration>, course: &Course, roll: f64) -> Verdict {
    let retries = course.free + course.paid;
    if course.elsewhere {
        let wait = match retries.checked_sub(AT_ONCE_MAX) {
            None => Duration::ZERO,
            Some(more) => backoff::full_jitter(more, roll).min(course.patience),
        };
        return free(course, Place::Elsewhere, Some(wait));
    }
    match retry_after {
        Some(retry_after) => waited(retry_after, course, roll),
        None => later(course, roll),
    }
}

/// After a wait of Ferry's own, where choice leads. The last free retry goes to a place that has not been tried,
/// if there is one, though nothing good is known of it: the others have said no all the time.
fn later(course: &Course, roll: f64) -> Verdict {
    let last = course.free + 1 >= FREE_MAX || course.written + 1 >= course.attempts_max;
    let place = if last && course.untried { Place::Elsewhere } else { Place::Anywhere };
    free(course, place, backed_off(course, roll))
}

/// After the wait that the node asked for. Where that is too long, a place of which nothing good is known is
/// better than none.
fn waited(retry_after: Duration, course: &Course, roll: f64) -> Verdict {
    match obeyed(retry_after, course.patience, roll) {
        None if course.untried => free(course, Place::Elsewhere, Some(Duration::ZERO)),
        wait => free(course, Place::Anywhere, wait),
    }
}

fn maybe_billed(course: &Course, roll: f64) -> Verdict {
    if course.written >= course.attempts_max {
        return Verdict::Final;
    }
    let (place, wait) = if course.elsewhere {
        (Place::Elsewhere, Some(Duration::ZERO))
    } else {
        (Place::FreshConnection, backed_off(course, roll))
    };
    match (course.effect, wait) {
        (Effect::Stored, _) | (_, None) => Verdict::Final,
        (Effect::Nothing, wait) => free(course, place, wait),
        (Effect::Billed, _) if course.paid >= PAID_MAX => Verdict::Final,
        (Effect::Billed, Some(wait)) => Verdict::Retry(Again { cost: Cost::Paid, place, wait }),
    }
}

/// A free retry, if the request has one left and the wait fits.
fn free(course: &Course, place: Place, wait: Option<Duration>) -> Verdict {
    match wait {
        Some(wait) if course.free < FREE_MAX => {
            Verdict::Retry(Again { cost: Cost::Free, place, wait })
        }
        Some(_) | None => Verdict::Final,
    }
}

/// The wait before the same node is asked again; none without patience.
fn backed_off(course: &Course, roll: f64) -> Option<Duration> {
    let wait = backoff::full_jitter(course.free + course.paid, roll).min(course.patience);
    (!course.patience.is_zero()).then_some(wait)
}

/// What the node asked for, if it fits; up to a tenth later, so that those who wait do not come at once.
fn obeyed(retry_after: Duration, patience: Duration, roll: f64) -> Option<Duration> {
    let later = backoff::bounded(retry_after).mul_f64(1.0 + 0.1 * backoff::unit(roll));
    let later = backoff::bounded(later);
    (retry_after <= patience).then_some(later.min(patience))
}
