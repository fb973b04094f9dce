//! Random requests, written with random escapes, space and order of members: every text that was put in is handed out
//! with its path and its bytes, nothing else is, and edits change their strings alone.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::envelope::Envelope;
use crate::splice::Edits;

/// Bytes that a body is made from: what is drawn shrinks with them, and zeros when none are left.
struct Choices<'a> {
    bytes: &'a [u8],
}

impl Choices<'_> {
    fn draw(&mut self, below: usize) -> usize {
        let Some((&first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        usize::from(first) % below
    }

    fn text(&mut self) -> String {
        const PARTS: [&str; 14] = [
            "a",
            "13800138000",
            "中文",
            "\"",
            "\\",
            "\n",
            "😀",
            "\u{0}",
            "/",
            "é",
            "\u{202e}",
            "\u{7f}",
            "{\"k\":",
            "\\u0031",
        ];
        let n_parts = 1 + self.draw(6);
        (0..n_parts).map(|_| PARTS[self.draw(PARTS.len())]).collect()
    }
}

/// A value, and whether it is a text that is to be handed out.
#[derive(Clone, Debug)]
enum Node {
    Text(String, Role),
    Number(&'static str, Role),
    Quiet(Value),
    List(Vec<Self>),
    Members(Vec<(&'static str, Self)>),
}

fn quiet(value: &str) -> Node {
    Node::Quiet(Value::from(value))
}

/// Members in an order that is drawn.
fn members(choices: &mut Choices<'_>, mut members: Vec<(&'static str, Node)>) -> Node {
    for index in (1..members.len()).rev() {
        members.swap(index, choices.draw(index + 1));
    }
    Node::Members(members)
}

fn text_node(choices: &mut Choices<'_>, role: Role) -> Node {
    Node::Text(choices.text(), role)
}

fn blocks(choices: &mut Choices<'_>, role: Role, depth: usize) -> Node {
    let n_blocks = choices.draw(4);
    Node::List((0..n_blocks).map(|_| block(choices, role, depth)).collect())
}

fn content(choices: &mut Choices<'_>, role: Role, depth: usize) -> Node {
    if choices.draw(3) == 0 { text_node(choices, role) } else { blocks(choices, role, depth) }
}

fn json(choices: &mut Choices<'_>, role: Role, depth: usize) -> Node {
    match choices.draw(if depth == 0 { 4 } else { 6 }) {
        0 | 1 => text_node(choices, role),
        2 => Node::Number(["1234567890123456", "-12.50e+10", "10.0"][choices.draw(3)], role),
        3 => Node::Quiet(
            [Value::Null, Value::Bool(true), Value::from(7), Value::from("")][choices.draw(4)]
                .clone(),
        ),
        4 => Node::List((0..choices.draw(4)).map(|_| json(choices, role, depth - 1)).collect()),
        _ => {
            let names = ["id", "type", "data", "name", "signature", "a", "thinking"];
            let n_members = choices.draw(names.len() + 1);
            let node = |name: &&'static str| (*name, json(choices, role, depth - 1));
            let all = names.iter().take(n_members).map(node).collect();
            members(choices, all)
        }
    }
}

fn block(choices: &mut Choices<'_>, role: Role, depth: usize) -> Node {
    let base64 = "iVBORw0KGgoAAAANSUhEUgAA".repeat(3);
    let kind = if depth == 0 { choices.draw(6) } else { choices.draw(11) };
    let all = match kind {
        0 | 1 => vec![("type", quiet("text")), ("text", text_node(choices, role))],
        2 => vec![
            ("type", quiet("thinking")),
            ("thinking", quiet(&choices.text())),
            ("signature", quiet("EqQB")),
        ],
        3 => vec![("type", quiet("redacted_thinking")), ("data", quiet(&choices.text()))],
        4 => {
            let data = if choices.draw(2) == 0 { quiet(&base64) } else { text_node(choices, role) };
            let all = vec![("type", quiet("base64")), ("data", data)];
            vec![("type", quiet("image")), ("source", members(choices, all))]
        }
        5 => vec![
            ("type", quiet("tool_use")),
            ("id", quiet("toolu_01")),
            ("name", quiet("send")),
            ("input", json(choices, role, 3)),
            ("cache_control", Node::Members(vec![("type", quiet("ephemeral"))])),
        ],
        6 => vec![
            ("type", quiet("tool_result")),
            ("tool_use_id", quiet("toolu_01")),
            ("content", content(choices, Role::Tool, depth - 1)),
        ],
        7 => {
            let all = vec![("type", quiet("text")), ("data", text_node(choices, role))];
            vec![
                ("type", quiet("document")),
                ("title", text_node(choices, role)),
                ("source", members(choices, all)),
            ]
        }
        8 => {
            let all =
                vec![("type", quiet("content")), ("content", content(choices, role, depth - 1))];
            vec![("type", quiet("document")), ("source", members(choices, all))]
        }
        9 => vec![
            ("type", quiet("compaction")),
            ("content", Node::Quiet(Value::from(choices.text()))),
        ],
        _ => vec![
            ("type", quiet("of_next_year")),
            ("text", text_node(choices, role)),
            ("encrypted_content", quiet("e 1")),
            ("blob", quiet(&base64)),
            ("more", content(choices, role, depth - 1)),
        ],
    };
    members(choices, all)
}

fn request(choices: &mut Choices<'_>) -> Node {
    let n_messages = choices.draw(4);
    let message = |choices: &mut Choices<'_>| {
        let (name, role) = [("user", Role::User), ("assistant", Role::Assistant)][choices.draw(2)];
        let content = content(choices, role, 3);
        members(choices, vec![("role", quiet(name)), ("content", content)])
    };
    let messages = (0..n_messages).map(|_| message(choices)).collect();
    let all = vec![
        ("model", quiet("claude-opus-5-5")),
        ("max_tokens", Node::Quiet(Value::from(12345))),
        ("system", content(choices, Role::System, 2)),
        ("messages", Node::List(messages)),
        ("new", json(choices, Role::Other, 0)),
    ];
    members(choices, all)
}

/// The body as it is written, and what is to be handed out of it: path, text, role, raw range.
#[derive(Default)]
struct Written {
    body: Vec<u8>,
    expected: Vec<(String, String, Role, Range<usize>)>,
}

impl Written {
    fn space(&mut self, choices: &mut Choices<'_>) {
        let space = ["", "", "", " ", "\n", "\r\n\t"][choices.draw(6)];
        self.body.extend_from_slice(space.as_bytes());
    }

    fn string(&mut self, choices: &mut Choices<'_>, text: &str) -> Range<usize> {
        self.body.push(b'"');
        let start = self.body.len();
        for character in text.chars() {
            let must = matches!(character, '"' | '\\' | '\0'..='\x1f');
            match (must, choices.draw(8)) {
                (true | false, 1) => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        self.body.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                    }
                }
                (false, 2) if character == '/' => self.body.extend_from_slice(b"\\/"),
                (true, _) => {
                    let quoted = Value::from(character.to_string()).to_string();
                    self.body.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
                }
                (false, _) => {
                    self.body.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
        let end = self.body.len();
        self.body.push(b'"');
        start..end
    }

    fn node(&mut self, choices: &mut Choices<'_>, node: &Node, path: &str) {
        self.space(choices);
        match node {
            Node::Text(text, role) => {
                let range = self.string(choices, text);
                self.expected.push((path.to_owned(), text.clone(), *role, range));
            }
            Node::Number(literal, role) => {
                let start = self.body.len();
                self.body.extend_from_slice(literal.as_bytes());
                let range = start..self.body.len();
                self.expected.push((path.to_owned(), (*literal).to_owned(), *role, range));
            }
            Node::Quiet(Value::String(text)) => {
                self.string(choices, text);
            }
            Node::Quiet(value) => self.body.extend_from_slice(value.to_string().as_bytes()),
            Node::List(nodes) => {
                self.body.push(b'[');
                for (index, node) in nodes.iter().enumerate() {
                    if index > 0 {
                        self.body.push(b',');
                    }
                    self.node(choices, node, &format!("{path}[{index}]"));
                }
                self.body.push(b']');
            }
            Node::Members(nodes) => {
                self.body.push(b'{');
                for (index, (name, node)) in nodes.iter().enumerate() {
                    if index > 0 {
                        self.body.push(b',');
                    }
                    self.space(choices);
                    self.string(choices, name);
                    self.space(choices);
                    self.body.push(b':');
                    let dot = if path.is_empty() { "" } else { "." };
                    self.node(choices, node, &format!("{path}{dot}{name}"));
                }
                self.body.push(b'}');
            }
        }
        self.space(choices);
    }
}

fn write(bytes: &[u8]) -> Written {
    let mut choices = Choices { bytes };
    let node = request(&mut choices);
    let mut written = Written::default();
    written.node(&mut choices, &node, "");
    written
}

/// A body that is drawn.
pub(super) fn body(bytes: &[u8]) -> Vec<u8> {
    write(bytes).body
}

/// Everything of a tree but its texts and numbers.
fn skeleton(value: &Value) -> Value {
    match value {
        Value::String(_) | Value::Number(_) => Value::Null,
        Value::Array(values) => values.iter().map(skeleton).collect(),
        Value::Object(members) => {
            let blank = |(name, value): (&String, &Value)| (name.clone(), skeleton(value));
            Value::Object(members.iter().map(blank).collect())
        }
        Value::Null | Value::Bool(_) => value.clone(),
    }
}

/// Edits of random parts of the texts, with the texts and the body that are to come of them.
fn edited(choices: &mut Choices<'_>, written: &Written) -> (Edits, Vec<(String, String)>, Vec<u8>) {
    const PUT: [&str; 6] =
        ["PII_ID_0123456789abcdefghij", "[REDACTED]", "", "\"\\\n\u{1}/", "删除", "**********8000"];
    let (mut edits, mut texts, mut body) = (Edits::new(), Vec::new(), written.body.clone());
    let mut raws = Vec::new();
    walk(&written.body, Shape::Messages, &mut Scratch::new(), |span| {
        let (text, put) = (span.text(), PUT[choices.draw(PUT.len())]);
        let bounds: Vec<usize> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
        let from = choices.draw(bounds.len());
        let to = from + choices.draw(bounds.len() - from);
        let (from, to) = (bounds[from], bounds[to]);
        let (mut after, mut quoted) = (text.to_owned(), Value::from(put).to_string());
        if choices.draw(3) == 0 {
        } else if span.is_number() {
            after = put.to_owned();
            edits.put_string(span.raw(0..text.len()), put).unwrap();
            raws.push((span.raw(0..text.len()), quoted));
        } else {
            after.replace_range(from..to, put);
            edits.put_text(span.raw(from..to), put).unwrap();
            quoted = quoted.get(1..quoted.len() - 1).unwrap().to_owned();
            raws.push((span.raw(from..to), quoted));
        }
        texts.push((span.path(), after));
    })
    .unwrap();
    for (range, put) in raws.into_iter().rev() {
        body.splice(range, put.into_bytes());
    }
    (edits, texts, body)
}

proptest! {
    #[test]
    fn every_text_is_handed_out_and_nothing_else(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let written = write(&bytes);
        let mut found = Vec::new();
        walk(&written.body, Shape::Messages, &mut Scratch::new(), |span| {
            let raw = span.raw(0..span.text().len());
            found.push((span.path(), span.text().to_owned(), span.role(), raw));
        })
        .unwrap();
        prop_assert_eq!(&found, &written.expected, "{}", String::from_utf8_lossy(&written.body));
    }

    #[test]
    fn edits_change_their_strings_alone(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let written = write(&bytes);
        let (edits, texts, expected) = edited(&mut Choices { bytes: &bytes }, &written);
        let pieces = [Bytes::from(written.body.clone())];
        let after = edits.apply(&pieces).concat();
        prop_assert_eq!(String::from_utf8_lossy(&after), String::from_utf8_lossy(&expected));
        prop_assert_eq!(edits.len_after(written.body.len()), after.len());

        let (old, new): (Value, Value) =
            (serde_json::from_slice(&written.body).unwrap(), serde_json::from_slice(&after).unwrap());
        prop_assert_eq!(skeleton(&old), skeleton(&new));
        let mut found = Vec::new();
        walk(&after, Shape::Messages, &mut Scratch::new(), |span| {
            found.push((span.path(), span.text().to_owned()));
        })
        .unwrap();
        // What an edit has emptied is no text any more, nor is a short number.
        let texts: Vec<_> = texts.into_iter().filter(|(_, text)| !text.is_empty()).collect();
        prop_assert_eq!(found, texts);
    }

    #[test]
    fn the_cut_of_a_body_makes_no_difference(
        bytes in prop::collection::vec(any::<u8>(), 0..120),
        sizes in prop::collection::vec(0..40_usize, 1..40),
    ) {
        let written = write(&bytes);
        let (mut edits, _, _) = edited(&mut Choices { bytes: &bytes }, &written);
        let whole = Bytes::from(written.body);
        let flag = Envelope::read(std::slice::from_ref(&whole)).unwrap().stream_flag;
        prop_assert!(flag.ask_in(&mut edits).unwrap());
        let expected = edits.apply(std::slice::from_ref(&whole)).concat();
        let value: Value = serde_json::from_slice(&expected).unwrap();
        prop_assert_eq!(&value["stream"], &Value::Bool(true));
        for cut in 0..=whole.len() {
            let pieces = [whole.slice(..cut), whole.slice(cut..)];
            prop_assert_eq!(edits.apply(&pieces).concat(), &expected[..], "cut at {}", cut);
        }
        let mut rest = whole;
        let mut pieces = Vec::new();
        for size in sizes {
            pieces.push(rest.split_to(size.min(rest.len())));
        }
        pieces.push(rest);
        prop_assert_eq!(edits.apply(&pieces).concat(), &expected[..]);
    }

    #[test]
    fn any_bytes_are_walked_or_refused(bytes in prop::collection::vec(prop::sample::select(
        b"{}[]\",:\\u0019atrue.-e \n\xe4\xb8\xad".to_vec()), 0..80))
    {
        let mut body = b"{\"new\":".to_vec();
        body.extend_from_slice(&bytes);
        let walked = walk(&body, Shape::Messages, &mut Scratch::new(), |span| {
            let _path = span.path();
        });
        let parsed = serde_json::from_slice::<Value>(&body);
        if walked.is_ok() {
            // A text that is not read may be half a surrogate pair, which serde_json refuses.
            prop_assert!(parsed.is_ok() || body.windows(2).any(|pair| pair == b"\\u"));
        } else if parsed.is_ok() {
            let is_twice = matches!(walked, Err(WalkError::DuplicateKey { .. }));
            prop_assert!(is_twice);
        }
    }
}
