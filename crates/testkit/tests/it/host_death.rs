//! A host that is killed while executions run leaves no process, and no directory after the next start.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use plugdock_execution_factory::LocalWorkspaceManager;
use plugdock_testkit::harness::{LeakOracle, Process, processes_naming, wait_for_blocking};
use plugdock_testkit::suite::alone;

use crate::conformance::{HOST, PLUGIN};

const EXECUTIONS: usize = 20;

/// How long a process may outlive its host here. The aim is one second, and what was measured is printed; twice that leaves room for
/// a machine that is busy with other tests.
const GONE_WITHIN: Duration = Duration::from_secs(2);

/// A host that is killed when the test is over, also when it failed.
struct Host(Child);

impl Drop for Host {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// A process and everything that descends from it, as it is now.
fn family_of(root: u32) -> Vec<u32> {
    let mut family = vec![root];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        let children = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            Process::of(pid).filter(|process| process.parent == parent).map(|process| process.pid)
        });
        family.extend(children);
        next += 1;
    }
    family
}

/// What a host was in the middle of when it was killed.
struct Death {
    state: &'static str,
    executions: usize,
    /// Processes that the host tells of.
    told: usize,
}

#[expect(clippy::print_stdout, reason = "what was measured is told")]
fn kill_host(death: &Death) {
    let _alone = alone();
    let oracle = LeakOracle::before();
    let root = tempfile::tempdir().unwrap();
    let path = root.path().canonicalize().unwrap();
    let mut command = Command::new(HOST);
    command.arg(&path).arg(PLUGIN).arg(death.executions.to_string()).arg(death.state);
    let mut host = Host(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(host.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let numbers = line.strip_prefix("ready ").unwrap_or_else(|| panic!("the host failed: {line}"));
    let told: Vec<u32> = numbers.split_whitespace().map(|number| number.parse().unwrap()).collect();
    assert_eq!(told.len(), death.told);
    let family = family_of(host.0.id());
    assert!(told.iter().all(|pid| family.contains(pid)), "every one descends from the host");
    let before: Vec<Process> = family.iter().skip(1).filter_map(|pid| Process::of(*pid)).collect();
    assert!(before.len() > told.len(), "there is a spawner too: {before:?}");

    host.0.kill().unwrap();
    let killed = Instant::now();
    host.0.wait().unwrap();
    wait_for_blocking("every process of the host to end", || {
        // A number may be another process by now: it is ours only as long as it does the same.
        let same = |was: &&Process| {
            Process::of(was.pid).is_some_and(|is| is.is_running() && is.command == was.command)
        };
        let left: Vec<&Process> = before.iter().filter(same).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
    let gone_after = killed.elapsed();
    println!("{}: {} processes gone {gone_after:.1?} after their host", death.state, before.len());
    assert!(gone_after < GONE_WITHIN, "it took {gone_after:?}");
    assert_eq!(processes_naming(&path), []);
    check_next_start(&path.join("workspaces"));
    drop(host);
    oracle.check(&path);
}

/// The next start on the same directory removes what the killed host could not.
fn check_next_start(workspaces: &Path) {
    assert!(std::fs::read_dir(workspaces).unwrap().count() > 0, "a killed host cannot clean up");
    let next = LocalWorkspaceManager::open(workspaces).unwrap();
    assert_eq!(next.sweep_report().hosts_removed, 1, "{:?}", next.sweep_report());
    drop(next);
    wait_for_blocking("every directory to be removed", || {
        let left: Vec<_> =
            std::fs::read_dir(workspaces).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
}

#[test]
fn a_killed_host_leaves_no_process_and_the_next_start_no_directory() {
    // A worker, a child and a daemon each.
    kill_host(&Death { state: "subprocess", executions: EXECUTIONS, told: EXECUTIONS * 3 });
}

#[test]
fn a_host_killed_with_a_loaded_pool_leaves_nothing() {
    // The same, and a worker that is being started with a child. The queue is full.
    kill_host(&Death { state: "loaded", executions: EXECUTIONS, told: EXECUTIONS * 3 + 2 });
}

#[test]
fn a_host_killed_while_its_pool_drains_leaves_nothing() {
    kill_host(&Death { state: "draining", executions: EXECUTIONS, told: EXECUTIONS * 3 + 2 });
}

#[test]
fn a_host_killed_while_its_pool_is_warmed_up_leaves_nothing() {
    // Three workers that are being started, with a child each.
    kill_host(&Death { state: "warming", executions: 0, told: 3 * 2 });
}
