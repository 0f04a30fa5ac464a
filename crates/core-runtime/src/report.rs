//! What stopping a host met, as data.

use std::time::Duration;

use plugdock_platform::PlatformReport;

use crate::signal::StopSignal;

/// What stopping a host met.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RuntimeReport {
    /// The backend's executions and the services.
    pub platform: PlatformReport,
    /// The signal that asked to stop; none when the program did.
    pub signal: Option<StopSignal>,
    /// Whether a second signal cut the drain short.
    pub cut_short: bool,
    /// How long it took.
    pub took: Duration,
}

impl RuntimeReport {
    /// Whether everything ended by itself: nothing killed, abandoned or failed.
    pub fn is_clean(&self) -> bool {
        let backend_clean = self
            .platform
            .backend
            .as_ref()
            .is_none_or(|report| report.killed.is_empty() && report.abandoned.is_empty());
        backend_clean && self.platform.failures.is_empty()
    }
}
