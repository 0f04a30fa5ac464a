//! What the pool's owner may do to it while it runs: warm it, resize it, have it read plugins again.

use std::sync::Arc;

use plugdock_contracts::backend::BackendEvent;
use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::{Limits, PluginId};

use super::clock;
use super::pool_core::{PoolCore, lock};
use super::scheduler::Refused;
use crate::limit;
use crate::plugin::{PluginMemory, PluginSource, ResolvedPlugin};
use crate::pool::executor::StartOrder;
use crate::pool::lifecycle::Bounds;
use crate::pool::queue::{LaneKey, Ticket};

impl PoolCore {
    /// Starts what is kept warm. It does not wait for the workers: what is wrong with them is found by the first call.
    pub(crate) async fn warm_up(&self, limits: &Limits) -> Result<(), ExecutionError> {
        for id in self.parts.config.warm.clone() {
            let wanted = id.clone();
            let plugin = self.read(move |plugins| plugins.look_for(&wanted)).await.map_err(|error| {
                let message = format!("pool.warm names `{id}`, which cannot be used: {}", error.message());
                ExecutionError::new(ErrorCode::ValidationError, message)
                    .with_chain(vec![error.to_string()])
                    .with_help("add its directory to plugin_dirs, link it, or take it off pool.warm")
            })?;
            self.warm_lane(&plugin, limits);
        }
        Ok(())
    }

    fn warm_lane(&self, plugin: &Arc<ResolvedPlugin>, limits: &Limits) {
        let limits = plugin.manifest.resources.limits.clone().or(limits);
        let max_payload =
            limits.payload.map_or(limit::DEFAULT_MAX_PAYLOAD, plugdock_contracts::ByteSize::bytes);
        let permissions = plugin.manifest.permissions.clone();
        let order = StartOrder {
            plugin: Arc::clone(plugin),
            limits,
            permissions,
            max_payload,
            existing: None,
            area: String::new(),
        };
        // It is only stale if it was replaced this moment; then whoever replaced it makes the lane.
        let _made = self.lane(order, Ticket(0));
    }

    /// Changes the bounds, which were checked.
    pub(crate) fn resize(&self, min: usize, max: usize) {
        let now = clock::now();
        self.desk().act(now, |state| state.scheduler.resize(now, Bounds { min, max }));
    }

    /// Looks at the files of a plugin, or of all that are remembered, and answers those whose program was replaced.
    pub(crate) async fn reload(&self, only: Option<&PluginId>) -> Result<Vec<PluginId>, ExecutionError> {
        let remembered = self.parts.plugins.memory.as_ref().map(PluginMemory::all).unwrap_or_default();
        let mut chosen: Vec<_> =
            remembered.into_iter().filter(|plugin| only.is_none_or(|id| plugin.manifest.id == *id)).collect();
        if let (true, Some(id)) = (chosen.is_empty(), only) {
            // Nothing of it is loaded; that it can be found is still worth knowing.
            let id = id.clone();
            self.read(move |plugins| plugins.look_for(&id)).await?;
            return Ok(Vec::new());
        }
        chosen.sort_by(|one, other| one.origin.cmp(&other.origin));
        let (mut replaced, mut failed) = (Vec::new(), None);
        for old in chosen {
            let origin = old.origin.clone();
            let new = match self.read(move |plugins| plugins.look_at(&origin)).await {
                Ok(new) => new,
                // What is wrong with one plugin keeps no other on its old program.
                Err(error) => {
                    failed.get_or_insert(error);
                    continue;
                }
            };
            // A request may have found the new program already, and then have gone before it came to a lane.
            let had_outdated = self.close_outdated(&new);
            if new.digest == old.digest && !had_outdated {
                continue;
            }
            let id = new.manifest.id.clone();
            if self.parts.config.warm.contains(&id) {
                self.warm_lane(&new, &self.parts.limits.clone());
            }
            replaced.push(id);
        }
        failed.map_or(Ok(replaced), Err)
    }

    /// Lets the workers of a plugin's other programs go. Answers whether there were any.
    fn close_outdated(&self, new: &ResolvedPlugin) -> bool {
        let outdated = lock(&self.book).close_outdated(&new.origin, &new.digest);
        self.close_lanes(&outdated, &new.manifest.id);
        !outdated.is_empty()
    }

    /// Closes lanes that the book has closed, and says so.
    pub(super) fn close_lanes(&self, outdated: &[LaneKey], plugin: &PluginId) {
        let now = clock::now();
        for lane in outdated {
            self.desk().act(now, |state| state.scheduler.close_lane(now, *lane));
        }
        if !outdated.is_empty() {
            self.parts.announcer.announce(BackendEvent::Reloaded { plugin: plugin.clone() });
        }
    }

    /// Looking reads files, so it is done apart from the runtime's threads.
    async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&PluginSource) -> Result<T, ExecutionError> + Send + 'static,
    ) -> Result<T, ExecutionError> {
        let plugins = Arc::clone(&self.parts.plugins);
        let found = tokio::task::spawn_blocking(move || look(&plugins)).await;
        found.unwrap_or_else(|error| Err(ExecutionError::from_error(ErrorCode::UnknownError, &error)))
    }

    /// Tells subscribers of a queue that was full.
    pub(crate) fn note_refused(&self, plugin: &PluginId, refused: &Refused) {
        if let Refused::Full { full, .. } = refused {
            let plugin = plugin.clone();
            let event = BackendEvent::QueueFull { plugin, waiting: full.waiting, limit: full.limit };
            self.parts.announcer.announce(event);
        }
    }
}
