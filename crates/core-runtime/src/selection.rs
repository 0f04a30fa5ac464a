//! Which backend a mode means here: the rules of `auto`, and what is refused.
//! It looks at nothing itself; environment variables of orchestrators are no reason for anything.

use plugdock_contracts::{BackendKind, ErrorCode, ExecutionError};
use serde::{Deserialize, Serialize};

use crate::config::ExecutionMode;

/// What the choice depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offer {
    /// Whether this system can run workers as processes of their own at all.
    pub(crate) processes: bool,
    /// Whether plugins are linked into the host.
    pub(crate) linked: bool,
}

/// The backend to try, and what may take its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) kind: BackendKind,
    pub(crate) reason: &'static str,
    /// Whether the in-process backend takes its place when it cannot be made.
    pub(crate) or_in_process: bool,
}

/// Which backend was made, and why that one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BackendChoice {
    /// The backend.
    pub kind: BackendKind,
    /// The mode that was asked for.
    pub mode: ExecutionMode,
    /// Why this one, in a sentence.
    pub reason: String,
    /// Why the backend that would have been better could not be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<ExecutionError>,
}

/// What to try for a mode.
///
/// `auto` gives worker processes wherever the system has them. The in-process backend stands in for them only for
/// plugins that are linked into the host: their code is in the host's memory already, so no boundary is lost that a
/// plugin's program would have had. It never takes the worker pool: a command that runs one handler and ends gains nothing
/// from workers that are kept, and keeping processes is a host's own decision.
pub(crate) fn plan(mode: ExecutionMode, offer: Offer) -> Result<Plan, ExecutionError> {
    let only = |kind, reason| Ok(Plan { kind, reason, or_in_process: false });
    match mode {
        ExecutionMode::InProcess => only(BackendKind::InProcess, "execution.mode asks for it"),
        ExecutionMode::Subprocess if offer.processes => {
            only(BackendKind::Subprocess, "execution.mode asks for it")
        }
        ExecutionMode::Subprocess => Err(needs_linux("the mode subprocess needs Linux")),
        ExecutionMode::WorkerPool if offer.processes => {
            only(BackendKind::WorkerPool, "execution.mode asks for it")
        }
        ExecutionMode::WorkerPool => Err(needs_linux("the mode worker-pool needs Linux")),
        ExecutionMode::Auto if offer.processes => Ok(Plan {
            kind: BackendKind::Subprocess,
            reason: "auto: this system runs each execution in a process of its own",
            or_in_process: offer.linked,
        }),
        ExecutionMode::Auto if offer.linked => only(
            BackendKind::InProcess,
            "auto: there are no worker processes on this system, and plugins are linked into the host",
        ),
        ExecutionMode::Auto => Err(unsupported(
            "no backend fits: worker processes need Linux, and no plugin is linked into the host",
            "link a plugin, or run on Linux",
        )),
    }
}

fn needs_linux(message: &str) -> ExecutionError {
    unsupported(message, "choose the mode in-process for linked plugins")
}

fn unsupported(message: &str, help: &str) -> ExecutionError {
    ExecutionError::new(ErrorCode::Unsupported, message).with_help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_means_one_backend_or_a_refusal() {
        use ExecutionMode::{Auto, InProcess, Subprocess, WorkerPool};
        for (mode, processes, linked, expected) in [
            (Auto, true, false, Some((BackendKind::Subprocess, false))),
            (Auto, true, true, Some((BackendKind::Subprocess, true))),
            (Auto, false, true, Some((BackendKind::InProcess, false))),
            (Auto, false, false, None),
            (InProcess, true, false, Some((BackendKind::InProcess, false))),
            (Subprocess, true, true, Some((BackendKind::Subprocess, false))),
            (Subprocess, false, true, None),
            (WorkerPool, true, false, Some((BackendKind::WorkerPool, false))),
            (WorkerPool, true, true, Some((BackendKind::WorkerPool, false))),
            (WorkerPool, false, true, None),
        ] {
            let plan = plan(mode, Offer { processes, linked });
            match (plan, expected) {
                (Ok(plan), Some(expected)) => {
                    assert_eq!((plan.kind, plan.or_in_process), expected, "{mode:?}");
                }
                (Err(error), None) => assert_eq!(error.code(), &ErrorCode::Unsupported, "{mode:?}"),
                (plan, _) => panic!("{mode:?} with processes {processes}, linked {linked}: {plan:?}"),
            }
        }
    }
}
