//! What an execution is told of its call's end: the one mapping from how a call and its worker ended to result or error.

use plugdock_contracts::describe::HandlerKind;
use plugdock_contracts::error::{CrashCause, ErrorCode, ExecutionError, KillReason, Step};
use plugdock_contracts::{ByteSize, Payload};
use plugdock_ipc::LinkError;
use plugdock_ipc::frame::Hello;

use super::call::CallEnd;
use super::{describe, failure};
use crate::engine::{Job, StopDecision};
use crate::limit;
use crate::process::{ExitReport, ForwardLimits};

/// How the worker of a call ended. Of one that lives there is nothing to say.
#[derive(Debug, Default)]
pub(crate) struct Death {
    pub(crate) exit: Option<ExitReport>,
    /// It was killed because the call, or the connection, had ended without it.
    pub(crate) forced: bool,
    /// It was killed for a reason of the host's own.
    pub(crate) reason: Option<KillReason>,
    /// The last lines of its standard error that are the call's.
    pub(crate) tail: Vec<String>,
}

impl CallEnd {
    /// Whether the worker failed the call: nobody had told it to stop.
    pub(crate) const fn is_crash(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Died)
    }

    /// Whether the worker is there, or may be on its way out by itself: how it ends is the cause then.
    pub(crate) fn may_leave(&self) -> bool {
        match self {
            Self::Answer(_) | Self::Stopped(_) | Self::Died | Self::Left(_) => true,
            // One that takes nothing hears no goodbye either.
            Self::Deaf(_) | Self::Unsent(_) => false,
            Self::Broken(cause) => is_close(cause),
        }
    }

    /// What the execution is told.
    pub(crate) fn into_result(self, job: &Job, death: Death) -> Result<Payload, ExecutionError> {
        let Death { exit, forced, reason, tail } = death;
        let by_itself = exit.as_ref().filter(|_| !forced && reason.is_none());
        let killed_for = reason.map(|reason| CrashCause::Killed { reason });
        let own = |stop: &StopDecision| CrashCause::Killed { reason: failure::kill_reason(&stop.reason) };
        match (self, reason) {
            (Self::Answer(Ok(payload)), _) => {
                limit::check_payload("the result", payload.len(), payload_limit(job)).map(|()| payload)
            }
            (Self::Answer(Err(error)), _) => Err(error),
            (Self::Stopped(stop), _) => Err(stop.error(job, "it stopped when asked")),
            (Self::Unsent(stop), _) => {
                let cause = forced.then(|| own(&stop));
                Err(with_cause(stop.error(job, "its worker had not taken it yet"), cause))
            }
            (Self::Left(stop), _) => {
                let error = stop.error(job, "its worker ended without an answer").with_stderr_tail(tail);
                Err(with_cause(error, killed_for.or_else(|| by_itself.map(failure::crash_cause))))
            }
            (Self::Deaf(stop), _) => {
                let grace = plugdock_contracts::span::format_span(job.timeouts.grace());
                let how = format!("asked to stop, it did not within {grace} and was killed");
                let cause = killed_for.unwrap_or_else(|| own(&stop));
                Err(stop.error(job, &how).with_cause(cause).with_stderr_tail(tail))
            }
            (Self::Broken(_) | Self::Died, Some(reason)) => Err(killed(reason, tail)),
            (Self::Broken(cause), None) => Err(failure::broken(&cause, by_itself, tail)),
            (Self::Died, None) => Err(failure::broken(&LinkError::Closed, exit.as_ref(), tail)),
        }
    }
}

fn with_cause(error: ExecutionError, cause: Option<CrashCause>) -> ExecutionError {
    match cause {
        Some(cause) => error.with_cause(cause),
        None => error,
    }
}

/// A call whose worker was killed for something else.
fn killed(reason: KillReason, tail: Vec<String>) -> ExecutionError {
    let cause = CrashCause::Killed { reason };
    let code =
        if reason == KillReason::Unhealthy { ErrorCode::WorkerUnhealthy } else { ErrorCode::WorkerCrashed };
    ExecutionError::new(code, format!("the worker was {cause}"))
        .with_cause(cause)
        .with_step(Step::Call)
        .with_stderr_tail(tail)
}

/// Whether a connection ended as it does when its worker ends.
fn is_close(cause: &LinkError) -> bool {
    matches!(
        cause,
        LinkError::Closed | LinkError::Truncated { .. } | LinkError::Read(_) | LinkError::Write(_)
    )
}

/// The largest input or result of a job, in bytes.
pub(crate) fn payload_limit(job: &Job) -> u64 {
    job.limits.payload.map_or(limit::DEFAULT_MAX_PAYLOAD, ByteSize::bytes)
}

/// How much of what a job's handler prints is passed on.
pub(crate) fn output_limits(job: &Job) -> ForwardLimits {
    let mut limits = ForwardLimits::default();
    if let Some(limit) = job.limits.output {
        limits.bytes_in_all = limit.bytes();
    }
    limits
}

/// Whether a job's handler takes an input stream.
pub(crate) fn takes_input(hello: &Hello, job: &Job) -> bool {
    let handler = job.descriptor.handler.as_str();
    let info = hello.handlers.iter().find(|info| info.name == handler);
    info.is_some_and(|info| describe::kind(info.kind) == HandlerKind::Channel)
}
