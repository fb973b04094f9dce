//! Any text, with the detectors of one family or of all: hits are sorted, apart and on borders of characters, the same when
//! the room of the scan has been used before, and no value has an empty form.

#![no_main]

use ferry_rules::redact::{Detectors, Kind, Kinds, Scratch, normalise};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&choice, bytes)) = input.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    let kinds = match Kind::BUILT_IN.get(usize::from(choice) % (Kind::BUILT_IN.len() + 1)) {
        Some(kind) => Kinds::NONE.with(*kind),
        None => Kinds::ALL,
    };
    let detectors = Detectors::new(kinds, &[]).expect("no rules, none to refuse");
    let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
    detectors.scan(&text, &mut scratch, &mut hits);
    let mut last = 0;
    for hit in &hits {
        assert!(last <= hit.start && hit.start < hit.end && kinds.has(hit.kind));
        let value = text.get(hit.start..hit.end).expect("borders of characters");
        assert!(!normalise(hit.kind, value).is_empty());
        last = hit.end;
    }
    let first = hits.clone();
    detectors.scan(&text, &mut scratch, &mut hits);
    assert_eq!(first, hits);
});
