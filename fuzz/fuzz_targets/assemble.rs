//! Any stream: an answer is sound JSON within its bound, and the same however the stream is cut.

#![no_main]

use bytes::Bytes;
use ferry_wire::assemble::{AssembleError, Assembler, Outcome};
use ferry_wire::sse::Flavor;
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

/// Small, so that the bound is met; above every event that the fuzzer makes by itself.
const BYTES_MAX: usize = 64 * 1024;

fn assemble(flavor: Flavor, stream: &[u8], size: usize) -> Result<Outcome, AssembleError> {
    let mut assembler = Assembler::new(flavor, BYTES_MAX);
    for piece in stream.chunks(size) {
        assembler.push(Bytes::copy_from_slice(piece))?;
    }
    assembler.finish()
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, stream)) = input.split_first() else { return };
    let flavor = if choice % 2 == 0 { Flavor::Messages } else { Flavor::Complete };
    let whole = assemble(flavor, stream, stream.len().max(1));
    if stream.len() < BYTES_MAX {
        assert_eq!(assemble(flavor, stream, usize::from(choice / 2) + 1), whole);
    }
    if let Ok(Outcome::Answer(json)) = &whole {
        assert!(json.len() <= 2 * BYTES_MAX);
        serde_json::from_slice::<&RawValue>(json).expect("sound JSON");
    }
});
