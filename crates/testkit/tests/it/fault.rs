//! The fault program against the subprocess backend: each fault yields its code, and the next execution is unharmed.
//! What each fault does stands in `src/bin/plugdock-fault/mode.rs`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plugdock_contracts::error::{CrashCause, KillReason, Step};
use plugdock_contracts::{
    ByteSize, ErrorCode, ExecutionBackend, ExecutionBackendExt as _, ExecutionError, ExecutionEvent,
    ExecutionRequest, Outcome, Shutdown,
};
use plugdock_execution_factory::platform::Platform;
use plugdock_execution_factory::{BackendConfig, SandboxProfile, create_execution_backend};
use plugdock_testkit::harness::{
    CEILING, LeakOracle, Package, install_program, processes_naming, wait_for_blocking,
};
use plugdock_testkit::plugin::{CONFORMANCE, VERSION, registry};
use plugdock_testkit::suite::alone;

use crate::conformance::{HOST, PLUGIN};

/// The time a worker has to introduce itself, in these tests.
const HANDSHAKE: Duration = Duration::from_secs(3);

/// Run time of those that never end by themselves.
const CALL: Duration = Duration::from_secs(1);

/// What the test's own process may grow by at its peak, in KiB: the bounded queues, and not the flood.
const MOST_GROWTH_KIB: u64 = 96 << 10;

/// Puts the channel where the fault program can take it, and leaves it to the shell where it must be closed.
const SCRIPT: &str = r#"#!/bin/sh
fault="${0%/*}/plugdock-fault"
case $1 in
    ignores-everything) trap '' TERM INT HUP ;;
    closes-and-stays) "$fault" takes-the-call <&3; exec 3<&-; exec sleep 1000 ;;
esac
exec "$fault" "$@" <&3
"#;

/// What the error of a fault is.
struct Expected {
    code: ErrorCode,
    cause: Option<CrashCause>,
    /// A part of the last lines of standard error.
    tail: &'static str,
}

/// Changes the request of a fault.
type Change = fn(&mut ExecutionRequest);

fn unchanged(_request: &mut ExecutionRequest) {}

fn hasty(request: &mut ExecutionRequest) {
    request.timeouts.call = Some(CALL);
    request.timeouts.grace = Some(Duration::from_millis(200));
}

fn write_plugin(root: &Path, mode: &str) {
    let dir = root.join("plugins/fault");
    Package::new("acme/fault", "1.0.0").write(&dir);
    install_program(Path::new(env!("CARGO_BIN_EXE_plugdock-fault")), &dir.join("bin/plugdock-fault"));
    fs::write(dir.join("bin/program"), SCRIPT).unwrap();
    fs::set_permissions(dir.join("bin/program"), fs::Permissions::from_mode(0o755)).unwrap();
    let manifest = fs::read_to_string(dir.join("plugin.toml")).unwrap();
    let entry = format!("entry = \"bin/program\"\nargs = [\"{mode}\"]\n");
    fs::write(
        dir.join("plugin.toml"),
        manifest.replacen("\n[permissions]", &format!("{entry}\n[permissions]"), 1),
    )
    .unwrap();
    Package::new(CONFORMANCE, VERSION)
        .with_entry(Path::new(PLUGIN), &[])
        .write(&root.join("plugins/conformance"));
}

pub(crate) async fn backend(root: &Path) -> Arc<dyn ExecutionBackend> {
    let mut config = BackendConfig::subprocess();
    config.workspace_root = root.join("workspaces");
    config.plugin_dirs = vec![root.join("plugins")];
    config.spawner_program = Some(HOST.into());
    // The program does to itself what it can with a shell, which no other profile lets it run.
    config.profile = Some(SandboxProfile::Trusted);
    config.handshake = HANDSHAKE;
    let platform = Arc::new(Platform::builder().build());
    create_execution_backend(config, registry(), platform).await.unwrap()
}

/// The peak of this process's resident memory since [`forget_peak`], in KiB.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Sets the peak to what is resident now (proc(5), `clear_refs`).
fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

fn outcome_of(mode: &str, change: Change) -> Outcome {
    run(mode, change).0
}

/// Runs a fault, checks that the backend is unharmed and that nothing is left, and answers the outcome and how many log lines
/// came.
fn run(mode: &str, change: Change) -> (Outcome, u64) {
    let _alone = alone();
    let oracle = LeakOracle::before();
    let root = tempfile::tempdir().unwrap();
    let path = root.path().canonicalize().unwrap();
    write_plugin(&path, mode);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let whole = async {
        let backend = backend(&path).await;
        let mut request = ExecutionRequest::new("acme/fault", "run").unwrap();
        change(&mut request);
        forget_peak();
        let before = peak_kib();
        let start = Instant::now();
        let mut execution = backend.start(request);
        let mut lines = 0;
        while let Some(event) = execution.next_event().await {
            lines += u64::from(matches!(event, ExecutionEvent::Log(_)));
        }
        let outcome = execution.wait().await;
        assert!(start.elapsed() < CEILING, "the outcome took {:?}", start.elapsed());
        let grown = peak_kib().saturating_sub(before);
        assert!(grown < MOST_GROWTH_KIB, "the host grew by {grown} KiB");
        // Level-triggered: a kill is a request, and its end is counted with the workers.
        wait_for_blocking("the end of the worker's family", || {
            let left = processes_naming(&path.join("workspaces"));
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
        });
        let next: i32 = backend.call(CONFORMANCE, "echo", &7).await.expect("the next execution is unharmed");
        assert_eq!(next, 7);
        let stats = backend.stats();
        assert_eq!((stats.running, stats.workers), (0, 0), "{stats:?}");
        backend.shutdown(Shutdown::Now).await;
        (outcome, lines)
    };
    let taken = runtime
        .block_on(async { tokio::time::timeout(CEILING * 2, whole).await.expect("the backend hangs") });
    drop(runtime);
    wait_for_blocking("every workspace to be removed", || {
        let left: Vec<_> =
            fs::read_dir(path.join("workspaces")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
    oracle.check(&path);
    taken
}

fn error_of(mode: &str, change: Change) -> ExecutionError {
    let outcome = outcome_of(mode, change);
    outcome.result.expect_err(&format!("`{mode}` has no result"))
}

fn check(mode: &str, change: Change, expected: &Expected) {
    let error = error_of(mode, change);
    assert_eq!(*error.code(), expected.code, "{error:?}");
    assert_eq!(error.cause(), expected.cause.as_ref(), "{error:?}");
    assert!(error.stderr_tail().join("\n").contains(expected.tail), "{error:?}");
    assert!(error.step().is_some(), "an error of a worker names its step: {error:?}");
}

/// A row for each fault: what the request changes, the code, the cause, and what the last lines of standard error hold.
macro_rules! faults {
    ($($name:ident: $mode:literal, $change:expr => $code:ident, $cause:expr, $tail:literal;)*) => {
        $(#[test]
        fn $name() {
            check($mode, $change, &Expected { code: ErrorCode::$code, cause: $cause, tail: $tail });
        })*
    };
}

const fn exit(code: i32) -> CrashCause {
    CrashCause::Exit { code }
}

const fn signal(signal: i32) -> CrashCause {
    CrashCause::Signal { signal, core: false }
}

const fn killed(reason: KillReason) -> CrashCause {
    CrashCause::Killed { reason }
}

faults! {
    exit_before_hello: "exit-before-hello", unchanged => HandshakeFailed, Some(exit(0)), "";
    complaint_before_hello: "complain-before-hello", unchanged => HandshakeFailed, Some(exit(3)), "cannot find my settings";
    killed_before_hello: "killed-before-hello", unchanged => HandshakeFailed, Some(signal(11)), "";
    text_on_the_channel: "text-on-the-channel", unchanged => ProtocolMismatch, None, "";
    wrong_magic: "wrong-magic", unchanged => ProtocolMismatch, None, "";
    wrong_protocol: "wrong-protocol", unchanged => ProtocolMismatch, None, "";
    wrong_codec: "wrong-codec", unchanged => ProtocolMismatch, None, "";
    garbage_after_prelude: "garbage-after-prelude", unchanged => HandshakeFailed, None, "";
    huge_hello: "huge-hello", unchanged => HandshakeFailed, None, "";
    zero_length_hello: "zero-length-hello", unchanged => HandshakeFailed, None, "";
    half_prelude: "half-prelude", unchanged => HandshakeFailed, None, "";
    silence: "silence", unchanged => HandshakeFailed, None, "";
    nested_hello: "nested-hello", unchanged => HandshakeFailed, None, "";
    hello_is_no_text: "hello-is-no-text", unchanged => HandshakeFailed, None, "";
    another_plugin: "another-plugin", unchanged => HandshakeFailed, None, "";
    half_a_frame: "half-a-frame", unchanged => WorkerCrashed, Some(exit(5)), "";
    closes_half: "closes-half", unchanged => WorkerCrashed, Some(CrashCause::ChannelClosed), "";
    closes_both: "closes-both", unchanged => WorkerCrashed, Some(CrashCause::ChannelClosed), "";
    closes_and_stays: "closes-and-stays", unchanged => WorkerCrashed, Some(CrashCause::ChannelClosed), "";
    exit_0_during_the_call: "exit-0", unchanged => WorkerCrashed, Some(exit(0)), "";
    exit_3_during_the_call: "exit-3", unchanged => WorkerCrashed, Some(exit(3)), "something is wrong\nvery wrong";
    abort: "abort", unchanged => WorkerCrashed, Some(signal(6)), "";
    segfault: "segfault", unchanged => WorkerCrashed, Some(signal(11)), "";
    killed_by_another: "killed", unchanged => WorkerCrashed, Some(signal(9)), "";
    stopped: "stopped", hasty => Timeout, Some(killed(KillReason::Timeout)), "";
    ignores_everything: "ignores-everything", hasty => Timeout, Some(killed(KillReason::Timeout)), "";
    spins: "spins", hasty => Timeout, Some(killed(KillReason::Timeout)), "";
    keeps_descriptors_and_exits: "keeps-descriptors-and-exits", unchanged => WorkerCrashed, Some(exit(0)), "";
}

/// Violations tell which rule was broken, in words that are not repeated here.
macro_rules! violations {
    ($($name:ident: $mode:literal;)*) => {
        $(#[test]
        fn $name() {
            let error = error_of($mode, unchanged);
            assert_eq!(*error.code(), ErrorCode::ProtocolViolation, "{error:?}");
            let Some(CrashCause::ProtocolViolation { detail }) = error.cause() else { panic!("{error:?}") };
            assert!(!detail.is_empty() && error.message().contains(detail), "{error:?}");
        })*
    };
}

violations! {
    reply_to_unknown_call: "reply-to-unknown-call";
    unknown_kind: "unknown-kind";
    a_kind_of_the_host: "hosts-kind";
    flags_set: "flags-set";
    huge_frame: "huge-frame";
    meta_longer_than_frame: "meta-longer-than-frame";
}

/// What is odd and still gives a result.
macro_rules! results {
    ($($name:ident: $mode:literal;)*) => {
        $(#[test]
        fn $name() {
            let outcome = outcome_of($mode, unchanged);
            assert_eq!(outcome.into_value::<String>().unwrap(), "done");
        })*
    };
}

results! {
    a_plain_answer: "answer";
    byte_by_byte: "byte-by-byte";
    a_second_reply_does_not_take_the_first_back: "two-replies";
    output_of_a_gibibyte: "floods-output";
    a_grandchild_keeps_the_descriptors: "keeps-descriptors";
    a_daemon_in_its_own_session: "daemon";
}

#[test]
fn silence_names_its_limit() {
    let error = error_of("silence", unchanged);
    assert_eq!((error.step(), error.limit()), (Some(Step::Handshake), Some(HANDSHAKE)));
}

#[test]
fn a_million_log_lines_are_bounded_and_counted() {
    let (outcome, lines) = run("floods-log", |request| request.timeouts.call = Some(CEILING));
    let dropped = outcome.events_dropped;
    assert_eq!(outcome.into_value::<String>().unwrap(), "done");
    assert_eq!(lines + dropped, 1_000_000, "{lines} came, {dropped} were dropped");
}

#[test]
fn a_large_input_to_one_that_never_reads_times_out() {
    let error = error_of("never-reads", |request| {
        hasty(request);
        let text = "x".repeat(16 << 20);
        request.input = plugdock_contracts::Payload::json(&text).unwrap();
    });
    assert_eq!(*error.code(), ErrorCode::Timeout, "{error:?}");
}

#[test]
fn allocating_for_ever_meets_the_limit_inside() {
    let error = error_of("allocates", |request| request.limits.memory = Some(ByteSize::from_mib(256)));
    // Where the limit holds as an address space, the program itself cannot go on; where the kernel kills, it says so.
    let by_kernel =
        *error.code() == ErrorCode::ResourceExhausted && error.cause() == Some(&CrashCause::OutOfMemory);
    let by_itself = *error.code() == ErrorCode::WorkerCrashed && error.cause() == Some(&signal(6));
    assert!(by_kernel || by_itself, "{error:?}");
}

#[test]
fn spinning_beyond_the_cpu_limit_is_told() {
    let error = error_of("spins", |request| request.limits.cpu_time = Some(CALL));
    assert_eq!(
        (error.code(), error.cause()),
        (&ErrorCode::WorkerCrashed, Some(&CrashCause::CpuLimit)),
        "{error:?}"
    );
}

#[test]
fn ten_thousand_files_meet_the_limit_inside() {
    let outcome = outcome_of("opens-files", |request| request.limits.open_files = Some(256));
    assert_eq!(outcome.into_value::<String>().unwrap(), "done");
}
