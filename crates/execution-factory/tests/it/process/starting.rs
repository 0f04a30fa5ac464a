//! What a worker finds when it starts, and what its receipt says about it.

use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::time::Duration;

use plugdock_contracts::limits::Limits;
use plugdock_contracts::size::ByteSize;
use plugdock_execution_factory::process::{ExitCause, Spawn as _};
use plugdock_sandbox::{RlimitKind, verify};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::bench::{all_lines, run};

#[test]
fn the_receipt_says_what_the_worker_finds() {
    run(async |bench| {
        let mut limits = Limits::default();
        limits.open_files = Some(64);
        limits.file_size = Some(ByteSize::from_mib(1));
        limits.cpu_time = Some(Duration::from_millis(2500));
        limits.memory = Some(ByteSize::from_mib(256));
        let mut spec = bench.spec(
            "/bin/sh",
            &["-c", "ulimit -n; ulimit -c; ulimit -t; ulimit -d; umask; grep -E '^(NoNewPrivs|SigBlk|SigIgn):' /proc/self/status; cut -d' ' -f5,6 /proc/$$/stat; echo $$"],
        );
        spec.plan = super::bench::trusted(&limits);
        let plan = spec.plan.clone();
        let mut worker = bench.client.spawn(spec).await.unwrap();
        let pid = worker.pid();
        let lines = all_lines(&mut worker).await;
        let nothing = "0000000000000000";
        let expected = [
            "64".to_owned(),
            "0".to_owned(),
            "3".to_owned(),
            // Where a control group holds memory, there is no limit on one process.
            if plan.group.is_some() { "unlimited".to_owned() } else { (256 * 1024).to_string() },
            "0077".to_owned(),
            format!("SigBlk:\t{nothing}"),
            format!("SigIgn:\t{nothing}"),
            "NoNewPrivs:\t1".to_owned(),
            format!("{pid} {pid}"),
            pid.to_string(),
        ];
        assert_eq!(lines, expected);
        let receipt = worker.receipt();
        assert_eq!(verify(&plan, receipt), Ok(()));
        assert_eq!((receipt.pid, receipt.process_group, receipt.session), (pid, pid, pid));
        assert_eq!(receipt.rlimit(RlimitKind::OpenFiles).map(|limit| limit.soft), Some(64));
        assert_eq!(receipt.descriptors, [0, 1, 2, 3]);
        assert_eq!(worker.exited().await.cause, ExitCause::Code(0));
    });
}

#[test]
fn the_environment_is_exactly_what_was_given() {
    run(async |bench| {
        let mut spec = bench.spec("/usr/bin/env", &[]);
        spec.env =
            vec![("A".into(), "1 2".into()), ("EMPTY".into(), String::new()), ("Ä".into(), "ü=x".into())];
        let mut worker = bench.client.spawn(spec).await.unwrap();
        assert_eq!(all_lines(&mut worker).await, ["A=1 2", "EMPTY=", "Ä=ü=x"]);
    });
}

#[test]
fn a_worker_has_its_four_descriptors_and_none_that_the_host_leaks() {
    // A foreign library opens a file without close-on-exec.
    let leaked = std::fs::File::open("/dev/null").unwrap();
    let leaked = nix::unistd::dup(leaked.as_fd()).unwrap();
    run(async |bench| {
        let mut worker = bench.shell("ls /proc/$$/fd; readlink /proc/$$/fd/0; readlink /proc/$$/fd/3").await;
        let lines = all_lines(&mut worker).await;
        assert_eq!(lines[..5], ["0", "1", "2", "3", "/dev/null"], "{lines:?}");
        assert!(lines[5].starts_with("socket:"), "{lines:?}");
    });
    drop(leaked);
}

#[test]
fn the_channel_is_connected_to_the_host() {
    run(async |bench| {
        let mut worker = bench.shell("read word <&3; echo \"got $word in $PWD\" >&3").await;
        let channel = worker.take_channel().unwrap();
        assert!(worker.take_channel().is_none());
        let mut channel = tokio::net::UnixStream::from_std(channel).unwrap();
        channel.write_all(b"hello\n").await.unwrap();
        let mut answer = String::new();
        channel.read_to_string(&mut answer).await.unwrap();
        let dir = bench.dir().canonicalize().unwrap();
        assert_eq!(answer, format!("got hello in {}\n", dir.display()));
    });
}

#[test]
fn twenty_workers_start_and_end_side_by_side() {
    run(async |bench| {
        let mut workers = Vec::new();
        for _ in 0..20 {
            workers.push(bench.shell("read word <&3; exit $word").await);
        }
        for (code, worker) in (0..).zip(&mut workers) {
            writeln!(worker.take_channel().unwrap(), "{code}").unwrap();
        }
        for (code, worker) in (0..).zip(&workers) {
            assert_eq!(worker.exited().await.cause, ExitCause::Code(code));
        }
    });
}

#[test]
fn a_host_with_blocked_and_ignored_signals_makes_workers_with_none() {
    use nix::sys::signal::{SigSet, Signal};
    // Blocked in this thread, which starts the spawner; a started program inherits it.
    let mut blocked = SigSet::empty();
    blocked.add(Signal::SIGTERM);
    blocked.add(Signal::SIGUSR1);
    blocked.thread_block().unwrap();
    run(async |bench| {
        let worker = bench.shell(":").await;
        assert_eq!((worker.receipt().signals_blocked, worker.receipt().signals_ignored), (0, 0));
        worker.exited().await;
    });
    blocked.thread_unblock().unwrap();
}
