//! `plugdock run` and `describe` with a plugin that runs in a process of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use crate::command::{Ended, Home, program};

const MANIFEST: &str = "manifest_version = 1\nid = \"test/probe\"\nversion = \"0.1.0\"\nentry = \"bin/probe\"\nmin_isolation = \"subprocess\"\n";

/// A home with the plugin `probe`, whose program cargo builds beside the command.
pub(crate) fn home() -> Home {
    let home = Home::new();
    home.write("probe/plugin.toml", MANIFEST);
    let built = Path::new(env!("CARGO_BIN_EXE_plugdock"))
        .parent()
        .expect("it lies in a folder")
        .join("examples/probe");
    std::fs::create_dir(home.path().join("probe/bin")).expect("a folder in the home");
    std::fs::copy(&built, home.path().join("probe/bin/probe")).expect("cargo builds examples with tests");
    home
}

/// Every folder below the home that is no part of the plugin and none of the host's lasting ones.
fn leases(home: &Home) -> Vec<String> {
    let root = home.path().join(".local/share/plugdock/workspaces");
    let hosts = std::fs::read_dir(root).expect("the workspace root").filter_map(Result::ok);
    let leases = hosts.filter_map(|host| std::fs::read_dir(host.path().join("leases")).ok());
    leases.flatten().filter_map(Result::ok).map(|lease| lease.path().display().to_string()).collect()
}

#[test]
fn a_result_goes_to_standard_output_and_logs_and_progress_to_standard_error() {
    let home = home();
    let ended = home.run(&["run", "probe", "echo", "--input", "[1, 2]", "--tenant", "t1"]);
    assert_eq!((ended.code, ended.result.as_str()), (0, "{\"echo\":[1,2],\"tenant\":\"t1\"}\n"), "{ended:?}");
    assert!(ended.note.contains("info  echoing  length=5"), "{}", ended.note);
    assert!(ended.note.contains(" 50% half way"), "{}", ended.note);
    let quiet = home.run(&["run", "probe", "echo", "-q"]);
    assert_eq!((quiet.code, quiet.note.as_str()), (0, ""));
    assert_eq!(leases(&home), Vec::<String>::new());
}

#[test]
fn the_input_may_come_through_a_pipe() {
    let ended = home().run_with(&["run", "probe", "echo", "--input", "-"], &[], "{\"a\": \"b\"}");
    assert_eq!(ended.result, "{\"echo\":{\"a\":\"b\"},\"tenant\":null}\n", "{ended:?}");
}

#[test]
fn json_is_one_document_and_explain_shows_measured_numbers() {
    let ended = home().run(&["run", "probe", "echo", "--input", "7", "--json", "--explain"]);
    let document = ended.json();
    assert_eq!(document["outcome"]["result"]["Ok"]["json"]["echo"], 7);
    assert_eq!(document["logs"][0]["message"], "echoing");
    assert_eq!(document["backend"]["kind"], "subprocess");
    assert!(document["outcome"]["timings"]["spawn_us"].as_u64().is_some_and(|spent| spent > 0), "{document}");
    for part in ["backend", "spawn", "peak memory", "no-new-privileges"] {
        assert!(ended.note.contains(part), "{part}: {}", ended.note);
    }
}

#[test]
fn a_stream_goes_to_standard_output_and_its_result_to_standard_error() {
    let home = home();
    let ended = home.run(&["run", "probe", "lines", "--input", "3"]);
    assert_eq!((ended.code, ended.result.as_str()), (0, "line 0\nline 1\nline 2\n"), "{ended:?}");
    assert!(ended.note.contains("result: {\"lines\":3}"), "{}", ended.note);
}

#[test]
fn a_reader_that_has_enough_ends_a_stream_without_an_error() {
    let home = home();
    let mut child = home.spawn(&["run", "probe", "lines", "--input", "4000000000"], &[]);
    let mut first = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut first).unwrap();
    assert_eq!(first, "line 0\n");
    drop(lines);
    let ended = Ended::of(child.wait_with_output().unwrap());
    assert_eq!(ended.code, 0, "{ended:?}");
}

#[test]
fn each_failure_ends_with_the_exit_code_of_its_error() {
    let home = home();
    home.run(&["run", "probe", "nope"]).failed(66, "error[HANDLER_NOT_FOUND]");
    let own = home.run(&["run", "probe", "fail", "--input", "{\"row\": 3}"]);
    own.failed(1, "error[NO_SUCH_ROW]: there is no such row");
    own.failed(1, "= details: {\"row\":3}");
    own.failed(1, "= help: count from 1");
    let panicked = home.run(&["run", "probe", "panic"]);
    panicked.failed(104, "error[HANDLER_PANIC]");
    panicked.failed(104, "the table is upside down");
    panicked.failed(104, "= at: ");
    home.run(&["run", "probe", "wait", "--timeout", "50ms"]).failed(75, "error[TIMEOUT]");
    home.run(&["run", "probe", "echo", "--backend", "in-process"])
        .failed(111, "error[INSUFFICIENT_ISOLATION]");
    assert_eq!(leases(&home), Vec::<String>::new());
}

#[test]
fn artifacts_are_copied_where_they_are_wanted() {
    let home = home();
    let ended = home.run(&["run", "probe", "leave", "--input", "\"hello\"", "--artifacts", "out"]);
    assert_eq!((ended.code, ended.result.as_str()), (0, "\"left\"\n"), "{ended:?}");
    assert_eq!(std::fs::read_to_string(home.path().join("out/note.txt")).unwrap(), "hello");
}

#[test]
fn an_interrupt_cancels_the_execution_and_ends_with_130() {
    let home = home();
    let mut child = home.spawn(&["run", "probe", "wait"], &[]);
    let mut notes = BufReader::new(child.stderr.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("waiting") {
        assert_ne!(notes.read_line(&mut seen).unwrap(), 0, "it ended early: {seen}");
    }
    let id = child.id().to_string();
    assert!(program("/bin/kill").args(["-INT", &id]).status().unwrap().success());
    notes.read_to_string(&mut seen).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130), "{seen}");
    assert!(seen.contains("error[ABORTED]"), "{seen}");
    assert_eq!(leases(&home), Vec::<String>::new());
}

#[test]
fn describe_asks_the_program() {
    let home = home();
    let ended = home.run(&["describe", "probe"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.result.contains("plugdock run probe echo --input 7"), "{}", ended.result);
    let document = home.run(&["describe", "probe", "--json"]).json();
    assert_eq!(document["plugin"]["handlers"][1]["kind"], "stream");
    assert_eq!(document["manifest"]["id"], "test/probe");
}

#[test]
fn the_linked_plugin_runs_in_the_commands_process_and_in_one_of_its_own() {
    let home = Home::new();
    let look = |backend: &str| {
        let args = ["run", "plugdock/sight", "look", "--backend", backend, "-q"];
        let ended = home.run_with(&args, &[("SECRET_TOKEN", "x")], "");
        assert_eq!(ended.code, 0, "{ended:?}");
        serde_json::from_str::<serde_json::Value>(&ended.result).expect("the result is JSON")
    };
    let sees_secret = |sight: &serde_json::Value| sight["variables"].to_string().contains("SECRET_TOKEN");
    assert!(sees_secret(&look("in-process")), "in-process there is no boundary");
    let apart = look("subprocess");
    assert!(!sees_secret(&apart), "{apart}");
    assert_eq!(apart["working_directory"], apart["workspace"]);
}
