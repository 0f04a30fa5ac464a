//! A plugin's program is replaced while its workers run: new ones run the new program, old ones finish what they have.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use plugdock_contracts::backend::{BackendEvent, RecycleReason};
use plugdock_contracts::{BackendKind, PluginId};

use crate::harness::{Harness, within_ceiling};
use crate::plugin::CONFORMANCE;

/// Puts another program in the place of this one, as an installer does: it behaves the same, and is not the same.
fn replace(program: &Path) {
    let new = program.with_extension("new");
    fs::copy(program, &new).unwrap();
    // What follows the program's last section is nobody's.
    fs::OpenOptions::new().append(true).open(&new).unwrap().write_all(b"another").unwrap();
    fs::rename(new, program).unwrap();
}

/// Files are looked at again only when somebody says so, or with each request.
fn look_again(h: &mut Harness, after: Duration) {
    h.configure(|config| config.pool.reload_check = after);
}

async fn reload(h: &Harness) -> Vec<PluginId> {
    within_ceiling("the reload", h.backend().await.reload(None)).await.unwrap()
}

pub(crate) async fn a_replaced_program_is_run_by_new_workers(h: &mut Harness) {
    look_again(h, Duration::from_hours(1));
    let program = h.program();
    let mut heard = h.heard().await;
    let held = h.gated("held").await;
    let old = h.backend().await.workers().remove(0);
    replace(&program);
    let before = h.outcome(h.request("echo", &1)).await;
    assert!(before.is_ok(), "nobody looked yet: {:?}", before.error());
    assert_eq!(reload(h).await, [PluginId::new(CONFORMANCE).unwrap()]);
    heard.until("the news", |event| matches!(event, BackendEvent::Reloaded { .. })).await;
    let after = h.outcome(h.request("echo", &1)).await;
    assert!(after.is_ok(), "{:?}", after.error());
    let workers = h.backend().await.workers();
    let new =
        workers.iter().find(|worker| Some(&worker.worker) == after.worker.as_ref()).expect("it is there");
    assert_ne!(new.generation, old.generation);
    h.open("held").await;
    let held = h.end(held).await;
    assert!(held.is_ok(), "the old worker finishes what it has: {:?}", held.error());
    assert_eq!(held.worker.as_ref(), Some(&old.worker));
    let is_gone =
        |event: &BackendEvent| matches!(event, BackendEvent::Exited { worker } if *worker == old.worker);
    heard.until("the old one's end", is_gone).await;
    assert!(h.pool_stats().await.recycled[RecycleReason::Reloaded.as_str()] >= 1);
}

pub(crate) async fn a_replaced_program_is_seen_without_being_told(h: &mut Harness) {
    look_again(h, Duration::ZERO);
    let program = h.program();
    let first = h.outcome(h.request("echo", &1)).await;
    let again = h.outcome(h.request("echo", &1)).await;
    assert!(first.is_ok() && first.worker == again.worker, "{:?}", first.error());
    replace(&program);
    let next = h.outcome(h.request("echo", &1)).await;
    assert!(next.is_ok(), "{:?}", next.error());
    assert_ne!(next.worker, first.worker);
}

pub(crate) async fn a_program_that_is_as_it_was_is_not_started_again(h: &mut Harness) {
    let first = h.outcome(h.request("echo", &1)).await;
    assert_eq!(first.backend, BackendKind::WorkerPool);
    assert_eq!(reload(h).await, []);
    let again = h.outcome(h.request("echo", &1)).await;
    assert!(first.is_ok() && first.worker == again.worker, "{:?}", again.error());
    assert_eq!(h.backend().await.stats().spawned, 1);
}

pub(crate) async fn what_waits_for_a_replaced_program_runs_the_new_one(h: &mut Harness) {
    h.run_at_a_time(1);
    look_again(h, Duration::from_hours(1));
    let program = h.program();
    let held = h.gated("held").await;
    let mut waiting = Vec::new();
    for n in 0..3 {
        waiting.push(h.start_waiting(n + 1, h.turn(n)).await);
    }
    replace(&program);
    assert_eq!(reload(h).await.len(), 1);
    h.open("held").await;
    let old = h.end(held).await;
    assert!(old.is_ok(), "{:?}", old.error());
    for execution in waiting {
        let outcome = h.end(execution).await;
        assert!(outcome.is_ok(), "{:?}", outcome.error());
        assert_ne!(outcome.worker, old.worker);
    }
    assert_eq!(h.turns(), ["0", "1", "2"], "they kept their places");
}
