//! The counting gate.

use proptest::prelude::*;

use super::*;

#[test]
fn a_gate_of_none_lets_nobody_in() {
    assert!(!Slots::empty(0).try_take());
}

#[test]
fn a_smaller_gate_keeps_those_inside() {
    let mut slots = Slots::empty(2);
    assert!(slots.try_take() && slots.try_take());
    slots.resize(1);
    assert_eq!((slots.in_flight(), slots.max()), (2, 1));
    slots.give_back();
    assert!(!slots.try_take());
    slots.give_back();
    assert!(slots.try_take());
}

proptest! {
    #[test]
    fn never_more_inside_than_may_be(max in 0_usize..8, steps in proptest::collection::vec(any::<bool>(), 0..64)) {
        let mut slots = Slots::empty(max);
        let mut inside = 0;
        for take in steps {
            if take {
                let taken = slots.try_take();
                prop_assert_eq!(taken, inside < max);
                inside += usize::from(taken);
            } else if inside > 0 {
                slots.give_back();
                inside -= 1;
            }
            prop_assert_eq!(slots.in_flight(), inside);
            prop_assert!(slots.in_flight() <= slots.max());
        }
    }
}
