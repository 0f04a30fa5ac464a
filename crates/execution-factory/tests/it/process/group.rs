//! Workers in control groups, through the real spawner: what holds them, how they are killed, and that no group is left.
//! On a machine where no group can be made, a test says so and passes, but not on CI.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use plugdock_contracts::limits::Limits;
use plugdock_contracts::size::ByteSize;
use plugdock_execution_factory::process::{
    ExitCause, ExitReport, Spawn as _, SpawnError, SpawnSpec, SpawnStep, WorkerProcess,
};
use plugdock_sandbox::group::{GroupPlace, GroupStep};
use plugdock_sandbox::{SandboxStep, verify};

use super::bench::{
    Bench, CEILING, Watched, all_lines, confined, first_line, own_spawner, parent, run, trusted,
};

const KILLED: ExitCause = ExitCause::Signal { signal: libc::SIGKILL, core_dumped: false };

/// A limit that no test here comes to by itself.
const PROCESSES: u32 = 16;

/// A worker under a limit of processes or memory, as the test sets it; `None` where the machine holds neither.
#[expect(clippy::print_stdout, reason = "whoever runs the test should know that it did not test")]
fn limited(bench: &Bench, script: &str, set: impl FnOnce(&mut Limits)) -> Option<SpawnSpec> {
    let mut limits = Limits::default();
    set(&mut limits);
    let mut spec = bench.spec("/bin/sh", &["-c", script]);
    spec.plan = trusted(&limits);
    let reasons: Vec<&str> = spec.plan.unenforced.iter().map(|missed| missed.reason.as_str()).collect();
    if reasons.is_empty() {
        return Some(spec);
    }
    println!("not tested, this needs root and control groups: {}", reasons.join("; "));
    assert!(std::env::var_os("CI").is_none(), "CI has to test this: {}", reasons.join("; "));
    None
}

fn few_processes(limits: &mut Limits) {
    limits.processes = Some(PROCESSES);
}

/// Where a worker's group is, or was.
fn place(worker: &WorkerProcess) -> GroupPlace {
    worker.receipt().group.as_ref().expect("the worker has a group").place.clone()
}

fn left(place: &GroupPlace) -> Vec<&std::path::Path> {
    place.directories.iter().map(|directory| &*directory.path).filter(|path| path.exists()).collect()
}

/// The end of a worker of whose group nothing is left.
async fn clean_end(worker: &WorkerProcess) -> ExitReport {
    let report = worker.exited().await;
    assert_eq!(left(&place(worker)), [] as [&std::path::Path; 0]);
    assert_eq!(report.survivors, 0);
    report
}

#[test]
fn taking_memory_without_end_is_told_as_that() {
    run(async |bench| {
        // It keeps what it reads until a line ends, which none does.
        let Some(spec) =
            limited(bench, "exec tail -n 1 /dev/zero", |limits| limits.memory = Some(ByteSize::from_mib(64)))
        else {
            return;
        };
        let plan = spec.plan.clone();
        let worker = bench.client.spawn(spec).await.unwrap();
        assert_eq!(verify(&plan, worker.receipt()), Ok(()));
        let report = clean_end(&worker).await;
        assert_eq!((report.cause, report.kill_requested), (KILLED, false));
        assert!(report.is_out_of_memory(), "{report:?}");
        let used = report.group.unwrap();
        assert!(used.memory_peak.is_some_and(|peak| peak >= 64 << 20), "{used:?}");
        assert!(used.cpu.is_some_and(|cpu| !cpu.is_zero()), "{used:?}");
    });
}

#[test]
fn a_worker_whose_child_takes_memory_without_end_lives_on() {
    run(async |bench| {
        let script = "tail -n 1 /dev/zero; echo $?; exit 5";
        let Some(spec) = limited(bench, script, |limits| limits.memory = Some(ByteSize::from_mib(64))) else {
            return;
        };
        let mut worker = bench.client.spawn(spec).await.unwrap();
        assert_eq!(all_lines(&mut worker).await.last().map(String::as_str), Some("137"));
        let report = clean_end(&worker).await;
        assert_eq!((report.cause, report.is_out_of_memory()), (ExitCause::Code(5), false));
        assert_eq!(report.group.unwrap().oom_kills, Some(1));
    });
}

#[test]
fn forking_without_end_is_refused_and_leaves_nothing() {
    run(async |bench| {
        let script = "while :; do sleep 1000 & done";
        let Some(spec) = limited(bench, script, few_processes) else { return };
        let worker = bench.client.spawn(spec).await.unwrap();
        // A shell that cannot fork ends; what it started is in the group.
        let report = clean_end(&worker).await;
        assert!(matches!(report.cause, ExitCause::Code(code) if code != 0), "{report:?}");
        assert!(report.group.unwrap().processes_denied.is_some_and(|denied| denied > 0), "{report:?}");
    });
}

#[test]
fn a_kill_reaches_daemons_whose_parent_lives_in_another_session() {
    run(async |bench| {
        let script = "setsid sh -c 'setsid sleep 1000 & echo $!; wait' & read end <&3";
        let Some(spec) = limited(bench, script, few_processes) else { return };
        let mut worker = bench.client.spawn(spec).await.unwrap();
        let (daemon, _reader) = first_line(&mut worker).await;
        let daemon = Watched::new(daemon.parse().unwrap());
        assert!(!daemon.is_dead());
        worker.kill();
        let report = clean_end(&worker).await;
        assert_eq!((report.cause, report.kill_requested), (KILLED, true));
        assert!(daemon.is_dead());
    });
}

/// Enough that killing those whose parent died, one generation after the other, does not come to an end in time.
const STORM_SIZE: u32 = 200;

/// Every process of it leaves its session and forks for ever, so that no look at the children finds all of them.
const STORM: &str = r#"exec perl -MPOSIX -e '
    $SIG{CHLD} = "IGNORE"; $| = 1; print "storm\n";
    while (1) { my $child = fork; POSIX::setsid() if defined $child && $child == 0; }'"#;

#[test]
fn a_storm_of_daemons_is_killed_as_one() {
    run(async |bench| {
        let Some(spec) = limited(bench, STORM, |limits| limits.processes = Some(STORM_SIZE)) else { return };
        let mut worker = bench.client.spawn(spec).await.unwrap();
        let (line, _reader) = first_line(&mut worker).await;
        assert_eq!(line, "storm");
        let place = place(&worker);
        // It is as large as the limit before it is killed.
        while place.members().unwrap().len() < STORM_SIZE as usize {
            tokio::task::yield_now().await;
        }
        worker.kill();
        assert_eq!(clean_end(&worker).await.cause, KILLED);
    });
}

#[test]
fn a_confined_worker_is_in_its_group_and_cannot_change_it() {
    run(async |bench| {
        let Some(SpawnSpec { plan: grouped, .. }) = limited(bench, ":", few_processes) else { return };
        // It does not know its group, so it tries every one that could be.
        let script = "for file in /sys/fs/cgroup/*/pids.max /sys/fs/cgroup/pids/plugdock-*/pids.max; do
            (echo max > $file) && echo LEAK; done; echo done";
        let mut spec = bench.spec("/bin/sh", &["-c", script]);
        spec.plan = confined(bench.dir());
        spec.plan.group = grouped.group;
        let plan = spec.plan.clone();
        let mut worker = bench.client.spawn(spec).await.unwrap();
        assert_eq!(verify(&plan, worker.receipt()), Ok(()));
        assert_eq!(all_lines(&mut worker).await, ["done"]);
        assert_eq!(clean_end(&worker).await.cause, ExitCause::Code(0));
    });
}

#[test]
fn a_group_that_cannot_be_made_starts_nothing() {
    run(async |bench| {
        let Some(mut spec) = limited(bench, "echo ran > ran", few_processes) else { return };
        spec.plan.group.as_mut().unwrap().host.hierarchies.clear();
        let error = bench.client.spawn(spec).await.unwrap_err();
        let SpawnError::Failed { failure, .. } = &error else { panic!("{error:?}") };
        assert_eq!(failure.step, SpawnStep::Sandbox(SandboxStep::Group(GroupStep::Find)), "{error}");
        assert!(!bench.dir().join("ran").exists());
    });
}

#[test]
fn a_start_that_fails_leaves_no_group() {
    run(async |bench| {
        let Some(mut spec) = limited(bench, ":", few_processes) else { return };
        let first = bench.client.spawn(spec.clone()).await.unwrap();
        let place = place(&first);
        first.exited().await;
        spec.program = "/no/such/program".into();
        bench.client.spawn(spec).await.unwrap_err();
        // Groups of one spawner differ in the last number only.
        let (of_spawner, _number) = place.name.rsplit_once('-').unwrap();
        for directory in &place.directories {
            let beside = std::fs::read_dir(directory.path.parent().unwrap()).unwrap();
            let names: Vec<_> =
                beside.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            assert!(!names.iter().any(|name| name.starts_with(of_spawner)), "{names:?}");
        }
    });
}

#[test]
fn the_next_spawner_removes_what_a_killed_one_left() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let test = async {
        let bench = Bench::with(own_spawner()).await;
        let Some(spec) = limited(&bench, "read end <&3", few_processes) else { return };
        let lost = bench.client.spawn(spec.clone()).await.unwrap();
        kill(Pid::from_raw(parent(lost.pid())), Signal::SIGKILL).unwrap();
        assert_eq!(lost.exited().await.cause, ExitCause::SpawnerLost);
        let next = bench.client.spawn(spec).await.unwrap();
        assert_eq!(left(&place(&lost)), [] as [&std::path::Path; 0]);
        next.kill();
        clean_end(&next).await;
        bench.client.shutdown().await;
    };
    runtime.block_on(async { tokio::time::timeout(CEILING, test).await.expect("the test hangs") });
}
