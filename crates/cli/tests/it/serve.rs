//! `plugdock serve` with the linked plugin, and the commands that use it, each as a process of its own.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr};
use std::time::{Duration, Instant};

use crate::command::{Home, program};

/// Waiting longer means that something hangs.
const HUNG: Duration = Duration::from_secs(30);

/// A server in a home, with what it says read so far.
struct Server {
    home: Home,
    child: Child,
    notes: BufReader<ChildStderr>,
    said: String,
}

impl Server {
    fn start(backend: &str) -> Self {
        Self::start_in(Home::new(), backend)
    }

    fn start_in(home: Home, backend: &str) -> Self {
        let mut child = home.spawn(&["serve", "--backend", backend], &[]);
        let mut notes = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut said = String::new();
        while !said.contains("serving") {
            assert_ne!(notes.read_line(&mut said).expect("text"), 0, "it ended early: {said}");
        }
        Self { home, child, notes, said }
    }

    fn socket(&self) -> std::path::PathBuf {
        self.home.path().join(".local/share/plugdock/run/plugdock.sock")
    }

    /// Waits for the end of the server and of every process that it had, and for its socket to be gone.
    fn ended(mut self, processes: &BTreeSet<Process>) -> String {
        let status = self.child.wait().expect("it is our child");
        self.notes.read_to_string(&mut self.said).expect("text");
        assert!(status.success(), "{status}: {}", self.said);
        let folder = self.socket().parent().expect("a folder").to_owned();
        assert_eq!(std::fs::read_dir(folder).expect("it stays").count(), 0, "socket and lock are gone");
        let until = Instant::now() + HUNG;
        while processes.iter().any(Process::lives) {
            assert!(Instant::now() < until, "left behind: {processes:?}");
            std::thread::yield_now();
        }
        self.said
    }
}

/// A process, told from a later one with the same number by its start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Process {
    pid: u32,
    parent: u32,
    start: String,
}

impl Process {
    fn read(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name is in parentheses and may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(Self { pid, parent: fields.get(1)?.parse().ok()?, start: (*fields.get(19)?).to_owned() })
    }

    fn lives(&self) -> bool {
        Self::read(self.pid).is_some_and(|now| now.start == self.start)
    }

    /// All processes below one.
    fn below(root: u32) -> BTreeSet<Self> {
        let all: Vec<Self> = std::fs::read_dir("/proc")
            .expect("processes are listed")
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(Self::read)
            .collect();
        let mut found = BTreeSet::new();
        let mut parents = vec![root];
        while let Some(parent) = parents.pop() {
            for process in all.iter().filter(|process| process.parent == parent) {
                if found.insert(process.clone()) {
                    parents.push(process.pid);
                }
            }
        }
        found
    }
}

fn interrupt(process: &Child) {
    let id = process.id().to_string();
    assert!(program("/bin/kill").args(["-INT", &id]).status().expect("kill runs").success());
}

fn used_and_drained(backend: &str) {
    let server = Server::start(backend);
    let home = &server.home;
    assert!(server.said.contains(&format!("serving {backend} at ")), "{}", server.said);
    let first = home.run(&["call", "plugdock/sight", "look", "--tenant", "t1"]);
    assert_eq!(first.code, 0, "{first:?}");
    let sight: serde_json::Value = serde_json::from_str(&first.result).expect("the result is JSON");
    assert_eq!(sight["tenant"], "t1");
    assert!(first.note.contains("variables are in sight"), "log lines come through: {}", first.note);
    let document = home.run(&["call", "plugdock/sight", "look", "--json", "--explain"]).json();
    assert_eq!(document["backend"]["kind"], backend);
    home.run(&["call", "plugdock/sight", "nope"]).failed(66, "error[HANDLER_NOT_FOUND]");

    let stats = home.run(&["stats", "--json"]).json();
    assert_eq!((&stats["stats"]["succeeded"], &stats["stats"]["failed"]), (&2.into(), &1.into()));
    assert_eq!(stats["server"]["pid"], server.child.id());
    assert!(home.run(&["stats"]).result.contains("3 started, 2 succeeded, 1 failed"));
    assert!(home.run(&["stats", "--format", "openmetrics"]).result.ends_with("# EOF\n"));
    let ps = home.run(&["ps"]);
    assert!(ps.result.starts_with("WORKER ") && ps.code == 0, "{ps:?}");
    let listed = home.run(&["ps", "--json"]).json();
    assert_eq!(listed["workers"].as_array().map(Vec::len), Some(ps.result.lines().count() - 1));
    let top = home.run(&["top"]);
    assert!(top.result.contains("3 ended (1 failed)") && !top.result.contains('\x1b'), "{top:?}");
    let logs = home.run(&["logs", "plugdock/sight", "--json"]);
    let lines: Vec<serde_json::Value> =
        logs.result.lines().map(|line| serde_json::from_str(line).expect("a record")).collect();
    let said: Vec<_> = lines.iter().filter(|line| line["execution"]["line"]["level"] == "info").collect();
    assert_eq!(said.len(), 2, "one line of each execution: {lines:?}");

    let processes = Process::below(server.child.id());
    let drained = home.run(&["drain", "--within", "10s", "--json"]);
    assert_eq!(drained.json()["killed"], serde_json::json!([]), "{drained:?}");
    assert!(server.ended(&processes).ends_with("stopped\n"));
}

#[test]
fn a_server_is_used_by_every_command_and_drained_without_a_trace() {
    used_and_drained("subprocess");
}

#[test]
fn a_server_keeps_a_pool_of_workers_and_leaves_none() {
    used_and_drained("worker-pool");
}

#[test]
fn a_pool_is_resized_and_reloaded_while_it_runs() {
    let server = Server::start("worker-pool");
    let home = &server.home;
    assert_eq!(home.run(&["resize", "--min", "1", "--max", "3"]).result, "1 to 3 workers\n");
    home.run(&["resize", "--min", "4", "--max", "3"]).failed(65, "error[VALIDATION_ERROR]");
    let pool = &home.run(&["stats", "--json"]).json()["stats"]["pool"];
    assert_eq!(
        (&pool["min"], &pool["max"]),
        (&1.into(), &3.into()),
        "the bounds that were refused changed nothing"
    );
    assert_eq!(home.run(&["call", "plugdock/sight", "look", "-q"]).code, 0);
    let workers = home.run(&["ps", "--json"]).json();
    assert_eq!(workers["workers"][0]["plugin"], "plugdock/sight", "{workers}");
    let reloaded = home.run(&["reload", "--json"]);
    assert_eq!(reloaded.json()["reloaded"], serde_json::json!([]), "{reloaded:?}");
    let processes = Process::below(server.child.id());
    assert!(processes.len() >= 2, "a spawner and a worker: {processes:?}");
    assert_eq!(home.run(&["drain"]).result, "stopped\n");
    server.ended(&processes);
}

#[test]
fn a_backend_without_a_pool_says_what_it_cannot_do() {
    let server = Server::start("in-process");
    server.home.run(&["resize", "--min", "1", "--max", "2"]).failed(115, "error[UNSUPPORTED]");
    server.home.run(&["reload"]).failed(115, "error[UNSUPPORTED]");
    interrupt(&server.child);
    server.ended(&BTreeSet::new());
}

#[test]
fn a_server_may_run_handlers_in_its_own_process() {
    used_and_drained("in-process");
}

#[test]
fn a_second_server_names_the_first_and_an_interrupt_ends_it() {
    let server = Server::start("in-process");
    let second = server.home.run(&["serve", "--backend", "in-process"]);
    second.failed(2, &format!("process {}", server.child.id()));
    let socket = server.socket();
    let named = server.home.run(&["ps", "--socket", socket.to_str().expect("text")]);
    assert_eq!(named.code, 0, "{named:?}");
    interrupt(&server.child);
    let said = server.ended(&BTreeSet::new());
    assert!(said.contains("SIGINT: finishing what runs"), "{said}");
}

#[test]
fn a_server_that_was_killed_is_replaced() {
    let mut server = Server::start("in-process");
    server.child.kill().expect("it is our child");
    server.child.wait().expect("it is our child");
    assert!(server.socket().exists(), "a killed process removes nothing");
    let args = ["serve", "--backend", "in-process"];
    server.home.run(&["ps"]).failed(69, "no server listens at");
    server.child = server.home.spawn(&args, &[]);
    server.notes = BufReader::new(server.child.stderr.take().expect("it is piped"));
    server.said.clear();
    while !server.said.contains("serving") {
        assert_ne!(server.notes.read_line(&mut server.said).expect("text"), 0, "{}", server.said);
    }
    interrupt(&server.child);
    server.ended(&BTreeSet::new());
}

/// A call that waits for its cancellation, and has said so.
fn waiting_call(server: &Server) -> (Child, BufReader<ChildStderr>) {
    let mut call = server.home.spawn(&["call", "probe", "wait"], &[]);
    let mut notes = BufReader::new(call.stderr.take().expect("it is piped"));
    let mut seen = String::new();
    while !seen.contains("waiting") {
        assert_ne!(notes.read_line(&mut seen).expect("text"), 0, "it ended early: {seen}");
    }
    (call, notes)
}

#[test]
fn a_call_that_is_interrupted_or_killed_ends_on_the_server() {
    let server = Server::start_in(crate::run::home(), "subprocess");
    let (mut interrupted, mut notes) = waiting_call(&server);
    interrupt(&interrupted);
    let mut seen = String::new();
    notes.read_to_string(&mut seen).expect("text");
    assert_eq!(interrupted.wait().expect("it is our child").code(), Some(130), "{seen}");
    assert!(seen.contains("error[ABORTED]"), "{seen}");

    let (mut killed, _notes) = waiting_call(&server);
    killed.kill().expect("it is our child");
    killed.wait().expect("it is our child");
    let until = Instant::now() + HUNG;
    loop {
        let stats = server.home.run(&["stats", "--json"]).json();
        if stats["stats"]["failed_by_code"]["ABORTED"] == 2 {
            assert_eq!(stats["stats"]["running"], 0);
            break;
        }
        assert!(Instant::now() < until, "{stats}");
    }
    let processes = Process::below(server.child.id());
    assert_eq!(server.home.run(&["drain"]).code, 0);
    server.ended(&processes);
}

#[test]
fn without_a_server_every_client_says_which_socket_and_what_starts_one() {
    let home = Home::new();
    for args in [
        &["ps"][..],
        &["top", "--count", "2"],
        &["stats"],
        &["logs"],
        &["resize", "--min", "1", "--max", "2"],
        &["reload"],
        &["drain"],
        &["call", "plugdock/sight", "look"],
    ] {
        let ended = home.run(args);
        ended.failed(69, "error[NO_HOST_AVAILABLE]: no server listens at `");
        ended.failed(69, "run/plugdock.sock`");
        ended.failed(69, "plugdock serve");
    }
    let document = home.run(&["ps", "--json", "--socket", "/nowhere/s"]).json();
    assert_eq!(document["error"]["code"], "NO_HOST_AVAILABLE");
}
