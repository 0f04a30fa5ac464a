//! Which workers can run a request: those of the same plugin, program, sandbox plan and environment, and no others.

use plugdock_contracts::{Limits, Permissions};
use plugdock_sandbox::{HostCapabilities, SandboxPlan};

use crate::limit;
use crate::plugin::{PluginOrigin, ResolvedPlugin};

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
}

impl Identity {
    pub(crate) fn of(
        plugin: &ResolvedPlugin,
        limits: &Limits,
        permissions: &Permissions,
        capabilities: &HostCapabilities,
        host_env: &[(String, String)],
    ) -> Self {
        Self {
            origin: plugin.origin.clone(),
            digest: plugin.digest.clone(),
            plan: SandboxPlan::compute(limits, capabilities).identity(),
            env: host_env
                .iter()
                .filter(|(name, _)| permissions.env_read(name).is_allowed())
                .cloned()
                .collect(),
            max_payload: limits
                .payload
                .map_or(limit::DEFAULT_MAX_PAYLOAD, plugdock_contracts::ByteSize::bytes),
        }
    }

    /// The start of the digest, as people are shown it.
    pub(crate) fn generation(&self) -> &str {
        self.digest.get(..12).unwrap_or(&self.digest)
    }
}
