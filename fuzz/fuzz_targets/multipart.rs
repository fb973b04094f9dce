//! Any upload under any boundary: parts lie in the body and apart, and one whose texts and names are replaced has the same
//! parts, with the replacements for their texts and names.

#![no_main]

use bytes::Bytes;
use ferry_wire::multipart::{Part, read};
use ferry_wire::splice::Edits;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (boundary, body) = input.split_at(end);
    let body = body.get(1..).unwrap_or_default();
    let content_type = [b"multipart/form-data; boundary=", boundary].concat();
    let Ok(parts) = read(&content_type, body) else { return };
    let mut edits = Edits::new();
    let mut last = 0;
    for part in &parts {
        for name in part.file_names(body) {
            let whole = 0..name.text().len();
            name.put(&mut edits, [(whole, "[x]*")]).expect("names stand apart");
        }
        let content = part.content();
        assert!(last <= content.start && content.end <= body.len());
        last = content.end;
        // Nothing is found in an empty text, and where a part has no content none can be put.
        if part.text(body).is_some_and(|text| !text.is_empty()) {
            edits.put_raw(content, b"[x]").expect("behind its names");
        }
    }
    let after = edits.apply(&[Bytes::copy_from_slice(body)]).concat();
    assert_eq!(after.len(), edits.len_after(body.len()));
    let again = read(&content_type, &after).expect("what is put in has no boundary");
    assert_eq!(again.len(), parts.len());
    for (part, again) in parts.iter().zip(&again) {
        let names = |part: &Part, body: &[u8]| part.file_names(body).len();
        assert_eq!(names(part, body), names(again, &after));
        assert!(again.file_names(&after).all(|name| name.text() == "[x]_"));
        match part.text(body) {
            Some(text) if !text.is_empty() => assert_eq!(again.text(&after), Some("[x]")),
            _ => assert_eq!(after.get(again.content()), body.get(part.content())),
        }
    }
});
