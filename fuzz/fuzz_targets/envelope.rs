//! The envelope of any bytes: cut anywhere it reads the same, and it never refuses an object
//! that a full parser takes, nor reads another model out of it.

#![no_main]

use bytes::Bytes;
use ferry_wire::envelope::{Envelope, EnvelopeError};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let Some((&cut, body)) = input.split_first() else { return };
    let whole = Envelope::read(&[Bytes::copy_from_slice(body)]);
    let (left, right) = body.split_at(usize::from(cut).min(body.len()));
    let pieces = [Bytes::copy_from_slice(left), Bytes::copy_from_slice(right)];
    assert_eq!(Envelope::read(&pieces), whole);

    let Ok(value @ Value::Object(_)) = serde_json::from_slice::<Value>(body) else { return };
    match whole {
        Ok(envelope) => {
            let model = value["model"].as_str().filter(|model| model.len() <= 256);
            assert_eq!(envelope.model.as_deref(), model);
            assert_eq!(envelope.stream, value["stream"] == Value::Bool(true));
        }
        Err(EnvelopeError::DuplicateMember { .. }) => {}
        Err(error) => panic!("refused an object: {error}"),
    }
});
