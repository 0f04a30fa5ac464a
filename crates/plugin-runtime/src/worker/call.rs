//! One call in a worker: from the wire to the runner and back.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::{CancelReason, Payload};
use plugdock_ipc::frame::{CancelKind, LogLevel, LogRecord, Reply, Usage};
use plugdock_ipc::link::worker::WorkerCall;

use super::bridge::ChannelBridge;
use crate::bridge::HostBridge;
use crate::descriptor::CallDescriptor;
use crate::plugin::BuiltPlugin;
use crate::runner::{self, Call};

/// Runs a call and answers it.
pub(super) async fn run(plugin: Arc<BuiltPlugin>, mut call: WorkerCall) {
    let start = tokio::time::Instant::now();
    let result = match prepare(&plugin, &mut call) {
        Ok(prepared) => drive(prepared, &call).await,
        Err(error) => Err(error),
    };
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
    let sent = match result {
        Ok(payload) => {
            let run_us = u64::try_from(start.elapsed().as_micros()).ok();
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
    // The frame's time is the one that counts: it was measured when the call was sent.
    descriptor.time_limit_us = meta.deadline_us;
    let input = Payload::new(call.input().clone(), meta.content_type.clone());
    let bridge: Arc<dyn HostBridge> = Arc::new(ChannelBridge::new(call.handle(), call.take_input(0)));
    Ok(Call::new(Arc::clone(plugin), descriptor, input, bridge))
}

async fn drive(prepared: Call, call: &WorkerCall) -> Result<Payload, ExecutionError> {
    let handle = call.handle();
    let (control, future) = runner::run(prepared);
    // A host that is gone cannot be told.
    let _told = handle.started();
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
