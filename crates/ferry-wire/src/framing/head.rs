//! Checks one complete request head and tells how its body is framed.
//!
//! The rules are those of RFC 9112 with every leniency left out; where it lets a server choose
//! between repairing and refusing, this refuses.

use memchr::{memchr, memchr_iter};

use super::Body;
use super::error::FramingError;

/// The fields that frame a request, as found so far.
#[derive(Default)]
struct Seen<'a> {
    host: Option<&'a [u8]>,
    length: Option<u64>,
    is_chunked: bool,
}

/// The parts of a request line that matter for framing.
struct RequestLine<'a> {
    /// Authority of an absolute-form target, and the port that its scheme implies.
    authority: Option<(&'a [u8], &'static [u8])>,
    is_http_1_0: bool,
}

/// Checks a head, from its first byte to the empty line; every LF in it follows a CR.
pub(super) fn check(head: &[u8]) -> Result<Body, FramingError> {
    let head = head.strip_prefix(b"\r\n").unwrap_or(head);
    check_bytes(head)?;
    let mut line_start = 0;
    let mut request_line = None;
    let mut seen = Seen::default();
    for line_feed in memchr_iter(b'\n', head) {
        let line = head.get(line_start..line_feed.saturating_sub(1)).unwrap_or_default();
        line_start = line_feed + 1;
        match &request_line {
            None => request_line = Some(check_request_line(line)?),
            Some(_) if line.is_empty() => break,
            Some(_) => seen.field(line)?,
        }
    }
    let request_line = request_line.ok_or(FramingError::RequestLine)?;
    seen.verdict(&request_line)
}

/// Checks the request line alone, with its CRLF.
pub(super) fn check_first_line(line: &[u8]) -> Result<(), FramingError> {
    check_bytes(line)?;
    check_request_line(line.strip_suffix(b"\r\n").unwrap_or(line)).map(|_line| ())
}

/// Refuses controls and lone CRs. Counting vectorises where a search with four needles would not.
pub(super) fn check_bytes(head: &[u8]) -> Result<(), FramingError> {
    let mut controls = 0_usize;
    let mut returns = 0_usize;
    let mut line_feeds = 0_usize;
    // Counters of one byte keep the lanes narrow; 255 bytes cannot overflow them.
    for piece in head.chunks(255) {
        let (mut control, mut carriage, mut feed) = (0_u8, 0_u8, 0_u8);
        for &byte in piece {
            control += u8::from(byte < 0x20) - u8::from(byte == b'\t') + u8::from(byte == 0x7f);
            carriage += u8::from(byte == b'\r');
            feed += u8::from(byte == b'\n');
        }
        controls += usize::from(control);
        returns += usize::from(carriage);
        line_feeds += usize::from(feed);
    }
    // Each LF follows a CR, so one CR more is one that stands alone.
    if returns != line_feeds {
        return Err(FramingError::BareCr);
    }
    if controls != returns + line_feeds {
        return Err(FramingError::ControlByte);
    }
    Ok(())
}

fn check_request_line(line: &[u8]) -> Result<RequestLine<'_>, FramingError> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(FramingError::RequestLine);
    };
    if !is_token(method) || target.is_empty() {
        return Err(FramingError::RequestLine);
    }
    let is_http_1_0 = match version {
        b"HTTP/1.1" => false,
        b"HTTP/1.0" => true,
        _ if version.starts_with(b"HTTP/") => return Err(FramingError::Version),
        _ => return Err(FramingError::RequestLine),
    };
    if method.eq_ignore_ascii_case(b"CONNECT") {
        return Err(FramingError::Connect);
    }
    if memchr(b'\t', target).is_some() {
        return Err(FramingError::Target);
    }
    let authority = match target.first() {
        Some(b'/') => None,
        Some(b'*') if target.len() == 1 && method == b"OPTIONS" => None,
        _ => Some(authority_of(target)?),
    };
    Ok(RequestLine { authority, is_http_1_0 })
}

/// The authority of an absolute-form target.
fn authority_of(target: &[u8]) -> Result<(&[u8], &'static [u8]), FramingError> {
    let schemes: [(&[u8], &[u8]); 2] = [(b"http://", b":80"), (b"https://", b":443")];
    for (scheme, port) in schemes {
        let is_scheme =
            target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        if is_scheme {
            let rest = target.get(scheme.len()..).unwrap_or_default();
            let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#'));
            return Ok((rest.get(..end.unwrap_or(rest.len())).unwrap_or_default(), port));
        }
    }
    Err(FramingError::Target)
}

/// Splits a field line into name and value; bytes of the value are `check_bytes`' work.
pub(super) fn check_field(line: &[u8]) -> Result<(&[u8], &[u8]), FramingError> {
    // One look at each byte of a name that is right; what is wrong with another is told below.
    let name_len = line.iter().take_while(|byte| TOKEN[usize::from(**byte)]).count();
    if name_len > 0
        && let (name, [b':', value @ ..]) = line.split_at(name_len)
    {
        return Ok((name, trim(value)));
    }
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(FramingError::FoldedLine);
    }
    let colon = memchr(b':', line).ok_or(FramingError::FieldName)?;
    let (name, value) = line.split_at(colon);
    if matches!(name.last(), Some(b' ' | b'\t')) {
        return Err(FramingError::SpaceBeforeColon);
    }
    if !is_token(name) {
        return Err(FramingError::FieldName);
    }
    let value = trim(value.get(1..).unwrap_or_default());
    Ok((name, value))
}

impl<'a> Seen<'a> {
    fn field(&mut self, line: &'a [u8]) -> Result<(), FramingError> {
        let (name, value) = check_field(line)?;
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => {
                once(self.host.replace(value).is_some(), FramingError::TwoHosts)?;
            }
            14 if is_name_or_twin(name, b"content-length")? => {
                once(self.length.replace(length(value)?).is_some(), FramingError::TwoLengths)?;
            }
            17 if is_name_or_twin(name, b"transfer-encoding")? => {
                if self.is_chunked {
                    return Err(FramingError::TwoCodings);
                }
                if !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(FramingError::Coding);
                }
                self.is_chunked = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn verdict(&self, line: &RequestLine<'_>) -> Result<Body, FramingError> {
        match self.host {
            Some(host) => check_host(host, line.authority)?,
            None if !line.is_http_1_0 => return Err(FramingError::MissingHost),
            None => {}
        }
        match (self.length, self.is_chunked) {
            (Some(_), true) => Err(FramingError::BothLengths),
            (None, true) if line.is_http_1_0 => Err(FramingError::CodingIn10),
            (None, true) => Ok(Body::Chunked),
            (length, false) => Ok(Body::Length(length.unwrap_or(0))),
        }
    }
}

/// Refuses a field that was found before.
fn once(has_earlier: bool, twice: FramingError) -> Result<(), FramingError> {
    if has_earlier { Err(twice) } else { Ok(()) }
}

/// Whether `name` is `wanted`.
///
/// A twin with `_` for `-` is refused: CGI-like servers cannot tell the two apart.
fn is_name_or_twin(name: &[u8], wanted: &[u8]) -> Result<bool, FramingError> {
    if name.eq_ignore_ascii_case(wanted) {
        return Ok(true);
    }
    let is_twin = name.iter().zip(wanted).all(|(byte, wanted)| {
        byte.eq_ignore_ascii_case(wanted) || (*wanted == b'-' && *byte == b'_')
    });
    if is_twin { Err(FramingError::TwinField) } else { Ok(false) }
}

fn length(value: &[u8]) -> Result<u64, FramingError> {
    // `parse` would take a plus sign.
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(FramingError::Length);
    }
    value
        .iter()
        .try_fold(0_u64, |length, digit| {
            length.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        })
        .ok_or(FramingError::Length)
}

fn check_host(host: &[u8], authority: Option<(&[u8], &'static [u8])>) -> Result<(), FramingError> {
    if host.is_empty() {
        return Err(FramingError::MissingHost);
    }
    let is_host = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']' | b'~' | b'%')
    };
    if !host.iter().all(is_host) {
        return Err(FramingError::Host);
    }
    let Some((authority, port)) = authority else { return Ok(()) };
    let plain = |name: &[u8]| -> usize {
        // The port that the scheme implies may be named on one side only.
        if name.ends_with(port) { name.len() - port.len() } else { name.len() }
    };
    let (host, authority) = (&host[..plain(host)], &authority[..plain(authority)]);
    if host.eq_ignore_ascii_case(authority) { Ok(()) } else { Err(FramingError::Authority) }
}

/// Optional white space is SP and HTAB only (RFC 9110 section 5.6.3).
fn trim(value: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let Some(start) = value.iter().position(is_text) else { return b"" };
    let end = value.iter().rposition(is_text).unwrap_or(start);
    value.get(start..=end).unwrap_or_default()
}

/// RFC 9110 section 5.6.2, as a table: it is asked for every byte of every name.
const TOKEN: [bool; 256] = {
    let mut token = [false; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        token[byte as usize] = is_token_byte(byte);
        byte += 1;
    }
    token
};

fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| TOKEN[usize::from(*byte)])
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}
