//! Runs one behaviour against one backend, with the check that nothing is left.
//! One at a time in a process: descriptors and children are the process's, not the test's.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::runtime::Builder;

use super::list::BEHAVIOURS;
use crate::harness::{CEILING, Harness, LeakOracle, Subject};
use crate::plugin::Latch;

static ALONE: Mutex<()> = Mutex::new(());

/// Waits until no other test of this process runs; none begins until the guard is dropped.
pub fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The names of all behaviours.
pub fn names() -> impl Iterator<Item = &'static str> {
    BEHAVIOURS.iter().map(|(name, _)| *name)
}

/// Opens what holds deaf handlers, also when the behaviour fails: the runtime's end waits for their threads.
struct Release;

impl Drop for Release {
    fn drop(&mut self) {
        Latch::open_all();
    }
}

/// Runs the behaviour of that name.
///
/// # Panics
/// When the backend behaves otherwise, leaves something, or hangs; and for a name that is not in the list.
pub fn run(name: &str, subject: &Subject) {
    let _alone = alone();
    let (_, behaviour) =
        BEHAVIOURS.iter().find(|(known, _)| *known == name).expect("the test was made from the list");
    let oracle = LeakOracle::before();
    let root = tempfile::tempdir().unwrap();
    // Real path: what `/proc` tells is compared with it.
    let path = root.path().canonicalize().unwrap();
    let mut harness = Harness::new(subject.clone(), &path);
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    {
        let _release = Release;
        runtime.block_on(async {
            let whole = async {
                behaviour(&mut harness).await;
                Latch::open_all();
                harness.finish().await;
            };
            // Twice, because a behaviour may wait once for something that is bounded by the ceiling itself.
            tokio::time::timeout(CEILING * 2, whole)
                .await
                .unwrap_or_else(|_elapsed| panic!("`{name}` hangs"));
        });
    }
    drop(runtime);
    harness.check_workspaces();
    drop(harness);
    oracle.check(&path);
}
