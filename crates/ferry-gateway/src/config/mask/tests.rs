//! What is hidden, and what stays readable.

use super::{range, text, values};

#[track_caller]
fn check(source: &str, expected: &str) {
    let shown = text(source);
    assert_eq!(shown, expected);
    assert_eq!(shown.len(), source.len(), "carets would move");
}

#[test]
fn what_looks_like_a_secret_is_hidden_and_the_rest_stays() {
    check("listen = \"127.0.0.1:7300\"", "listen = \"127.0.0.1:7300\"");
    check("key = \"env:NAME\"", "key = \"env:NAME\"");
    check("key = \"file:a/b\"", "key = \"file:a/b\"");
    check("key = \"abc\" # x", "key = \"***\" # x");
    check("key = abc", "key = ***");
    check("keys = [\"abc\", \"env:B\"]", "keys = [\"***\", \"env:B\"]");
    check("tls_key_file = \"key.pem\"", "tls_key_file = \"key.pem\"");
    check("url = \"sk-ant-1_x/\"", "url = \"sk-*******/\"");
    check("# fry-abc def", "# fry-*** def");
    check("url = \"https://u:p@h/x\"", "url = \"https://***@h/x\"");
    check("FERRY_NODES__0__KEY=abc", "FERRY_NODES__0__KEY=***");
    check("key = \"\u{e9}\u{e9}\"", "key = \"****\"");
    check("", "");
}

#[test]
fn a_range_keeps_its_quotes() {
    assert_eq!(range("a = \"bcd\"", 4..9), "a = \"***\"");
    assert_eq!(range("a = bcd", 4..7), "a = ***");
    assert_eq!(range("a", 5..9), "a");
    assert_eq!(range("\"", 0..1), "\"");
}

#[test]
fn of_a_broken_file_only_the_frame_stays() {
    assert_eq!(values("[server\na = \"b c\n\"x\",\n"), "[server\na = \"* *\n\"*\",\n");
}
