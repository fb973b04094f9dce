//! Uploads in tables: what is a part, what is text, what is refused, and what becomes of names. What a small writer writes is read
//! back.

use proptest::prelude::*;

use super::*;
use crate::splice::Edits;

const TYPE: &[u8] = b"multipart/form-data; boundary=b";

/// A body with this head and content as its only part.
fn one(head: &str, content: &str) -> String {
    format!("--b\r\n{head}\r\n\r\n{content}\r\n--b--\r\n")
}

fn texts(body: &str) -> Vec<&str> {
    let parts = read(TYPE, body.as_bytes()).unwrap();
    parts.iter().map(|part| part.text(body.as_bytes()).unwrap()).collect()
}

fn fault(body: &str) -> MultipartError {
    read(TYPE, body.as_bytes()).unwrap_err()
}

#[test]
fn the_boundary_is_taken_in_either_form_and_from_no_other_type() {
    let longest = "x".repeat(70);
    let table: [(&str, Option<&str>); 23] = [
        ("multipart/form-data; boundary=abc", Some("abc")),
        ("Multipart/Form-Data;BOUNDARY=abc", Some("abc")),
        ("multipart/form-data; boundary=\"a b:c\"", Some("a b:c")),
        ("multipart/form-data; charset=utf-8; boundary=abc ; x=1", Some("abc")),
        ("multipart/form-data; boundary=----=_Part_1", Some("----=_Part_1")),
        ("multipart/form-data; boundary=abc;", Some("abc")),
        (&format!("multipart/form-data; boundary={longest}"), Some(&longest)),
        (&format!("multipart/form-data; boundary={longest}x"), None),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data; boundary=\"\"", None),
        ("multipart/form-data; boundary=\"a \"", None),
        ("multipart/form-data; boundary=\"a\\\"b\"", None),
        ("multipart/form-data; boundary=a; boundary=b", None),
        ("multipart/form-data; boundary=a; boundary*=UTF-8''b", None),
        ("multipart/form-data; boundary=a; Boundary*0=b", None),
        ("multipart/form-data; boundary=a,b", None),
        ("multipart/form-data; boundary=\"a,b\"", Some("a,b")),
        ("multipart/form-data; boundary=a x=b", None),
        ("multipart/form-data; boundary", None),
        ("multipart/mixed; boundary=abc", None),
        ("application/json; boundary=abc", None),
        ("", None),
    ];
    for (content_type, due) in table {
        let due = due.map(|boundary| format!("--{boundary}").into_bytes());
        assert_eq!(boundary::delimiter(content_type.as_bytes()), due, "{content_type}");
    }
}

#[test]
fn parts_are_cut_where_the_boundary_begins_a_line() {
    let table: [(&str, &[&str]); 11] = [
        ("--b\r\nh: v\r\n\r\nx\r\n--b--", &["x"]),
        ("--b\r\nh: v\r\n\r\nx\r\n--b--\r\n", &["x"]),
        ("\r\n--b\r\n\r\nx\r\n--b--", &["x"]),
        ("--b\r\n\r\nx\r\n--b \t\r\n\r\ny\r\n--b-- \r\n", &["x", "y"]),
        ("--b--", &[]),
        ("--b\r\n\r\n\r\n--b--", &[""]),
        ("--b\r\nh: v\r\n\r\n--b--", &[""]),
        ("--b\r\n\r\n--b--", &[""]),
        ("--b\r\n\r\na --b\r\n--x\r\n--b--", &["a --b\r\n--x"]),
        ("--b\r\n\r\n\r\nx\r\n\r\n--b--", &["\r\nx\r\n"]),
        ("--b\r\nh: v\r\nhh: v\r\n\r\n\n\r\r\n\r\n--b--", &["\n\r\r\n"]),
    ];
    for (body, due) in table {
        assert_eq!(texts(body), due, "{body:?}");
    }
}

#[test]
fn what_could_be_cut_in_two_ways_is_refused() {
    let table = [
        ("", MultipartError::NoEnd),
        ("x", MultipartError::NoEnd),
        ("--b", MultipartError::Boundary { at: 0 }),
        ("--b\n\nx\n--b--", MultipartError::Boundary { at: 0 }),
        ("--b\r\n\r\nx", MultipartError::NoEnd),
        ("--b\r\n\r\nx\r\n--b", MultipartError::Boundary { at: 10 }),
        ("--b\r\n\r\nx\n--b\r\n\r\ny\r\n--b--", MultipartError::Boundary { at: 9 }),
        ("--b\r\n\r\nx\r--b\r\n\r\ny\r\n--b--", MultipartError::Boundary { at: 9 }),
        ("--b\r\n\r\nx\r\n--bc\r\n\r\ny\r\n--b--", MultipartError::Boundary { at: 10 }),
        ("--b\r\n\r\nx\r\n--b\n\r\ny\r\n--b--", MultipartError::Boundary { at: 10 }),
        ("--b\r\n--b--", MultipartError::Boundary { at: 5 }),
        ("hello\r\n--b\r\n\r\nx\r\n--b--", MultipartError::Outside),
        ("--b\r\n\r\nx\r\n--b--\r\nbye", MultipartError::Outside),
        ("--b\r\n\r\nx\r\n--b---", MultipartError::Outside),
        ("--b\r\nno field\r\n\r\nx\r\n--b--", MultipartError::Head { part: 0 }),
        ("--b\r\nh: v\r\n more\r\n\r\nx\r\n--b--", MultipartError::Head { part: 0 }),
        ("--b\r\nh : v\r\n\r\nx\r\n--b--", MultipartError::Head { part: 0 }),
        ("--b\r\n: v\r\n\r\nx\r\n--b--", MultipartError::Head { part: 0 }),
        ("--b\r\nh: v\n\nx\r\n\r\ny\r\n--b--", MultipartError::Head { part: 0 }),
        ("--b\r\nh: \0\r\n\r\nx\r\n--b--", MultipartError::Head { part: 0 }),
        ("--b\r\n\r\nx\r\n--b\r\ny\r\n--b--", MultipartError::Head { part: 1 }),
    ];
    for (body, due) in table {
        assert_eq!(fault(body), due, "{body:?}");
    }
}

#[test]
fn a_part_that_is_not_what_it_looks_is_refused() {
    let table: [(&str, Option<MultipartError>); 14] = [
        ("Content-Transfer-Encoding: binary", None),
        ("content-transfer-encoding:8BIT", None),
        ("Content-Transfer-Encoding: 7bit ", None),
        ("Content-Encoding: identity", None),
        ("Content-Type: text/plain; charset=utf-8", None),
        ("Content-Transfer-Encoding: base64", Some(MultipartError::Coded { part: 0 })),
        ("Content-Transfer-Encoding: quoted-printable", Some(MultipartError::Coded { part: 0 })),
        ("Content-Encoding: gzip", Some(MultipartError::Coded { part: 0 })),
        ("Content-Type: Multipart/Mixed; boundary=c", Some(MultipartError::Nested { part: 0 })),
        (
            "Content-Disposition: form-data; filename*0=a; filename*1=b",
            Some(MultipartError::NameInPieces { part: 0 }),
        ),
        (
            "Content-Disposition: form-data; filename=\"a\" b\"",
            Some(MultipartError::Head { part: 0 }),
        ),
        ("Content-Disposition: form-data; filename", Some(MultipartError::Head { part: 0 })),
        ("Content-Disposition\x0b: form-data", Some(MultipartError::Head { part: 0 })),
        ("\u{a0}Content-Type: text/plain", Some(MultipartError::Head { part: 0 })),
    ];
    for (head, due) in table {
        assert_eq!(read(TYPE, one(head, "x").as_bytes()).err(), due, "{head}");
    }
}

#[test]
fn parts_and_heads_have_a_bound() {
    let parts = |count: usize| format!("{}--b--", "--b\r\n\r\nx\r\n".repeat(count));
    assert_eq!(texts(&parts(PARTS_MAX)).len(), PARTS_MAX);
    assert_eq!(fault(&parts(PARTS_MAX + 1)), MultipartError::TooManyParts);
    let head = |len: usize| format!("h:{}", "v".repeat(len - 2));
    assert_eq!(texts(&one(&head(HEAD_BYTES_MAX), "x")), ["x"]);
    let long = one(&head(HEAD_BYTES_MAX + 1), "x");
    assert_eq!(fault(&long), MultipartError::HeadTooLong { part: 0 });
    // Names of which nothing is copied: what is kept of each is its place.
    let names = "Content-Disposition: a".to_owned() + &";filename=".repeat(1000);
    let body = one(&names, "x");
    let part = read(TYPE, body.as_bytes()).unwrap().remove(0);
    assert_eq!(part.file_names(body.as_bytes()).len(), 1000);
    // Semicolons cost no stack.
    let many = format!("Content-Disposition: a{}", ";".repeat(HEAD_BYTES_MAX - 30));
    assert_eq!(texts(&one(&many, "x")), ["x"]);
}

#[test]
fn text_is_utf_8_without_nul() {
    let table: [(&[u8], bool); 7] = [
        ("身份证".as_bytes(), true),
        (b"", true),
        (b"\xef\xbb\xbfwith a mark", true),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", false),
        (b"\x89PNG\r\n\x1a\n\0\0", false),
        (b"h\0i\0", false),
        (b"\xc9\xed\xb7\xdd\xd6\xa4", false),
    ];
    for (content, due) in table {
        let body = [b"--b\r\n\r\n", content, b"\r\n--b--"].concat();
        let parts = read(TYPE, &body).unwrap();
        assert_eq!(body.get(parts[0].content()), Some(content));
        assert_eq!(parts[0].text(&body).is_some(), due, "{content:?}");
    }
}

/// What each name of a line reads as, and the line with `[R]*` in the place of every `9`.
fn edited(disposition: &[u8]) -> (Vec<String>, Vec<u8>) {
    let body =
        [b"--b\r\nContent-Disposition: form-data", disposition, b"\r\n\r\nx\r\n--b--"].concat();
    let parts = read(TYPE, &body).unwrap();
    let mut edits = Edits::new();
    let mut names = Vec::new();
    for name in parts[0].file_names(&body) {
        names.push(name.text().to_owned());
        let nines = name.text().match_indices('9');
        name.put(&mut edits, nines.map(|(at, nine)| (at..at + nine.len(), "[R]*"))).unwrap();
    }
    let after = edits.apply(&[body.into()]).concat();
    let tail = after.len() - b"\r\n\r\nx\r\n--b--".len();
    (names, after[b"--b\r\nContent-Disposition: form-data".len()..tail].to_vec())
}

#[test]
fn a_name_is_read_in_every_spelling_and_edited_in_its_own() {
    let table: [(&[u8], &[&str], &[u8]); 15] = [
        (b"; name=\"9\"", &[], b"; name=\"9\""),
        (b"; filename=\"a9.txt\"", &["a9.txt"], b"; filename=\"a[R]_.txt\""),
        (b"; FileName = \"9\" ; name=x", &["9"], b"; FileName = \"[R]_\" ; name=x"),
        (b"; filename=a9b9;name=x", &["a9b9"], b"; filename=\"a[R]_b[R]_\";name=x"),
        (b"; filename=9\x0c ;x=y", &["9\x0c"], b"; filename=\"[R]_\x0c\" ;x=y"),
        (b"; filename=plain", &["plain"], b"; filename=plain"),
        (b"; filename=\"a\\\"9\\\\9\"", &["a\"9\\9"], b"; filename=\"a\\\"[R]_\\\\[R]_\""),
        (b"; filename=\"C:\\d\\9\"", &["C:\\d\\9"], b"; filename=\"C:\\d\\[R]_\""),
        (b"; filename=\"9\\\"", &["9\\"], b"; filename=\"[R]_\\\""),
        (b"; filename=\"a%229\"", &["a%229"], b"; filename=\"a%22[R]_\""),
        (
            "; filename=\"护照9.txt\"".as_bytes(),
            &["护照9.txt"],
            "; filename=\"护照[R]_.txt\"".as_bytes(),
        ),
        (b"; filename=\"\xbb\xa49\"", &["\u{fffd}\u{fffd}9"], b"; filename=\"\xbb\xa4[R]_\""),
        (b"; filename*=UTF-8''%E6%8A%A4%39", &["护9"], b"; filename*=UTF-8''%E6%8A%A4%5BR%5D_"),
        (b"; filename*=utf-8'en'a9%2", &["a9%2"], b"; filename*=utf-8'en'a%5BR%5D_%2"),
        (b"; filename=\"9\"; filename*=9", &["9", "9"], b"; filename=\"[R]_\"; filename*=%5BR%5D_"),
    ];
    for (line, names, due) in table {
        let shown = String::from_utf8_lossy(line);
        let (found, after) = edited(line);
        assert_eq!(found, names, "{shown}");
        assert_eq!(after, due, "{shown}: {}", String::from_utf8_lossy(&after));
    }
}

#[test]
fn no_error_and_no_debug_shows_a_byte_of_the_upload() {
    let name = "11010119900307803X";
    let body = one(&format!("Content-Disposition: form-data; filename={name}"), name);
    let parts = read(TYPE, body.as_bytes()).unwrap();
    assert!(!format!("{parts:?}").contains(name));
    let broken = one(&format!("Content-Disposition: form-data; filename=\"{name}"), name);
    let error = fault(&broken);
    assert!(!format!("{error} {error:?}").contains(name), "{error}");
}

/// As the libraries of clients write it.
fn written(boundary: &str, parts: &[(String, Option<String>, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, file, content) in parts {
        body.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        body.extend_from_slice(
            format!("Content-Disposition: form-data; name=\"{field}\"").as_bytes(),
        );
        if let Some(file) = file {
            let escaped = file.replace('\\', "\\\\").replace('"', "\\\"");
            body.extend_from_slice(format!("; filename=\"{escaped}\"\r\n").as_bytes());
            body.extend_from_slice(b"Content-Type: application/octet-stream");
        }
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    body
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        boundary in "[A-Za-z0-9'()+_,./:=?-]{8,70}",
        parts in proptest::collection::vec(
            ("[a-z]{1,8}", proptest::option::of("[^\\r\\n\\x00]{0,12}"), proptest::collection::vec(any::<u8>(), 0..60)),
            0..6,
        ),
    ) {
        let body = written(&boundary, &parts);
        let read = read(format!("multipart/form-data; boundary=\"{boundary}\"").as_bytes(), &body).unwrap();
        prop_assert_eq!(read.len(), parts.len());
        for (part, (_, file, content)) in read.iter().zip(&parts) {
            prop_assert_eq!(body.get(part.content()), Some(content.as_slice()));
            let text = std::str::from_utf8(content).ok().filter(|text| !text.contains('\0'));
            prop_assert_eq!(part.text(&body), text);
            let names = part.file_names(&body).map(|name| name.text().to_owned());
            prop_assert_eq!(names.collect::<Vec<_>>(), file.iter().cloned().collect::<Vec<_>>());
        }
    }

    #[test]
    fn nothing_written_by_chance_is_read_outside_its_bounds(
        body in "(--b|--|\r\n|\r|\n|\"|;|=|filename|filename\\*|Content-Disposition:| |x|\0|%41|\\\\){0,40}",
    ) {
        let body = format!("--b\r\n{body}\r\n--b--");
        let Ok(parts) = read(TYPE, body.as_bytes()) else { return Ok(()) };
        let mut last = 0;
        for part in parts {
            let content = part.content();
            prop_assert!(last <= content.start && content.start <= content.end);
            last = content.end;
            for name in part.file_names(body.as_bytes()) {
                let mut edits = Edits::new();
                name.put(&mut edits, [(0..name.text().len(), "y")]).unwrap();
                prop_assert!(edits.iter().all(|(range, _)| range.end <= content.start));
            }
        }
        prop_assert!(last <= body.len());
    }
}
