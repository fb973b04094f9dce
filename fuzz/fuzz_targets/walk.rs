//! The walk over any bytes: it never panics, it takes and refuses what a full parser does but for names given twice and
//! its own bounds, and what it hands out stands in the body where it says.

#![no_main]

use ferry_wire::text::{Scratch, Shape, WalkError, walk};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// What stands at a path that has names without dots and brackets only.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split(['.', '[']).try_fold(value, |value, step| match step.strip_suffix(']') {
        Some(index) => value.get(index.parse::<usize>().ok()?),
        None => value.get(step),
    })
}

fuzz_target!(|input: &[u8]| {
    let Some((shape, body)) = input.split_first() else { return };
    let shape = [Shape::Messages, Shape::CountTokens, Shape::Complete, Shape::Batch]
        [usize::from(shape % 4)];
    let parsed = serde_json::from_slice::<Value>(body);
    let mut end = 0;
    let mut texts = Vec::new();
    let walked = walk(body, shape, &mut Scratch::new(), |span| {
        let raw = span.raw(0..span.text().len());
        assert!(raw.start >= end && raw.end <= body.len(), "in order and inside");
        end = raw.end;
        let literal = &body[raw];
        if span.is_number() {
            assert_eq!(literal, span.text().as_bytes());
        } else {
            let quoted = [b"\"", literal, b"\""].concat();
            let decoded: String = serde_json::from_slice(&quoted).expect("a string");
            assert_eq!(decoded, span.text());
        }
        for (index, character) in span.text().char_indices().take(50) {
            let raw = span.raw(index..index + character.len_utf8());
            assert!(!raw.is_empty(), "every character has bytes");
        }
        if !span.is_number() {
            texts.push((span.path(), span.text().to_owned()));
        }
    });
    match (&walked, &parsed) {
        (Ok(()), Ok(value @ Value::Object(_))) => {
            for (path, text) in texts.iter().filter(|(path, _)| !path.contains('*')) {
                assert_eq!(at(value, path), Some(&Value::from(text.as_str())), "{path}");
            }
        }
        // In a string that is not read half a surrogate pair may stand, and a number may be too large for a double.
        (Ok(()), Err(error)) => {
            let said = error.to_string();
            assert!(
                said.contains("surrogate")
                    || said.contains("hex escape")
                    || said.contains("out of range"),
                "{said}"
            );
        }
        (Ok(()), Ok(_)) => panic!("walked what is no object"),
        (Err(error), Ok(Value::Object(_))) => {
            let is_stricter =
                matches!(error, WalkError::DuplicateKey { .. } | WalkError::TooDeep { .. });
            assert!(is_stricter, "refused an object: {error}");
        }
        (Err(_), _) => {}
    }
});
