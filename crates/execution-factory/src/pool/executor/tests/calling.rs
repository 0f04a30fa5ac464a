//! Calls on live workers, and what they leave of them.

use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use plugdock_contracts::error::{CrashCause, ErrorCode, KillReason};
use plugdock_contracts::outcome::WorkerStart;
use plugdock_contracts::{CancelReason, HandlerId};
use plugdock_plugin_runtime::{Ctx, HandlerError, Plugin};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::super::{Begun, WorkerAfter};
use super::bench::{Behaviour, Bench, FakeProcess, bench, serving, soon};
use crate::process::ExitCause;

fn echo() -> Plugin {
    Plugin::new("acme/x", "1.0.0")
        .handler("echo", async |_ctx: Ctx, input: Value| Ok::<_, HandlerError>(input))
}

/// `wait` says that it began and waits for ever; it hears when it is told to stop.
fn waiting(began: &Arc<Notify>) -> Plugin {
    let began = Arc::clone(began);
    echo().handler("wait", move |_ctx: Ctx, (): ()| {
        let began = Arc::clone(&began);
        async move {
            began.notify_one();
            std::future::pending::<Result<(), HandlerError>>().await
        }
    })
}

/// `block` says that it began and hears nothing until the other end of `free` is dropped.
fn blocking(began: &Arc<Notify>, free: mpsc::Receiver<()>) -> Plugin {
    let (began, free) = (Arc::clone(began), std::sync::Mutex::new(free));
    echo().blocking("block", move |_ctx: Ctx, (): ()| {
        began.notify_one();
        let _freed = free.lock().unwrap().recv();
        Ok::<_, HandlerError>(())
    })
}

async fn ended_during(
    bench: &Bench,
    act: impl AsyncFnOnce(&dyn super::super::PoolWorker, &FakeProcess),
) -> super::super::Called {
    let (worker, process) = bench.start().await;
    let execution = bench.job("wait", &Value::Null);
    let call = worker.call(&execution.job);
    let (called, ()) = soon(async { tokio::join!(call, act(&*worker, &process)) }).await;
    bench.end(worker).await;
    called
}

#[tokio::test]
async fn a_call_is_answered_and_the_next_finds_the_worker_warm() {
    let bench = serving(echo());
    let (worker, _process) = bench.start().await;
    for expected in [WorkerStart::Cold, WorkerStart::Warm] {
        let execution = bench.job("echo", &json!({ "n": 7 }));
        let called = soon(worker.call(&execution.job)).await;
        assert_eq!(called.carried.result.unwrap().to_value::<Value>().unwrap(), json!({ "n": 7 }));
        assert_eq!((called.worker, called.begun), (WorkerAfter::Fine, Begun::Perhaps));
        assert_eq!((called.carried.start, called.carried.attempts.started), (Some(expected), 1));
        assert!(called.carried.usage.cpu().is_some() && called.carried.run.is_some());
        assert_eq!(called.carried.usage.peak_resident_bytes, None, "it is the worker's, not the call's");
    }
    bench.end(worker).await;
}

#[tokio::test]
async fn what_a_program_says_of_its_handlers_is_known() {
    let plugin = echo()
        .concurrent()
        .idempotent()
        .handler("plain", async |_ctx: Ctx, (): ()| Ok::<_, HandlerError>(()));
    let bench = serving(plugin);
    let (worker, _process) = bench.start().await;
    let of = |name| {
        let traits = worker.traits_of(&HandlerId::new(name).unwrap());
        (traits.concurrent, traits.idempotent)
    };
    assert_eq!((of("echo"), of("plain"), of("none")), ((true, true), (false, false), (false, false)));
    assert!(worker.concurrent().iter().map(HandlerId::as_str).eq(["echo"]));
    bench.end(worker).await;
}

#[tokio::test]
async fn an_input_beyond_the_limit_never_reaches_the_worker() {
    let bench = serving(echo());
    let (worker, _process) = bench.start().await;
    let mut execution = bench.job("echo", &json!("more than four bytes"));
    execution.job.limits.payload = Some(plugdock_contracts::ByteSize::from_bytes(4));
    let called = soon(worker.call(&execution.job)).await;
    assert_eq!(called.carried.result.unwrap_err().code(), &ErrorCode::PayloadTooLarge);
    assert_eq!((called.worker, called.begun), (WorkerAfter::Fine, Begun::No));
    bench.end(worker).await;
}

#[tokio::test]
async fn calls_side_by_side_have_no_cpu_time_of_their_own() {
    let began = Arc::new(Notify::new());
    let bench = serving(waiting(&began));
    let (worker, _process) = bench.start().await;
    let (waiter, quick) = (bench.job("wait", &Value::Null), bench.job("echo", &json!(1)));
    let beside = async {
        began.notified().await;
        let called = worker.call(&quick.job).await;
        waiter.cancel.cancel(CancelReason::Requested("enough".to_owned()));
        called
    };
    let (first, second) = soon(async { tokio::join!(worker.call(&waiter.job), beside) }).await;
    assert_eq!((first.carried.usage.cpu(), second.carried.usage.cpu()), (None, None));
    assert_eq!((first.worker, second.worker), (WorkerAfter::Fine, WorkerAfter::Fine));
    assert_eq!(first.carried.result.unwrap_err().code(), &ErrorCode::Aborted);
    bench.end(worker).await;
}

#[tokio::test]
async fn a_worker_that_overran_is_tainted_even_when_it_stopped() {
    let bench = serving(waiting(&Arc::default()));
    let (worker, _process) = bench.start().await;
    let mut execution = bench.job("wait", &Value::Null);
    execution.job.timeouts.call = Some(Duration::from_millis(20));
    let called = soon(worker.call(&execution.job)).await;
    assert_eq!(called.carried.result.unwrap_err().code(), &ErrorCode::Timeout);
    assert_eq!(
        (called.worker, called.begun, called.carried.killed),
        (WorkerAfter::Tainted, Begun::Perhaps, false)
    );
    bench.end(worker).await;
}

#[tokio::test]
async fn one_that_does_not_hear_is_killed_and_gone_when_the_call_ends() {
    let (free, freed) = mpsc::channel();
    let began = Arc::new(Notify::new());
    let bench = serving(blocking(&began, freed));
    let (worker, _process) = bench.start().await;
    let mut execution = bench.job("block", &Value::Null);
    execution.job.timeouts.grace = Some(Duration::from_millis(10));
    let cancel = async {
        began.notified().await;
        execution.cancel.cancel(CancelReason::Requested("enough".to_owned()));
    };
    let (called, ()) = soon(async { tokio::join!(worker.call(&execution.job), cancel) }).await;
    drop(free);
    let error = called.carried.result.unwrap_err();
    assert_eq!(
        (error.code(), error.cause()),
        (&ErrorCode::Aborted, Some(&CrashCause::Killed { reason: KillReason::Cancelled }))
    );
    assert_eq!((called.worker, called.carried.killed), (WorkerAfter::Gone, true));
    assert_eq!(bench.leases(), 0, "its directory is gone too");
    assert!(soon(worker.ended()).await.expected);
}

#[tokio::test]
async fn a_crash_says_its_cause_and_only_the_last_lines_of_the_call() {
    let began = Arc::new(Notify::new());
    let bench = serving(waiting(&began));
    let (worker, process) = bench.start().await;
    process.print("of another call\n");
    let execution = bench.job("wait", &Value::Null);
    let crash = async {
        began.notified().await;
        process.print("of this one\n");
        process.end(ExitCause::Signal { signal: libc::SIGSEGV, core_dumped: false });
    };
    let (called, ()) = soon(async { tokio::join!(worker.call(&execution.job), crash) }).await;
    let error = called.carried.result.unwrap_err();
    assert_eq!(error.code(), &ErrorCode::WorkerCrashed);
    assert_eq!(error.cause(), Some(&CrashCause::Signal { signal: libc::SIGSEGV, core: false }));
    assert_eq!(error.stderr_tail(), ["of this one"]);
    assert_eq!(
        (called.worker, called.begun, called.carried.killed),
        (WorkerAfter::Gone, Begun::Perhaps, false)
    );
    let end = soon(worker.ended()).await;
    assert_eq!(
        (end.expected, end.tail),
        (false, vec!["of another call".to_owned(), "of this one".to_owned()])
    );
}

#[tokio::test]
async fn a_worker_killed_as_unhealthy_tells_its_call_so_whatever_comes_after() {
    let began = Arc::new(Notify::new());
    let bench = serving(waiting(&began));
    let called = ended_during(&bench, async |worker, _process| {
        began.notified().await;
        worker.kill(KillReason::Unhealthy);
        worker.kill(KillReason::Shutdown);
    })
    .await;
    let error = called.carried.result.unwrap_err();
    assert_eq!(error.code(), &ErrorCode::WorkerUnhealthy);
    assert_eq!(error.cause(), Some(&CrashCause::Killed { reason: KillReason::Unhealthy }));
    assert_eq!((called.worker, called.carried.killed), (WorkerAfter::Gone, true));
}

#[tokio::test]
async fn a_worker_killed_for_something_else_is_a_crash_with_that_reason() {
    let began = Arc::new(Notify::new());
    let bench = serving(waiting(&began));
    let called = ended_during(&bench, async |worker, _process| {
        began.notified().await;
        worker.kill(KillReason::Timeout);
    })
    .await;
    let error = called.carried.result.unwrap_err();
    assert_eq!(error.code(), &ErrorCode::WorkerCrashed);
    assert_eq!(error.cause(), Some(&CrashCause::Killed { reason: KillReason::Timeout }));
}

#[tokio::test]
async fn a_kill_after_the_crash_does_not_hide_its_cause() {
    let began = Arc::new(Notify::new());
    let bench = serving(waiting(&began));
    let called = ended_during(&bench, async |worker, process| {
        began.notified().await;
        process.end(ExitCause::Code(3));
        worker.kill(KillReason::Unhealthy);
    })
    .await;
    let error = called.carried.result.unwrap_err();
    assert_eq!(
        (error.code(), error.cause()),
        (&ErrorCode::WorkerCrashed, Some(&CrashCause::Exit { code: 3 }))
    );
}

/// Ends a worker that read nothing of a call when it was sent.
async fn mute(holds_channel: bool) -> super::super::Called {
    let bench = bench(Behaviour::Mute);
    let (worker, process) = bench.start().await;
    let execution = bench.job("echo", &json!(1));
    let crash = async {
        // The call is on its way when the channel holds bytes; they stay unread.
        while !has_bytes(&process) {
            tokio::task::yield_now().await;
        }
        let held = process.channel.lock().unwrap().take();
        process.end(ExitCause::Code(1));
        held.filter(|_| holds_channel)
    };
    let (called, held) = soon(async { tokio::join!(worker.call(&execution.job), crash) }).await;
    drop(held);
    bench.end(worker).await;
    called
}

fn has_bytes(process: &FakeProcess) -> bool {
    let mut byte = [0];
    let flags = nix::sys::socket::MsgFlags::MSG_PEEK | nix::sys::socket::MsgFlags::MSG_DONTWAIT;
    let channel = process.channel.lock().unwrap();
    nix::sys::socket::recv(channel.as_ref().unwrap().as_raw_fd(), &mut byte, flags)
        .is_ok_and(|count| count > 0)
}

#[tokio::test]
async fn a_call_of_which_the_whole_stream_says_nothing_did_not_begin() {
    let called = mute(false).await;
    assert_eq!((called.worker, called.begun), (WorkerAfter::Gone, Begun::No));
    assert_eq!(called.carried.attempts.started, 0);
    assert_eq!(called.carried.result.unwrap_err().cause(), Some(&CrashCause::Exit { code: 1 }));
}

#[tokio::test]
async fn a_stream_that_somebody_holds_open_proves_nothing() {
    let called = mute(true).await;
    assert_eq!((called.worker, called.begun), (WorkerAfter::Gone, Begun::Perhaps));
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_cancelled_on_its_worker() {
    let (began, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, drops) = (Arc::clone(&began), Arc::clone(&dropped));
    let bench = serving(echo().handler("wait", move |ctx: Ctx, (): ()| {
        let (begins, drops) = (Arc::clone(&begins), Arc::clone(&drops));
        async move {
            begins.notify_one();
            ctx.cancelled().await;
            drops.notify_one();
            Ok::<_, HandlerError>(())
        }
    }));
    let (worker, _process) = bench.start().await;
    let execution = bench.job("wait", &Value::Null);
    soon(async {
        tokio::select! {
            _called = worker.call(&execution.job) => unreachable!("it waits"),
            () = began.notified() => {}
        }
        dropped.notified().await;
    })
    .await;
    bench.end(worker).await;
}
