//! The business line of a request, from its `X-Biz-Type` header.
//!
//! Only configured names become labels: what a client makes up counts as `other`, so that no header
//! can grow a metric without bound. It never refuses a request.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

/// The longest name of a line, in bytes: a label and a header value that people read.
pub const NAME_BYTES_MAX: usize = 64;

/// The line of a request that names none.
pub const DEFAULT: &str = "default";

/// The line of a request that names one which is not configured.
pub const OTHER: &str = "other";

/// Which line a request belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineRef<'a> {
    /// No header, an empty one, or `default`.
    Default,
    /// A configured line.
    Known(&'a str),
    /// A name that is not configured.
    Other,
}

impl<'a> LineRef<'a> {
    /// The name in logs and metrics.
    pub fn name(self) -> &'a str {
        match self {
            Self::Default => DEFAULT,
            Self::Known(name) => name,
            Self::Other => OTHER,
        }
    }
}

/// Finds the line that a header value names. Names are compared byte for byte.
pub fn resolve<'a>(known: &'a BTreeSet<String>, header: Option<&[u8]>) -> LineRef<'a> {
    let name = header.map_or(&b""[..], <[u8]>::trim_ascii);
    if name.is_empty() {
        return LineRef::Default;
    }
    let Ok(name) = std::str::from_utf8(name) else { return LineRef::Other };
    match known.get(name) {
        Some(known) => LineRef::Known(known),
        None if name == DEFAULT => LineRef::Default,
        None => LineRef::Other,
    }
}

/// May a line be called this? A token of RFC 9110 section 5.6.2, 1 to 64 bytes, and not `other`.
pub fn valid_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_token) && name != OTHER
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
