//! What the pool's owner may do to it while it runs: warm it, resize it, have it read plugins again.

use std::sync::Arc;
use std::time::Instant;

use plugdock_contracts::backend::BackendEvent;
use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::{Limits, PluginId};

use super::pool_core::{PoolCore, lock};
use super::scheduler::Refused;
use crate::limit;
use crate::plugin::{PluginMemory, PluginSource, ResolvedPlugin};
use crate::pool::executor::StartOrder;
use crate::pool::lifecycle::Bounds;
use crate::pool::queue::Ticket;

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
        let max_payload = limits.payload.map_or(limit::DEFAULT_MAX_PAYLOAD, plugdock_contracts::ByteSize::bytes);
        let permissions = plugin.manifest.permissions.clone();
        let order = StartOrder { plugin: Arc::clone(plugin), limits, permissions, max_payload };
        // It is only stale if it was replaced this moment; then whoever replaced it makes the lane.
        let _made = self.lane(order, Ticket(0));
    }

    /// Changes the bounds, which were checked.
    pub(crate) fn resize(&self, min: usize, max: usize) {
        let now = Instant::now();
        self.desk().act(now, |state| state.scheduler.resize(now, Bounds { min, max }));
    }

    /// Looks at the files of a plugin, or of all that are remembered, and answers those whose program was replaced.
    pub(crate) async fn reload(&self, only: Option<&PluginId>) -> Result<Vec<PluginId>, ExecutionError> {
        let remembered = self.parts.plugins.memory.as_ref().map(PluginMemory::all).unwrap_or_default();
        let chosen: Vec<_> = remembered
            .into_iter()
            .filter(|plugin| only.is_none_or(|id| plugin.manifest.id == *id))
            .collect();
        if let (true, Some(id)) = (chosen.is_empty(), only) {
            // Nothing of it is loaded; that it can be found is still worth knowing.
            let id = id.clone();
            self.read(move |plugins| plugins.look_for(&id)).await?;
            return Ok(Vec::new());
        }
        let mut replaced = Vec::new();
        for old in chosen {
            let origin = old.origin.clone();
            let new = self.read(move |plugins| plugins.look_at(origin)).await?;
            if new.digest == old.digest {
                continue;
            }
            let id = new.manifest.id.clone();
            self.close_outdated(&new);
            if self.parts.config.warm.contains(&id) {
                self.warm_lane(&new, &self.parts.limits.clone());
            }
            replaced.push(id);
        }
        Ok(replaced)
    }

    fn close_outdated(&self, new: &ResolvedPlugin) {
        let outdated = {
            let mut book = lock(&self.book);
            let outdated = book.outdated(&new.origin, &new.digest);
            for lane in &outdated {
                book.close(*lane);
            }
            outdated
        };
        let now = Instant::now();
        for lane in &outdated {
            self.desk().act(now, |state| state.scheduler.close_lane(now, *lane));
        }
        if !outdated.is_empty() {
            let plugin = new.manifest.id.clone();
            self.parts.announcer.announce(BackendEvent::Reloaded { plugin });
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
