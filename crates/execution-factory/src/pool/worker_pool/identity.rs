//! Which workers can run a request: those of the same plugin, program, sandbox plan and environment, and no others.

use std::path::PathBuf;

use plugdock_contracts::error::ExecutionError;

use crate::plugin::PluginOrigin;
use crate::pool::executor::StartOrder;
use crate::worker::WorkerDefaults;

/// A worker's identity, for its whole life.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) origin: PluginOrigin,
    /// The program's digest.
    pub(crate) digest: String,
    /// What the kernel holds.
    plan: String,
    /// The variables of the host that it sees: a worker that saw more than a request is granted would tell it.
    env: Vec<(String, String)>,
    /// Its connection's largest payload, in bytes.
    pub(crate) max_payload: u64,
    /// The directory of the caller that it may use.
    existing: Option<PathBuf>,
}

impl Identity {
    pub(crate) fn of(
        order: &StartOrder,
        defaults: &WorkerDefaults,
        host_env: &[(String, String)],
    ) -> Result<Self, ExecutionError> {
        let StartOrder { plugin, limits, permissions, max_payload, existing, area: _ } = order;
        Ok(Self {
            origin: plugin.origin.clone(),
            digest: plugin.digest.clone(),
            plan: defaults.plan(limits, permissions)?.identity(),
            env: host_env
                .iter()
                .filter(|(name, _)| permissions.env_read(name).is_allowed())
                .cloned()
                .collect(),
            max_payload: *max_payload,
            existing: existing.clone(),
        })
    }

    /// The start of the digest, as people are shown it.
    pub(crate) fn generation(&self) -> &str {
        self.digest.get(..12).unwrap_or(&self.digest)
    }
}
