//! The services a platform has, each by its type, and further ones by name.
//! It only holds them; an absent one is an error that names it, never a stand-in.

use std::collections::BTreeMap;
use std::sync::Arc;

use plugdock_contracts::file::FsService;
use plugdock_contracts::http::HttpService;
use plugdock_contracts::permission::ServiceName;
use plugdock_contracts::service::{
    AuditSink, CacheService, ConfigService, CustomService, EventService, LogSink, ServiceError, StateService,
    StorageService,
};
use plugdock_contracts::shell::ShellService;

use super::platform_error::PlatformError;

/// Names that handlers know as something else, or may come to know: the typed services, nested calls, and the families of
/// permissions.
const RESERVED: [&str; 14] = [
    "cache", "state", "storage", "events", "log", "audit", "config", "invoke", "fs", "net", "http", "env",
    "shell", "service",
];

/// What a host has.
#[derive(Default)]
pub(super) struct ServiceSet {
    pub(super) cache: Option<Arc<dyn CacheService>>,
    pub(super) state: Option<Arc<dyn StateService>>,
    pub(super) storage: Option<Arc<dyn StorageService>>,
    pub(super) events: Option<Arc<dyn EventService>>,
    pub(super) fs: Option<Arc<dyn FsService>>,
    pub(super) http: Option<Arc<dyn HttpService>>,
    pub(super) shell: Option<Arc<dyn ShellService>>,
    pub(super) log: Option<Arc<dyn LogSink>>,
    pub(super) audit: Option<Arc<dyn AuditSink>>,
    pub(super) config: Option<Arc<dyn ConfigService>>,
    custom: BTreeMap<String, Arc<dyn CustomService>>,
}

impl ServiceSet {
    /// Adds a service under a new name.
    pub(super) fn register(
        &mut self,
        name: &str,
        service: Arc<dyn CustomService>,
    ) -> Result<(), PlatformError> {
        if name.parse::<ServiceName>().is_err() {
            return Err(PlatformError::BadName { name: name.chars().take(64).collect() });
        }
        if RESERVED.contains(&name) {
            return Err(PlatformError::ReservedName { name: name.to_owned() });
        }
        if self.custom.contains_key(name) {
            return Err(PlatformError::DuplicateName { name: name.to_owned() });
        }
        self.custom.insert(name.to_owned(), service);
        Ok(())
    }

    /// A service that was registered by name.
    pub(super) fn custom(&self, name: &str) -> Result<&Arc<dyn CustomService>, ServiceError> {
        present(self.custom.get(name), name)
    }

    /// The names of all there are, the typed ones first.
    pub(super) fn names(&self) -> Vec<&str> {
        let typed = [
            ("cache", self.cache.is_some()),
            ("state", self.state.is_some()),
            ("storage", self.storage.is_some()),
            ("events", self.events.is_some()),
            ("fs", self.fs.is_some()),
            ("http", self.http.is_some()),
            ("shell", self.shell.is_some()),
            ("log", self.log.is_some()),
            ("audit", self.audit.is_some()),
            ("config", self.config.is_some()),
        ];
        let typed = typed.into_iter().filter_map(|(name, there)| there.then_some(name));
        typed.chain(self.custom.keys().map(String::as_str)).collect()
    }
}

/// The service, or an error that names it.
pub(super) fn present<'a, S: ?Sized>(
    service: Option<&'a Arc<S>>,
    name: &str,
) -> Result<&'a Arc<S>, ServiceError> {
    service.ok_or_else(|| ServiceError::Absent { name: name.to_owned() })
}
