//! What namespaces and a root cost, from the clone to the first instruction of the worker and to its end.
//! It prints and asserts nothing: figures of a busy machine are no proof.

use std::io::Write as _;
use std::time::{Duration, Instant};

use super::harness::{HOSTS, as_host, can_run, memory_workspace, plan, programs, start};

#[test]
#[ignore = "measures; run it by name, with --nocapture, on a quiet machine"]
fn cost_of_a_worker_of_its_own() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let plan = plan(host, programs(), vec![memory_workspace()]);
        let text = as_host(host, || {
            let mut ready: Vec<Duration> = Vec::new();
            let mut whole = Vec::new();
            for _ in 0..50 {
                let began = Instant::now();
                let running = start(&plan, None, |out, _witness| out.write_all(b"up").unwrap()).unwrap();
                running.hear();
                ready.push(began.elapsed());
                drop(running.finish());
                whole.push(began.elapsed());
            }
            ready.sort_unstable();
            whole.sort_unstable();
            format!("p50 of 50: worker speaks after {:?}, all gone after {:?}", ready[25], whole[25])
        });
        println!("{host:?}: {text}");
    }
}
