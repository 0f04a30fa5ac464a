//! Turns what can go wrong with a worker into the error of an execution: the one place where that is decided.

use plugdock_contracts::CancelReason;
use plugdock_contracts::error::{
    CrashCause, ErrorChain, ErrorCode, ExecutionError, Fault, KillReason, Resource, Step,
};
use plugdock_ipc::LinkError;
use plugdock_ipc::handshake::HandshakeError;

use crate::process::{ExecProblem, ExitCause, ExitReport, SpawnError};

fn made(code: ErrorCode, error: &dyn std::error::Error) -> ExecutionError {
    ExecutionError::new(code, error.to_string()).with_chain(ErrorChain(error).sources())
}

/// A worker that was not started.
pub(crate) fn spawn(error: &SpawnError) -> ExecutionError {
    let made = made(ErrorCode::SpawnFailed, error).with_step(Step::Spawn);
    match error {
        SpawnError::Failed { failure, .. } => match &failure.problem {
            Some(ExecProblem::TextBusy | ExecProblem::Other) | None => made,
            Some(_) => {
                made.with_fault(Fault::Plugin).with_retryable(false).with_help("check the plugin's entry")
            }
        },
        SpawnError::Receipt { .. } => {
            ExecutionError::new(ErrorCode::InsufficientIsolation, error.to_string()).with_step(Step::Spawn)
        }
        SpawnError::NoHello { .. } | SpawnError::Nested { .. } | SpawnError::SpawnerStart { .. } => made
            .with_retryable(false)
            .with_help("call plugdock::init() first in main, or configure spawner_program"),
        SpawnError::SpawnerRestarting { retry_after } => made.with_retry_after(*retry_after),
        SpawnError::Closed => ExecutionError::new(ErrorCode::ShuttingDown, error.to_string()),
        _ => made,
    }
}

/// Whether another attempt to start the worker would fail in the same way.
pub(crate) fn is_spawn_permanent(error: &SpawnError) -> bool {
    match error {
        SpawnError::Failed { failure, .. } => {
            !matches!(failure.problem, None | Some(ExecProblem::TextBusy | ExecProblem::Other))
        }
        SpawnError::NotAbsolute { .. }
        | SpawnError::NotUtf8 { .. }
        | SpawnError::TooLarge { .. }
        | SpawnError::Receipt { .. }
        | SpawnError::NoHello { .. }
        | SpawnError::SpawnerProtocol { .. }
        | SpawnError::Nested { .. } => true,
        _ => false,
    }
}

/// Whether another attempt to be introduced would fail in the same way.
pub(crate) fn is_handshake_permanent(error: &HandshakeError) -> bool {
    matches!(error, HandshakeError::Prelude(_) | HandshakeError::Refused { .. })
}

/// A worker that was started but did not introduce itself. `exit` is its end, if it ended by itself.
pub(crate) fn handshake(
    error: &HandshakeError,
    exit: Option<&ExitReport>,
    tail: Vec<String>,
) -> ExecutionError {
    let code = match error {
        HandshakeError::Prelude(_) => ErrorCode::ProtocolMismatch,
        _ => ErrorCode::HandshakeFailed,
    };
    let mut made = made(code.clone(), error).with_step(Step::Handshake).with_stderr_tail(tail);
    if let HandshakeError::Link { source: LinkError::Violation(violation), .. } = error {
        let message = format!("the worker broke the protocol before it introduced itself: {violation}");
        made = ExecutionError::new(code, message)
            .with_step(Step::Handshake)
            .with_stderr_tail(made.stderr_tail().to_vec());
    } else if let (Some(exit), HandshakeError::Link { .. }) = (exit, error) {
        let cause = crash_cause(exit);
        made = ExecutionError::new(code, format!("the worker ended before it introduced itself: {cause}"))
            .with_step(Step::Handshake)
            .with_chain(vec![error.to_string()])
            .with_stderr_tail(made.stderr_tail().to_vec())
            .with_cause(cause);
    }
    match error {
        HandshakeError::Deadline { after, .. } => made
            .with_limit(*after)
            .with_help("the program must serve plugdock first of all: for a Rust plugin, `Plugin::serve()` is the whole `main`"),
        HandshakeError::Prelude(_) => made,
        HandshakeError::Refused { .. } => made
            .with_retryable(false)
            .with_help("make the manifest and the program agree on id and version"),
        _ if made.stderr_tail().is_empty() => made,
        _ => made.with_help("the last lines of its standard error say more"),
    }
}

/// What the end of a process says about its cause.
pub(crate) fn crash_cause(exit: &ExitReport) -> CrashCause {
    match exit.cause {
        _ if exit.is_out_of_memory() => CrashCause::OutOfMemory,
        ExitCause::Code(code) => CrashCause::Exit { code },
        ExitCause::Signal { signal, core_dumped } => CrashCause::from_signal(signal, core_dumped),
        _ => CrashCause::SpawnerLost,
    }
}

/// A connection that broke before the answer. `exit` is the worker's end, if it ended by itself.
pub(crate) fn broken(cause: &LinkError, exit: Option<&ExitReport>, tail: Vec<String>) -> ExecutionError {
    let made = match (cause, exit) {
        (LinkError::Violation(violation), _) => {
            let detail = violation.to_string();
            ExecutionError::new(
                ErrorCode::ProtocolViolation,
                format!("the worker broke the protocol: {detail}"),
            )
            .with_cause(CrashCause::ProtocolViolation { detail })
        }
        (_, Some(exit)) => crashed(&crash_cause(exit)),
        (LinkError::Closed | LinkError::Truncated { .. }, None) => crashed(&CrashCause::ChannelClosed),
        (other, None) => made_crash(other),
    };
    made.with_step(Step::Call).with_stderr_tail(tail)
}

fn crashed(cause: &CrashCause) -> ExecutionError {
    let message = format!("the worker {cause}");
    let made = match cause {
        CrashCause::OutOfMemory => {
            ExecutionError::new(ErrorCode::ResourceExhausted, message).with_resource(Resource::Memory)
        }
        _ => ExecutionError::new(ErrorCode::WorkerCrashed, message),
    };
    made.with_cause(cause.clone())
}

fn made_crash(error: &LinkError) -> ExecutionError {
    made(ErrorCode::WorkerCrashed, error).with_cause(CrashCause::ChannelClosed)
}

/// Why we killed a worker that was told to stop.
pub(crate) fn kill_reason(reason: &CancelReason) -> KillReason {
    match reason {
        CancelReason::Timeout => KillReason::Timeout,
        CancelReason::Shutdown => KillReason::Shutdown,
        _ => KillReason::Cancelled,
    }
}

#[cfg(test)]
mod tests {
    use plugdock_sandbox::group::GroupUsage;

    use super::*;

    #[test]
    fn a_kill_for_want_of_memory_is_the_resource_and_any_other_end_a_crash() {
        let mut used = GroupUsage::default();
        used.oom_kills = Some(1);
        let killed = ExitCause::Signal { signal: libc::SIGKILL, core_dumped: false };
        let mut exit = ExitReport::new(killed, None);
        let told = |exit: &ExitReport| {
            let error = broken(&LinkError::Closed, Some(exit), Vec::new());
            (error.code().clone(), error.resource(), error.cause().cloned())
        };
        let signal = CrashCause::Signal { signal: libc::SIGKILL, core: false };
        assert_eq!(told(&exit), (ErrorCode::WorkerCrashed, None, Some(signal)));
        exit.group = Some(used);
        let expected = (ErrorCode::ResourceExhausted, Some(Resource::Memory), Some(CrashCause::OutOfMemory));
        assert_eq!(told(&exit), expected);
        exit.cause = ExitCause::Signal { signal: libc::SIGXCPU, core_dumped: false };
        assert_eq!(told(&exit), (ErrorCode::WorkerCrashed, None, Some(CrashCause::CpuLimit)));
    }
}
