//! What makes a key unusable whatever vendor it comes from: quotes, spaces, line ends, placeholders.
//!
//! Shared by the caller's credential and a node's configured key, so that both are judged alike. It
//! never judges a prefix (a relay may have keys of its own) and never repeats the value.

/// A form in which no key can be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum KeyForm {
    Empty,
    LineEnd,
    ControlOrNonAscii,
    Quoted,
    Space,
    Placeholder,
    Assignment,
    SchemeInValue,
}

/// Texts that tutorials leave where a key belongs; compared without case and decoration.
const PLACEHOLDERS: [&str; 11] = [
    "yourapikey",
    "yourapikeyhere",
    "youranthropicapikey",
    "yourkey",
    "yourkeyhere",
    "yourtoken",
    "myapikey",
    "anthropicapikey",
    "anthropicauthtoken",
    "apikey",
    "xapikey",
];

/// The first thing wrong with the value, or `None` when it could be somebody's key.
pub(crate) fn judge(value: &str) -> Option<KeyForm> {
    if value.is_empty() {
        return Some(KeyForm::Empty);
    }
    if is_usual(value) {
        return None;
    }
    if has_line_end(value) {
        return Some(KeyForm::LineEnd);
    }
    // A tab is a space for this purpose: it comes from a spreadsheet or a table.
    if value.chars().any(|c| !c.is_ascii() || (c.is_ascii_control() && c != '\t')) {
        return Some(KeyForm::ControlOrNonAscii);
    }
    if value.contains(['"', '\'', '`']) {
        return Some(KeyForm::Quoted);
    }
    if is_placeholder(value) {
        return Some(KeyForm::Placeholder);
    }
    if has_prefix_ignoring_case(value, "bearer ") {
        return Some(KeyForm::SchemeInValue);
    }
    if value.contains([' ', '\t']) {
        return Some(KeyForm::Space);
    }
    is_assignment(value).then_some(KeyForm::Assignment)
}

/// Nearly every key: letters, digits, `-` and `_`, and the last of the letters and digits is neither a letter that ends
/// a placeholder nor an x. Nothing below finds fault with such a value; it is asked of every request.
fn is_usual(value: &str) -> bool {
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'_');
    let last = value.bytes().rfind(u8::is_ascii_alphanumeric);
    value.bytes().fold(true, |usual, byte| usual & is_usual(byte))
        && last.is_some_and(|last| !b"yenXxYEN".contains(&last))
}

/// A subscription's OAuth token, which is no API key.
pub(crate) fn is_subscription_token(value: &str) -> bool {
    has_prefix_ignoring_case(value, "sk-ant-oat")
}

/// A key of the organisation's admin API.
pub(crate) fn is_admin_key(value: &str) -> bool {
    has_prefix_ignoring_case(value, "sk-ant-admin")
}

/// ASCII prefix test that does not care for case: a key pasted in capitals is still that key's kind.
pub(crate) fn has_prefix_ignoring_case(value: &str, prefix: &str) -> bool {
    value
        .as_bytes()
        .get(..prefix.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// A real line end, or one that a shell or a JSON file left as two characters (`\n`, `%0A`).
fn has_line_end(value: &str) -> bool {
    value.contains(['\r', '\n'])
        || ["\\n", "\\r", "%0a", "%0A", "%0d", "%0D"].iter().any(|tail| value.ends_with(tail))
}

fn is_placeholder(value: &str) -> bool {
    if value.starts_with(['$', '<', '{', '%']) || value.contains("...") || value.contains("***") {
        return true;
    }
    let bare: String =
        value.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    // `sk-ant-xxxxxxxx`, `xxx`: nothing but the prefix and a run of x.
    let after_prefix = bare.strip_prefix("skant").unwrap_or(&bare);
    let after_version =
        after_prefix.trim_start_matches("api").trim_start_matches(|c: char| c.is_ascii_digit());
    PLACEHOLDERS.contains(&bare.as_str())
        || PLACEHOLDERS.contains(&after_prefix)
        || (!after_version.is_empty()
            && after_version.len() >= 3
            && after_version.chars().all(|c| c == 'x'))
}

/// `ANTHROPIC_API_KEY=...` or `x-api-key:...` pasted as one piece.
fn is_assignment(value: &str) -> bool {
    ["anthropic_api_key=", "anthropic_auth_token=", "x-api-key:", "authorization:", "api_key="]
        .iter()
        .any(|name| has_prefix_ignoring_case(value, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_finds_no_fault_only_where_there_is_none() {
        for usual in ["sk-ant-api03-mock-0000", "fry_abcD9", "a1"] {
            assert!(is_usual(usual) && judge(usual).is_none(), "{usual}");
        }
        let faults = [
            "sk-ant-xxxx",
            "XXX",
            "Bearer a1",
            "\"a1\"",
            "a1\\n",
            "$a1",
            "a1%0a",
            "api_key=1",
            "-",
        ];
        let upper = PLACEHOLDERS.map(str::to_uppercase);
        let placeholders = PLACEHOLDERS.iter().copied().chain(upper.iter().map(String::as_str));
        for other in faults.into_iter().chain(placeholders) {
            assert!(!is_usual(other), "{other}");
        }
    }
}
