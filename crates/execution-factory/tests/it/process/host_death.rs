//! A host that is killed leaves no process, and one that ends in order leaves neither process nor descriptor.
//! The host is this test program, started again to run one ignored test.

use std::io::{BufRead as _, BufReader};
use std::time::{Duration, Instant};

use plugdock_execution_factory::process::{ExitCause, Spawn as _};

use super::bench::{Bench, CEILING, Watched, first_line, parent, run_alone};

const WORKERS: usize = 20;

/// What comes before the process numbers in the output of the host, which also has lines of the test harness.
const MARK: &str = "process-numbers:";

#[test]
fn a_killed_host_with_twenty_workers_leaves_no_process() {
    let scratch = tempfile::tempdir().unwrap();
    let mut host = run_alone("process::host_death::host_with_twenty_workers", scratch.path());
    let output = BufReader::new(host.stdout.take().unwrap());
    let numbers = output.lines().map_while(Result::ok).find_map(|line| {
        Some(line.split_once(MARK)?.1.split_whitespace().map(|n| n.parse().unwrap()).collect::<Vec<i32>>())
    });
    let family: Vec<Watched> = numbers.expect("the host failed").into_iter().map(Watched::new).collect();
    assert_eq!(family.len(), 1 + 2 * WORKERS);
    assert!(family.iter().all(|process| !process.is_dead()));
    host.kill().unwrap();
    host.wait().unwrap();
    let killed = Instant::now();
    while family.iter().any(|process| !process.is_dead()) {
        assert!(killed.elapsed() < Duration::from_secs(2), "a process outlives its host");
        std::thread::yield_now();
    }
}

#[test]
#[ignore = "run by `a_killed_host_with_twenty_workers_leaves_no_process`, which kills it"]
fn host_with_twenty_workers() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let bench = Bench::new().await;
        let mut workers = Vec::new();
        let mut numbers = Vec::new();
        for _ in 0..WORKERS {
            // Every worker has a daemon that has left its group.
            let script = "(setsid sh -c 'echo $$; exec sleep 1000' &); read end <&3";
            let mut worker = bench.client.spawn(bench.spec("/bin/sh", &["-c", script])).await.unwrap();
            let (daemon, reader) = first_line(&mut worker).await;
            numbers.extend([daemon, worker.pid().to_string()]);
            workers.push((worker, reader));
        }
        numbers.push(parent(workers[0].0.pid()).to_string());
        println!("\n{MARK} {}", numbers.join(" "));
        tokio::time::timeout(CEILING, std::future::pending::<()>()).await.unwrap_err();
    });
}

#[test]
fn a_host_that_ends_in_order_leaves_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let mut host = run_alone("process::host_death::host_that_counts_what_is_left", scratch.path());
    assert!(host.wait().unwrap().success());
}

#[test]
#[ignore = "run by `a_host_that_ends_in_order_leaves_nothing`, alone in its process, because it counts descriptors"]
fn host_that_counts_what_is_left() {
    let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let make = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // With tokio's signal feature the first runtime opens two descriptors that live as long as the process.
    drop(make());
    let before = count();
    let runtime = make();
    runtime.block_on(async {
        let bench = Bench::new().await;
        let mut steady = 0;
        for round in 0..20 {
            let ended = bench.shell("exit 0").await;
            assert_eq!(ended.exited().await.cause, ExitCause::Code(0));
            drop(ended);
            bench.client.spawn(bench.spec("/no/such/program", &[])).await.unwrap_err();
            let killed = bench.shell("sleep 1000").await;
            killed.kill();
            killed.exited().await;
            drop(killed);
            if round == 0 {
                steady = count();
            }
            assert_eq!(count(), steady, "round {round}");
        }
        let running = bench.shell("sleep 1000").await;
        bench.client.shutdown().await;
        // The spawner was told to stop, so it could still say how the worker ended.
        let killed = ExitCause::Signal { signal: libc::SIGKILL, core_dumped: false };
        assert_eq!(running.exited().await.cause, killed);
    });
    drop(runtime);
    assert_eq!(count(), before);
    let children =
        std::fs::read_to_string(format!("/proc/self/task/{}/children", std::process::id())).unwrap();
    assert_eq!(children, "");
}
