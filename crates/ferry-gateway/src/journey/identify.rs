//! Room `identify`: whose request this is. A credential becomes a tenant, `X-Biz-Type` a business line.
//! The credential itself stays in its header and is never copied or logged.
//! Decisions: `ferry_rules::{credential, diagnosis, line}`.

use ferry_rules::credential::{self, Credential, CredentialFault, CredentialHeader};
use ferry_rules::diagnosis::{Suspicion, suspicion};
use ferry_wire::header;
use hyper::body::Incoming;

use super::accept::{Accepted, Head};
use super::passage::Passage;
use super::refuse::{Refused, refused};
use super::snapshot::Snapshot;

/// A request whose tenant and line are known.
#[derive(Debug)]
pub(super) struct Identified {
    pub(super) passage: Box<Passage>,
    pub(super) head: Head,
    pub(super) body: Incoming,
    pub(super) caller: Caller,
}

/// How the caller showed itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    /// The header its credential stands in; upstream gets the node's key in the same form.
    pub(super) form: Option<CredentialHeader>,
    /// The credential is Ferry's own and goes no further.
    pub(super) ferrys_own: bool,
    /// What a 401 or 403 from upstream would mean for a credential of this form.
    pub(super) suspicion: Option<Suspicion>,
}

/// Finds the tenant and the business line.
pub(super) fn identify(accepted: Accepted) -> Result<Identified, Refused> {
    let Accepted { mut passage, head, body } = accepted;
    passage.line = passage.snapshot.line(head.headers.get(header::X_BIZ_TYPE));
    match caller(&mut passage, &head) {
        Ok(caller) => Ok(Identified { passage, head, body, caller }),
        Err(fault) => Err(refused(passage, fault).with_upload(&head.headers, body)),
    }
}

fn caller(passage: &mut Passage, head: &Head) -> Result<Caller, CredentialFault> {
    let (form, value) = match credential::read(&head.headers)? {
        Credential::None if may_be_silent(&passage.snapshot) => {
            return Ok(Caller { form: None, ferrys_own: false, suspicion: None });
        }
        Credential::None => return Err(CredentialFault::Missing),
        Credential::One { header, value } => (header, value),
    };
    if passage.snapshot.guarded() {
        if !passage.snapshot.admits(value) {
            return Err(CredentialFault::Unknown);
        }
        return Ok(Caller { form: Some(form), ferrys_own: true, suspicion: None });
    }
    passage.tenant = passage.shared.state.tenant_id(value);
    Ok(Caller { form: Some(form), ferrys_own: false, suspicion: suspicion(value) })
}

/// A caller without a credential is let in where no one is asked for one and every node has a key.
fn may_be_silent(snapshot: &Snapshot) -> bool {
    !snapshot.guarded() && !snapshot.callers_key_travels
}
