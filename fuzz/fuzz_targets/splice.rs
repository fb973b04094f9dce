//! Edits of any body at any places: the same as one edit after another, wherever the body is cut, and with the request
//! for a stream among them.

#![no_main]

use bytes::Bytes;
use ferry_wire::envelope::Envelope;
use ferry_wire::splice::Edits;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let Some((&[cut, n_edits], rest)) = input.split_first_chunk::<2>() else { return };
    let (places, body) = rest.split_at(rest.len().min(usize::from(n_edits % 32) * 3));
    let mut edits = Edits::new();
    let mut taken = Vec::new();
    for place in places.as_chunks::<3>().0 {
        let start = usize::from(place[0]).min(body.len());
        let range = start..(start + usize::from(place[1] % 16)).min(body.len());
        let text = "x\"\n中".repeat(usize::from(place[2] % 4));
        if edits.put_text(range.clone(), &text).is_ok() {
            let quoted = Value::from(text).to_string();
            taken.push((range, quoted[1..quoted.len() - 1].to_owned()));
        }
    }
    let one = [Bytes::copy_from_slice(body)];
    if let Ok(envelope) = Envelope::read(&one) {
        let mut both = edits.clone();
        if envelope.stream_flag.ask_in(&mut both) == Ok(true) {
            assert_eq!(both.len(), edits.len() + 1);
            assert_eq!(both.len_after(body.len()), both.apply(&one).concat().len());
            if edits.is_empty() {
                assert_eq!(envelope.stream_flag.ask(&one), Some(both.apply(&one)));
            }
        }
    }
    taken.sort_by_key(|(range, _)| (range.start, range.end));
    let mut expected = body.to_vec();
    for (range, text) in taken.into_iter().rev() {
        expected.splice(range, text.into_bytes());
    }
    let cut = usize::from(cut).min(body.len());
    let two = [one[0].slice(..cut), one[0].slice(cut..)];
    assert_eq!(edits.apply(&one).concat(), expected);
    assert_eq!(edits.apply(&two).concat(), expected);
    assert_eq!(edits.len_after(body.len()), expected.len());
});
