//! Room `admit`: is there room for one more, before a byte of the body is read (`Expect: 100-continue`
//! is answered only when the body is). Gives the permit that lives until the last byte is out.

use hyper::body::Incoming;

use super::accept::Head;
use super::identify::{Caller, Identified};
use super::passage::{Passage, Permit};
use super::refuse::{Refused, refused};

/// A request that holds a seat.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) passage: Box<Passage>,
    pub(super) head: Head,
    pub(super) body: Incoming,
    pub(super) caller: Caller,
}

/// Every seat is taken.
#[derive(Debug)]
pub(super) struct Full;

/// Takes a seat.
pub(super) fn admit(identified: Identified) -> Result<Admitted, Refused> {
    let Identified { mut passage, head, body, caller } = identified;
    match Permit::take(&passage.shared, passage.snapshot.settings.requests_max) {
        Some(permit) => {
            passage.permit = Some(permit);
            Ok(Admitted { passage, head, body, caller })
        }
        None => Err(refused(passage, Full).with_upload(&head.headers, body)),
    }
}
