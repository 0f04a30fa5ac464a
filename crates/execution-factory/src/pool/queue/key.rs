//! The names by which the queue knows what it orders. They mean nothing to it: whoever owns the queue hands them out.

/// One waiter. Tickets count up with admission: a smaller one is older.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(pub(crate) u64);

/// One worker identity: a plugin, its program and its sandbox plan. Workers of one lane are interchangeable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LaneKey(pub(crate) u32);

/// One plugin. It may have several lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PluginKey(pub(crate) u32);

/// One tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TenantKey(pub(crate) u32);
