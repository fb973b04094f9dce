//! Held bytes, in the pieces they came in. Large pieces are shared and never copied; small ones are
//! gathered, since each would keep the whole buffer that it was read into.

use std::cell::Cell;

use bytes::{Bytes, BytesMut};

/// From here on a piece fills a good part of its read buffer (16 KiB), and is shared.
const SHARED_MIN: usize = 8 * 1024;
/// Small pieces that are shared all the same: a usual request comes in one or two.
const SMALL_MAX: usize = 2;
/// Gathered bytes become a piece of their own at this size.
const GATHERED_MAX: usize = 64 * 1024;

/// What a thread keeps at most to put pieces together in. Most requests are smaller, and memory that was just used is
/// faster than new memory.
const KEPT_BYTES_MAX: usize = 512 * 1024;

/// Bytes that are being held.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    done: Vec<Bytes>,
    gathered: BytesMut,
    small: usize,
    len: u64,
}

impl Pieces {
    /// Takes the next bytes.
    pub(super) fn push(&mut self, piece: Bytes) {
        self.len += piece.len() as u64;
        if piece.len() >= SHARED_MIN || self.small < SMALL_MAX {
            self.small += usize::from(piece.len() < SHARED_MIN);
            self.close();
            self.done.push(piece);
            return;
        }
        self.gathered.extend_from_slice(&piece);
        if self.gathered.len() >= GATHERED_MAX {
            self.close();
        }
    }

    /// Bytes taken so far.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// All of them, in order.
    pub(super) fn finish(mut self) -> Vec<Bytes> {
        self.close();
        self.done
    }

    fn close(&mut self) {
        if !self.gathered.is_empty() {
            self.done.push(std::mem::take(&mut self.gathered).freeze());
        }
    }
}

/// One contiguous whole; a copy only when it came in pieces.
pub(super) fn join(mut pieces: Vec<Bytes>) -> Bytes {
    if pieces.len() == 1 {
        return pieces.pop().unwrap_or_default();
    }
    pieces.concat().into()
}

thread_local! {
    /// What pieces are put together in, one body after another.
    static WHOLE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Hands one contiguous whole to `look`; a copy only when it came in pieces, in memory that the thread keeps.
pub(super) fn with_whole<T>(pieces: &[Bytes], look: impl FnOnce(&[u8]) -> T) -> T {
    if let [whole] = pieces {
        return look(whole);
    }
    let mut whole = WHOLE.take();
    whole.clear();
    for piece in pieces {
        whole.extend_from_slice(piece);
    }
    let seen = look(&whole);
    if whole.capacity() <= KEPT_BYTES_MAX {
        WHOLE.set(whole);
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(sizes: &[usize]) -> Vec<usize> {
        let mut pieces = Pieces::default();
        let mut expected = Vec::new();
        for (n, size) in sizes.iter().enumerate() {
            let piece = vec![u8::try_from(n % 251).unwrap(); *size];
            expected.extend_from_slice(&piece);
            pieces.push(piece.into());
        }
        assert_eq!(pieces.len(), expected.len() as u64);
        let held = pieces.finish();
        assert_eq!(join(held.clone()), expected);
        assert_eq!(with_whole(&held, <[u8]>::to_vec), expected);
        held.iter().map(Bytes::len).collect()
    }

    #[test]
    fn large_pieces_are_shared_and_small_ones_gathered() {
        assert_eq!(pushed(&[]), Vec::<usize>::new());
        assert_eq!(pushed(&[4096]), [4096]);
        assert_eq!(pushed(&[4096, 32768, 32768]), [4096, 32768, 32768]);
        assert_eq!(pushed(&[1, 1, 1, 1, 9000, 1]), [1, 1, 2, 9000, 1]);
    }

    #[test]
    fn a_drip_becomes_few_pieces() {
        assert!(pushed(&vec![1; 200_000]).len() <= 2 + 200_000 / GATHERED_MAX + 1);
    }
}
