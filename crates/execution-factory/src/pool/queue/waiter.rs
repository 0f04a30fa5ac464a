//! What waits, and why something may not. The request itself stays with the caller, who finds it by its ticket.

use std::fmt;
use std::time::Instant;

use super::key::{LaneKey, PluginKey, TenantKey, Ticket};
use super::level::Level;

/// A request that waits for a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiter {
    /// Its name, and its age among the others.
    pub(crate) ticket: Ticket,
    /// The workers that can take it.
    pub(crate) lane: LaneKey,
    /// The plugin of that lane.
    pub(crate) plugin: PluginKey,
    /// On whose behalf it was made. Without one, no tenant's bound holds for it.
    pub(crate) tenant: Option<TenantKey>,
    /// How urgent it was when it came. What ageing made of it is the queue's knowledge.
    pub(crate) level: Level,
    /// Bytes of input that wait with it.
    pub(crate) bytes: u64,
    /// When it began to wait.
    pub(crate) since: Instant,
    /// When it has waited too long.
    pub(crate) deadline: Option<Instant>,
}

/// A bound of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Requests that wait.
    Count,
    /// Bytes of input that wait.
    Bytes,
    /// Requests of the plugin that wait.
    Plugin,
    /// Requests of the tenant that wait.
    Tenant,
    /// Calls of the plugin that run.
    PluginCap,
    /// Calls of the tenant that run.
    TenantCap,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Count => "requests waiting",
            Self::Bytes => "bytes of input waiting",
            Self::Plugin => "requests of the plugin waiting",
            Self::Tenant => "requests of the tenant waiting",
            Self::PluginCap => "calls of the plugin running",
            Self::TenantCap => "calls of the tenant running",
        })
    }
}

/// A request was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are {waiting} {part}, the limit is {limit}")]
pub(crate) struct Full {
    /// The first bound that it would have exceeded.
    pub(crate) part: Part,
    /// How much of it is in use: of the two caps what runs, of all else what waits.
    pub(crate) waiting: u64,
    /// How much there is.
    pub(crate) limit: u64,
}
