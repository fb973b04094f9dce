//! Sensitive data in uploads: what of a file and its name a node sees, what is left byte for byte, what goes no further.

use std::io::Write as _;

use ferry_mock::RunningMock;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::harness::{Answer, Gateway, Setup, message, mock, request, seen};

const ID: &str = "11010119900307803X";
const KEY: &str = "AKIAQ3EGRIQQ7ZQ5XKLM";
const FORM: &str = "multipart/form-data; boundary=b";
const ON: &str = "[redact]\nenabled = true\n";
const DRY: &str = "[redact]\nenabled = true\ndry_run = true\n";
const SMALL: &str = "body_bytes_max = 4096\nbatch_body_bytes_max = 4096\nanswer_bytes_max = 4096";

struct Stand {
    mock: RunningMock,
    gateway: Gateway,
}

impl Stand {
    async fn new(table: &str) -> Self {
        Self::with(Setup::new().table(table)).await
    }

    async fn with(setup: Setup) -> Self {
        let mock = mock().await;
        let gateway = setup.mock(&mock).start().await;
        Self { mock, gateway }
    }

    async fn upload(&self, body: &[u8]) -> Answer {
        self.gateway.ask(upload(body)).await
    }

    /// The last body that the node got, and that its length was right.
    #[track_caller]
    fn seen(&self) -> Vec<u8> {
        let last = self.mock.last().unwrap();
        let length = last.headers.get("content-length").unwrap();
        assert_eq!(length.to_str().unwrap(), last.body.len().to_string());
        last.body.to_vec()
    }

    #[track_caller]
    fn seen_text(&self) -> String {
        String::from_utf8(self.seen()).unwrap()
    }
}

fn upload(body: &[u8]) -> Vec<u8> {
    request("POST", "/v1/files", &[("content-type", FORM)], body)
}

/// The same without a length.
fn chunked(body: &[u8]) -> Vec<u8> {
    let headers =
        [("content-type", FORM), ("content-length", ""), ("transfer-encoding", "chunked")];
    let mut bytes = request("POST", "/v1/files", &headers, b"");
    for chunk in body.chunks(1000) {
        bytes.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// One part of a form, with the boundary before it.
fn file(name: &str, content: impl AsRef<[u8]>) -> Vec<u8> {
    let head = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    [head.as_bytes(), content.as_ref(), b"\r\n"].concat()
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat()[..], b"--b--\r\n"].concat()
}

fn notes(text: &str) -> Vec<u8> {
    form(&[file("notes.txt", text)])
}

/// What begins like a PDF, with an identity card's number between bytes that are no text.
fn pdf() -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n(".to_vec();
    bytes.extend_from_slice(ID.as_bytes());
    bytes.extend_from_slice(b")\nstream\r\n\0\x01\xff\r\n--x\r\nendstream");
    bytes
}

#[tokio::test]
async fn an_identity_card_in_a_text_file_never_reaches_the_node() {
    let stand = Stand::new(ON).await;
    let text = format!("姓名,身份证\r\n张三,{ID}\r\n\r\n\"李四\",{ID}");
    for sent in [upload(&notes(&text)), chunked(&notes(&text))] {
        let answer = stand.gateway.ask(sent).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(stand.seen(), notes(&text.replace(ID, "[REDACTED]")));
        assert_eq!(answer.json()["filename"], "notes.txt");
    }
    let metric = r#"ferry_redactions_total{line="default",type="CN_ID",action="redact"}"#;
    assert_eq!(stand.gateway.metric(metric), Some(4.0));
    assert_eq!(stand.gateway.metric("ferry_held_bytes"), Some(0.0));
    let lines = stand.gateway.into_requests().await;
    assert_eq!((&lines[0]["redactions"], &lines[0]["family"]), (&json!(2), &json!("files")));
    assert_eq!(lines[0]["bytes_in"], notes(&text).len());
}

#[tokio::test]
async fn a_skill_is_looked_through_file_by_file_beside_its_binaries() {
    let stand = Stand::new(ON).await;
    let form_of = |id: &str| {
        let title = format!(
            "--b\r\nContent-Disposition: form-data; name=\"display_title\"\r\n\r\nof {id}\r\n"
        );
        form(&[title.into_bytes(), file("s/SKILL.md", format!("# {id}")), file("s/a.pdf", pdf())])
    };
    for path in ["/v1/skills", "/v1/skills/skill_1/versions?beta=true", "/api/v1/files"] {
        let sent = request("POST", path, &[("content-type", FORM)], &form_of(ID));
        stand.gateway.ask(sent).await;
        assert_eq!(stand.seen(), form_of("[REDACTED]"), "{path}");
    }
}

#[tokio::test]
async fn what_is_no_text_goes_on_byte_for_byte() {
    let stand = Stand::new(ON).await;
    let utf_16: Vec<u8> = ID.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let gbk = [b"\xc9\xed\xb7\xdd\xd6\xa4 ", ID.as_bytes()].concat();
    for content in [pdf(), utf_16, gbk, b"nothing to find".to_vec(), Vec::new()] {
        let body = form(&[file("a.bin", content)]);
        for sent in [upload(&body), chunked(&body)] {
            assert_eq!(stand.gateway.ask(sent).await.status, 200);
            assert_eq!(stand.seen(), body);
        }
    }
}

#[tokio::test]
async fn a_file_that_is_called_text_is_looked_through_around_its_broken_bytes() {
    let stand = Stand::new(ON).await;
    let said = |content: &[u8]| {
        let head = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\
              Content-Type: Text/CSV\r\n\r\n";
        form(&[[head.as_slice(), content, b"\r\n"].concat()])
    };
    // A table in GBK, a log with a NUL, one that is cut inside a character.
    for around in [b"\xc9\xed\xb7\xdd\xd6\xa4,".as_slice(), b"\0 ", b"\xe4\xb8 "] {
        let of = |id: &[u8]| said(&[around, id, b" ", around, id, b"\xff"].concat());
        assert_eq!(stand.gateway.ask(upload(&of(ID.as_bytes()))).await.status, 200);
        assert_eq!(stand.seen(), of(b"[REDACTED]"));
    }
}

#[tokio::test]
async fn a_key_in_a_file_is_refused_with_its_place_and_never_its_value() {
    let stand = Stand::new(ON).await;
    let body = form(&[file("a.txt", "hello"), file("b.env", format!("AWS_KEY={KEY}\n"))]);
    let answer = stand.upload(&body).await;
    answer.assert_own(400, "redact-blocked");
    let text = answer.text();
    assert!(text.contains("leave: 1 API_KEY; the first in parts[1].content."), "{text}");
    assert!(!text.contains(KEY) && stand.mock.last().is_none());
    assert_eq!(stand.gateway.metric("ferry_held_bytes"), Some(0.0));
    let log = stand.gateway.into_log().await;
    let line = log.iter().find(|line| line["event"] == "request").unwrap();
    assert_eq!((&line["code"], &line["redactions"]), (&json!("redact-blocked"), &json!(1)));
    assert!(log.iter().all(|line| !line.to_string().contains(KEY)));
}

#[tokio::test]
async fn without_a_policy_an_upload_flows_as_it_came() {
    let line = "[lines.legal.redact]\nenabled = true\n";
    for table in ["", line] {
        let stand = Stand::new(table).await;
        let body = [b"preamble\r\n", &notes(ID)[..], b"epilogue"].concat();
        let mut client = stand.gateway.connect().await;
        let sent = upload(&body);
        let half = sent.len() - 20;
        client.send(&sent[..half]).await;
        seen(&stand.mock, "the upload's head", |stats| stats.requests == 1).await;
        assert_eq!(client.send(&sent[half..]).await.answer().await.status, 200);
        assert_eq!(stand.seen(), body);
    }
}

#[tokio::test]
async fn an_upload_gets_a_connection_that_cannot_have_died_as_if_it_flowed() {
    for table in ["", ON] {
        let stand = Stand::new(table).await;
        for (sent, connections) in
            [(message("hi", false), 1), (message("hi", false), 1), (upload(&notes("x")), 2)]
        {
            assert_eq!(stand.gateway.ask(sent).await.status, 200);
            assert_eq!(stand.mock.stats().connections, connections, "{table}");
        }
    }
}

#[tokio::test]
async fn an_upload_over_the_bound_goes_no_further_where_something_would_be_done() {
    let stand = Stand::with(Setup::new().server(SMALL).table(ON)).await;
    let large = notes(&"x".repeat(5000));
    for sent in [upload(&large), chunked(&large)] {
        let answer = stand.gateway.ask(sent).await;
        answer.assert_own(413, "body-too-large");
        let text = answer.text();
        assert!(text.contains("4096 bytes (server.batch_body_bytes_max)"), "{text}");
        assert_eq!(answer.header("x-should-retry"), Some("false"));
    }
    assert!(stand.mock.last().is_none());
    let full = notes(&"x".repeat(4096 - notes("").len()));
    assert_eq!(stand.upload(&full).await.status, 200);
}

#[tokio::test]
async fn an_upload_over_the_bound_flows_where_values_are_only_counted() {
    let stand = Stand::with(Setup::new().server(SMALL).table(DRY)).await;
    let large = notes(&format!("{ID} {}", "x".repeat(100_000)));
    assert_eq!(stand.upload(&large).await.status, 200);
    assert_eq!(stand.seen(), large);
    assert_eq!(stand.gateway.ask(chunked(&large)).await.status, 200);
    let last = stand.mock.last().unwrap();
    assert_eq!((&*last.body, last.headers.get("content-length")), (&*large, None));
    // It does not wait for an end that may be far.
    let mut client = stand.gateway.connect().await;
    let sent = chunked(&large);
    client.send(&sent[..20_000]).await;
    seen(&stand.mock, "what came so far", |stats| stats.requests == 3).await;
    assert_eq!(client.send(&sent[20_000..]).await.answer().await.status, 200);
    assert_eq!(&*stand.mock.last().unwrap().body, &*large);
    assert_eq!(stand.gateway.metric("ferry_held_bytes"), Some(0.0));
}

#[tokio::test]
async fn without_memory_an_upload_is_refused_or_flows() {
    let tight = format!("{SMALL}\nheld_bytes_max = 4096");
    for (table, status) in [(ON, 529), (DRY, 200)] {
        let stand = Stand::with(Setup::new().server(&tight).table(table)).await;
        // Another body holds most of what may be held.
        let mut other = stand.gateway.connect().await;
        let held = request("POST", "/v1/messages", &[("content-length", "3000")], &[b' '; 2900]);
        other.send(held).await;
        let full = || stand.gateway.metric("ferry_held_bytes") == Some(2900.0);
        crate::harness::until("the other body", full).await;
        let body = notes(&"x".repeat(2000));
        let answer = stand.upload(&body).await;
        assert_eq!(answer.status, status);
        if status == 200 {
            assert_eq!(stand.seen(), body);
        } else {
            answer.assert_own(529, "held-bytes-max");
        }
        assert_eq!(stand.gateway.metric("ferry_held_bytes"), Some(2900.0));
    }
    // One that came in pieces is copied to be read, for which there may be no room either.
    for (table, status) in [(ON, 529), (DRY, 200)] {
        let stand = Stand::with(Setup::new().server(&tight).table(table)).await;
        let body = notes(&"x".repeat(2500));
        assert_eq!(stand.gateway.ask(chunked(&body)).await.status, status);
        assert_eq!(
            stand.mock.last().map(|last| last.body.to_vec()),
            (status == 200).then_some(body)
        );
        assert_eq!(stand.gateway.metric("ferry_held_bytes"), Some(0.0));
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_on_a_strict_line_and_says_why() {
    let stand = Stand::new(ON).await;
    let lenient = Stand::new(DRY).await;
    let coded = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{ID}\r\n--b--"
    );
    let (form, other) = (FORM, "multipart/form-data; boundary=other");
    let table: [(&str, Vec<u8>, &str); 6] = [
        (other, notes(ID), "it ends before its closing boundary"),
        (form, notes(ID)[..60].to_vec(), "it ends before its closing boundary"),
        ("multipart/form-data", notes(ID), "its Content-Type is not multipart/form-data with one"),
        ("text/plain", ID.into(), "its Content-Type is not multipart/form-data with one"),
        (form, [b"preamble\r\n", &notes(ID)[..]].concat(), "bytes before its first"),
        (form, coded.into_bytes(), "parts[0] of the upload: it has a Content-Encoding or"),
    ];
    for (content_type, body, why) in table {
        let sent = request("POST", "/v1/files", &[("content-type", content_type)], &body);
        let answer = stand.gateway.ask(&sent).await;
        answer.assert_own(400, "redact-unreadable");
        let text = answer.text();
        assert!(
            text.contains(why) && text.contains("Send one well-formed multipart form"),
            "{text}"
        );
        assert!(!text.contains(ID));
        lenient.gateway.ask(&sent).await;
        assert_eq!(lenient.seen(), body, "{why}");
    }
    let twice = [("content-type", form), ("Content-Type", other)];
    let sent = request("POST", "/v1/files", &twice, &notes(ID));
    stand.gateway.ask(sent).await.assert_own(400, "redact-unreadable");
    for method in ["PUT", "PATCH", "GET", "DELETE"] {
        let sent = request(method, "/v1/files/file_1", &[("content-type", form)], &notes(ID));
        stand.gateway.ask(sent).await.assert_own(405, "redact-method");
    }
    assert!(stand.mock.last().is_none());
    // What has no body is no upload.
    let empty = request("POST", "/v1/files/file_1/copy", &[], b"");
    assert_ne!(stand.gateway.ask(empty).await.code(), "redact-unreadable");
}

#[tokio::test]
async fn names_of_files_are_looked_through_and_stay_valid() {
    let disposition = |names: &str| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"{names}\r\n\r\nhello\r\n--b--\r\n"
        )
    };
    let token = "PII_IDNO_";
    let table: [(&str, &str, String, String); 5] = [
        (
            "redact",
            "redact",
            format!("; filename=\"{ID}.txt\""),
            "; filename=\"[REDACTED].txt\"".into(),
        ),
        ("redact", "bare", format!("; filename={ID}.txt"), "; filename=\"[REDACTED].txt\"".into()),
        (
            "redact",
            "encoded",
            format!("; filename*=UTF-8''%E8%AF%81{ID}.txt"),
            "; filename*=UTF-8''%E8%AF%81%5BREDACTED%5D.txt".into(),
        ),
        (
            "mask",
            "mask",
            format!("; filename=\"{ID}.txt\""),
            "; filename=\"______________803X.txt\"".into(),
        ),
        (
            "pseudonym",
            "pseudonym",
            format!("; filename=\"身份证{ID}.txt\""),
            format!("; filename=\"身份证{token}"),
        ),
    ];
    for (action, what, names, due) in table {
        let stand = Stand::new(&format!("{ON}actions = {{ cn_id = \"{action}\" }}\n")).await;
        assert_eq!(stand.upload(disposition(&names).as_bytes()).await.status, 200, "{what}");
        let seen = stand.seen_text();
        if action == "pseudonym" {
            assert!(seen.contains(&due) && !seen.contains(ID), "{what}: {seen}");
        } else {
            assert_eq!(seen, disposition(&due), "{what}");
        }
    }
    let stand = Stand::new(&format!("{ON}actions = {{ cn_id = \"block\" }}\n")).await;
    let answer = stand.upload(disposition(&format!("; filename=\"{ID}.txt\"")).as_bytes()).await;
    answer.assert_own(400, "redact-blocked");
    assert!(
        answer.text().contains("1 CN_ID; the first in parts[0].filename."),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_dry_run_counts_in_uploads_and_changes_nothing() {
    let stand = Stand::new(DRY).await;
    let body = form(&[file(&format!("{ID}.txt"), ID), file("k", KEY)]);
    assert_eq!(stand.upload(&body).await.status, 200);
    assert_eq!(stand.seen(), body);
    let metric = |kind: &str, action: &str| {
        let labels = format!(r#"{{line="default",type="{kind}",action="{action}"}}"#);
        stand.gateway.metric(&format!("ferry_redactions_total{labels}"))
    };
    assert_eq!(metric("CN_ID", "dry_run_redact"), Some(2.0));
    assert_eq!(metric("API_KEY", "dry_run_block"), Some(1.0));
}

#[tokio::test]
async fn a_coded_upload_is_decoded_to_be_looked_through() {
    let stand = Stand::new(ON).await;
    let gzipped = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let coded = |coding| [("content-type", FORM), ("content-encoding", coding)];
    let found = gzipped(&notes(ID));
    let answer = stand.gateway.ask(request("POST", "/v1/files", &coded("gzip"), &found)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(stand.seen(), notes("[REDACTED]"));
    assert!(!stand.mock.last().unwrap().headers.contains_key("content-encoding"));
    let plain = gzipped(&notes("hello"));
    stand.gateway.ask(request("POST", "/v1/files", &coded("gzip"), &plain)).await;
    assert_eq!(stand.seen(), plain);
    let sent = request("POST", "/v1/files", &coded("zstd"), &notes(ID));
    stand.gateway.ask(sent).await.assert_own(415, "redact-coding");
}

#[tokio::test]
async fn an_upload_that_waits_for_100_continue_is_taken_in() {
    let stand = Stand::new(ON).await;
    let body = notes(ID);
    let length = body.len().to_string();
    let headers =
        [("content-type", FORM), ("expect", "100-continue"), ("content-length", length.as_str())];
    let mut client = stand.gateway.connect().await;
    let interim = client.send(request("POST", "/v1/files", &headers, b"")).await.interim().await;
    assert!(interim.starts_with("HTTP/1.1 100 "), "{interim}");
    assert_eq!(client.send(&body).await.answer().await.status, 200);
    assert_eq!(stand.seen(), notes("[REDACTED]"));
    assert!(!stand.mock.last().unwrap().headers.contains_key("expect"));
}

#[tokio::test]
async fn an_upload_that_breaks_off_reaches_no_node() {
    let stand = Stand::new(ON).await;
    let sent = upload(&notes(ID));
    let mut client = stand.gateway.connect().await;
    client.send(&sent[..sent.len() - 5]).await.finish().await;
    client.until_close().await;
    let freed = || stand.gateway.metric("ferry_held_bytes") == Some(0.0);
    crate::harness::until("the held bytes", freed).await;
    assert!(stand.mock.last().is_none());
}

#[tokio::test]
async fn a_large_file_of_many_hits_is_borne() {
    let stand = Stand::new(ON).await;
    let text = format!("{ID},x\n").repeat(100_000);
    assert_eq!(stand.upload(&notes(&text)).await.status, 200);
    let due = notes(&text.replace(ID, "[REDACTED]"));
    assert_eq!(stand.mock.last().unwrap().body_len, due.len() as u64);
}
