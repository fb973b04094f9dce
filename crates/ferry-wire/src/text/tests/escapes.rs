//! Escapes around every border that the decoder has: of blocks, of what it decodes in one go, of its room.

use super::*;

const ESCAPES: [&str; 6] = [r"\n", r#"\""#, r"\\", r"\u4e2d", r"\ud83d\ude00", r#"\\\""#];

/// A body with `before` letters, an escape and `after` letters; checked against a full parser, and where the escape stands.
fn check(before: usize, escape: &str, after: usize) {
    let (head, tail) = ("a".repeat(before), "b".repeat(after));
    let body = format!(r#"{{"messages":[{{"role":"user","content":"\t{head}{escape}{tail}"}}]}}"#);
    let [(_, text, _)] = &seen(&body, Shape::Messages).unwrap()[..] else { panic!("one text") };
    assert_eq!(text.len() - 1 - before - after, decoded(escape).len(), "{before} {escape}");
    walk(body.as_bytes(), Shape::Messages, &mut Scratch::new(), |span| {
        let end = span.text().len() - after;
        let raw = span.raw(1 + before..end);
        assert_eq!(body.get(raw).unwrap(), escape, "{before} {after}");
    })
    .unwrap();
}

fn decoded(escape: &str) -> String {
    serde_json::from_str(&format!("\"{escape}\"")).unwrap()
}

#[test]
fn an_escape_is_decoded_wherever_a_block_ends() {
    for escape in ESCAPES {
        for before in 0..140 {
            for after in [0, 1, 31, 32, 33, 63, 64, 65, 100] {
                check(before, escape, after);
            }
        }
    }
}

#[test]
fn an_escape_is_decoded_wherever_the_room_grows() {
    const KIB: usize = 1024;
    for escape in ESCAPES {
        for border in [16 * KIB, 64 * KIB, 128 * KIB] {
            for before in (border - 140..border + 20).step_by(7) {
                check(before, escape, 150);
            }
        }
    }
}

#[test]
fn a_text_of_escapes_alone_is_decoded() {
    for escape in ESCAPES {
        for count in [1, 2, 15, 16, 17, 33, 9000] {
            let body = format!(
                r#"{{"messages":[{{"role":"user","content":"{}"}}]}}"#,
                escape.repeat(count)
            );
            let [(_, text, _)] = &seen(&body, Shape::Messages).unwrap()[..] else {
                panic!("one text")
            };
            assert_eq!(*text, decoded(escape).repeat(count));
        }
    }
}
