//! Any stream in any pieces: every byte leaves once and in order, and what is learnt does not
//! depend on the pieces.

#![no_main]

use bytes::Bytes;
use ferry_wire::sse::{Facts, Flavor, Observer, TAIL_BYTES_MAX};
use libfuzzer_sys::fuzz_target;

fn observe(flavor: Flavor, stream: &[u8], size: usize) -> Facts {
    let mut observer = Observer::new(flavor);
    let mut out = Vec::new();
    for piece in stream.chunks(size) {
        observer.push(Bytes::copy_from_slice(piece), &mut out);
        assert!(observer.tail_len() <= TAIL_BYTES_MAX);
        assert!(!(observer.at_boundary() && observer.mid_event()));
    }
    out.extend(observer.take_tail());
    assert_eq!(out.concat(), stream);
    observer.into_facts()
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, stream)) = input.split_first() else { return };
    let flavor = match choice % 3 {
        0 => Flavor::Messages,
        1 => Flavor::Complete,
        _ => Flavor::Other,
    };
    let whole = observe(flavor, stream, stream.len().max(1));
    let pieces = observe(flavor, stream, usize::from(choice / 3) + 1);
    assert_eq!(pieces, whole);
});
