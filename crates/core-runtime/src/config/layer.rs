//! One source's values: which rows it gives, and what is wrong with the rest of it.
//! It does not know the other sources; which one wins is the builder's business.

use std::ops::Range;

use serde_json::Value as Json;

use super::fault::ConfigFault;
use super::field::Field;
use super::provenance::Provenance;
use super::value::ConfigValue;
use plugdock_contracts::PluginId;

/// A value with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) value: ConfigValue,
    pub(super) origin: Provenance,
    pub(super) span: Option<Range<usize>>,
}

/// What one source gives.
#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) values: Vec<(&'static Field, Given)>,
    pub(super) plugins: Vec<(PluginId, Json, Provenance)>,
    pub(super) faults: Vec<ConfigFault>,
    pub(super) notes: Vec<String>,
    /// Name and text of the file that the spans point into.
    pub(super) source: Option<(String, String)>,
}

impl Layer {
    /// The value that the source gives a row. A later one of the same source wins: the program may set a value twice.
    pub(super) fn get(&self, key: &str) -> Option<&Given> {
        self.values.iter().rev().find(|(field, _)| field.key == key).map(|(_, given)| given)
    }

    /// Whether the source gives the row something that is refused, whole or in part.
    pub(super) fn refuses(&self, key: &str) -> bool {
        let is_of = |fault: &ConfigFault| {
            fault.key.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.faults.iter().any(is_of)
    }
}
