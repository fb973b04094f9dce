//! Upstream refusals and what they most likely mean.

use super::*;

const API_401: Evidence<'_> = Evidence {
    json_error: Some("authentication_error"),
    has_request_id: true,
    html: false,
    server: Some("cloudflare"),
    cf_mitigated: false,
};
const NOBODY: Evidence<'_> = Evidence {
    json_error: None,
    has_request_id: false,
    html: false,
    server: None,
    cf_mitigated: false,
};

fn check(status: u16, suspicion: Option<Suspicion>, evidence: Evidence<'_>, code: Option<&str>) {
    let diagnosis = explain(status, suspicion, evidence);
    assert_eq!(diagnosis.map(|it| it.code), code, "{status} {suspicion:?} {evidence:?}");
    if let Some(Diagnosis { hint, .. }) = diagnosis {
        assert!(hint.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{hint}");
        assert!(hint.len() < 200, "too long for a header that people read: {hint}");
    }
}

#[test]
fn a_401_names_the_key_or_the_hop() {
    check(401, None, API_401, Some("FD-K02"));
    check(401, Some(Suspicion::OpenAi), API_401, Some("FD-K02"));
    check(401, Some(Suspicion::FerryKey), API_401, Some("FD-K02"));
    check(401, Some(Suspicion::OpenAi), NOBODY, Some("FD-K01"));
    check(401, None, Evidence { html: true, ..NOBODY }, Some("FD-K01"));
    // An id on a page does not make the page the API's.
    check(401, None, Evidence { html: true, has_request_id: true, ..NOBODY }, Some("FD-K01"));
}

#[test]
fn a_403_names_region_right_challenge_or_proxy() {
    let forbidden = Evidence { json_error: Some("forbidden"), ..API_401 };
    let permission = Evidence { json_error: Some("permission_error"), ..API_401 };
    let page = Evidence { html: true, ..NOBODY };
    check(403, None, forbidden, Some("FD-R01"));
    check(403, Some(Suspicion::NoKnownPrefix), forbidden, Some("FD-R01"));
    check(403, None, permission, Some("FD-R02"));
    check(403, Some(Suspicion::AdminKey), permission, Some("FD-K02"));
    check(403, None, Evidence { cf_mitigated: true, ..page }, Some("FD-R03"));
    check(403, None, Evidence { cf_mitigated: true, ..API_401 }, Some("FD-R03"));
    check(403, None, Evidence { server: Some("Cloudflare"), ..page }, Some("FD-R03"));
    check(403, None, Evidence { server: Some("nginx/1.26.3"), ..page }, Some("FD-R04"));
    check(403, None, page, Some("FD-R04"));
    check(403, None, NOBODY, Some("FD-R04"));
}

#[test]
fn other_refusals_are_told_apart_by_who_answered() {
    let page = Evidence { html: true, ..NOBODY };
    let model = Evidence { json_error: Some("not_found_error"), ..API_401 };
    check(404, None, model, Some("FD-P04"));
    check(404, None, Evidence { json_error: Some("api_error"), ..API_401 }, None);
    check(404, None, page, Some("FD-P02"));
    check(405, None, page, Some("FD-R04"));
    check(405, None, API_401, None);
    check(407, None, page, Some("FD-K01"));
    check(413, None, page, Some("FD-B01"));
    check(413, None, Evidence { json_error: Some("request_too_large"), ..API_401 }, None);
    check(502, None, page, Some("FD-U03"));
    check(504, None, Evidence { json_error: Some("timeout_error"), ..API_401 }, None);
    check(524, None, page, Some("FD-U04"));
    check(529, None, Evidence { json_error: Some("overloaded_error"), ..API_401 }, Some("FD-U01"));
    check(400, Some(Suspicion::OpenAi), API_401, None);
    check(200, None, page, None);
}

#[test]
fn a_prefix_betrays_the_vendor() {
    let rows = [
        ("sk-ant-api03-abc", None),
        ("sk-ant-new-form", None),
        ("sk-ant-admin01-abc", Some(Suspicion::AdminKey)),
        ("sk-ant-sid01-abc", Some(Suspicion::SessionKey)),
        ("sk-proj-abc", Some(Suspicion::OpenAi)),
        ("AIzaSyabc", Some(Suspicion::Google)),
        ("AKIAABC", Some(Suspicion::Aws)),
        ("ghp_abc", Some(Suspicion::GitHub)),
        ("github_pat_abc", Some(Suspicion::GitHub)),
        ("fry-abc", Some(Suspicion::FerryKey)),
        ("sk-0123456789abcdef", Some(Suspicion::NoKnownPrefix)),
        ("", Some(Suspicion::NoKnownPrefix)),
    ];
    for (value, expected) in rows {
        assert_eq!(suspicion(value), expected, "{value}");
    }
}
