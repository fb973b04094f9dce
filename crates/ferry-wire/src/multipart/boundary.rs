//! The boundary that a `Content-Type` names.

use super::parameters::{Parameters, Quotes};

/// Longest boundary (RFC 2046 section 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// What begins each line between parts: two hyphens and the boundary. Nothing without one boundary of the right form, or
/// for a type that is no form.
pub(super) fn delimiter(content_type: &[u8]) -> Option<Vec<u8>> {
    let end = content_type.iter().position(|byte| *byte == b';')?;
    let media_type = content_type.get(..end)?.trim_ascii();
    if !media_type.eq_ignore_ascii_case(b"multipart/form-data") {
        return None;
    }
    let mut found = None;
    for parameter in Parameters::of(content_type) {
        let parameter = parameter.ok()?;
        let name = parameter.name.to_ascii_lowercase();
        if name.starts_with(b"boundary*") {
            // RFC 2231, which some readers put over the plain one.
            return None;
        }
        if name != b"boundary" {
            continue;
        }
        let boundary = content_type.get(parameter.value)?;
        // Of two boundaries readers may take either, and without quotes some end at a blank or comma.
        let is_cut =
            parameter.quotes == Quotes::None && boundary.iter().any(|byte| b" ,".contains(byte));
        if !is_boundary(boundary) || is_cut || found.is_some() {
            return None;
        }
        found = Some([b"--", boundary].concat());
    }
    found
}

fn is_boundary(bytes: &[u8]) -> bool {
    let is_known = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
    (1..=BOUNDARY_BYTES_MAX).contains(&bytes.len())
        && bytes.iter().all(is_known)
        && bytes.last() != Some(&b' ')
}
