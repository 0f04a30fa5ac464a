//! The platform: the host's services and its one backend.
//! It checks no permission and makes no stand-in for a service that is absent.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use plugdock_contracts::file::FsService;
use plugdock_contracts::http::HttpService;
use plugdock_contracts::service::{
    AuditSink, CacheService, ConfigService, CustomService, EventService, LogSink, ServiceError, StateService,
    StorageService,
};
use plugdock_contracts::shell::ShellService;
use plugdock_contracts::{ExecutionBackend, Shutdown};

use super::builder::PlatformBuilder;
use super::platform_error::PlatformError;
use super::sequence::{PlatformReport, Sequence, StartError};
use super::service_set::{ServiceSet, present};

/// The services of a host. What it has is fixed when it is built, but for the backend, which is given once.
pub struct Platform {
    services: ServiceSet,
    backend: Mutex<BackendSlot>,
    /// Held while it starts or stops, so that the two never overlap.
    sequence: tokio::sync::Mutex<Sequence>,
}

#[derive(Default)]
struct BackendSlot {
    backend: Option<Arc<dyn ExecutionBackend>>,
    closed: bool,
}

impl Platform {
    /// Begins to put a platform together.
    pub fn builder() -> PlatformBuilder {
        PlatformBuilder::default()
    }

    pub(super) fn new(services: ServiceSet, sequence: Sequence) -> Self {
        Self { services, backend: Mutex::default(), sequence: tokio::sync::Mutex::new(sequence) }
    }

    /// The cache.
    ///
    /// # Errors
    /// [`ServiceError::Absent`] if the host has none.
    pub fn cache(&self) -> Result<&Arc<dyn CacheService>, ServiceError> {
        present(self.services.cache.as_ref(), "cache")
    }

    /// The persistent state.
    ///
    /// # Errors
    /// [`ServiceError::Absent`] if the host has none.
    pub fn state(&self) -> Result<&Arc<dyn StateService>, ServiceError> {
        present(self.services.state.as_ref(), "state")
    }

    /// The file storage.
    ///
    /// # Errors
    /// [`ServiceError::Absent`] if the host has none.
    pub fn storage(&self) -> Result<&Arc<dyn StorageService>, ServiceError> {
        present(self.services.storage.as_ref(), "storage")
    }

    /// Topics.
    ///
    /// # Errors
    /// [`ServiceError::Absent`] if the host has none.
    pub fn events(&self) -> Result<&Arc<dyn EventService>, ServiceError> {
        present(self.services.events.as_ref(), "events")
    }

    /// The host's files.
    ///
    /// # Errors
    /// [`ServiceError::Absent`] if the host has none.
    pub fn fs(&self) -> Result<&Arc<dyn FsService>, ServiceError> {
        present(self.services.fs.as_ref(), "fs")
    }

    /// Requests over HTTP.
    ///
    /// # Errors
    /// [`ServiceError::Absent`] if the host has none.
    pub fn http(&self) -> Result<&Arc<dyn HttpService>, ServiceError> {
        present(self.services.http.as_ref(), "http")
    }

    /// Programs of the host.
    ///
    /// # Errors
    /// [`ServiceError::Absent`] if the host has none.
    pub fn shell(&self) -> Result<&Arc<dyn ShellService>, ServiceError> {
        present(self.services.shell.as_ref(), "shell")
    }

    /// Where log lines go.
    ///
    /// # Errors
    /// [`ServiceError::Absent`] if the host has none.
    pub fn log(&self) -> Result<&Arc<dyn LogSink>, ServiceError> {
        present(self.services.log.as_ref(), "log")
    }

    /// Where denials go.
    ///
    /// # Errors
    /// [`ServiceError::Absent`] if the host has none.
    pub fn audit(&self) -> Result<&Arc<dyn AuditSink>, ServiceError> {
        present(self.services.audit.as_ref(), "audit")
    }

    /// Plugins' configuration.
    ///
    /// # Errors
    /// [`ServiceError::Absent`] if the host has none.
    pub fn config(&self) -> Result<&Arc<dyn ConfigService>, ServiceError> {
        present(self.services.config.as_ref(), "config")
    }

    /// A service that was registered by name.
    ///
    /// # Errors
    /// [`ServiceError::Absent`] if none was registered by this name.
    pub fn custom(&self, name: &str) -> Result<&Arc<dyn CustomService>, ServiceError> {
        self.services.custom(name)
    }

    /// The names of all services there are, the typed ones first.
    pub fn configured_services(&self) -> Vec<&str> {
        self.services.names()
    }

    /// Gives the platform its backend, which it shuts down with itself.
    ///
    /// # Errors
    /// [`PlatformError::BackendPresent`] the second time, [`PlatformError::ShutDown`] once a shutdown began.
    pub fn init_execution_backend(&self, backend: Arc<dyn ExecutionBackend>) -> Result<(), PlatformError> {
        let mut slot = self.slot();
        if slot.closed {
            return Err(PlatformError::ShutDown);
        }
        if let Some(present) = &slot.backend {
            return Err(PlatformError::BackendPresent { present: present.kind() });
        }
        slot.backend = Some(backend);
        Ok(())
    }

    /// The backend. After a shutdown it is still there and refuses executions itself.
    ///
    /// # Errors
    /// [`ServiceError::Absent`] before [`Platform::init_execution_backend`].
    pub fn execution_backend(&self) -> Result<Arc<dyn ExecutionBackend>, ServiceError> {
        present(self.slot().backend.as_ref(), "execution backend").cloned()
    }

    /// Starts what is managed, in the order it was given, each within a time. If one fails, those before it are stopped again
    /// in reverse. Started again it starts only what is not. Dropping the future cuts the running step off; the call, or a
    /// shutdown, can follow.
    ///
    /// # Errors
    /// [`StartError`] with the failure and what came of stopping the others, or that it was shut down.
    pub async fn start(&self, each_within: Duration) -> Result<(), StartError> {
        self.sequence.lock().await.start(each_within).await
    }

    /// Stops the backend, then what was started in reverse, each within a time (a drain's time comes on top). It goes on after
    /// a failure; the report has all of them. A second call answers the same; after a call that was cut off it goes on.
    /// It waits for a start that is under way.
    pub async fn shutdown(&self, how: Shutdown, each_within: Duration) -> PlatformReport {
        let backend = {
            let mut slot = self.slot();
            slot.closed = true;
            slot.backend.clone()
        };
        self.sequence.lock().await.stop(backend, how, each_within).await
    }

    fn slot(&self) -> MutexGuard<'_, BackendSlot> {
        self.backend.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let backend = self.slot().backend.as_ref().map(|backend| backend.kind());
        f.debug_struct("Platform")
            .field("services", &self.configured_services())
            .field("backend", &backend)
            .finish_non_exhaustive()
    }
}
