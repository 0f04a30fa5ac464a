//! Which lane a request belongs to: one for each worker identity that is in use, with what its workers are started for.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use plugdock_contracts::{Limits, Permissions};

use super::identity::Identity;
use crate::plugin::{PluginOrigin, ResolvedPlugin};
use crate::pool::executor::StartOrder;
use crate::pool::queue::LaneKey;

/// What is known of a lane.
#[derive(Debug, Clone)]
pub(crate) struct LaneEntry {
    pub(crate) identity: Identity,
    pub(crate) order: Arc<StartOrder>,
    /// Its program was replaced; its last workers still go.
    closed: bool,
}

/// What a plugin's last request was prepared with. Most requests of a plugin are like the one before, and comparing is
/// cheaper than computing a sandbox plan.
#[derive(Debug)]
struct Last {
    plugin: Arc<ResolvedPlugin>,
    limits: Limits,
    permissions: Permissions,
    existing: Option<PathBuf>,
    lane: LaneKey,
}

/// The lanes in use.
#[derive(Debug, Default)]
pub(crate) struct LaneBook {
    by_identity: HashMap<Identity, LaneKey>,
    lanes: HashMap<LaneKey, LaneEntry>,
    last: HashMap<PluginOrigin, Last>,
}

impl LaneBook {
    /// The lane of a request that is like the one before it.
    pub(crate) fn last(&self, order: &StartOrder) -> Option<LaneKey> {
        let last = self.last.get(&order.plugin.origin)?;
        let same = Arc::ptr_eq(&last.plugin, &order.plugin)
            && last.limits == order.limits
            && last.permissions == order.permissions
            && last.existing == order.existing;
        same.then_some(last.lane)
    }

    pub(crate) fn find(&self, identity: &Identity) -> Option<LaneKey> {
        self.by_identity.get(identity).copied()
    }

    pub(crate) fn remember(&mut self, order: &StartOrder, lane: LaneKey) {
        let last = Last {
            plugin: Arc::clone(&order.plugin),
            limits: order.limits.clone(),
            permissions: order.permissions.clone(),
            existing: order.existing.clone(),
            lane,
        };
        self.last.insert(order.plugin.origin.clone(), last);
    }

    pub(crate) fn insert(&mut self, lane: LaneKey, identity: Identity, order: Arc<StartOrder>) {
        self.remember(&order, lane);
        self.by_identity.insert(identity.clone(), lane);
        self.lanes.insert(lane, LaneEntry { identity, order, closed: false });
    }

    pub(crate) fn get(&self, lane: LaneKey) -> Option<&LaneEntry> {
        self.lanes.get(&lane)
    }

    /// Closes the lanes of a plugin whose program is another, each once. They are not to be found any more; what is known
    /// of them stays until they are forgotten.
    pub(crate) fn close_outdated(&mut self, origin: &PluginOrigin, digest: &str) -> Vec<LaneKey> {
        let is_outdated = |entry: &LaneEntry| {
            !entry.closed && entry.identity.origin == *origin && entry.identity.digest != digest
        };
        let mut outdated = Vec::new();
        for (lane, entry) in self.lanes.iter_mut().filter(|(_, entry)| is_outdated(entry)) {
            entry.closed = true;
            self.by_identity.remove(&entry.identity);
            outdated.push(*lane);
        }
        self.last.retain(|_, last| !outdated.contains(&last.lane));
        outdated
    }

    pub(crate) fn forget(&mut self, lane: LaneKey) {
        let Some(entry) = self.lanes.remove(&lane) else { return };
        // Another lane may have its identity by now.
        if self.by_identity.get(&entry.identity) == Some(&lane) {
            self.by_identity.remove(&entry.identity);
        }
        self.last.retain(|_, last| last.lane != lane);
    }

    /// One that is in use.
    #[cfg(test)]
    pub(crate) fn find_any(&self) -> Option<LaneKey> {
        self.lanes.keys().next().copied()
    }

    /// Whether no lane is in use.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.by_identity.is_empty() && self.lanes.is_empty() && self.last.is_empty()
    }
}
