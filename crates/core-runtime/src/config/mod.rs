//! The host's configuration: one table of values, read from code, environment and file, checked whole, each with its origin.
//! It decides what was meant, never what the machine can do: that is found at start-up.
//!
//! Precedence: code, then environment (`PLUGDOCK_…`), then file, then default. Every value and its variable is in
//! `docs/configuration.md`, which a test keeps equal to the table.

mod builder;
mod check;
mod environment;
mod fault;
mod field;
mod file;
mod layer;
mod pool_section;
mod pool_table;
mod provenance;
mod reference;
mod runtime_config;
mod services;
mod table;
#[cfg(test)]
mod tests;
mod value;
mod weights;

pub use builder::RuntimeConfigBuilder;
pub use environment::Environment;
pub use fault::{ConfigError, ConfigFault};
pub use field::{Field, Kind, Preset};
pub use provenance::Provenance;
pub use reference::markdown_reference;
pub use runtime_config::{
    ExecutionMode, ExecutionSection, HandlerLog, LogConfig, LogFormat, PluginSetting, ProfileChoice,
    RuntimeConfig, Setting, ShutdownSection,
};
pub use services::{
    CacheSection, EventsSection, PlatformSection, StateSection, StateStore, StorageSection, StorageStore,
};
pub use table::FIELDS;
pub use value::ConfigValue;
