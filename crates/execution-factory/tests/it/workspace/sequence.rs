//! Any sequence of operations on leases leaves the kept directories and nothing else.

use std::collections::BTreeSet;
use std::fs;

use plugdock_contracts::workspace::{WorkspaceError, WorkspaceLease, WorkspaceManager, WorkspaceSpec};
use plugdock_execution_factory::workspace::LocalWorkspaceManager;
use proptest::prelude::*;

use super::fixture::{id, names, only_host, root_in, temporary_in_memory};

/// Few enough that ids meet again.
const N_IDS: usize = 3;

#[derive(Debug, Clone, Copy)]
enum Step {
    Acquire { keep: bool },
    Keep,
    Release,
    Drop,
    Reap,
}

/// What should be on disk for one id.
enum Slot {
    Free,
    Live { lease: Box<dyn WorkspaceLease>, keep: bool },
    Kept,
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        4 => prop::bool::weighted(0.2).prop_map(|keep| Step::Acquire { keep }),
        1 => Just(Step::Keep),
        2 => Just(Step::Release),
        2 => Just(Step::Drop),
        1 => Just(Step::Reap),
    ];
    prop::collection::vec((0..N_IDS, step), 1..16)
}

async fn apply(manager: &LocalWorkspaceManager, slot: &mut Slot, name: &str, step: Step) {
    let before = std::mem::replace(slot, Slot::Free);
    *slot = match (step, before) {
        (Step::Acquire { keep }, before) => {
            let mut spec = WorkspaceSpec::default();
            spec.keep = keep;
            match (manager.acquire(&id(name), &spec).await, before) {
                (Ok(lease), Slot::Free) => {
                    fs::write(lease.dir().join("file"), "x").unwrap();
                    Slot::Live { lease, keep }
                }
                (Err(WorkspaceError::AlreadyLeased { .. }), before @ (Slot::Live { .. } | Slot::Kept)) => {
                    before
                }
                (outcome, _) => panic!("{name}: {:?}", outcome.err()),
            }
        }
        (Step::Keep, Slot::Live { mut lease, .. }) => {
            lease.keep();
            Slot::Live { lease, keep: true }
        }
        (Step::Release | Step::Drop, Slot::Live { lease, keep }) => {
            match step {
                Step::Release => lease.release().await.unwrap(),
                _ => drop(lease),
            }
            if keep { Slot::Kept } else { Slot::Free }
        }
        (Step::Reap, before) => {
            manager.reap().await.unwrap();
            before
        }
        (_, before) => before,
    };
}

async fn run(steps: Vec<(usize, Step)>) {
    let dir = temporary_in_memory();
    let root = root_in(&dir);
    let manager = LocalWorkspaceManager::open(&root).unwrap();
    let mut slots: Vec<Slot> = (0..N_IDS).map(|_| Slot::Free).collect();
    for (index, step) in steps {
        apply(&manager, &mut slots[index], &format!("run-{index}"), step).await;
    }
    let mut expected = BTreeSet::new();
    for (index, slot) in slots.into_iter().enumerate() {
        if matches!(slot, Slot::Kept | Slot::Live { keep: true, .. }) {
            expected.insert(format!("run-{index}"));
        }
    }
    manager.close().await.unwrap();
    if expected.is_empty() {
        assert_eq!(names(&root), Vec::<String>::new());
        return;
    }
    // The same after the sweep of a later start.
    for start in 0..2 {
        let host = only_host(&root);
        assert_eq!(
            names(&host.join("leases")).into_iter().collect::<BTreeSet<_>>(),
            expected,
            "start {start}"
        );
        assert_eq!(names(&host.join("trash")), Vec::<String>::new());
        for name in &expected {
            assert_eq!(names(&host.join("leases").join(name)), ["artifacts", "work"]);
            assert_eq!(names(&host.join("leases").join(name).join("work")), ["file"]);
        }
        LocalWorkspaceManager::open(&root).unwrap().close().await.unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_sequence_leaves_exactly_the_kept_directories(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(steps));
    }
}
