//! Why a path is not carried: the form checks, and the status, code and hint of each refusal.
//!
//! A refusal quotes nothing of the path, since a path can hold anything.

/// Why a path is not carried. Display fits after "failed to".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathRefusal {
    /// Not below `/v1/`: a browser, a scanner, or a client's warm-up.
    #[error("find the path in the API: it does not begin with /v1/")]
    NotApi {
        /// Whether it was `/` alone, as a browser asks.
        is_root: bool,
    },
    /// A resource of the API without the `/v1` before it.
    #[error("find the path in the API: /v1 is missing before /{resource}")]
    NoV1 {
        /// The resource that was asked for (`messages`).
        resource: &'static str,
    },
    /// A path of another vendor's API (`/v1/chat/completions`).
    #[error("carry a path of the OpenAI API")]
    OpenAi,
    /// A path that administers the organisation; not carried for anybody.
    #[error("carry a path below /v1/{resource}")]
    Denied {
        /// What it administers (`organizations`).
        resource: &'static str,
    },
    /// A path that two servers could read differently.
    #[error("read the path: {0}")]
    Malformed(Malformation),
}

impl PathRefusal {
    /// The status for the client.
    pub const fn status(self) -> u16 {
        match self {
            Self::NotApi { .. } | Self::NoV1 { .. } | Self::OpenAi => 404,
            Self::Denied { .. } => 403,
            Self::Malformed(_) => 400,
        }
    }

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotApi { .. } => "path-not-api",
            Self::NoV1 { .. } => "path-no-v1",
            Self::OpenAi => "path-openai",
            Self::Denied { .. } => "path-denied",
            Self::Malformed(_) => "path-malformed",
        }
    }

    /// The next action, in one English sentence.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::NotApi { is_root: true } => {
                "This port speaks the Claude API below /v1/; health and metrics are on the admin port."
            }
            Self::NotApi { is_root: false } => {
                "Set the base URL of the client to this host without a path; it asks for /v1/... itself."
            }
            Self::NoV1 { .. } => "Put /v1 before the path, as in POST /v1/messages.",
            Self::OpenAi => {
                "Use an Anthropic SDK and POST /v1/messages; the OpenAI form is not translated."
            }
            Self::Denied { .. } => {
                "Ask the provider directly with the admin key; the gateway never carries it."
            }
            Self::Malformed(_) => {
                "Send a plain path without dot segments, empty segments or encoded separators."
            }
        }
    }
}

/// What is wrong with the form of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformation {
    /// Does not begin with a slash.
    #[error("it does not begin with a slash")]
    NoSlash,
    /// `//` inside.
    #[error("it holds an empty segment")]
    EmptySegment,
    /// A segment of one or two dots, encoded or not.
    #[error("it holds a dot segment")]
    DotSegment,
    /// A byte that no path may hold as it is: control, space, backslash, `#`, `;`, or non-ASCII.
    #[error("it holds a byte that must be encoded")]
    RawByte,
    /// `%` without two hexadecimal digits.
    #[error("it holds a broken percent sign")]
    BrokenPercent,
    /// An encoded slash, dot, backslash, semicolon or control; or a percent sign that hides one.
    #[error("it holds an encoded separator")]
    EncodedSeparator,
    /// A first segment that no resource of the API can have.
    #[error("its first segment is no name of a resource")]
    Resource,
}

/// Checks that every server reads the segments of `path` as Ferry does.
pub(super) fn check_form(path: &str) -> Result<(), Malformation> {
    let bytes = path.as_bytes();
    if bytes.first() != Some(&b'/') {
        return Err(Malformation::NoSlash);
    }
    let mut segment_start = 1;
    for (at, &byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            b'/' => {
                if at == segment_start {
                    return Err(Malformation::EmptySegment);
                }
                check_dots(&bytes[segment_start..at])?;
                segment_start = at + 1;
            }
            b'%' => check_encoded(bytes.get(at + 1..).unwrap_or_default())?,
            0x21..=0x7e if !matches!(byte, b'\\' | b'#' | b';') => {}
            _ => return Err(Malformation::RawByte),
        }
    }
    check_dots(&bytes[segment_start..])
}

fn check_dots(segment: &[u8]) -> Result<(), Malformation> {
    // "..." and the like are cut off or collapsed by some servers.
    if !segment.is_empty() && segment.iter().all(|byte| *byte == b'.') {
        return Err(Malformation::DotSegment);
    }
    Ok(())
}

/// Checks the two digits behind a percent sign.
fn check_encoded(rest: &[u8]) -> Result<(), Malformation> {
    let byte = hex_pair(rest).ok_or(Malformation::BrokenPercent)?;
    match byte {
        // C0, C1 and F5 upward never occur in UTF-8; C0 AE is the classic overlong dot.
        0..0x20 | 0x7f | b'/' | b'.' | b'\\' | b';' | 0xc0 | 0xc1 | 0xf5.. => {
            Err(Malformation::EncodedSeparator)
        }
        // Encoded twice: a server that decodes twice would see something else than Ferry.
        b'%' if rest.get(2..).is_some_and(|rest| hex_pair(rest).is_some()) => {
            Err(Malformation::EncodedSeparator)
        }
        _ => Ok(()),
    }
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let digit = |index: usize| {
        bytes
            .get(index)
            .and_then(|byte| char::from(*byte).to_digit(16))
            .and_then(|d| u8::try_from(d).ok())
    };
    Some((digit(0)? << 4) | digit(1)?)
}
