//! How workers end: by themselves, on request, by force, and with everything they left behind.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use plugdock_execution_factory::process::{ExitCause, Spawn as _, WorkerSignal};

use super::bench::{Watched, all_lines, first_line, own_spawner, parent, run, run_with};

const KILLED: ExitCause = ExitCause::Signal { signal: libc::SIGKILL, core_dumped: false };

/// Makes a daemon that has left its group and session and lost its parent, and says its number.
const DAEMON: &str = "(setsid sh -c 'echo $$; exec sleep 1000' &)";

/// Waits until a process that nobody here owns is dead; the kernel reaps it whenever it likes.
async fn until_dead(process: &Watched) {
    while !process.is_dead() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn code_signal_and_usage_are_reported_any_number_of_times() {
    run(async |bench| {
        let worker = bench.shell("exit 7").await;
        let report = worker.exited().await;
        assert_eq!((report.cause, report.survivors, report.kill_requested), (ExitCause::Code(7), 0, false));
        assert_eq!(worker.exited().await, report);
        assert_eq!(worker.exit_report(), Some(report));

        let worker = bench.shell("kill -SEGV $$").await;
        let expected = ExitCause::Signal { signal: libc::SIGSEGV, core_dumped: false };
        assert_eq!(worker.exited().await.cause, expected);

        let worker = bench.shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done").await;
        let usage = worker.exited().await.usage.unwrap();
        assert!(usage.cpu_user + usage.cpu_system > Duration::from_millis(1), "{usage:?}");
        assert!(usage.max_rss_bytes > 200 * 1024, "{usage:?}");
    });
}

#[test]
fn a_worker_that_ignores_the_soft_signal_is_killed() {
    run(async |bench| {
        let mut worker =
            bench.shell("trap 'echo no' TERM; echo ready; while :; do sleep 1000 & wait; done").await;
        let (line, mut reader) = first_line(&mut worker).await;
        assert_eq!(line, "ready");
        worker.signal(WorkerSignal::Soft);
        let heard = reader.next().await.unwrap();
        assert_eq!(heard[0].text, "no");
        assert_eq!(worker.exit_report(), None);
        worker.kill();
        worker.kill();
        let report = worker.exited().await;
        assert_eq!((report.cause, report.kill_requested), (KILLED, true));
        worker.kill();
    });
}

#[test]
fn the_soft_signal_reaches_the_whole_group() {
    run(async |bench| {
        let mut worker = bench.shell("sleep 1000 & echo $!; wait").await;
        let (child, _reader) = first_line(&mut worker).await;
        let child = Watched::new(child.parse().unwrap());
        worker.signal(WorkerSignal::Soft);
        until_dead(&child).await;
        let cause = worker.exited().await.cause;
        assert!(matches!(cause, ExitCause::Signal { signal: libc::SIGTERM, .. }), "{cause:?}");
    });
}

#[test]
fn a_stopped_worker_is_killed_all_the_same() {
    run(async |bench| {
        let mut worker = bench.shell("echo ready; kill -STOP $$").await;
        let (_, _reader) = first_line(&mut worker).await;
        worker.kill();
        assert_eq!(worker.exited().await.cause, KILLED);
    });
}

#[test]
fn what_a_worker_leaves_is_dead_before_its_end_is_reported() {
    run(async |bench| {
        // One child in the group, and a daemon outside of it.
        let script = format!("sleep 1000 & echo $!; {DAEMON}; exit 0");
        let mut worker = bench.shell(&script).await;
        // The daemon may be killed before it speaks, so the end is awaited by what is left, not by what was said.
        let (child, mut reader) = first_line(&mut worker).await;
        let child = Watched::new(child.parse().unwrap());
        let report = worker.exited().await;
        assert_eq!((report.cause, report.survivors), (ExitCause::Code(0), 0));
        assert!(child.is_dead());
        // The pipe is at its end: nobody holds the other side any more.
        while reader.next().await.is_some() {}
    });
}

#[test]
fn a_daemon_that_left_the_group_dies_with_its_worker() {
    run(async |bench| {
        let mut worker = bench.shell(&format!("{DAEMON}; read end <&3")).await;
        let (daemon, _reader) = first_line(&mut worker).await;
        let daemon = Watched::new(daemon.parse().unwrap());
        assert!(!daemon.is_dead());
        worker.kill();
        assert_eq!(worker.exited().await.survivors, 0);
        assert!(daemon.is_dead());
    });
}

#[test]
fn the_end_of_one_worker_does_not_touch_the_family_of_another() {
    run(async |bench| {
        let mut lives = bench.shell("sleep 1000 & (sleep 1001 & echo $!); read end <&3").await;
        let (orphan, _reader) = first_line(&mut lives).await;
        let orphan = Watched::new(orphan.parse().unwrap());
        assert_eq!(bench.shell(":").await.exited().await.cause, ExitCause::Code(0));
        assert!(!orphan.is_dead(), "an orphan in a living worker's group belongs to that worker");
        lives.kill();
        lives.exited().await;
        assert!(orphan.is_dead());
    });
}

#[test]
fn dropping_a_worker_or_its_start_ends_it() {
    run(async |bench| {
        let worker = bench.shell("sleep 1000").await;
        let dropped = Watched::new(worker.pid());
        drop(worker);
        until_dead(&dropped).await;

        // The start is given up after it was sent; the next request shows that the spawner has handled it.
        let mark = bench.dir().join("mark");
        let script = format!("echo $$ > {}; exec sleep 1000", mark.display());
        let mut start = bench.client.spawn(bench.spec("/bin/sh", &["-c", &script]));
        std::future::poll_fn(|context| {
            assert!(start.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        drop(start);
        assert_eq!(bench.shell(":").await.exited().await.cause, ExitCause::Code(0));
        let mut list = bench.shell("ps -e -o pid= -o args= | grep 'sleep 100[0]' | grep -c mark || :").await;
        assert_eq!(all_lines(&mut list).await, ["0"]);
    });
}

#[test]
fn a_lost_spawner_takes_its_workers_along_and_the_next_start_works() {
    run(async |bench| {
        let mut worker = bench.shell("sleep 1000 & echo $!; wait").await;
        let (child, _reader) = first_line(&mut worker).await;
        let family = [Watched::new(worker.pid()), Watched::new(child.parse().unwrap())];
        let spawner = parent(worker.pid());
        kill(Pid::from_raw(spawner), Signal::SIGKILL).unwrap();
        let report = worker.exited().await;
        assert_eq!((report.cause, report.usage, report.survivors), (ExitCause::SpawnerLost, None, 0));
        for process in &family {
            until_dead(process).await;
        }
        let next = bench.shell("read end <&3").await;
        assert_ne!(parent(next.pid()), spawner);
        drop(next);
    });
}

#[test]
fn a_stopped_spawner_is_found_out_and_replaced() {
    let mut config = own_spawner();
    config.confirm_within = Duration::from_millis(200);
    run_with(config, async |bench| {
        let mut worker = bench.shell("sleep 1000 & echo $!; wait").await;
        let (child, _reader) = first_line(&mut worker).await;
        let family = [Watched::new(worker.pid()), Watched::new(child.parse().unwrap())];
        kill(Pid::from_raw(parent(worker.pid())), Signal::SIGSTOP).unwrap();
        worker.kill();
        // The host's own hold on the worker's group needs no spawner.
        for process in &family {
            until_dead(process).await;
        }
        let report = worker.exited().await;
        assert_eq!((report.cause, report.kill_requested), (ExitCause::SpawnerLost, true));
        assert_eq!(bench.shell("exit 4").await.exited().await.cause, ExitCause::Code(4));
    });
}
