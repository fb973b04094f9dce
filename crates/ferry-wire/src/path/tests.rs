//! Paths in tables: what is carried, as what, and what is not.

use proptest::prelude::*;

use super::*;

fn get(path: &str) -> Result<Target<'_>, PathRefusal> {
    understand(&Method::GET, path)
}

#[test]
fn families_are_told_by_method_and_path() {
    use Family as F;
    let table: &[(&str, &str, Family)] = &[
        ("POST", "/v1/messages", F::Messages),
        ("POST", "/v1/messages?beta=true", F::Messages),
        ("POST", "/v1/messages/", F::Messages),
        ("PUT", "/v1/messages", F::Messages),
        ("GET", "/v1/messages", F::Other),
        ("POST", "/v1/mess%61ges", F::Messages),
        ("POST", "/v1/MESSAGES", F::Messages),
        ("POST", "/v1/messages.", F::Messages),
        ("POST", "/v1/messages/count_tokens", F::CountTokens),
        ("POST", "/v1/messages/batches", F::BatchCreate),
        ("GET", "/v1/messages/batches?limit=5&after_id=x", F::BatchObject),
        ("GET", "/v1/messages/batches/msgbatch_1", F::BatchObject),
        ("DELETE", "/v1/messages/batches/msgbatch_1", F::BatchObject),
        ("POST", "/v1/messages/batches/msgbatch_1/cancel", F::BatchObject),
        ("GET", "/v1/messages/batches/msgbatch_1/results", F::BatchResults),
        ("GET", "/v1/models", F::Models),
        ("GET", "/v1/models/claude-opus-5-5", F::Models),
        ("POST", "/v1/files", F::Files),
        ("GET", "/v1/files/file%20x", F::Files),
        ("GET", "/v1/files/file_1/content", F::FileContent),
        ("POST", "/v1/skills/s/versions", F::Skills),
        ("GET", "/v1/skills/s/versions/1/content", F::SkillContent),
        ("POST", "/v1/complete", F::Complete),
        ("GET", "/v1/sessions/s/events/stream", F::EventStream),
        ("GET", "/v1/sessions/s/threads/t/stream", F::EventStream),
        ("GET", "/v1/environments/e/work/poll", F::Poll),
        ("POST", "/v1/environments/e/work/w/heartbeat", F::Other),
        ("GET", "/v1/agents", F::Other),
        ("POST", "/v1/oauth/token", F::Other),
        ("GET", "/v1/files/organizations/content", F::FileContent),
        ("GET", "/v1/skills/s/versions/1/content/more/still", F::Skills),
    ];
    for (method, path, family) in table {
        let target = understand(&Method::from_bytes(method.as_bytes()).unwrap(), path)
            .unwrap_or_else(|refusal| panic!("{method} {path}: {refusal}"));
        assert_eq!(target.family, *family, "{method} {path}");
        assert_eq!(target.upstream, *path);
    }
}

#[test]
fn prefixes_are_cut_and_a_doubled_v1_is_mended() {
    let table: &[(&str, &str, &str, bool)] = &[
        ("/api/v1/models?x=%2F..//", "/api", "/v1/models?x=%2F..//", false),
        ("/proxy/v1/models", "/proxy", "/v1/models", false),
        ("/anthropic/v1/models", "/anthropic", "/v1/models", false),
        ("/v1/v1/models", "", "/v1/models", true),
        ("/api/v1/v1/models?a[]=b", "/api", "/v1/models?a[]=b", true),
        ("/v1/v1/v1/models", "", "/v1/models", true),
        ("/v1/models/v1", "", "/v1/models/v1", false),
        ("/v1/models/100%25", "", "/v1/models/100%25", false),
        ("/v1/models/%E4%B8%AD", "", "/v1/models/%E4%B8%AD", false),
        ("/v1/models/a.b:c@d", "", "/v1/models/a.b:c@d", false),
    ];
    for (path, prefix, upstream, doubled_v1) in table {
        let target = get(path).unwrap_or_else(|refusal| panic!("{path}: {refusal}"));
        assert_eq!(target.prefix, *prefix, "{path}");
        assert_eq!(target.upstream, *upstream, "{path}");
        assert_eq!(target.doubled_v1, *doubled_v1, "{path}");
    }
}

/// Paths that are not carried, with the code of the refusal.
const REFUSED: &[(&str, &str)] = &[
    ("/", "path-not-api"),
    ("/api/hello", "path-not-api"),
    ("/v1", "path-not-api"),
    ("/v1/", "path-not-api"),
    ("/v1?x", "path-not-api"),
    ("/V1/messages", "path-not-api"),
    ("/%761/messages", "path-not-api"),
    ("/favicon.ico", "path-not-api"),
    ("/v2/messages", "path-not-api"),
    ("/messages", "path-no-v1"),
    ("/api/messages", "path-no-v1"),
    ("/anthropic/messages/batches", "path-no-v1"),
    ("/complete", "path-no-v1"),
    ("/v1/chat/completions", "path-openai"),
    ("/chat/completions", "path-openai"),
    ("/v1/completions", "path-openai"),
    ("/v1/responses", "path-openai"),
    ("/api/v1/embeddings", "path-openai"),
    ("/v1/organizations", "path-denied"),
    ("/v1/organizations/", "path-denied"),
    ("/v1/organizations?x=1", "path-denied"),
    ("/v1/organizations/users", "path-denied"),
    ("/v1/compliance/x", "path-denied"),
    ("/api/v1/organizations/x", "path-denied"),
    ("/v1/v1/organizations/x", "path-denied"),
    ("/api/v1/v1/compliance", "path-denied"),
    ("/v1/ORGANIZATIONS", "path-denied"),
    ("/v1/Organizations/x", "path-denied"),
    ("/v1/%6frganizations", "path-denied"),
    ("/v1/%6F%72ganization%73/x", "path-denied"),
    ("/v1/organizations./x", "path-denied"),
    ("/v1/organizations%20/x", "path-denied"),
    ("/v1/%256frganizations", "path-malformed"),
    ("/v1/%76%31/organizations", "path-malformed"),
    ("/v1/V1/organizations", "path-malformed"),
    ("/v1/organization%C5%BF", "path-malformed"),
    ("/v1//organizations", "path-malformed"),
    ("//v1/messages", "path-malformed"),
    ("/v1/./organizations", "path-malformed"),
    ("/v1/models/../organizations", "path-malformed"),
    ("/v1/models/%2e%2e/organizations", "path-malformed"),
    ("/v1/models/.%2E/organizations", "path-malformed"),
    ("/v1/models/%2E%2E%2Forganizations", "path-malformed"),
    ("/v1/models%2f..%2forganizations", "path-malformed"),
    ("/v1/models/..;/organizations", "path-malformed"),
    ("/v1/organizations;x=1", "path-malformed"),
    ("/v1;/organizations", "path-malformed"),
    ("/v1/models/..%5corganizations", "path-malformed"),
    ("/v1\\organizations", "path-malformed"),
    ("/v1/models/%00", "path-malformed"),
    ("/v1/models/%0d%0a", "path-malformed"),
    ("/v1/models/%c0%ae%c0%ae/organizations", "path-malformed"),
    ("/v1/models/%252e%252e/organizations", "path-malformed"),
    ("/v1/models/%", "path-malformed"),
    ("/v1/models/%4", "path-malformed"),
    ("/v1/models/%zz", "path-malformed"),
    ("/v1/models/a b", "path-malformed"),
    ("/v1/models/\u{4e2d}", "path-malformed"),
    ("/v1/models/x#y", "path-malformed"),
    ("/v1/models/.../x", "path-malformed"),
    ("/v1/models/..", "path-malformed"),
    ("*", "path-malformed"),
    ("", "path-malformed"),
    ("v1/messages", "path-malformed"),
    ("?x", "path-malformed"),
];

#[test]
fn what_is_not_carried_is_refused_with_its_kind() {
    for (path, code) in REFUSED {
        match get(path) {
            Ok(target) => panic!("{path} is carried: {target:?}"),
            Err(refusal) => assert_eq!(refusal.code(), *code, "{path}"),
        }
    }
}

#[test]
fn every_refusal_has_a_status_and_an_action() {
    let table = [
        (PathRefusal::NotApi { is_root: true }, 404),
        (PathRefusal::NotApi { is_root: false }, 404),
        (PathRefusal::NoV1 { resource: "messages" }, 404),
        (PathRefusal::OpenAi, 404),
        (PathRefusal::Denied { resource: "organizations" }, 403),
        (PathRefusal::Malformed(Malformation::DotSegment), 400),
    ];
    for (refusal, status) in table {
        assert_eq!(refusal.status(), status);
        assert!(refusal.hint().ends_with('.'));
        assert!(refusal.to_string().starts_with(char::is_lowercase));
    }
    assert_eq!(get("/"), Err(PathRefusal::NotApi { is_root: true }));
}

#[test]
fn labels_are_distinct() {
    let labels: std::collections::BTreeSet<_> = Family::ALL.iter().map(|f| f.as_str()).collect();
    assert_eq!(labels.len(), Family::ALL.len());
}

/// Decodes as a lax server might: percent signs again and again, then case, dots and separators.
fn lax(path: &str) -> String {
    let mut bytes = path.as_bytes().to_vec();
    for _ in 0..4 {
        let mut next = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let pair = std::str::from_utf8(bytes.get(at + 1..at + 3).unwrap_or_default())
                .ok()
                .filter(|_| bytes[at] == b'%')
                .and_then(|digits| u8::from_str_radix(digits, 16).ok());
            if let Some(byte) = pair {
                next.push(byte);
                at += 3;
            } else {
                next.push(bytes[at]);
                at += 1;
            }
        }
        bytes = next;
    }
    let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase().replace('\\', "/");
    let mut out: Vec<String> = Vec::new();
    for segment in text.split('/') {
        let segment = segment.split(';').next().unwrap_or_default();
        match segment {
            "" | "." => {}
            ".." => {
                out.pop();
            }
            _ => out.push(segment.trim_end_matches(['.', ' ']).to_owned()),
        }
    }
    out.join("/")
}

fn tricky_segment() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("v1".to_owned()),
        Just("V1".to_owned()),
        Just("%76%31".to_owned()),
        Just("organizations".to_owned()),
        Just("Organizations".to_owned()),
        Just("%6frganizations".to_owned()),
        Just("%256frganizations".to_owned()),
        Just("organizations.".to_owned()),
        Just("organizations;a".to_owned()),
        Just("organizations%3b".to_owned()),
        Just("compliance%20".to_owned()),
        Just("models".to_owned()),
        Just("api".to_owned()),
        Just("..".to_owned()),
        Just(".".to_owned()),
        Just(String::new()),
        Just("%2e%2e".to_owned()),
        Just("%2E.".to_owned()),
        Just("..%2f".to_owned()),
        Just("%5c..".to_owned()),
        "[a-z%.;/0-9]{0,6}",
    ]
}

proptest! {
    #[test]
    fn no_spelling_reaches_a_denied_path(segments in proptest::collection::vec(tricky_segment(), 1..6)) {
        let path = format!("/{}", segments.join("/"));
        if let Ok(target) = get(&path) {
            let seen = lax(&target.upstream);
            for denied in DENIED {
                let below = format!("v1/{denied}");
                prop_assert!(seen != below && !seen.starts_with(&format!("{below}/")), "{path} -> {seen}");
            }
        }
    }

    #[test]
    fn any_text_is_understood_or_refused_and_carried_unchanged(path in any::<String>()) {
        if let Ok(target) = get(&path) {
            prop_assert!(path.ends_with(target.upstream.as_ref()));
        }
    }
}
