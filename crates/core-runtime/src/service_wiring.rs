//! Makes the platform's services from the configuration and puts them into a platform.
//! It opens files; it starts nothing.

use std::path::Path;
use std::sync::Arc;

use plugdock_platform::{
    CacheConfig, DirectoryStorage, EventConfig, MemoryCache, MemoryState, Platform, PlatformBuilder, PlatformError, RedbState,
    SettingErrors, StateConfig, StateOpenError, StaticConfig, StorageConfig, StorageOpenError, TopicEvents, TracingAudit,
    TracingLogSink,
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
            let state = Arc::new(RedbState::open(section.data_dir.join("state.redb"), state_config(section))?);
            builder.with_state(Arc::clone(&state) as _).manage("state", state)?
        }
        StateStore::Memory => builder.with_state(Arc::new(MemoryState::new(state_config(section))?)),
        StateStore::Off => builder,
    };
    if section.storage.store == StorageStore::Disk {
        let storage = Arc::new(DirectoryStorage::open(section.data_dir.join("storage"), storage_config(section))?);
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
    let mut config = CacheConfig::default();
    config.max_bytes = section.cache.max_bytes;
    config.max_value = section.cache.max_value;
    config.default_ttl = section.cache.default_ttl;
    config.max_ttl = section.cache.max_ttl;
    config
}

fn state_config(section: &PlatformSection) -> StateConfig {
    let mut config = StateConfig::default();
    config.quota.max_entries = Some(section.state.max_entries);
    config.quota.max_bytes = Some(section.state.max_total.bytes());
    config.quota.operations_per_minute = Some(section.state.operations_per_minute.into());
    config.max_value = section.state.max_value;
    config
}

fn storage_config(section: &PlatformSection) -> StorageConfig {
    let mut config = StorageConfig::default();
    config.max_file = section.storage.max_file;
    config.max_total = section.storage.max_total;
    config.max_files = section.storage.max_files;
    config
}

fn event_config(section: &PlatformSection) -> EventConfig {
    let mut config = EventConfig::default();
    config.max_subscriptions = section.events.max_subscriptions;
    config.max_message = section.events.max_message;
    config.queue_messages = section.events.queue_messages;
    config.queue_bytes = section.events.queue_bytes;
    config
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
