//! The envelope of any bytes: cut anywhere it reads the same, and it never refuses an object
//! that a full parser takes, nor reads another model out of it. What is spliced or hashed by its
//! places does not depend on the cut, and a splice changes `stream` alone.

#![no_main]

use bytes::Bytes;
use ferry_wire::affinity::names_stored_object;
use ferry_wire::envelope::{Envelope, EnvelopeError};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let Some((&cut, body)) = input.split_first() else { return };
    let whole = Envelope::read(&[Bytes::copy_from_slice(body)]);
    let (left, right) = body.split_at(usize::from(cut).min(body.len()));
    let pieces = [Bytes::copy_from_slice(left), Bytes::copy_from_slice(right)];
    assert_eq!(Envelope::read(&pieces), whole);

    let one = [Bytes::copy_from_slice(body)];
    let mut asked = None;
    if let Ok(envelope) = &whole {
        assert_eq!(envelope.prefix.hash(&pieces), envelope.prefix.hash(&one));
        asked = envelope.stream_flag.ask(&pieces).map(|pieces| pieces.concat());
        assert_eq!(asked, envelope.stream_flag.ask(&one).map(|pieces| pieces.concat()));
    }

    let Ok(mut value @ Value::Object(_)) = serde_json::from_slice::<Value>(body) else { return };
    // In what is no JSON two names may share a quote, and a cut finds the second.
    assert_eq!(names_stored_object(&pieces), names_stored_object(&one));
    match whole {
        Ok(envelope) => {
            let model = value["model"].as_str().filter(|model| model.len() <= 256);
            assert_eq!(envelope.model.as_deref(), model);
            assert_eq!(envelope.stream, value["stream"] == Value::Bool(true));
            assert_eq!(envelope.container, !value["container"].is_null());
            if let Some(asked) = asked {
                value["stream"] = Value::Bool(true);
                assert_eq!(serde_json::from_slice::<Value>(&asked).expect("still JSON"), value);
            }
        }
        Err(EnvelopeError::DuplicateMember { .. }) => {}
        Err(error) => panic!("refused an object: {error}"),
    }
});
