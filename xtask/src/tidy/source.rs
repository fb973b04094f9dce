//! A Rust file as the rules see it: code, comments and strings apart, tests taken out. A small lexer, no
//! parser: it must never fail on a file that compiles, and may be generous elsewhere.

/// A Rust file in layers. Every layer has the line structure of the file; what belongs to another layer is blank.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// From the root of the repository, with `/`.
    pub path: String,
    /// As written.
    pub text: String,
    /// Code outside tests: no comments, no contents of strings.
    pub code: String,
    /// Code, tests included.
    pub code_with_tests: String,
    /// Comments only.
    pub comments: String,
    /// Contents of strings outside tests only.
    pub strings: String,
    /// Lines outside tests.
    pub lines: usize,
}

impl Source {
    /// Takes a file apart.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let layers = Layers::of(text.as_bytes());
        let is_test = is_test_file(path);
        let mut code = layers.code.clone();
        let mut strings = layers.strings;
        let mut test_lines = 0;
        for (from, to) in test_items(&layers.code) {
            test_lines += lossy(&code[from..to]).matches('\n').count() + 1;
            blank(&mut code[from..to]);
            blank(&mut strings[from..to]);
        }
        if is_test {
            blank(&mut code);
            blank(&mut strings);
        }
        let lines = if is_test { 0 } else { text.lines().count().saturating_sub(test_lines) };
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code: lossy(&code),
            code_with_tests: lossy(&layers.code),
            comments: lossy(&layers.comments),
            strings: lossy(&strings),
            lines,
        }
    }
}

/// Files that are tests as a whole.
pub(super) fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/") || path.contains("/benches/")
}

/// The line, counted from 1, of a byte in a layer.
pub(super) fn line_of(layer: &str, at: usize) -> usize {
    layer.as_bytes().iter().take(at).filter(|&&byte| byte == b'\n').count() + 1
}

/// The byte positions where `word` stands alone: no letter, digit or underscore touches it.
pub(super) fn words<'a>(layer: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = layer.as_bytes();
    let is_name = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    layer.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let open = word.as_bytes().first().is_some_and(|b| !b.is_ascii_alphanumeric());
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let shut = word.as_bytes().last().is_some_and(|b| !b.is_ascii_alphanumeric());
        (open || !is_name(before)) && (shut || !is_name(bytes.get(at + word.len())))
    })
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Blanks in place; line ends stay.
fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

#[derive(Debug)]
struct Layers {
    code: Vec<u8>,
    comments: Vec<u8>,
    strings: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Code,
    Comment,
    Text,
}

impl Layers {
    fn of(bytes: &[u8]) -> Self {
        let empty: Vec<u8> =
            bytes.iter().map(|&byte| if byte == b'\n' { b'\n' } else { b' ' }).collect();
        let mut layers = Self { code: empty.clone(), comments: empty.clone(), strings: empty };
        let mut at = 0;
        while at < bytes.len() {
            let (layer, end) = next(bytes, at);
            let end = end.clamp(at + 1, bytes.len());
            let into = match layer {
                Layer::Code => &mut layers.code,
                Layer::Comment => &mut layers.comments,
                Layer::Text => &mut layers.strings,
            };
            into[at..end].copy_from_slice(&bytes[at..end]);
            at = end;
        }
        layers
    }
}

/// The layer of the token at `at`, and where it ends.
fn next(bytes: &[u8], at: usize) -> (Layer, usize) {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        return (Layer::Comment, at + until(rest, b'\n'));
    }
    if rest.starts_with(b"/*") {
        return (Layer::Comment, at + block_comment(rest));
    }
    match rest.first() {
        Some(b'"') => (Layer::Text, at + quoted(rest)),
        Some(b'\'') => {
            char_literal(rest).map_or((Layer::Code, at + 1), |len| (Layer::Text, at + len))
        }
        Some(byte) if byte.is_ascii_alphanumeric() || *byte == b'_' => name(rest, at),
        _ => (Layer::Code, at + 1),
    }
}

/// A name, a number, or the prefix of a string (`r"`, `br#"`, `b"`, `c"`).
fn name(rest: &[u8], at: usize) -> (Layer, usize) {
    let len = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    let raw = matches!(&rest[..len], b"r" | b"br" | b"cr");
    let hashes = rest[len..].iter().take_while(|b| **b == b'#').count();
    if raw && rest.get(len + hashes) == Some(&b'"') {
        let mut end = vec![b'"'];
        end.extend(std::iter::repeat_n(b'#', hashes));
        let body = &rest[len + hashes + 1..];
        let found = body.windows(end.len()).position(|window| window == end);
        let size = found.map_or(body.len(), |found| found + end.len());
        return (Layer::Text, at + len + hashes + 1 + size);
    }
    (Layer::Code, at + len)
}

fn until(rest: &[u8], byte: u8) -> usize {
    rest.iter().position(|b| *b == byte).unwrap_or(rest.len())
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match &rest[at..rest.len().min(at + 2)] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn quoted(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a character literal; `None` for a lifetime.
fn char_literal(rest: &[u8]) -> Option<usize> {
    match rest.get(1)? {
        b'\\' => {
            let close = rest.iter().skip(3).position(|b| *b == b'\'')?;
            Some(close + 4)
        }
        first => {
            // One character of UTF-8: the first byte tells its length.
            let len = match first {
                0..0x80 => 1,
                0x80..0xe0 => 2,
                0xe0..0xf0 => 3,
                _ => 4,
            };
            (rest.get(1 + len) == Some(&b'\'')).then_some(len + 2)
        }
    }
}

/// The items under `#[cfg(test)]`, from the attribute to the end of the item.
fn test_items(code: &[u8]) -> Vec<(usize, usize)> {
    let mut items = Vec::new();
    let text = lossy(code);
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find("#[cfg(test)]")) {
        let start = from + found;
        let end = item_end(code, start + "#[cfg(test)]".len());
        items.push((start, end));
        from = end;
    }
    items
}

/// The end of the item that begins after `at`: its closing brace, or its semicolon.
fn item_end(code: &[u8], at: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in code[at..].iter().enumerate() {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && *byte == b'}' {
                    return at + offset + 1;
                }
            }
            b';' if depth == 0 => return at + offset + 1,
            _ => {}
        }
    }
    code.len()
}
