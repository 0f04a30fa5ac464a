//! The typed sections of the platform's services.
//! They are plain data: making services from them is start-up's business.

use std::path::PathBuf;
use std::time::Duration;

use plugdock_contracts::{ByteSize, span};
use serde::Deserialize;

/// What the platform's services keep and bound.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PlatformSection {
    /// Folder of what they keep.
    pub data_dir: PathBuf,
    /// Time in which each service must start, and in which it must stop.
    #[serde(with = "span::as_text")]
    pub service_timeout: Duration,
    /// The cache.
    pub cache: CacheSection,
    /// Plugins' state.
    pub state: StateSection,
    /// Plugins' files.
    pub storage: StorageSection,
    /// Events between plugins.
    pub events: EventsSection,
}

/// Bounds of the cache.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CacheSection {
    /// All entries together.
    pub max_bytes: ByteSize,
    /// Largest value.
    pub max_value: ByteSize,
    /// How long a value is kept when its writer does not say.
    #[serde(with = "span::as_text")]
    pub default_ttl: Duration,
    /// How long a value is kept at most.
    #[serde(with = "span::as_text")]
    pub max_ttl: Duration,
}

/// Where plugins' state is kept, and its bounds for one plugin and tenant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StateSection {
    /// Where it is kept.
    pub store: StateStore,
    /// Most entries.
    pub max_entries: u64,
    /// Most bytes.
    pub max_total: ByteSize,
    /// Largest value.
    pub max_value: ByteSize,
    /// Operations in a minute.
    pub operations_per_minute: u32,
}

/// Where state is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum StateStore {
    /// In a file.
    Disk,
    /// In memory, gone with the host.
    Memory,
    /// Nowhere: there is no such service.
    Off,
}

/// Where plugins' files are kept, and their bounds for one plugin and tenant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StorageSection {
    /// Where they are kept.
    pub store: StorageStore,
    /// Largest file.
    pub max_file: ByteSize,
    /// All files together.
    pub max_total: ByteSize,
    /// Most files.
    pub max_files: u64,
}

/// Where files are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum StorageStore {
    /// In a folder.
    Disk,
    /// Nowhere: there is no such service.
    Off,
}

/// Bounds of events.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EventsSection {
    /// Subscriptions at one time.
    pub max_subscriptions: usize,
    /// Largest message.
    pub max_message: ByteSize,
    /// Messages that wait for one subscriber.
    pub queue_messages: usize,
    /// Bytes that wait for one subscriber.
    pub queue_bytes: ByteSize,
}
