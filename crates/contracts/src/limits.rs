//! Limits of what an execution's worker may use. Each is optional; what is not set is not limited by the request.
//! A limit says what is wanted: what was in force is in the outcome's sandbox report.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::size::ByteSize;
use crate::span;

/// What a worker may use at most. `None` leaves the dimension to the host's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Memory of the whole worker, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<ByteSize>,
    /// CPU time of one process of the worker, user and system together.
    #[serde(with = "span::as_text::option", skip_serializing_if = "Option::is_none")]
    pub cpu_time: Option<Duration>,
    /// Share of the machine's CPU in thousandths of one core ("500m" is half a core).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_millicores: Option<u32>,
    /// Processes and threads of the worker at one time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<u32>,
    /// Open descriptors of one process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u32>,
    /// Largest file the worker may write, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_size: Option<ByteSize>,
    /// Stack of a process's first thread, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<ByteSize>,
    /// Workspace and artifacts together, in bytes on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<ByteSize>,
    /// Standard output and error that is kept as log lines, in bytes; what is over is read and dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<ByteSize>,
    /// Largest input, result or stream chunk, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<ByteSize>,
    /// Network connections at one time, through the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<u32>,
}

impl Limits {
    /// Fills what is not set here from `defaults`.
    #[must_use]
    pub fn or(self, defaults: &Self) -> Self {
        Self {
            memory: self.memory.or(defaults.memory),
            cpu_time: self.cpu_time.or(defaults.cpu_time),
            cpu_millicores: self.cpu_millicores.or(defaults.cpu_millicores),
            processes: self.processes.or(defaults.processes),
            open_files: self.open_files.or(defaults.open_files),
            file_size: self.file_size.or(defaults.file_size),
            stack: self.stack.or(defaults.stack),
            storage: self.storage.or(defaults.storage),
            output: self.output.or(defaults.output),
            payload: self.payload.or(defaults.payload),
            connections: self.connections.or(defaults.connections),
        }
    }

    /// The fields that are set to zero, by name: a zero limit can only be a mistake.
    pub fn zeros(&self) -> Vec<&'static str> {
        let sizes = [
            ("memory", self.memory),
            ("file_size", self.file_size),
            ("stack", self.stack),
            ("storage", self.storage),
            ("payload", self.payload),
        ];
        let counts = [
            ("cpu_millicores", self.cpu_millicores),
            ("processes", self.processes),
            ("open_files", self.open_files),
        ];
        let mut zeros: Vec<_> =
            sizes.iter().filter(|(_, size)| *size == Some(ByteSize::default())).map(|(n, _)| *n).collect();
        zeros.extend(counts.iter().filter(|(_, count)| *count == Some(0)).map(|(n, _)| *n));
        zeros.extend((self.cpu_time == Some(Duration::ZERO)).then_some("cpu_time"));
        zeros
    }
}

/// A share of CPU, read from text: "500m" is half a core, "2" is two cores.
///
/// # Errors
/// A sentence that says what would be right.
pub fn parse_millicores(text: &str) -> Result<u32, &'static str> {
    const HELP: &str = "write thousandths of a core as in \"500m\", or whole cores as in \"2\"";
    let (digits, factor) = text.strip_suffix('m').map_or((text, 1000), |digits| (digits, 1));
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(HELP);
    }
    digits.parse::<u32>().ok().and_then(|n| n.checked_mul(factor)).ok_or(HELP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_limits_win_over_defaults() {
        let own = Limits { processes: Some(4), ..Limits::default() };
        let defaults = Limits { processes: Some(8), open_files: Some(64), ..Limits::default() };
        let merged = own.or(&defaults);
        assert_eq!((merged.processes, merged.open_files), (Some(4), Some(64)));
    }

    #[test]
    fn zero_limits_are_named() {
        let limits = Limits {
            memory: Some(ByteSize::default()),
            cpu_time: Some(Duration::ZERO),
            processes: Some(1),
            ..Limits::default()
        };
        assert_eq!(limits.zeros(), ["memory", "cpu_time"]);
    }

    #[test]
    fn millicores_are_thousandths_of_a_core() {
        assert_eq!(parse_millicores("500m"), Ok(500));
        assert_eq!(parse_millicores("2"), Ok(2000));
        for bad in ["", "m", "-1", "1.5", "4294968", "+1"] {
            assert!(parse_millicores(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
