//! Plugins' configuration from a map that is fixed when the host starts.
//! It reads no file; core-runtime fills it from the host's configuration.

use std::collections::BTreeMap;

use plugdock_contracts::PluginId;
use plugdock_contracts::service::ConfigService;
use serde_json::Value;

/// A value for each plugin.
#[derive(Debug, Clone, Default)]
pub struct StaticConfig {
    sections: BTreeMap<PluginId, Value>,
}

impl StaticConfig {
    /// From sections; of two for one plugin the later counts.
    pub fn new(sections: impl IntoIterator<Item = (PluginId, Value)>) -> Self {
        Self { sections: sections.into_iter().collect() }
    }
}

impl ConfigService for StaticConfig {
    fn section(&self, plugin: &PluginId) -> Option<Value> {
        self.sections.get(plugin).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_gets_its_own_section_and_no_other() {
        let (one, other) = (PluginId::new("a/one").unwrap(), PluginId::new("a/other").unwrap());
        let config = StaticConfig::new([(one.clone(), serde_json::json!({ "depth": 3 }))]);
        assert_eq!(config.section(&one).unwrap()["depth"], 3);
        assert_eq!(config.section(&other), None);
    }
}
