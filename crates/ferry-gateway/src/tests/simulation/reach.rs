//! The fleet alone, over the same networks: while one path works, a request is led to a node, whatever has been
//! said against all of them, the last one included.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::dice::Dice;
use super::network::{Network, Seam};
use super::plan::Plan;
use super::world;
use crate::clock;
use crate::tasks::Tasks;
use crate::upstream::{Ask, Base, Fleet, PathFault, Reached, Report};

/// A working node is reached within this: the others join after 1.2 s at the latest, one dial each 150 ms,
/// over at most 250 ms.
const SOON: Duration = Duration::from_millis(2500);

/// Requests for a node, each of which ends badly more often than not.
async fn live(plan: Plan) -> usize {
    let (tasks, others, mut dice) = (Tasks::default(), Tasks::default(), Dice::new(plan.seed));
    let net = Network::new(plan, &others);
    let base = Base::over(&tasks, net.plan.seed, Arc::new(Seam(Arc::clone(&net))));
    let fleet = world::fleet(&net, &base);
    let mut reached = 0;
    while net.now() < Duration::from_secs(25) {
        fleet.tend(clock::now());
        sleep(dice.ms(1, 600)).await;
        let begun = net.now();
        let found = reach(&fleet).await;
        let works = (0..net.plan.nodes.len()).any(|at| net.plan.works(at, begun, net.now()));
        let Some(Reached { node, connection, .. }) = found else {
            let seed = net.plan.seed;
            assert!(!works, "seed {seed}: a path worked from {begun:?} to {:?}", net.now());
            continue;
        };
        let took = net.now().saturating_sub(begun);
        assert!(!works || took <= SOON, "seed {}: {took:?} at {begun:?}", net.plan.seed);
        reached += 1;
        let mut report = Report::begin(&node, &connection);
        if dice.percent(60) {
            report.failed(PathFault::Lost);
        } else {
            report.answered();
            node.give_back(connection);
        }
    }
    reached
}

async fn reach(fleet: &Fleet) -> Option<Reached> {
    let ask = Ask {
        tried: &[],
        born_after: None,
        patience: Duration::from_secs(10),
        until: clock::now() + Duration::from_mins(1),
        held_bytes: 0,
        conversation: 0,
        home: false,
        caller: Some(1),
        model: 1,
    };
    fleet.reach(&ask).await.ok()
}

#[test]
fn a_node_is_reached_while_one_path_works() {
    let mut reached = 0;
    for seed in 0..200 {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        reached += runtime.block_on(live(Plan::of(seed)));
    }
    assert!(reached > 200 * 40, "{reached}");
}
