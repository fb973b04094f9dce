//! Marks, and the bounds of the wait.

use proptest::prelude::*;

use super::*;

#[test]
fn the_path_is_asked_at_a_sixth() {
    for (hard, soft) in [(120, 20_000), (90, 15_000), (1, 166), (0, 0)] {
        let mark = soft_mark(Duration::from_secs(hard));
        assert_eq!(mark.as_millis(), soft, "{hard}");
    }
}

#[test]
fn the_wait_is_bounded_by_number_and_by_bytes() {
    let mut waiting = Waiting::default();
    assert!((0..WAITING_MAX).all(|_| waiting.enter(1)));
    assert!(!waiting.enter(0));
    waiting.leave(1);
    assert!(!waiting.enter(usize::MAX));
    assert!(!waiting.enter(WAITING_BYTES_MAX));
    assert!(waiting.enter(WAITING_BYTES_MAX - WAITING_MAX + 1));
    assert_eq!((waiting.requests(), waiting.bytes()), (WAITING_MAX, WAITING_BYTES_MAX));
}

proptest! {
    #[test]
    fn nobody_is_lost_and_nothing_exceeded(steps in proptest::collection::vec((any::<bool>(), 0_usize..60), 0..200)) {
        let (mut waiting, mut inside) = (Waiting::bounded(5, 100), Vec::new());
        for (enter, bytes) in steps {
            if enter {
                let fits = inside.len() < 5 && inside.iter().sum::<usize>() + bytes <= 100;
                prop_assert_eq!(waiting.enter(bytes), fits);
                if fits {
                    inside.push(bytes);
                }
            } else if let Some(bytes) = inside.pop() {
                waiting.leave(bytes);
            }
            prop_assert_eq!((waiting.requests(), waiting.bytes()), (inside.len(), inside.iter().sum()));
        }
    }
}

#[test]
fn waiting_helps_where_one_node_may_mend_by_itself() {
    use PathEnd::{NoSuchName, Refused, ResolverFailed, TimedOut, Untrusted};
    for (ends, helps) in [
        (&[Some(Untrusted)][..], false),
        (&[Some(NoSuchName)][..], false),
        (&[Some(NoSuchName), Some(Untrusted), Some(Untrusted)][..], false),
        (&[None][..], true),
        (&[Some(Untrusted), None][..], true),
        (&[Some(Untrusted), Some(Refused)][..], true),
        (&[Some(NoSuchName), Some(TimedOut)][..], true),
        (&[Some(ResolverFailed)][..], true),
    ] {
        assert_eq!(may_help(ends.iter().copied()), helps, "{ends:?}");
    }
}
