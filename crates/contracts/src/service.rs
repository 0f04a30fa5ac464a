//! The host's services, as traits: what a platform implements and what governance stands in front of.
//! An implementation trusts its arguments' origin: the permission was checked before it is called.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::BoxFuture;
use crate::error::{ErrorCode, ExecutionError};
use crate::event::LogLine;
use crate::host_call::HostReply;
use crate::id::{ExecutionId, PluginId, TenantId};
use crate::permission::{Denial, StateQuota};
use crate::trace::TraceContext;

/// On whose behalf a service is called. Made by the host for each execution, never taken from a message.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ServiceScope {
    /// The plugin.
    pub plugin: PluginId,
    /// The tenant; none is a tenant of its own.
    pub tenant: Option<TenantId>,
    /// The execution.
    pub execution: ExecutionId,
    /// Its position in a trace.
    pub trace: Option<TraceContext>,
    /// What remains of its time; a service gives up when it is over.
    pub remaining: Option<Duration>,
    /// How much persistent state its grant allows; the host's own quota holds beside it.
    pub state_quota: StateQuota,
    /// The directory that `workspace` means in its paths, if it has one.
    pub workspace: Option<PathBuf>,
    /// The directory that `artifacts` means in its paths, if it has one.
    pub artifacts: Option<PathBuf>,
    /// The directory that `plugin` means in its paths, if it is known.
    pub plugin_root: Option<PathBuf>,
}

impl ServiceScope {
    /// The scope of an execution.
    pub fn new(plugin: PluginId, tenant: Option<TenantId>, execution: ExecutionId) -> Self {
        Self {
            plugin,
            tenant,
            execution,
            trace: None,
            remaining: None,
            state_quota: StateQuota::default(),
            workspace: None,
            artifacts: None,
            plugin_root: None,
        }
    }
}

/// Why a service did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// An argument is not acceptable.
    #[error("{service}: {reason}")]
    Invalid {
        /// The service.
        service: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// A quota is used up.
    #[error("{service}: {reason}")]
    Quota {
        /// The service.
        service: &'static str,
        /// Which quota, how much is used, how much there is.
        reason: String,
    },
    /// A value is larger than the service takes.
    #[error("{service}: {size} bytes are more than the {limit} it takes")]
    TooLarge {
        /// The service.
        service: &'static str,
        /// The value's size.
        size: u64,
        /// The most it takes.
        limit: u64,
    },
    /// The host has no such service.
    #[error("the host has no service `{name}`")]
    Absent {
        /// The name.
        name: String,
    },
    /// It failed.
    #[error("{service}: failed to {action}")]
    Failed {
        /// The service.
        service: &'static str,
        /// What it tried, as a verb.
        action: &'static str,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It found on the way that no grant allows it: a redirect, an address, a symbolic link. Whoever stands in front audits it
    /// as a denial of its own.
    #[error(transparent)]
    Denied(Denial),
    /// It answered with an error of its own.
    #[error(transparent)]
    Execution(ExecutionError),
}

impl From<ServiceError> for ExecutionError {
    fn from(error: ServiceError) -> Self {
        let code = match &error {
            ServiceError::Invalid { .. } => ErrorCode::ValidationError,
            ServiceError::Quota { .. } => ErrorCode::ResourceExhausted,
            ServiceError::TooLarge { .. } => ErrorCode::PayloadTooLarge,
            ServiceError::Absent { .. } => ErrorCode::Unsupported,
            ServiceError::Failed { .. } => ErrorCode::UnknownError,
            ServiceError::Denied(_) => ErrorCode::PermissionDenied,
            ServiceError::Execution(_) => match error {
                ServiceError::Execution(own) => return own,
                _ => ErrorCode::UnknownError,
            },
        };
        let is_quota = matches!(error, ServiceError::Quota { .. });
        let made = Self::from_error(code, &error);
        if is_quota { made.with_resource(crate::error::Resource::Quota) } else { made }
    }
}

/// The answer of a service, later.
pub type ServiceResult<'a, T> = BoxFuture<'a, Result<T, ServiceError>>;

/// A cache: values may vanish at any time. Keys of different plugins and tenants never meet.
pub trait CacheService: Send + Sync {
    /// Reads a value.
    fn get<'a>(&'a self, scope: &'a ServiceScope, key: &'a str) -> ServiceResult<'a, Option<Bytes>>;
    /// Writes a value, kept at most `ttl`, or as long as the cache's default.
    fn set<'a>(
        &'a self,
        scope: &'a ServiceScope,
        key: &'a str,
        value: Bytes,
        ttl: Option<Duration>,
    ) -> ServiceResult<'a, ()>;
    /// Removes a value; whether it was there.
    fn delete<'a>(&'a self, scope: &'a ServiceScope, key: &'a str) -> ServiceResult<'a, bool>;
}

/// Persistent key-value state. Keys of different plugins and tenants never meet. Every call counts against the quota of
/// operations.
pub trait StateService: Send + Sync {
    /// Reads a value.
    fn get<'a>(&'a self, scope: &'a ServiceScope, key: &'a str) -> ServiceResult<'a, Option<Bytes>>;
    /// Writes a value within the quotas of host and grant; durable when it returns.
    fn set<'a>(&'a self, scope: &'a ServiceScope, key: &'a str, value: Bytes) -> ServiceResult<'a, ()>;
    /// Removes a value; whether it was there.
    fn delete<'a>(&'a self, scope: &'a ServiceScope, key: &'a str) -> ServiceResult<'a, bool>;
    /// Keys that start with a prefix, in order, at most `limit`.
    fn keys<'a>(
        &'a self,
        scope: &'a ServiceScope,
        prefix: &'a str,
        limit: u32,
    ) -> ServiceResult<'a, Vec<String>>;
}

/// Files that outlive executions, confined to a directory for each plugin and tenant.
pub trait StorageService: Send + Sync {
    /// Reads a file.
    fn read<'a>(&'a self, scope: &'a ServiceScope, path: &'a str) -> ServiceResult<'a, Option<Bytes>>;
    /// Writes a file whole: the old contents or the new are there, never a part.
    fn write<'a>(&'a self, scope: &'a ServiceScope, path: &'a str, contents: Bytes) -> ServiceResult<'a, ()>;
    /// Removes a file; whether it was there.
    fn delete<'a>(&'a self, scope: &'a ServiceScope, path: &'a str) -> ServiceResult<'a, bool>;
    /// Files below a path, in order.
    fn list<'a>(&'a self, scope: &'a ServiceScope, path: &'a str) -> ServiceResult<'a, Vec<String>>;
}

/// Topics. A message goes to those who are subscribed when it is published.
pub trait EventService: Send + Sync {
    /// Publishes to a concrete topic; how many subscribers got it.
    fn publish<'a>(
        &'a self,
        scope: &'a ServiceScope,
        topic: &'a str,
        message: Bytes,
    ) -> ServiceResult<'a, u64>;
    /// Subscribes to a pattern. The subscription ends when it is dropped.
    fn subscribe<'a>(
        &'a self,
        scope: &'a ServiceScope,
        pattern: &'a str,
    ) -> ServiceResult<'a, Box<dyn EventSubscription>>;
}

/// One subscription, bounded: a subscriber that does not keep up loses the oldest messages, and sees how many.
pub trait EventSubscription: Send {
    /// The next message; `None` when the service is gone. Cancel safe.
    fn next(&mut self) -> BoxFuture<'_, Option<EventMessage>>;
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventMessage {
    /// Its topic.
    pub topic: String,
    /// Its body.
    pub body: Bytes,
    /// How many messages this subscriber lost before this one.
    pub dropped: u64,
}

/// Takes the log lines of every execution. Must not block.
pub trait LogSink: Send + Sync {
    /// Takes one line.
    fn write(&self, scope: &ServiceScope, line: &LogLine);
}

/// Takes the decisions about permissions. Must not block.
pub trait AuditSink: Send + Sync {
    /// Takes one decision.
    fn record(&self, scope: &ServiceScope, event: &AuditEvent);
}

/// A permission was denied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditEvent {
    /// The permission, for example `state`.
    pub permission: String,
    /// On what, for example a key.
    pub subject: String,
    /// The rule that decided, when it was one and not the absence of a grant.
    pub rule: Option<String>,
    /// The grant that would have allowed it.
    pub missing: String,
}

impl AuditEvent {
    /// A denial.
    pub fn denied(permission: String, subject: String, rule: Option<String>, missing: String) -> Self {
        Self { permission, subject, rule, missing }
    }
}

/// Gives plugins their configuration.
pub trait ConfigService: Send + Sync {
    /// The host's configuration for a plugin, if it has any. It is laid over the manifest's defaults.
    fn section(&self, plugin: &PluginId) -> Option<Value>;
}

/// A service that a host registers by name.
pub trait CustomService: Send + Sync {
    /// Does one call.
    fn call<'a>(
        &'a self,
        scope: &'a ServiceScope,
        method: &'a str,
        args: Value,
        body: Bytes,
    ) -> ServiceResult<'a, HostReply>;
}
