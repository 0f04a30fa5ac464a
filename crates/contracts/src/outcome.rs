//! What an execution ends with: result or error, and what was measured. A number that was not measured is absent.
//! It is data: it can be stored, shown and sent.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::backend::BackendKind;
use crate::error::{ErrorCode, ExecutionError};
use crate::id::{ExecutionId, WorkerId, WorkspaceId};
use crate::payload::Payload;
use crate::span::as_micros;
use crate::workspace::CollectedArtifacts;

/// The one end of an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Outcome {
    /// Which execution.
    pub execution_id: ExecutionId,
    /// The handler's result, or why there is none.
    pub result: Result<Payload, ExecutionError>,
    /// How long each step took.
    pub timings: Timings,
    /// What it used, as far as it was measured.
    pub usage: Usage,
    /// What ran it.
    pub backend: BackendKind,
    /// The process that ran it; none in-process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerId>,
    /// Whether a process had to be started for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<WorkerStart>,
    /// How often its handler was, or may have been, started.
    #[serde(default)]
    pub attempts: Attempts,
    /// The workspace it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WorkspaceId>,
    /// The files it left.
    #[serde(default)]
    pub artifacts: CollectedArtifacts,
    /// What was in force, as the worker's set-up found it.
    #[serde(default)]
    pub sandbox: SandboxReport,
    /// Log lines and progress events that nobody took in time and that were dropped.
    #[serde(default)]
    pub events_dropped: u64,
}

impl Outcome {
    /// An outcome with nothing but its result; the rest is filled by whoever measured it.
    pub fn new(
        execution_id: ExecutionId,
        backend: BackendKind,
        result: Result<Payload, ExecutionError>,
    ) -> Self {
        Self {
            execution_id,
            result,
            timings: Timings::default(),
            usage: Usage::default(),
            backend,
            worker: None,
            start: None,
            attempts: Attempts::default(),
            workspace: None,
            artifacts: CollectedArtifacts::default(),
            sandbox: SandboxReport::default(),
            events_dropped: 0,
        }
    }

    /// Whether the handler answered with a result.
    pub fn is_ok(&self) -> bool {
        self.result.is_ok()
    }

    /// The error, if there is no result.
    pub fn error(&self) -> Option<&ExecutionError> {
        self.result.as_ref().err()
    }

    /// The result as a value.
    ///
    /// # Errors
    /// The execution's error, or `HANDLER_CONTRACT_ERROR` when the result has another shape.
    pub fn into_value<T: serde::de::DeserializeOwned>(self) -> Result<T, ExecutionError> {
        let payload = self.result?;
        payload
            .to_value()
            .map_err(|error| ExecutionError::from_error(ErrorCode::HandlerContractError, &error))
    }
}

/// Whether a process had to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum WorkerStart {
    /// A process was started for this execution.
    Cold,
    /// A process was waiting.
    Warm,
}

/// How often a handler was started for one execution. Without retries it is at most once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Attempts {
    /// Times the handler was started, or may have been: 0 or 1, and more only for a handler that declares itself idempotent.
    pub started: u32,
    /// Times the call was given to a worker that died and provably had not started it.
    pub taken_back: u32,
}

/// How long each step took, in microseconds where it is serialised. A step that did not happen is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Timings {
    /// From admission until a worker or slot was there.
    #[serde(with = "as_micros::option", rename = "queue_us", skip_serializing_if = "Option::is_none")]
    pub queue: Option<Duration>,
    /// From the start of the process until it was ready for a call.
    #[serde(with = "as_micros::option", rename = "spawn_us", skip_serializing_if = "Option::is_none")]
    pub spawn: Option<Duration>,
    /// From the call until its end.
    #[serde(with = "as_micros::option", rename = "run_us", skip_serializing_if = "Option::is_none")]
    pub run: Option<Duration>,
    /// From admission until the outcome.
    #[serde(with = "as_micros", rename = "total_us")]
    pub total: Duration,
}

/// What an execution used. Each number names its quantity; what was not measured is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Usage {
    /// CPU time in user mode, of the process and the children it waited for.
    #[serde(with = "as_micros::option", rename = "cpu_user_us", skip_serializing_if = "Option::is_none")]
    pub cpu_user: Option<Duration>,
    /// CPU time in the kernel, of the process and the children it waited for.
    #[serde(with = "as_micros::option", rename = "cpu_system_us", skip_serializing_if = "Option::is_none")]
    pub cpu_system: Option<Duration>,
    /// CPU time in both modes, where their sum was measured by itself: of all processes of the worker's control group, or
    /// of the process with all its threads while it ran this execution alone.
    #[serde(with = "as_micros::option", rename = "cpu_total_us", skip_serializing_if = "Option::is_none")]
    pub cpu_total: Option<Duration>,
    /// Largest resident set of one process, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_resident_bytes: Option<u64>,
    /// Bytes the kernel read from storage for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_bytes: Option<u64>,
    /// Bytes the kernel wrote to storage for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_bytes: Option<u64>,
    /// Bytes in its workspace and artifacts at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_bytes: Option<u64>,
}

impl Usage {
    /// CPU time in both modes, if both or their sum were measured.
    pub fn cpu(&self) -> Option<Duration> {
        self.cpu_total.or_else(|| Some(self.cpu_user? + self.cpu_system?))
    }
}

/// What held the worker while it ran.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SandboxReport {
    /// The profile, for example `trusted`; empty when there is no boundary, as in-process.
    pub profile: String,
    /// Each mechanism and its state.
    pub mechanisms: Vec<Mechanism>,
}

/// One mechanism of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Mechanism {
    /// What it is, for example `no-new-privileges` or `rlimit open files`.
    pub name: String,
    /// Whether it was in force.
    pub state: MechanismState,
    /// Its value, or why it is not in force.
    pub detail: String,
}

impl Mechanism {
    /// A mechanism in a state.
    pub fn new(name: impl Into<String>, state: MechanismState, detail: impl Into<String>) -> Self {
        Self { name: name.into(), state, detail: detail.into() }
    }
}

/// Whether a mechanism was in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MechanismState {
    /// In force, as read back from the kernel.
    Enforced,
    /// Asked for, but this machine or profile cannot hold it.
    NotEnforced,
    /// Not asked for.
    NotRequested,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_survives_a_document() {
        let mut outcome =
            Outcome::new(ExecutionId::generate(), BackendKind::Subprocess, Ok(Payload::json(&7).unwrap()));
        outcome.timings.run = Some(Duration::from_micros(1500));
        outcome.usage.cpu_user = Some(Duration::from_micros(3));
        outcome.sandbox.mechanisms.push(Mechanism::new("no-new-privileges", MechanismState::Enforced, ""));
        let document = serde_json::to_value(&outcome).unwrap();
        assert_eq!(document["timings"]["run_us"], 1500);
        assert!(document["usage"].get("cpu_system_us").is_none(), "what was not measured is absent");
        assert_eq!(serde_json::from_value::<Outcome>(document).unwrap(), outcome);
    }

    #[test]
    fn cpu_time_is_the_sum_however_it_was_measured() {
        let span = Duration::from_micros;
        let of = |user, system, total| Usage {
            cpu_user: user,
            cpu_system: system,
            cpu_total: total,
            ..Usage::default()
        };
        assert_eq!(of(Some(span(2)), Some(span(3)), None).cpu(), Some(span(5)));
        assert_eq!(of(Some(span(2)), None, None).cpu(), None, "half of it is no sum");
        let sum = of(None, None, Some(span(7)));
        assert_eq!(sum.cpu(), Some(span(7)));
        assert_eq!(serde_json::to_value(sum).unwrap(), serde_json::json!({ "cpu_total_us": 7 }));
    }

    #[test]
    fn a_result_of_another_shape_is_the_plugins_fault() {
        let outcome =
            Outcome::new(ExecutionId::generate(), BackendKind::InProcess, Ok(Payload::json("text").unwrap()));
        let error = outcome.into_value::<u8>().unwrap_err();
        assert_eq!(error.code(), &ErrorCode::HandlerContractError);
    }
}
