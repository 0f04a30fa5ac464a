//! Makes the platform's services from the configuration and puts them into a platform.
//! It opens files; it starts nothing.

use std::path::Path;
use std::sync::Arc;

use plugdock_contracts::permission::StateQuota;
use plugdock_platform::{
    CacheConfig, DirectoryStorage, EventConfig, FileConfig, HostFiles, HttpBroker, HttpConfig, MemoryCache,
    MemoryState, Platform, PlatformBuilder, PlatformError, RedbState, SettingErrors, StateConfig,
    StateOpenError, StaticConfig, StorageConfig, StorageOpenError, TopicEvents, TracingAudit, TracingLogSink,
};

use crate::config::{HandlerLog, PlatformSection, RuntimeConfig, StateStore, StorageStore};

/// A service could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceWiringError {
    /// A bound that the service refuses.
    #[error("set up a platform service")]
    Setting(#[from] SettingErrors),
    /// The state could not be opened.
    #[error("open the state that plugins keep")]
    State(#[from] StateOpenError),
    /// The storage could not be opened.
    #[error("open the storage of plugins' files")]
    Storage(#[from] StorageOpenError),
    /// The folder of the services' data could not be made.
    #[error("make the folder `{path}` for what services keep")]
    DataDir {
        /// The folder.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A further service was refused.
    #[error("put the platform together")]
    Platform(#[from] PlatformError),
}

/// The services that the configuration asks for. Blocks on the disk.
pub(crate) fn services(config: &RuntimeConfig) -> Result<PlatformBuilder, ServiceWiringError> {
    let section = config.platform();
    let plugins = config.plugins().iter().map(|(id, setting)| (id.clone(), setting.config.clone()));
    let mut builder = Platform::builder()
        .with_cache(Arc::new(MemoryCache::new(cache_config(section))?))
        .with_fs(Arc::new(HostFiles::new(FileConfig::default())?))
        .with_http(Arc::new(HttpBroker::new(HttpConfig::default())?))
        .with_audit(Arc::new(TracingAudit::new()))
        .with_config(Arc::new(StaticConfig::new(plugins)));
    if config.log().handlers == HandlerLog::Include {
        builder = builder.with_log(Arc::new(TracingLogSink::new()));
    }
    if section.state.store == StateStore::Disk || section.storage.store == StorageStore::Disk {
        make_private(&section.data_dir)?;
    }
    builder = match section.state.store {
        StateStore::Disk => {
            let state =
                Arc::new(RedbState::open(section.data_dir.join("state.redb"), state_config(section))?);
            builder.with_state(Arc::clone(&state) as _).manage("state", state)?
        }
        StateStore::Memory => builder.with_state(Arc::new(MemoryState::new(state_config(section))?)),
        StateStore::Off => builder,
    };
    if section.storage.store == StorageStore::Disk {
        let storage =
            Arc::new(DirectoryStorage::open(section.data_dir.join("storage"), storage_config(section))?);
        builder = builder.with_storage(Arc::clone(&storage) as _).manage("storage", storage)?;
    }
    let events = Arc::new(TopicEvents::new(event_config(section))?);
    Ok(builder.with_events(Arc::clone(&events) as _).manage("events", events)?)
}

/// Plugins' data is their owner's alone: no other user may read it.
fn make_private(folder: &Path) -> Result<(), ServiceWiringError> {
    use std::os::unix::fs::DirBuilderExt as _;

    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| ServiceWiringError::DataDir { path: folder.display().to_string(), source })
}

fn cache_config(section: &PlatformSection) -> CacheConfig {
    let cache = &section.cache;
    CacheConfig {
        max_bytes: cache.max_bytes,
        max_value: cache.max_value,
        default_ttl: cache.default_ttl,
        max_ttl: cache.max_ttl,
        ..CacheConfig::default()
    }
}

fn state_config(section: &PlatformSection) -> StateConfig {
    let state = &section.state;
    let quota = StateQuota {
        max_entries: Some(state.max_entries),
        max_bytes: Some(state.max_total.bytes()),
        operations_per_minute: Some(state.operations_per_minute.into()),
    };
    StateConfig { quota, max_value: state.max_value, ..StateConfig::default() }
}

fn storage_config(section: &PlatformSection) -> StorageConfig {
    let storage = &section.storage;
    StorageConfig {
        max_file: storage.max_file,
        max_total: storage.max_total,
        max_files: storage.max_files,
        ..StorageConfig::default()
    }
}

fn event_config(section: &PlatformSection) -> EventConfig {
    let events = &section.events;
    EventConfig {
        max_subscriptions: events.max_subscriptions,
        max_message: events.max_message,
        queue_messages: events.queue_messages,
        queue_bytes: events.queue_bytes,
        ..EventConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_defaults_are_the_services_own() {
        let config = RuntimeConfig::builder().base("/").set("platform.data_dir", "/data").build().unwrap();
        let section = config.platform();
        assert_eq!(cache_config(section), CacheConfig::default());
        assert_eq!(state_config(section), StateConfig::default());
        assert_eq!(storage_config(section), StorageConfig::default());
        assert_eq!(event_config(section), EventConfig::default());
    }

    #[test]
    fn services_that_are_off_are_absent_and_leave_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let config = RuntimeConfig::builder()
            .set("platform.data_dir", data.as_path())
            .set("platform.state.store", "off")
            .set("platform.storage.store", "off")
            .set("log.handlers", "omit")
            .build()
            .unwrap();
        let platform = services(&config).unwrap().build();
        assert!(platform.state().is_err() && platform.storage().is_err() && platform.log().is_err());
        assert!(platform.cache().is_ok() && platform.events().is_ok());
        assert!(!data.exists());
    }

    #[test]
    fn data_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/data");
        let config = RuntimeConfig::builder().set("platform.data_dir", data.as_path()).build().unwrap();
        let platform = services(&config).unwrap().build();
        assert!(platform.state().is_ok() && platform.storage().is_ok());
        assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
