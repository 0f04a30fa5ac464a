//! One call: the handler runs, is stopped when told so, and its cleanups run. Exactly one answer comes out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use plugdock_contracts::describe::HandlerKind;
use plugdock_contracts::error::{ErrorCode, ExecutionError, Step};
use plugdock_contracts::{CancelReason, LogLevel, LogLine, LogStream, Payload};
use tokio::time::Instant;

use super::{CatchPanic, install_panic_hook};
use crate::bridge::HostBridge;
use crate::ctx::{CLEANUP_LIMIT, CancelSource, Cancellation, CleanupStack, Ctx, CtxParts};
use crate::descriptor::CallDescriptor;
use crate::handler::CallIo;
use crate::plugin::BuiltPlugin;
use crate::stream::{Input, Output};

/// A call that is to be run.
#[derive(Clone)]
#[non_exhaustive]
pub struct Call {
    /// The plugin.
    pub plugin: Arc<BuiltPlugin>,
    /// What the handler is told.
    pub descriptor: CallDescriptor,
    /// Its input.
    pub input: Payload,
    /// The way to the host.
    pub bridge: Arc<dyn HostBridge>,
}

impl Call {
    /// A call from its parts.
    pub fn new(
        plugin: Arc<BuiltPlugin>,
        descriptor: CallDescriptor,
        input: Payload,
        bridge: Arc<dyn HostBridge>,
    ) -> Self {
        Self { plugin, descriptor, input, bridge }
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("descriptor", &self.descriptor).finish_non_exhaustive()
    }
}

/// Stops a running call, and tells what it left behind.
#[derive(Debug)]
pub struct CallHandle {
    cancel: CancelSource,
    threads: Arc<AtomicUsize>,
}

impl CallHandle {
    /// Asks the handler to stop. Half of the grace it may take to end by itself, then its future is dropped; cleanups
    /// share the rest. The first request counts.
    pub fn cancel(&self, reason: CancelReason, grace: Duration) {
        self.cancel.cancel(reason, grace);
    }

    /// Threads that still run a blocking handler of this call. Nothing can stop them but the end of the process.
    pub fn threads_running(&self) -> usize {
        self.threads.load(Ordering::Acquire)
    }
}

/// Prepares a call. Nothing happens before the future is polled; dropping it drops the handler without cleanups.
pub fn run(call: Call) -> (CallHandle, impl Future<Output = Result<Payload, ExecutionError>> + Send + use<>) {
    install_panic_hook();
    let (source, cancellation) = CancelSource::new();
    let threads = Arc::new(AtomicUsize::new(0));
    let handle = CallHandle { cancel: source, threads: Arc::clone(&threads) };
    (handle, drive(call, cancellation, threads))
}

async fn drive(
    call: Call,
    cancellation: Cancellation,
    threads: Arc<AtomicUsize>,
) -> Result<Payload, ExecutionError> {
    let Call { plugin, descriptor, input, bridge } = call;
    let handler =
        plugin.handler(&descriptor.handler).cloned().ok_or_else(|| unknown_handler(&plugin, &descriptor))?;
    let streams = handler.describe().kind != HandlerKind::Call;
    let cleanup = Arc::new(CleanupStack::default());
    let want_backtrace = descriptor.backtrace;
    let ctx = Ctx::new(CtxParts {
        deadline: descriptor.time_limit().map(|limit| Instant::now() + limit),
        descriptor,
        cancellation: cancellation.clone(),
        cleanup: Arc::clone(&cleanup),
        bridge: Arc::clone(&bridge),
        threads,
    });
    let io = CallIo { input: Input::new(Arc::clone(&bridge)), output: Output::new(Arc::clone(&bridge)) };
    // A handler may panic before it returns its future, so making it is caught too.
    let future = CatchPanic::new(async move {
        plugin.warm_up().await?;
        handler.call(ctx, input, io).await
    })
    .with_stack(want_backtrace);
    let (result, cleanup_limit) = until_stopped(future, cancellation).await;
    if result.is_ok() && streams {
        // The runtime ends the stream, so that no kind of handler can forget it. A reader that is gone misses nothing.
        let _ended = bridge.end_output().await;
    }
    let report = |failure| {
        bridge.log(LogLine::new(LogLevel::Warn, LogStream::Logger, format!("{failure}")));
    };
    match cleanup_limit {
        // After a stop all cleanups share what is left; what does not fit is dropped.
        Some(end) => drop(tokio::time::timeout_at(end, cleanup.run(CLEANUP_LIMIT, report)).await),
        None => cleanup.run(CLEANUP_LIMIT, report).await,
    }
    result
}

/// Runs the handler to its end or to the end of its grace; answers until when cleanups may run.
async fn until_stopped<F>(
    mut future: CatchPanic<F>,
    mut cancellation: Cancellation,
) -> (Result<Payload, ExecutionError>, Option<Instant>)
where
    F: Future<Output = Result<Payload, crate::handler::HandlerError>>,
{
    let ended = tokio::select! {
        // The stop wins over an answer that comes at the same time: the caller was promised an end.
        biased;
        (reason, grace) = cancellation.stopped() => {
            let start = Instant::now();
            drop(tokio::time::timeout(grace / 2, &mut future).await);
            drop(future);
            // A tenth is kept back for the answer to reach the host before it kills.
            return (Err(stopped(&reason)), Some(start + grace * 9 / 10));
        }
        ended = &mut future => ended,
    };
    let result = match ended {
        Ok(Ok(payload)) => Ok(payload),
        Ok(Err(error)) => Err(error.into_execution_error()),
        Err(panic) => Err(panic.into_error()),
    };
    (result, None)
}

fn stopped(reason: &CancelReason) -> ExecutionError {
    match reason {
        CancelReason::Timeout => {
            ExecutionError::new(ErrorCode::Timeout, "the handler was stopped: its time was over")
                .with_step(Step::Call)
        }
        other => ExecutionError::new(ErrorCode::Aborted, format!("the handler was stopped: {other}")),
    }
}

/// The answer to a call of a handler that the plugin does not have.
pub(crate) fn unknown_handler(plugin: &BuiltPlugin, descriptor: &CallDescriptor) -> ExecutionError {
    let names: Vec<_> = plugin.description().handlers.iter().map(|handler| handler.id.as_str()).collect();
    let help =
        if names.is_empty() { "it has none".to_owned() } else { format!("it has: {}", names.join(", ")) };
    let message = format!("plugin `{}` has no handler `{}`", descriptor.plugin, descriptor.handler);
    ExecutionError::new(ErrorCode::HandlerNotFound, message).with_help(help)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use bytes::Bytes;
    use plugdock_contracts::host_call::{HostCall, HostReply};
    use plugdock_contracts::{BoxFuture, ExecutionId, HandlerId, Progress};

    use super::*;
    use crate::bridge::StreamError;
    use crate::handler::HandlerError;
    use crate::plugin::Plugin;

    /// A host that keeps log lines and has nothing else.
    #[derive(Default)]
    struct LogOnly(Mutex<Vec<String>>);

    impl HostBridge for LogOnly {
        fn log(&self, line: LogLine) {
            self.0.lock().unwrap().push(line.message);
        }

        fn progress(&self, _progress: Progress) {}

        fn call(
            &self,
            _call: HostCall,
            _body: Bytes,
        ) -> BoxFuture<'static, Result<HostReply, ExecutionError>> {
            Box::pin(async { Err(ExecutionError::new(ErrorCode::Unsupported, "no services here")) })
        }

        fn send_output(&self, _piece: Bytes) -> BoxFuture<'_, Result<(), StreamError>> {
            Box::pin(async { Err(StreamError::OutputClosed) })
        }

        fn end_output(&self) -> BoxFuture<'_, Result<(), StreamError>> {
            Box::pin(async { Ok(()) })
        }

        fn next_input(&self) -> BoxFuture<'_, Result<Option<Bytes>, StreamError>> {
            Box::pin(async { Ok(None) })
        }

        fn close_input(&self) {}
    }

    fn call(plugin: Plugin, handler: &str) -> (Call, Arc<LogOnly>) {
        let plugin = Arc::new(plugin.build().unwrap());
        let id = plugin.description().id.clone();
        let descriptor = CallDescriptor::new(ExecutionId::generate(), id, HandlerId::new(handler).unwrap());
        let host = Arc::new(LogOnly::default());
        (Call::new(plugin, descriptor, Payload::null(), Arc::clone(&host) as Arc<dyn HostBridge>), host)
    }

    fn plugin() -> Plugin {
        Plugin::new("acme/test", "1.0.0")
            .handler("ok", async |ctx: Ctx, (): ()| {
                let log = ctx.log();
                ctx.on_cleanup(async move { log.info("cleaned") });
                Ok(7)
            })
            .handler("panic", async |ctx: Ctx, (): ()| -> Result<(), HandlerError> {
                let log = ctx.log();
                ctx.on_cleanup(async move { log.info("cleaned") });
                panic!("oh no")
            })
            .handler("deaf", async |ctx: Ctx, (): ()| -> Result<(), HandlerError> {
                let log = ctx.log();
                ctx.on_cleanup(async move { log.info("cleaned") });
                std::future::pending().await
            })
            .handler("polite", async |ctx: Ctx, (): ()| {
                ctx.log().info(format!("{}", ctx.cancelled().await));
                Ok(())
            })
    }

    #[tokio::test]
    async fn a_result_comes_after_the_cleanups() {
        let (call, host) = call(plugin(), "ok");
        let (_handle, future) = run(call);
        assert_eq!(future.await.unwrap().as_bytes(), b"7");
        assert_eq!(*host.0.lock().unwrap(), ["cleaned"]);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_cleanups_still_run() {
        let (call, host) = call(plugin(), "panic");
        let (_handle, future) = run(call);
        let error = future.await.unwrap_err();
        assert_eq!((error.code(), error.message()), (&ErrorCode::HandlerPanic, "oh no"));
        assert!(error.location().is_some());
        assert!(error.backtrace().is_none(), "it was not asked for");
        assert_eq!(*host.0.lock().unwrap(), ["cleaned"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deaf_handler_is_dropped_after_half_of_the_grace_and_cleaned_up() {
        let (call, host) = call(plugin(), "deaf");
        let (handle, future) = run(call);
        handle.cancel(CancelReason::Timeout, Duration::from_secs(2));
        let start = Instant::now();
        let error = future.await.unwrap_err();
        assert_eq!((error.code(), error.step()), (&ErrorCode::Timeout, Some(Step::Call)));
        assert_eq!(start.elapsed(), Duration::from_secs(1));
        assert_eq!(*host.0.lock().unwrap(), ["cleaned"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_polite_handler_ends_at_once_and_its_late_answer_does_not_count() {
        let (call, host) = call(plugin(), "polite");
        let (handle, future) = run(call);
        handle.cancel(CancelReason::Requested("enough".into()), Duration::from_secs(2));
        let start = Instant::now();
        assert_eq!(future.await.unwrap_err().code(), &ErrorCode::Aborted);
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(*host.0.lock().unwrap(), ["enough"]);
    }

    #[tokio::test]
    async fn an_unknown_handler_is_named_with_those_there_are() {
        let (call, _host) = call(plugin(), "missing");
        let (_handle, future) = run(call);
        let error = future.await.unwrap_err();
        assert_eq!(error.code(), &ErrorCode::HandlerNotFound);
        assert_eq!(error.help(), Some("it has: ok, panic, deaf, polite"));
    }

    #[tokio::test]
    async fn a_blocking_handler_that_does_not_stop_is_counted() {
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let blocked = Mutex::new(blocked);
        let (started, mut has_started) = tokio::sync::mpsc::channel(1);
        let plugin = Plugin::new("acme/test", "1.0.0").blocking("block", move |_ctx: Ctx, (): ()| {
            started.blocking_send(()).unwrap();
            blocked.lock().unwrap().recv().unwrap_err();
            Ok(())
        });
        let (call, _host) = call(plugin, "block");
        let (handle, future) = run(call);
        let mut future = Box::pin(future);
        tokio::select! {
            _ended = &mut future => panic!("it cannot end before it is released"),
            _began = has_started.recv() => {}
        }
        handle.cancel(CancelReason::Timeout, Duration::ZERO);
        assert_eq!(future.await.unwrap_err().code(), &ErrorCode::Timeout);
        assert_eq!(handle.threads_running(), 1);
        drop(release);
    }

    #[tokio::test]
    async fn a_plugin_is_warmed_up_once_before_its_first_call() {
        let warmed = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&warmed);
        let plugin = plugin().warmup(move || {
            let counter = Arc::clone(&counter);
            async move {
                counter.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        });
        let (call, _host) = call(plugin, "ok");
        for _ in 0..2 {
            let (_handle, future) = run(call.clone());
            future.await.unwrap();
        }
        assert_eq!(warmed.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_warm_up_that_fails_fails_every_call_and_names_the_step() {
        let (call, _host) =
            call(plugin().warmup(async || Err(HandlerError::new("NO_MODEL", "it is missing"))), "ok");
        for _ in 0..2 {
            let (_handle, future) = run(call.clone());
            let error = future.await.unwrap_err();
            assert_eq!((error.code().as_str(), error.step()), ("NO_MODEL", Some(Step::Warmup)));
        }
    }
}
