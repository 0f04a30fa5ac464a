//! The desk over real pipes, with callers that keep what they were told.

use std::io::Write as _;

use plugdock_contracts::{PluginId, WorkerId};
use serde_json::Value;
use tokio::net::unix::pipe;

use super::{Origin, OutputPump};
use crate::process::ForwardLimits;
use crate::worker::bench::BenchedJob;

const ROOMY: ForwardLimits =
    ForwardLimits { bytes_in_all: 1 << 20, bytes_per_second: 0, burst_bytes: 1 << 20 };

struct Bench {
    stdout: std::fs::File,
    stderr: std::fs::File,
    pump: OutputPump,
}

/// A pipe with a plain end to write to.
fn make_pipe() -> (std::fs::File, pipe::Receiver) {
    let (writer, reader) = pipe::pipe().unwrap();
    (writer.into_blocking_fd().unwrap().into(), reader)
}

fn bench() -> Bench {
    let ((stdout, out), (stderr, err)) = (make_pipe(), make_pipe());
    let origin = Origin { worker: WorkerId::generate(), plugin: PluginId::new("acme/x").unwrap() };
    Bench { stdout, stderr, pump: OutputPump::start(out, err, origin) }
}

fn caller() -> BenchedJob {
    BenchedJob::new("go", &Value::Null)
}

#[tokio::test]
async fn a_call_gets_what_is_in_the_pipes_when_it_ends_and_nothing_from_before_or_after() {
    let mut bench = bench();
    let (first, second) = (caller(), caller());
    bench.stdout.write_all(b"start-up\nhalf a line of nobody, ").unwrap();
    let listener = bench.pump.desk().listen(first.port(), ROOMY);
    bench.stdout.write_all(b"of the first\n").unwrap();
    bench.stderr.write_all(b"and its last").unwrap();
    assert_eq!(listener.settle(), ["and its last"]);
    assert_eq!(first.lines(), ["of the first", "and its last"]);

    bench.stdout.write_all(b"between\n").unwrap();
    bench.stderr.write_all(b"between\n").unwrap();
    let listener = bench.pump.desk().listen(second.port(), ROOMY);
    bench.stdout.write_all(b"of the second\n").unwrap();
    assert_eq!(listener.settle(), Vec::<String>::new(), "the tail holds nothing from before the call");
    assert_eq!(second.lines(), ["of the second"]);
    bench.stderr.write_all(b"the end\n").unwrap();
    assert_eq!(bench.pump.finish().await, ["and its lastbetween", "the end"]);
    assert_eq!((first.lines().len(), second.lines().len()), (0, 0));
}

#[tokio::test]
async fn the_call_a_worker_was_started_for_is_given_what_it_printed_before_anyone_listened() {
    let ((mut stdout, out), (mut stderr, err)) = (make_pipe(), make_pipe());
    let origin = Origin { worker: WorkerId::generate(), plugin: PluginId::new("acme/x").unwrap() };
    let caller = caller();
    stdout.write_all(b"starting\n").unwrap();
    stderr.write_all(b"cannot find my settings\n").unwrap();
    drop((stdout, stderr));
    let (pump, listener) = OutputPump::start_for(out, err, origin, (caller.port(), ROOMY));
    pump.finish().await;
    assert_eq!(listener.settle(), ["cannot find my settings"]);
    assert_eq!(caller.lines(), ["starting", "cannot find my settings"]);
}

#[tokio::test]
async fn lines_come_while_the_call_runs() {
    let mut bench = bench();
    let caller = caller();
    let listener = bench.pump.desk().listen(caller.port(), ROOMY);
    bench.stdout.write_all(b"now\n").unwrap();
    let mut lines = Vec::new();
    while lines.is_empty() {
        // On this runtime's one thread the pump reads whenever the test yields.
        tokio::task::yield_now().await;
        lines = caller.lines();
    }
    assert_eq!(lines, ["now"]);
    listener.settle();
}

#[tokio::test]
async fn nobody_is_told_what_may_be_of_another_and_each_is_told_that() {
    let mut bench = bench();
    let (first, second) = (caller(), caller());
    let desk = bench.pump.desk().clone();
    let one = desk.listen(first.port(), ROOMY);
    bench.stdout.write_all(b"mine\n").unwrap();
    let two = desk.listen(second.port(), ROOMY);
    assert_eq!(first.lines(), ["mine"], "it was alone until then");
    bench.stdout.write_all(b"whose?\n").unwrap();
    bench.stderr.write_all(b"whose?\n").unwrap();
    assert_eq!(two.settle(), Vec::<String>::new());
    let hint = ["what its worker printed while other calls ran there is in the host's log"];
    assert_eq!(second.lines(), hint);
    bench.stderr.write_all(b"mine again\n").unwrap();
    assert_eq!(one.settle(), ["mine again"], "the tail too is only what is surely its own");
    assert_eq!(first.lines(), ["mine again", hint[0]]);
}

#[tokio::test]
async fn calls_that_ran_together_in_silence_are_told_nothing() {
    let bench = bench();
    let (first, second) = (caller(), caller());
    let one = bench.pump.desk().listen(first.port(), ROOMY);
    let two = bench.pump.desk().listen(second.port(), ROOMY);
    one.settle();
    two.settle();
    assert_eq!((first.lines().len(), second.lines().len()), (0, 0));
}

#[tokio::test]
async fn each_call_has_a_budget_of_its_own_and_is_told_what_it_lost() {
    let mut bench = bench();
    let tight = ForwardLimits { bytes_in_all: 4, bytes_per_second: 0, burst_bytes: 4 };
    for _ in 0..2 {
        let caller = caller();
        let listener = bench.pump.desk().listen(caller.port(), tight);
        bench.stdout.write_all(b"abcdefgh\n").unwrap();
        listener.settle();
        assert_eq!(caller.lines(), ["abcd", "5 bytes of output were not kept"]);
    }
}

#[tokio::test]
async fn a_budget_is_not_renewed_by_a_call_that_ran_in_between() {
    let mut bench = bench();
    let tight = ForwardLimits { bytes_in_all: 4, bytes_per_second: 0, burst_bytes: 4 };
    let (first, second) = (caller(), caller());
    let one = bench.pump.desk().listen(first.port(), tight);
    bench.stdout.write_all(b"abc\n").unwrap();
    bench.pump.desk().listen(second.port(), tight).settle();
    bench.stdout.write_all(b"def\n").unwrap();
    one.settle();
    assert_eq!(first.lines(), ["abc", "4 bytes of output were not kept"]);
}

#[tokio::test]
async fn a_call_that_nobody_listens_to_any_more_may_still_print() {
    let mut bench = bench();
    let (first, second) = (caller(), caller());
    let one = bench.pump.desk().listen(first.port(), ROOMY);
    let two = bench.pump.desk().listen(second.port(), ROOMY);
    drop(one);
    bench.stdout.write_all(b"whose?\n").unwrap();
    two.settle();
    assert_eq!(second.lines(), ["what its worker printed while other calls ran there is in the host's log"]);
    assert_eq!(first.lines().len(), 0);
}

#[tokio::test]
async fn what_is_read_at_the_workers_end_is_still_the_calls() {
    let mut bench = bench();
    let caller = caller();
    let listener = bench.pump.desk().listen(caller.port(), ROOMY);
    bench.stderr.write_all(b"last words").unwrap();
    drop((bench.stdout, bench.stderr));
    assert_eq!(bench.pump.finish().await, ["last words"]);
    assert_eq!(listener.settle(), ["last words"]);
    assert_eq!(caller.lines(), ["last words"]);
}

#[tokio::test]
async fn a_writer_that_never_stops_is_not_waited_for() {
    let mut bench = bench();
    let caller = caller();
    let listener = bench.pump.desk().listen(caller.port(), ForwardLimits::default());
    bench.stdout.write_all(&vec![b'x'; 60_000]).unwrap();
    listener.settle();
    // The writing end is open, and nothing ends it.
    bench.pump.finish().await;
    assert!(caller.lines()[0].len() > 10_000);
}
