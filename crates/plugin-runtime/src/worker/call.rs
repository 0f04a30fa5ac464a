//! One call in a worker: from the wire to the runner and back.
//! It does not decide when a handler begins; whoever accepts calls does.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::{CancelReason, Payload};
use plugdock_ipc::frame::{CancelKind, LogLevel, LogRecord, Reply, Usage};
use plugdock_ipc::link::worker::WorkerCall;
use tokio::time::Instant;

use super::bridge::ChannelBridge;
use crate::bridge::HostBridge;
use crate::descriptor::CallDescriptor;
use crate::plugin::BuiltPlugin;
use crate::runner::{self, Call};

/// A call that was accepted and whose handler has not begun.
#[derive(Debug)]
pub(super) struct StartingCall {
    call: WorkerCall,
    prepared: Call,
}

impl StartingCall {
    /// Queues `Started` for a call that can be run. One that cannot is answered here, without it.
    pub(super) fn accept(plugin: &Arc<BuiltPlugin>, mut call: WorkerCall) -> Option<Self> {
        match prepare(plugin, &mut call) {
            Ok(prepared) => {
                // A host that is gone cannot be told; `started` says so, and nothing begins.
                let _queued = call.handle().started();
                Some(Self { call, prepared })
            }
            Err(error) => {
                answer(call, Err(error), None);
                None
            }
        }
    }

    /// Waits until the stream took `Started`: the handler may begin then. False when that cannot happen any more.
    /// Cancel-safe.
    pub(super) async fn started(&self) -> bool {
        self.call.handle().flush_started().await.is_ok()
    }

    /// Runs the call and answers it.
    pub(super) async fn run(self) {
        let Self { call, prepared } = self;
        run(call, prepared).await;
    }
}

async fn run(call: WorkerCall, prepared: Call) {
    let start = Instant::now();
    let result = drive(prepared, &call).await;
    let run_us = u64::try_from(start.elapsed().as_micros()).ok();
    let dropped = call.handle().n_dropped();
    if dropped > 0 {
        // Its number tells the host how many are missing before it; a host that is gone misses nothing.
        let message = format!(
            "{dropped} log lines or progress notes were dropped: they came faster than they were taken"
        );
        let record = LogRecord { level: LogLevel::Warn, message, ..LogRecord::default() };
        let _told = call.handle().log_waiting(record).await;
    }
    // What was printed must be in the pipe before the answer, or the host would count it to nobody.
    let _flushed = std::io::stdout().flush();
    answer(call, result, run_us);
}

fn answer(call: WorkerCall, result: Result<Payload, ExecutionError>, run_us: Option<u64>) {
    let sent = match result {
        Ok(payload) => {
            let content_type = payload.content_type().to_owned();
            let usage = Usage { run_us, ..Usage::default() };
            call.reply(Reply { content_type, usage }, payload.into_bytes())
        }
        Err(error) => call.fail(error.into()),
    };
    if let Err(error) = sent {
        tracing::debug!(%error, "the answer was not sent");
    }
}

fn prepare(plugin: &Arc<BuiltPlugin>, call: &mut WorkerCall) -> Result<Call, ExecutionError> {
    let meta = call.meta();
    let mut descriptor: CallDescriptor = serde_json::from_str(&meta.descriptor).map_err(|error| {
        ExecutionError::from_error(ErrorCode::ProtocolViolation, &error)
            .with_help("host and runtime disagree on the call's form")
    })?;
    if plugin.handler(&descriptor.handler).is_none() {
        return Err(runner::unknown_handler(plugin, &descriptor));
    }
    // The frame's time is the one that counts: it was measured when the call was sent.
    descriptor.time_limit_us = meta.deadline_us;
    let input = Payload::new(call.input().clone(), meta.content_type.clone());
    let bridge: Arc<dyn HostBridge> = Arc::new(ChannelBridge::new(call.handle(), call.take_input(0)));
    Ok(Call::new(Arc::clone(plugin), descriptor, input, bridge))
}

async fn drive(prepared: Call, call: &WorkerCall) -> Result<Payload, ExecutionError> {
    let handle = call.handle();
    let (control, future) = runner::run(prepared);
    let mut future = std::pin::pin!(future);
    tokio::select! {
        biased;
        cancel = handle.cancelled() => {
            let (reason, grace) = match cancel {
                Some(cancel) => (reason(cancel.kind, &cancel.reason), cancel.grace()),
                // The host is gone, and the process is about to end with it.
                None => (CancelReason::CallerGone, Duration::ZERO),
            };
            control.cancel(reason, grace);
        }
        result = &mut future => return result,
    }
    let result = future.await;
    if control.threads_running() > 0 {
        // A blocking handler did not stop. To answer would say that it did: the host's kill is the truth.
        std::future::pending::<()>().await;
    }
    result
}

fn reason(kind: CancelKind, text: &str) -> CancelReason {
    match kind {
        CancelKind::Timeout => CancelReason::Timeout,
        CancelKind::Dropped => CancelReason::CallerGone,
        CancelKind::Shutdown => CancelReason::Shutdown,
        _ => CancelReason::Requested(text.to_owned()),
    }
}
