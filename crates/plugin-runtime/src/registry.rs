//! The plugins that are linked into a program, by their id.

use std::collections::BTreeMap;
use std::sync::Arc;

use plugdock_contracts::PluginId;

use crate::plugin::{BuiltPlugin, Plugin, PluginFaults};

/// Linked plugins.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    plugins: BTreeMap<PluginId, Arc<BuiltPlugin>>,
}

impl Registry {
    /// No plugins.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a plugin.
    ///
    /// # Errors
    /// [`PluginFaults`] when the plugin's definition is faulty, or another of its id is there already.
    pub fn with(mut self, plugin: Plugin) -> Result<Self, PluginFaults> {
        let built = plugin.build()?;
        let id = built.description().id.clone();
        if self.plugins.contains_key(&id) {
            return Err(PluginFaults::of(vec![format!("a plugin `{id}` is registered already")]));
        }
        self.plugins.insert(id, Arc::new(built));
        Ok(self)
    }

    /// The plugin of that id.
    pub fn get(&self, id: &PluginId) -> Option<&Arc<BuiltPlugin>> {
        self.plugins.get(id)
    }

    /// All plugins, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<BuiltPlugin>> {
        self.plugins.values()
    }
}
