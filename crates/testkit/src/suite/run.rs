//! Runs one behaviour against one backend, with the check that nothing is left.
//! One at a time in a process: descriptors and children are the process's, not the test's.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::runtime::Builder;

use super::list::{BEHAVIOURS, Behaviour, Entry};
use super::pool_list::POOL_BEHAVIOURS;
use crate::harness::{CEILING, Harness, LeakOracle, Subject};
use crate::plugin::Latch;

static ALONE: Mutex<()> = Mutex::new(());

/// How a behaviour that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The backend behaves so.
    Passed,
    /// It has no meaning for the backend, for that reason.
    NotApplicable(&'static str),
}

/// Waits until no other test of this process runs; none begins until the guard is dropped.
pub fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The names of the behaviours of every backend, with what they are about.
pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    BEHAVIOURS.iter().map(|(topic, name, _)| (*topic, *name))
}

/// The names of the behaviours of backends that keep workers, with what they are about.
pub fn pool_names() -> impl Iterator<Item = (&'static str, &'static str)> {
    POOL_BEHAVIOURS.iter().map(|(topic, name, _)| (*topic, *name))
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
/// When the backend behaves otherwise, leaves something, or hangs; and for a name that is not in the lists.
pub fn run(topic: &str, name: &str, subject: &Subject) -> Verdict {
    let find =
        |list: &'static [Entry]| list.iter().find(|(about, known, _)| (*about, *known) == (topic, name));
    let in_every = find(BEHAVIOURS);
    if in_every.is_none() && !subject.keeps_workers() {
        return Verdict::NotApplicable("it keeps no workers between executions");
    }
    let (_, _, behaviour) =
        in_every.or_else(|| find(POOL_BEHAVIOURS)).expect("the test was made from the lists");
    run_one(name, *behaviour, subject)
}

fn run_one(name: &str, behaviour: Behaviour, subject: &Subject) -> Verdict {
    let _alone = alone();
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
    let verdict = harness.why_not_applicable().map_or(Verdict::Passed, Verdict::NotApplicable);
    drop(harness);
    oracle.check(&path);
    verdict
}
