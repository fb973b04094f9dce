//! The order of nodes.

use proptest::prelude::*;

use super::*;

/// How many, which of them are standbys, which were tried, and the next.
type Row<'a> = (usize, &'a [bool], &'a [usize], Option<usize>);

#[test]
fn primaries_come_first_and_none_comes_twice() {
    let standby = [true, false, false];
    let rows: [Row<'_>; 8] = [
        (0, &[], &[], None),
        (1, &[], &[], Some(0)),
        (1, &[true], &[], Some(0)),
        (3, &standby, &[], Some(1)),
        (3, &standby, &[1], Some(2)),
        (3, &standby, &[1, 2], Some(0)),
        (3, &standby, &[2, 0, 1], None),
        (2, &[], &[7, 0], Some(1)),
    ];
    for (n, standby, tried, expected) in rows {
        assert_eq!(order(n, standby, tried), expected, "{n} {standby:?} {tried:?}");
    }
}

proptest! {
    #[test]
    fn every_node_comes_once_and_no_primary_after_a_standby(
        standby in proptest::collection::vec(any::<bool>(), 0..12),
    ) {
        let mut tried = Vec::new();
        while let Some(next) = order(standby.len(), &standby, &tried) {
            prop_assert!(!tried.contains(&next));
            tried.push(next);
        }
        prop_assert_eq!(tried.len(), standby.len());
        prop_assert!(tried.is_sorted_by_key(|node| (standby[*node], *node)));
    }
}
