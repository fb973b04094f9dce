//! Turns of one conversation beside others, cut anywhere.

use proptest::prelude::*;

use super::*;
use crate::envelope::Envelope;

fn pieces(body: &str, size: usize) -> Vec<Bytes> {
    body.as_bytes().chunks(size.max(1)).map(Bytes::copy_from_slice).collect()
}

/// The hash of a body, the same in pieces of every size.
fn hash(body: &str) -> Option<u64> {
    let of = |size| {
        let pieces = pieces(body, size);
        Envelope::read(&pieces).unwrap().prefix.hash(&pieces)
    };
    let whole = of(body.len());
    for size in 1..body.len().min(64) {
        assert_eq!(of(size), whole, "{body} in pieces of {size}");
    }
    whole
}

#[test]
fn turns_of_a_conversation_have_one_hash() {
    let turns = [
        r#"{"model":"a","system":"be kind","tools":[{"name":"t"}],"messages":[{"role":"user","content":"hi"}]}"#,
        r#"{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"x"}],"model":"b","tools":[{"name":"t"}],"system":"be kind"}"#,
        "{\"system\" : \"be kind\",\n\"tools\":[ {\"name\" : \"t\"} ],\n\"messages\" : [ {\"role\":\"user\", \"content\":\"hi\"} , 5 ] }",
        r#"{"system":[{"type":"text","text":"be kind","cache_control":{"type":"ephemeral","ttl":"1h"}}],"tools":[{"name":"t"}],"messages":[{"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]},{"role":"assistant","content":"x"}]}"#,
        r#"{"system":"no","system":"be kind","tools":[{"name":"t"}],"messages":[{"role":"user","content":"hi"}]}"#,
    ];
    let first = hash(turns[0]);
    assert!(first.is_some());
    for turn in turns {
        assert_eq!(hash(turn), first, "{turn}");
    }
    // Several instances, maybe of several releases, may have to agree.
    assert_eq!(first, Some(918_634_568_433_170_834));
}

#[test]
fn another_prefix_has_another_hash() {
    let bodies = [
        r#"{"messages":[{"role":"user","content":"hi"}]}"#,
        r#"{"messages":[{"role":"user","content":"ho"}]}"#,
        r#"{"messages":[{"role":"assistant","content":"hi"}]}"#,
        r#"{"messages":[{"role":"user","content":"h","x":"i"}]}"#,
        r#"{"system":"hi","messages":[{"role":"user","content":"hi"}]}"#,
        r#"{"tools":["hi"],"messages":[{"role":"user","content":"hi"}]}"#,
        r#"{"system":"a \" b","messages":[{"role":"user","content":"hi"}]}"#,
        r#"{"system":"a longer text than sixteen","messages":[{"role":"user","content":"hi"}]}"#,
        r#"{"system":"a longer text than seventy","messages":[{"role":"user","content":"hi"}]}"#,
        r#"{"messages":["hi",{"role":"user"}]}"#,
        r#"{"messages":"hi"}"#,
        r#"{"system":"hi"}"#,
    ];
    let mut hashes: Vec<u64> = bodies.iter().map(|body| hash(body).unwrap()).collect();
    // The two forms that the API refuses are one to this.
    assert_eq!(hashes[9], hashes[10]);
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), bodies.len() - 1);
}

#[test]
fn nothing_to_hash_is_no_hash() {
    for body in [
        "{}",
        r#"{"model":"m"}"#,
        r#"{"messages":[]}"#,
        r#"{"messages":null,"system":5,"tools":true}"#,
        r#"{"messages":[5,"x"]}"#,
        r#"{"messages":[{}],"metadata":{"system":"x","messages":["y"]}}"#,
    ] {
        assert_eq!(hash(body), None, "{body}");
    }
    assert_eq!(Prefix::default().hash(&[Bytes::from_static(b"{}")]), None);
}

#[test]
fn only_the_beginning_of_a_part_is_hashed() {
    let body = |text: &str| format!(r#"{{"system":"{text}","messages":[{{"content":"hi"}}]}}"#);
    let long = "x".repeat(HASHED_BYTES_MAX);
    let read = |body: &str| {
        let found = [61, 1000, body.len()].map(|size| {
            let pieces = pieces(body, size);
            Envelope::read(&pieces).unwrap().prefix.hash(&pieces).unwrap()
        });
        assert!(found.iter().all(|hash| *hash == found[0]));
        found[0]
    };
    assert_eq!(read(&body(&format!("{long}a"))), read(&body(&format!("{long}b"))));
    assert_ne!(read(&body(&long)), read(&body(&format!("y{long}"))));
    // The parts behind it count all the same.
    assert_ne!(read(&body(&long)), read(&body(&long).replace("hi", "ho")));
    let numbers = "1,".repeat(WALKED_BYTES_MAX);
    let wide = format!(r#"{{"tools":[{numbers}"x"],"messages":[{{"content":"hi"}}]}}"#);
    assert_eq!(read(&wide), read(&wide.replace("\"x\"", "\"y\"")));
}

#[test]
fn stored_objects_are_found_and_their_names_alone_are_not() {
    let table = [
        (r#"{"messages":[{"content":[{"source":{"type":"file","file_id":"file_01"}}]}]}"#, true),
        ("{\"x\":{\"file_id\" \n:\t \"file_01\"}}", true),
        (r#"{"container":"container_01"}"#, true),
        (r#"{"requests":[{"params":{"container":"container_01"}}]}"#, true),
        (r#"{"a":"\"file_id\"","file_id":"file_01"}"#, true),
        (r#"{"a":{"file_id":"x"},"b":{"file_id":"file_01"}}"#, true),
        (r#"{"content":"{\"file_id\":\"file_01\"}"}"#, false),
        (r#"{"properties":{"file_id":{"type":"string"},"container":{"type":"string"}}}"#, false),
        (r#"{"input":{"container":"web","file_id":"report"}}"#, false),
        (r#"{"required":["file_id","file_"]}"#, false),
        (r#"{"profile_id":"file_01"}"#, false),
        (r#"{"file_id":"file"}"#, false),
        (r#"{"file_id""#, false),
        ("", false),
    ];
    for (body, expected) in table {
        for size in 1..=body.len().max(1) {
            assert_eq!(names_stored_object(&pieces(body, size)), expected, "{body} by {size}");
        }
    }
    let cut = [&b"{\"file"[..], b"", b"_id\":\"fi", b"", b"le_1\"}"].map(Bytes::from_static);
    assert!(names_stored_object(&cut));
}

#[test]
fn a_container_is_told_by_the_envelope() {
    let table = [
        (r#"{"container":"c"}"#, true),
        (r#"{"container":{"skills":[]}}"#, true),
        (r#"{"\u0063ontainer":"c"}"#, true),
        (r#"{"container":null}"#, false),
        (r#"{"metadata":{"container":"c"},"a":{"container":"c"}}"#, false),
        ("{}", false),
    ];
    for (body, expected) in table {
        for size in 1..=body.len() {
            assert_eq!(Envelope::read(&pieces(body, size)).unwrap().container, expected, "{body}");
        }
    }
}

proptest! {
    #[test]
    fn any_cut_hashes_the_same(
        texts in proptest::collection::vec("[a-z\"\\\\{}\\[\\],: \u{4e2d}]{0,40}", 1..5),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let body = serde_json::to_vec(&serde_json::json!({
            "system": texts, "messages": [{"role": "user", "content": texts}, {"content": "x"}],
        })).unwrap();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        cuts.extend([0, body.len()]);
        cuts.sort_unstable();
        let pieces: Vec<Bytes> =
            cuts.windows(2).map(|cut| Bytes::copy_from_slice(&body[cut[0]..cut[1]])).collect();
        let whole = [Bytes::from(body)];
        let prefix = Envelope::read(&whole).unwrap().prefix;
        prop_assert_eq!(Envelope::read(&pieces).unwrap().prefix, prefix);
        prop_assert_eq!(prefix.hash(&pieces), prefix.hash(&whole));
    }
}
