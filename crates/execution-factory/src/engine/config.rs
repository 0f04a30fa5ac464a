//! Numbers that hold for every backend.

use plugdock_contracts::{Limits, Timeouts};

/// Bounds of an engine.
#[derive(Debug, Clone, Default)]
pub(crate) struct EngineConfig {
    /// What a worker may use when neither request nor manifest says so.
    pub(crate) limits: Limits,
    /// How long steps may take when the request does not say so.
    pub(crate) timeouts: Timeouts,
}
