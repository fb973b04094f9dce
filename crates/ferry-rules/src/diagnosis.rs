//! What an upstream refusal probably means, from its status, its shape and the form of the key.
//!
//! The answer itself passes unchanged; this fills `x-ferry-code` and `x-ferry-hint` beside it. It is
//! a likely cause, never a verdict, and contains nothing of the key or of the body.

#[cfg(test)]
mod tests;

use crate::key_form::has_prefix_ignoring_case;

/// What is known of an answer without passing on any of its text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evidence<'a> {
    /// `error.type` of a body in the API's error shape.
    pub json_error: Option<&'a str>,
    /// The answer carried the API's `request-id`.
    pub has_request_id: bool,
    /// The body is an HTML page.
    pub html: bool,
    /// The `server` header.
    pub server: Option<&'a str>,
    /// The answer carried `cf-mitigated`.
    pub cf_mitigated: bool,
}

impl Evidence<'_> {
    /// The API itself answers in its own shape, with an id; an HTML page is somebody else's.
    fn is_api(self) -> bool {
        !self.html && (self.json_error.is_some() || self.has_request_id)
    }

    fn served_by(self, name: &str) -> bool {
        self.server.is_some_and(|server| {
            server
                .as_bytes()
                .windows(name.len())
                .any(|part| part.eq_ignore_ascii_case(name.as_bytes()))
        })
    }
}

/// A likely cause: a stable code and one English sentence with the next action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diagnosis {
    /// `FD-` and a letter for the layer: K key, R right, P path, B body, U upstream.
    pub code: &'static str,
    /// Visible ASCII, fit for a header value.
    pub hint: &'static str,
}

/// What an unexpected form of key looks like it is. Asked only after upstream answered 401 or 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suspicion {
    /// A key of the organisation's admin API (`sk-ant-admin`).
    AdminKey,
    /// The cookie of a browser session (`sk-ant-sid`).
    SessionKey,
    /// `sk-proj-`, `sk-svcacct-`.
    OpenAi,
    /// `AIza`, `ya29.`.
    Google,
    /// `AKIA`, `ASIA`, `ABSK`.
    Aws,
    /// `ghp_`, `github_pat_` and their kin.
    GitHub,
    /// A key of Ferry's own (`fry-`) went upstream.
    FerryKey,
    /// Nothing that Ferry knows; it may belong to a relay.
    NoKnownPrefix,
}

/// Prefixes and what they betray, the longer before the shorter.
const TELLTALES: [(&str, Suspicion); 18] = [
    ("sk-ant-admin", Suspicion::AdminKey),
    ("sk-ant-sid", Suspicion::SessionKey),
    ("sk-proj-", Suspicion::OpenAi),
    ("sk-svcacct-", Suspicion::OpenAi),
    ("sk-admin-", Suspicion::OpenAi),
    ("AIza", Suspicion::Google),
    ("ya29.", Suspicion::Google),
    ("AKIA", Suspicion::Aws),
    ("ASIA", Suspicion::Aws),
    ("ABSK", Suspicion::Aws),
    ("bedrock-api-key-", Suspicion::Aws),
    ("ghp_", Suspicion::GitHub),
    ("gho_", Suspicion::GitHub),
    ("ghu_", Suspicion::GitHub),
    ("ghs_", Suspicion::GitHub),
    ("ghr_", Suspicion::GitHub),
    ("github_pat_", Suspicion::GitHub),
    ("fry-", Suspicion::FerryKey),
];

/// Guesses what a key is from its prefix. `None`: it has the form that the API's keys have.
pub fn suspicion(value: &str) -> Option<Suspicion> {
    for (prefix, suspicion) in TELLTALES {
        if value.starts_with(prefix) {
            return Some(suspicion);
        }
    }
    (!has_prefix_ignoring_case(value, "sk-ant-")).then_some(Suspicion::NoKnownPrefix)
}

/// The likely cause of an upstream error, or `None` when its own text says enough.
pub fn explain(
    status: u16,
    suspicion: Option<Suspicion>,
    evidence: Evidence<'_>,
) -> Option<Diagnosis> {
    match status {
        401 => Some(unauthorised(suspicion, evidence)),
        403 => Some(forbidden(suspicion, evidence)),
        404 => not_found(evidence),
        405 if !evidence.is_api() => Some(METHOD_BLOCKED),
        407 => Some(PROXY_LOGIN),
        413 if !evidence.is_api() => Some(BODY_BLOCKED),
        524 if !evidence.is_api() => Some(CDN_GAVE_UP),
        502..=504 if !evidence.is_api() => Some(HOP_FAILED),
        529 if evidence.is_api() => Some(OVERLOADED),
        _ => None,
    }
}

const METHOD_BLOCKED: Diagnosis = Diagnosis {
    code: "FD-R04",
    hint: "a proxy on the way does not allow this call; let POST /v1/messages through on the node",
};
const CHALLENGED: Diagnosis = Diagnosis {
    code: "FD-R03",
    hint: "a CDN asks for proof of a browser; the egress address has a bad reputation, talk to the hoster or the provider",
};
const REGION: Diagnosis = Diagnosis {
    code: "FD-R01",
    hint: "the egress region or network is not accepted; check the supported-region list and your entitlement, a new key or a retry will not help",
};
const PERMISSION: Diagnosis = Diagnosis {
    code: "FD-R02",
    hint: "the key lacks permission for this model, workspace or resource; change it in the console",
};
const KEY_REFUSED: Diagnosis = Diagnosis {
    code: "FD-K02",
    hint: "the key is well formed and was refused: it is revoked, expired or of another host; copy it again from the console",
};
const KEY_DROPPED: Diagnosis = Diagnosis {
    code: "FD-K01",
    hint: "the answer is not the API's own; a proxy on the way wants a login of its own or drops the key header, let x-api-key and Authorization through",
};
const PROXY_LOGIN: Diagnosis = Diagnosis {
    code: "FD-K01",
    hint: "a proxy on the way wants a login of its own; ask whoever runs it",
};
const MODEL: Diagnosis = Diagnosis {
    code: "FD-P04",
    hint: "the path or the model is unknown or retired; see GET /v1/models",
};
const PATH: Diagnosis = Diagnosis {
    code: "FD-P02",
    hint: "the answer is not the API's own; the node's url or a proxy_pass with a trailing slash loses /v1",
};
const BODY_BLOCKED: Diagnosis = Diagnosis {
    code: "FD-B01",
    hint: "a proxy on the way limits the body; in nginx set client_max_body_size 32m",
};
const HOP_FAILED: Diagnosis = Diagnosis {
    code: "FD-U03",
    hint: "a proxy between Ferry and the API failed to reach the next hop; look at that machine's log",
};
const CDN_GAVE_UP: Diagnosis = Diagnosis {
    code: "FD-U04",
    hint: "a CDN gave up waiting for the first byte; use streaming for long answers",
};
const OVERLOADED: Diagnosis = Diagnosis {
    code: "FD-U01",
    hint: "the provider is overloaded for everyone; back off, a new key will not help",
};

fn unauthorised(suspicion: Option<Suspicion>, evidence: Evidence<'_>) -> Diagnosis {
    if !evidence.is_api() {
        return KEY_DROPPED;
    }
    suspicion.map_or(KEY_REFUSED, wrong_key)
}

fn forbidden(suspicion: Option<Suspicion>, evidence: Evidence<'_>) -> Diagnosis {
    if evidence.cf_mitigated || (evidence.html && evidence.served_by("cloudflare")) {
        return CHALLENGED;
    }
    if !evidence.is_api() {
        return METHOD_BLOCKED;
    }
    match (evidence.json_error, suspicion) {
        (Some("forbidden"), _) => REGION,
        (_, Some(suspicion)) => wrong_key(suspicion),
        (_, None) => PERMISSION,
    }
}

fn not_found(evidence: Evidence<'_>) -> Option<Diagnosis> {
    if evidence.is_api() {
        // A missing batch, file or model: only the API's own type says that it is about a name.
        return (evidence.json_error == Some("not_found_error")).then_some(MODEL);
    }
    Some(PATH)
}

/// All of them K02 ("wrong key"); the hint says which wrong key.
fn wrong_key(suspicion: Suspicion) -> Diagnosis {
    let hint = match suspicion {
        Suspicion::AdminKey => {
            "the key is an admin key (sk-ant-admin), which cannot call models; use an API key (sk-ant-api)"
        }
        Suspicion::SessionKey => {
            "the key is a browser session (sk-ant-sid), not an API key; create one in the console"
        }
        Suspicion::OpenAi => {
            "the key has the form of an OpenAI key; Claude API keys begin with sk-ant-"
        }
        Suspicion::Google => {
            "the key has the form of a Google key; Claude API keys begin with sk-ant-"
        }
        Suspicion::Aws => "the key has the form of an AWS key; Claude API keys begin with sk-ant-",
        Suspicion::GitHub => {
            "the key has the form of a GitHub token; Claude API keys begin with sk-ant-"
        }
        Suspicion::FerryKey => {
            "a Ferry key (fry-) went to a node that is no Ferry; give the node a key of its own"
        }
        Suspicion::NoKnownPrefix => {
            "the key does not begin with sk-ant- and the node refused it; check that key and node belong together"
        }
    };
    Diagnosis { code: "FD-K02", hint }
}
