//! What a queue is made with: bounds, shares and times. Whoever makes it has validated them.

use std::time::Duration;

/// What happens to a request whose plugin or tenant has as many calls running as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CapPolicy {
    /// It waits until one of them ends.
    Wait,
    /// It is refused.
    Reject,
}

/// What a queue is made with.
#[derive(Debug, Clone)]
pub(crate) struct QueueConfig {
    /// Requests that may wait.
    pub(crate) limit: usize,
    /// Bytes of input that may wait.
    pub(crate) byte_limit: u64,
    /// Requests of one plugin that may wait.
    pub(crate) plugin_limit: Option<usize>,
    /// Requests of one tenant that may wait.
    pub(crate) tenant_limit: Option<usize>,
    /// Calls of one plugin that run at a time.
    pub(crate) plugin_cap: Option<usize>,
    /// Calls of one tenant that run at a time.
    pub(crate) tenant_cap: Option<usize>,
    /// What happens beyond those two.
    pub(crate) on_cap: CapPolicy,
    /// Run time that a plugin of weight 1 has on a slot before it yields to another plugin.
    pub(crate) turn: Duration,
    /// Wait after which a waiter counts as one level higher.
    pub(crate) age_after: Duration,
}
