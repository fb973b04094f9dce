//! Any bytes of a connection: the verdict does not depend on how they are cut, and a refusal
//! always holds bytes back.

#![no_main]

use ferry_wire::framing::{FramingError, HeadGuard, Verdict};
use libfuzzer_sys::fuzz_target;

fn check(pieces: &[&[u8]]) -> (usize, Option<FramingError>) {
    let mut guard = HeadGuard::new(1024);
    let mut passed = 0;
    for piece in pieces {
        match guard.check(piece) {
            Verdict::Pass | Verdict::Http2 => passed += piece.len(),
            Verdict::Refuse { at, why } => {
                assert!(at < piece.len());
                return (passed + at, Some(why));
            }
        }
    }
    (passed, None)
}

fuzz_target!(|input: &[u8]| {
    let Some((&cut, bytes)) = input.split_first() else { return };
    let (passed_whole, whole) = check(&[bytes]);
    let (left, right) = bytes.split_at(usize::from(cut).min(bytes.len()));
    let (passed, refusal) = check(&[left, right]);
    // An incomplete head is looked through for NUL early, so the first fault named may differ;
    // whether there is one may not, unless the whole was never long enough to be judged.
    assert_eq!(refusal.is_some(), whole.is_some());
    assert!(passed >= passed_whole);
    assert!(whole.is_none() || passed < bytes.len());
});
