//! Whether a body names something that is stored upstream, and so only one workspace has.

use bytes::Bytes;
use memchr::memmem;

/// A member's name with its quotes, and what the ids of its kind begin with.
const IDS: [(&[u8], &[u8]); 2] =
    [(b"\"file_id\"", b"\"file_"), (b"\"container\"", b"\"container_")];

/// Whether some member of the body is a `file_id` or a `container` with an id of the API's form.
///
/// It is searched for and not parsed: at any depth, also in the inputs of tools, but not inside a
/// text, whose quotes are escaped. A `container` that is an object stands at the top level, where
/// [`crate::envelope::Envelope::container`] tells it. A name written with escapes is not found.
pub fn names_stored_object(body: &[Bytes]) -> bool {
    IDS.iter().any(|(name, id)| has_member(body, name, id))
}

fn has_member(body: &[Bytes], name: &[u8], id: &[u8]) -> bool {
    let finder = memmem::Finder::new(name);
    let overlap = name.len() - 1;
    // The last bytes before the piece in work: too few to hold the name, enough to begin it.
    let mut before: Vec<u8> = Vec::with_capacity(2 * overlap);
    for (index, piece) in body.iter().enumerate() {
        let begun = before.len();
        before.extend_from_slice(&piece[..piece.len().min(overlap)]);
        let across = finder.find_iter(&before).map(|at| at + name.len() - begun);
        let inside = finder.find_iter(piece).map(|at| at + name.len());
        if across.chain(inside).any(|behind| has_value(body, index, behind, id)) {
            return true;
        }
        if piece.len() > overlap {
            before.clear();
            before.extend_from_slice(&piece[piece.len() - overlap..]);
        } else {
            before.drain(..before.len().saturating_sub(overlap));
        }
    }
    false
}

/// Whether behind the offset `at` of a piece there is a colon and a value that begins with `id`.
fn has_value(body: &[Bytes], index: usize, at: usize, id: &[u8]) -> bool {
    let piece = body.get(index).and_then(|piece| piece.get(at..)).unwrap_or_default();
    let behind = body.get(index + 1..).unwrap_or_default();
    let mut bytes = piece.iter().chain(behind.iter().flatten()).copied();
    let mut next = || bytes.find(|byte| !byte.is_ascii_whitespace());
    next() == Some(b':')
        && next() == id.first().copied()
        && id.iter().skip(1).all(|byte| bytes.next() == Some(*byte))
}
