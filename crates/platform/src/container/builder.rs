//! Puts a platform together.
//! It starts nothing; what it is given must be ready to be called.

use std::fmt;
use std::sync::Arc;

use plugdock_contracts::file::FsService;
use plugdock_contracts::http::HttpService;
use plugdock_contracts::service::{
    AuditSink, CacheService, ConfigService, CustomService, EventService, LogSink, StateService,
    StorageService,
};
use plugdock_contracts::shell::ShellService;

use super::lifecycle::Lifecycle;
use super::platform::Platform;
use super::platform_error::PlatformError;
use super::sequence::Sequence;
use super::service_set::ServiceSet;

/// Collects services. A typed one that is given twice is replaced; a name that is given twice is refused.
#[derive(Default)]
pub struct PlatformBuilder {
    services: ServiceSet,
    managed: Vec<(String, Arc<dyn Lifecycle>)>,
}

impl PlatformBuilder {
    /// With this cache.
    #[must_use]
    pub fn with_cache(mut self, cache: Arc<dyn CacheService>) -> Self {
        self.services.cache = Some(cache);
        self
    }

    /// With this state.
    #[must_use]
    pub fn with_state(mut self, state: Arc<dyn StateService>) -> Self {
        self.services.state = Some(state);
        self
    }

    /// With this file storage.
    #[must_use]
    pub fn with_storage(mut self, storage: Arc<dyn StorageService>) -> Self {
        self.services.storage = Some(storage);
        self
    }

    /// With these topics.
    #[must_use]
    pub fn with_events(mut self, events: Arc<dyn EventService>) -> Self {
        self.services.events = Some(events);
        self
    }

    /// With these files of the host.
    #[must_use]
    pub fn with_fs(mut self, fs: Arc<dyn FsService>) -> Self {
        self.services.fs = Some(fs);
        self
    }

    /// With these requests over HTTP.
    #[must_use]
    pub fn with_http(mut self, http: Arc<dyn HttpService>) -> Self {
        self.services.http = Some(http);
        self
    }

    /// With these programs of the host.
    #[must_use]
    pub fn with_shell(mut self, shell: Arc<dyn ShellService>) -> Self {
        self.services.shell = Some(shell);
        self
    }

    /// With this sink of log lines.
    #[must_use]
    pub fn with_log(mut self, log: Arc<dyn LogSink>) -> Self {
        self.services.log = Some(log);
        self
    }

    /// With this sink of denials.
    #[must_use]
    pub fn with_audit(mut self, audit: Arc<dyn AuditSink>) -> Self {
        self.services.audit = Some(audit);
        self
    }

    /// With this source of plugins' configuration.
    #[must_use]
    pub fn with_config(mut self, config: Arc<dyn ConfigService>) -> Self {
        self.services.config = Some(config);
        self
    }

    /// Registers a further service, which handlers call by this name with the permission `service.<name>`.
    ///
    /// # Errors
    /// [`PlatformError`] for a name that is taken, the platform's own, or none.
    pub fn register(mut self, name: &str, service: Arc<dyn CustomService>) -> Result<Self, PlatformError> {
        self.services.register(name, service)?;
        Ok(self)
    }

    /// Has something started and stopped with the platform: started in the order of these calls, stopped in reverse. The
    /// name is for reports.
    ///
    /// # Errors
    /// [`PlatformError::DuplicateName`] if the name is managed already.
    pub fn manage(mut self, name: &str, lifecycle: Arc<dyn Lifecycle>) -> Result<Self, PlatformError> {
        if self.managed.iter().any(|(taken, _)| taken == name) {
            return Err(PlatformError::DuplicateName { name: name.to_owned() });
        }
        self.managed.push((name.to_owned(), lifecycle));
        Ok(self)
    }

    /// The platform.
    pub fn build(self) -> Platform {
        Platform::new(self.services, Sequence::new(self.managed))
    }
}

impl fmt::Debug for PlatformBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let managed: Vec<_> = self.managed.iter().map(|(name, _)| name).collect();
        f.debug_struct("PlatformBuilder")
            .field("services", &self.services.names())
            .field("managed", &managed)
            .finish_non_exhaustive()
    }
}
