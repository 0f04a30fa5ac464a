//! The host's services as the tests see them: all in memory or in the test's directory, with the ends a test looks at.
//! Nothing here is shared between tests.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use plugdock_contracts::host_call::HostReply;
use plugdock_contracts::service::{CustomService, ServiceError, ServiceResult, ServiceScope};
use plugdock_contracts::{ExecutionId, PluginId};
use plugdock_execution_factory::platform::{
    CacheConfig, DirectoryStorage, EventConfig, FileConfig, HostFiles, MemoryAudit, MemoryAuditConfig,
    MemoryCache, MemoryLogConfig, MemoryLogSink, MemoryState, Platform, StateConfig, StaticConfig,
    StorageConfig, TopicEvents,
};
use serde_json::{Value, json};

use crate::plugin::CONFORMANCE;

/// A platform and the sinks behind it.
#[derive(Clone)]
pub struct Services {
    /// What the backend is given.
    pub platform: Arc<Platform>,
    /// Every log line of every execution.
    pub log: Arc<MemoryLogSink>,
    /// Every denial.
    pub audit: Arc<MemoryAudit>,
}

impl Services {
    /// A platform with every service but programs and requests.
    pub(super) fn new(storage: &Path) -> Self {
        let log = Arc::new(MemoryLogSink::new(&MemoryLogConfig::default()).unwrap());
        let audit = Arc::new(MemoryAudit::new(&MemoryAuditConfig::default()).unwrap());
        let section = (PluginId::new(CONFORMANCE).unwrap(), json!({ "names": ["host"], "colour": "host" }));
        let platform = Platform::builder()
            .with_cache(Arc::new(MemoryCache::new(CacheConfig::default()).unwrap()))
            .with_state(Arc::new(MemoryState::new(StateConfig::default()).unwrap()))
            .with_storage(Arc::new(DirectoryStorage::open(storage, StorageConfig::default()).unwrap()))
            .with_events(Arc::new(TopicEvents::new(EventConfig::default()).unwrap()))
            .with_fs(Arc::new(HostFiles::new(FileConfig::default()).unwrap()))
            .with_config(Arc::new(StaticConfig::new([section])))
            .with_log(Arc::clone(&log) as _)
            .with_audit(Arc::clone(&audit) as _)
            .register("mirror", Arc::new(Mirror))
            .unwrap()
            .build();
        Self { platform: Arc::new(platform), log, audit }
    }

    /// Publishes from outside any execution; how many got it.
    ///
    /// # Panics
    /// When the topic is none.
    pub async fn publish(&self, topic: &str, text: &str) -> u64 {
        let scope = ServiceScope::new(PluginId::new(CONFORMANCE).unwrap(), None, ExecutionId::generate());
        self.platform
            .events()
            .unwrap()
            .publish(&scope, topic, Bytes::copy_from_slice(text.as_bytes()))
            .await
            .unwrap()
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

/// A service that the host registers: it answers what it was called with.
#[derive(Debug)]
pub struct Mirror;

impl CustomService for Mirror {
    fn call<'a>(
        &'a self,
        scope: &'a ServiceScope,
        method: &'a str,
        args: Value,
        body: Bytes,
    ) -> ServiceResult<'a, HostReply> {
        Box::pin(async move {
            if method == "refuse" {
                return Err(ServiceError::Invalid {
                    service: "mirror",
                    reason: "refused, as asked".to_owned(),
                });
            }
            let value = json!({ "method": method, "args": args, "plugin": scope.plugin });
            Ok(HostReply::with_body(value, body))
        })
    }
}
