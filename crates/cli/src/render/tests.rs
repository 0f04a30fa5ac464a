//! How a server's numbers, workers and records look.

use std::time::Duration;

use expect_test::expect;
use plugdock_contracts::backend::{BackendEvent, RecycleReason};
use plugdock_contracts::error::CrashCause;
use plugdock_contracts::health::{HealthIssue, HealthLevel, HealthReport};
use plugdock_contracts::stats::{BackendStats, Distribution, PoolStats};
use plugdock_contracts::{
    BackendKind, ExecutionId, HandlerId, LogLevel, LogLine, LogStream, PluginId, ShutdownReport, WorkerId,
    WorkerState, WorkerStatus,
};

use super::{Paint, record, shutdown, stats, top, workers};
use crate::protocol::{LogRecord, Recorded, ServerFacts, StatsDone};

const PLAIN: Paint = Paint(false);

fn plugin(name: &str) -> PluginId {
    PluginId::new(name).unwrap()
}

fn worker(number: u8) -> WorkerId {
    WorkerId::new(&format!("worker_{number}")).unwrap()
}

fn some_workers() -> Vec<WorkerStatus> {
    let mut busy = WorkerStatus::new(worker(1), plugin("acme/count"), "3fa9c1", WorkerState::Busy);
    busy.pid = Some(4711);
    busy.age = Duration::from_secs(125);
    busy.calls = 1200;
    busy.running = 1;
    busy.cpu = Some(Duration::from_millis(1490));
    busy.resident_bytes = Some(6_400_000);
    let starting = WorkerStatus::new(worker(2), plugin("acme/count"), "3fa9c1", WorkerState::Starting);
    let other = WorkerStatus::new(worker(3), plugin("acme/a"), "linked", WorkerState::Idle);
    vec![starting, busy, other]
}

#[test]
fn workers_stand_in_a_table_by_plugin_and_age() {
    let table = |width| workers(&some_workers(), PLAIN, width).join("\n") + "\n";
    expect![[r"
        WORKER     PID  PLUGIN      GENERATION  STATE       AGE  CALLS  RUNNING    CPU  MEMORY
        worker_3     -  acme/a      linked      idle        0us      0        0      -       -
        worker_1  4711  acme/count  3fa9c1      busy      2m05s   1200        1  1.49s  6.1MiB
        worker_2     -  acme/count  3fa9c1      starting    0us      0        0      -       -
    "]]
    .assert_eq(&table(None));
    expect![[r"
        WORKER     PID  PLUGIN      GENERATION …
        worker_3     -  acme/a      linked     …
        worker_1  4711  acme/count  3fa9c1     …
        worker_2     -  acme/count  3fa9c1     …
    "]]
    .assert_eq(&table(Some(40)));
}

fn done() -> StatsDone {
    let times = |p50| {
        let mut times = Distribution::default();
        (times.count, times.p50, times.p95, times.p99, times.max) = (9, p50, p50 * 2, p50 * 3, p50 * 4);
        times
    };
    let mut numbers = BackendStats::default();
    (numbers.started, numbers.succeeded, numbers.failed, numbers.running) = (12, 8, 3, 1);
    numbers.failed_by_code = [("TIMEOUT".to_owned(), 2), ("ODD\x1b".to_owned(), 1)].into();
    (numbers.spawned, numbers.workers, numbers.crashed) = (4, 3, 1);
    (numbers.total, numbers.run) = (times(3_000), times(2_000));
    let mut pool = PoolStats::default();
    (pool.min, pool.max, pool.idle, pool.busy, pool.starting) = (2, 10, 1, 1, 1);
    (pool.queue_limit, pool.queued_bytes_limit, pool.utilisation) = (100, 1 << 20, 0.256);
    pool.recycled = [(RecycleReason::Age.to_string(), 2)].into();
    pool.retried = 1;
    pool.quarantined = vec!["acme/bad".to_owned()];
    numbers.pool = Some(pool);
    numbers.by_plugin.insert("acme/count".to_owned(), {
        let mut own = plugdock_contracts::stats::PluginStats::default();
        own.succeeded = 8;
        own.total = times(3_000);
        own
    });
    let server = ServerFacts {
        pid: 77,
        version: "0.1.0".to_owned(),
        uptime_ms: 61_000,
        connections: 1,
        draining: true,
        log_records: 0,
        log_records_dropped: 0,
    };
    StatsDone { server, backend: BackendKind::WorkerPool, stats: numbers, workers: some_workers() }
}

fn sick() -> HealthReport {
    HealthReport::of(vec![HealthIssue::new(HealthLevel::Degraded, "quarantined", "acme/bad is not started")])
}

#[test]
fn numbers_are_said_in_few_lines() {
    expect![[r"
        worker-pool  process 77, up 1m01s, draining
        degraded quarantined: acme/bad is not started
        executions  12 started, 8 succeeded, 3 failed, 1 running, 0 waiting
        failed      ODD\u{1b} 1, TIMEOUT 2
        workers     3 now, 4 spawned, 1 crashed
        pool        2 to 10: 1 starting, 1 idle, 1 busy, 0 draining, used 26%
        waiting     0 of 100 requests, 0B of 1.0MiB, 0 refused
        recycled    age 2
        trouble     1 calls retried
        quarantine  acme/bad
        total       p50 3.0ms    p95 6.0ms    p99 9.0ms    max 12.0ms
        run         p50 2.0ms    p95 4.0ms    p99 6.0ms    max 8.0ms
          acme/count: 8 succeeded, 0 failed  p50 3.0ms    p95 6.0ms    p99 9.0ms    max 12.0ms
    "]]
    .assert_eq(&(stats(&done(), &sick(), PLAIN) + "\n"));
}

#[test]
fn top_shows_what_changed_since_the_look_before() {
    let mut before = done();
    before.server.uptime_ms -= 2_000;
    before.stats.succeeded -= 5;
    let look = top(&done(), Some(&before), &HealthReport::of(Vec::new()), PLAIN, Some(60));
    expect![[r"
        worker-pool  process 77, up 1m01s, draining
        executions  11 ended (3 failed), 1 running, 0 waiting  2.5/s
        total       p50 3.0ms    p95 6.0ms    p99 9.0ms    max 12.0…
        pool        2 to 10 workers: 1 idle, 1 busy, 1 starting, us…

        WORKER     PID  PLUGIN      GENERATION  STATE       AGE  CA…
        worker_3     -  acme/a      linked      idle        0us    …
        worker_1  4711  acme/count  3fa9c1      busy      2m05s   1…
        worker_2     -  acme/count  3fa9c1      starting    0us    …
    "]]
    .assert_eq(&(look.join("\n") + "\n"));
    assert!(look.iter().all(|line| line.chars().count() <= 60));
    assert!(!top(&done(), None, &sick(), PLAIN, None).join("\n").contains("/s"), "no rate from one look");
}

#[test]
fn records_say_when_whose_and_what() {
    let line = LogLine::new(LogLevel::Warn, LogStream::Stderr, "odd\x1b[2J");
    let said = Recorded::Execution {
        plugin: plugin("acme/count"),
        handler: HandlerId::new("count").unwrap(),
        execution: ExecutionId::new("exec_1").unwrap(),
        worker: Some(worker(1)),
        line,
    };
    let events = [
        BackendEvent::Spawned { worker: worker(1), plugin: plugin("acme/count"), pid: 4711 },
        BackendEvent::Crashed {
            worker: worker(1),
            plugin: plugin("acme/count"),
            cause: CrashCause::Signal { signal: 11, core: false },
        },
        BackendEvent::Recycled { worker: worker(1), plugin: plugin("acme/count"), why: RecycleReason::Age },
        BackendEvent::Quarantined {
            plugin: plugin("acme/count"),
            exits: vec!["exit code 3".to_owned()],
            retry_after: Duration::from_secs(30),
        },
        BackendEvent::QueueFull { plugin: plugin("acme/count"), waiting: 100, limit: 100 },
        BackendEvent::ShuttingDown,
    ];
    let all = [said].into_iter().chain(events.map(Recorded::Backend)).chain([Recorded::EventsLost(3)]);
    let lines: Vec<String> = all
        .map(|what| record(&LogRecord { seq: 0, time_ms: 86_400_000 + 3_723_004, what }, PLAIN) + "\n")
        .collect();
    expect![[r"
        01:02:03.004Z acme/count/count exec_1 worker_1 warn  stderr| odd\u{1b}[2J
        01:02:03.004Z acme/count worker_1 started as process 4711
        01:02:03.004Z acme/count worker_1 died: killed by SIGSEGV (11)
        01:02:03.004Z acme/count worker_1 was sent away: age
        01:02:03.004Z acme/count is quarantined for 30s, the last time exit code 3
        01:02:03.004Z acme/count was refused: 100 of 100 wait
        01:02:03.004Z the backend stops
        01:02:03.004Z 3 events of the backend were lost
    "]]
    .assert_eq(&lines.concat());
}

#[test]
fn a_shutdown_says_what_it_met() {
    let mut report = ShutdownReport::default();
    assert_eq!(shutdown(&report), "stopped");
    report.killed = vec![ExecutionId::new("exec_1").unwrap()];
    assert_eq!(shutdown(&report), "stopped, meanwhile 1 killed");
}
