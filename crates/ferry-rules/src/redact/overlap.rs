//! Which of findings that lie over one another count: the tightest action covers its own bytes, and what a looser one
//! would have hidden beside them is hidden as tightly. So no rule, not even an operator's own, takes anything from
//! another. Time is that of sorting, however many overlap.

use std::collections::BTreeMap;

use super::action::Action;
use super::{Hit, Kind};

/// A finding, and what is done about it.
pub(super) type Judged = (Hit, Action);

/// Settles findings that are sorted by their start, and appends what counts to `out`, in order and disjoint.
pub(super) fn settle(found: impl Iterator<Item = Judged>, out: &mut Vec<Judged>) {
    let mut cluster: Vec<Judged> = Vec::new();
    let mut end = 0;
    for judged in found {
        if judged.0.start >= end {
            close(&mut cluster, out);
        }
        end = end.max(judged.0.end);
        cluster.push(judged);
    }
    close(&mut cluster, out);
}

/// Settles those that hang together.
fn close(cluster: &mut Vec<Judged>, out: &mut Vec<Judged>) {
    if cluster.len() <= 1 {
        out.append(cluster);
        return;
    }
    cluster.sort_by_key(|(hit, action)| {
        (std::cmp::Reverse((*action, hit.end - hit.start)), hit.start)
    });
    let mut chosen: BTreeMap<usize, (usize, Kind, Action)> = BTreeMap::new();
    for (hit, action) in cluster.drain(..) {
        add(&mut chosen, hit, action);
    }
    let settled = chosen.into_iter();
    out.extend(settled.map(|(start, (end, kind, action))| (Hit { start, end, kind }, action)));
}

/// Adds a finding that is no tighter than those before.
fn add(chosen: &mut BTreeMap<usize, (usize, Kind, Action)>, hit: Hit, action: Action) {
    let under = chosen.range(..hit.end).rev().take_while(|(_, (end, ..))| *end > hit.start);
    let under: Vec<(usize, (usize, Kind, Action))> =
        under.map(|(at, found)| (*at, *found)).collect();
    if under.is_empty() {
        chosen.insert(hit.start, (hit.end, hit.kind, action));
        return;
    }
    // What is refused is refused whole, and what is only counted hides nothing.
    if !action.replaces() || !under.iter().all(|(_, (.., action))| action.replaces()) {
        return;
    }
    let mut whole = hit;
    let mut tightest = action;
    let mut longest = hit.end - hit.start;
    for (start, (end, kind, action)) in under {
        chosen.remove(&start);
        whole.start = whole.start.min(start);
        whole.end = whole.end.max(end);
        tightest = tightest.max(action);
        if end - start >= longest {
            longest = end - start;
            whole.kind = kind;
        }
    }
    chosen.insert(whole.start, (whole.end, whole.kind, tightest));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settled(found: &[(usize, usize, Kind, Action)]) -> Vec<(usize, usize, Kind, Action)> {
        let mut found: Vec<Judged> = found
            .iter()
            .map(|(start, end, kind, action)| {
                (Hit { start: *start, end: *end, kind: *kind }, *action)
            })
            .collect();
        found.sort_by_key(|(hit, _)| hit.start);
        let mut out = Vec::new();
        settle(found.into_iter(), &mut out);
        out.into_iter().map(|(hit, action)| (hit.start, hit.end, hit.kind, action)).collect()
    }

    #[test]
    fn the_tightest_covers_its_own_bytes() {
        use Action::{Block, Mask, Pseudonym, Redact, Report};
        use Kind::{ApiKey, CnId, CnPhone, Custom, Email};
        for (found, expected) in [
            // A report takes nothing from what is redacted or refused, however long it is.
            (vec![(0, 18, CnId, Redact), (0, 25, Email, Report)], vec![(0, 18, CnId, Redact)]),
            (vec![(5, 45, ApiKey, Block), (0, 60, Email, Redact)], vec![(5, 45, ApiKey, Block)]),
            // What both hide is hidden whole, as tightly as the tighter one asks.
            (
                vec![(0, 11, CnPhone, Pseudonym), (0, 19, Email, Mask)],
                vec![(0, 19, Email, Pseudonym)],
            ),
            (vec![(0, 9, CnPhone, Mask), (4, 20, Email, Redact)], vec![(0, 20, Email, Redact)]),
            // Those that stand apart under a longer one each count.
            (
                vec![(0, 99, Custom(0), Report), (3, 9, CnPhone, Mask), (20, 38, CnId, Redact)],
                vec![(3, 9, CnPhone, Mask), (20, 38, CnId, Redact)],
            ),
            (
                vec![(0, 4, CnPhone, Mask), (4, 9, Email, Redact)],
                vec![(0, 4, CnPhone, Mask), (4, 9, Email, Redact)],
            ),
        ] {
            assert_eq!(settled(&found), expected, "{found:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_asked_for_is_done_to_every_byte(
            found in proptest::collection::vec((0_usize..60, 1_usize..30, 0_u16..4, 1_usize..7), 0..30),
        ) {
            let found: Vec<_> = found
                .into_iter()
                .map(|(start, len, kind, action)| (start, start + len, Kind::Custom(kind), Action::ALL[action]))
                .collect();
            let settled = settled(&found);
            for pair in settled.windows(2) {
                prop_assert!(pair[0].1 <= pair[1].0);
            }
            let is_blocked = |all: &[(usize, usize, Kind, Action)]| all.iter().any(|found| found.3 == Action::Block);
            prop_assert_eq!(is_blocked(&found), is_blocked(&settled));
            if !is_blocked(&found) {
                for (start, end, _, action) in found.iter().filter(|found| found.3.replaces()) {
                    for byte in *start..*end {
                        let over = settled.iter().find(|found| (found.0..found.1).contains(&byte));
                        prop_assert!(over.is_some_and(|found| found.3 >= *action), "{byte} {settled:?}");
                    }
                }
            }
        }
    }
}
