//! The services a host offers to handlers, embedded implementations of them, and the container that holds them.
//! It knows no wire, no plugin's code and nothing of how a backend works; permissions are checked before it is called.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//! use plugdock_contracts::Shutdown;
//! use plugdock_platform::{CacheConfig, MemoryCache, Platform, RedbState, StateConfig};
//!
//! # async fn host() -> Result<(), Box<dyn std::error::Error>> {
//! let state = Arc::new(RedbState::open("/var/lib/host/state.redb", StateConfig::default())?);
//! let platform = Platform::builder()
//!     .with_cache(Arc::new(MemoryCache::new(CacheConfig::default())?))
//!     .with_state(state.clone())
//!     .manage("state", state)?
//!     .build();
//! platform.start(Duration::from_secs(5)).await?;
//! let report = platform.shutdown(Shutdown::Now, Duration::from_secs(5)).await;
//! assert!(report.failures.is_empty());
//! # Ok(())
//! # }
//! ```

mod audit;
mod cache;
mod config;
mod container;
mod event;
#[cfg(target_os = "linux")]
mod file;
mod http;
mod lane;
mod log;
mod namespace;
mod ring;
mod setting;
mod state;
mod storage;

pub use audit::{AuditEntry, MemoryAudit, MemoryAuditConfig, TracingAudit};
pub use cache::{CacheConfig, MemoryCache};
pub use config::StaticConfig;
pub use container::{
    Lifecycle, LifecycleError, LifecycleFailure, LifecycleStep, Platform, PlatformBuilder, PlatformError,
    PlatformReport, StartError,
};
pub use event::{EventConfig, TopicEvents};
#[cfg(target_os = "linux")]
pub use file::{FileConfig, HostFiles};
pub use http::{ByteStream, Connector, HttpBroker, HttpConfig, Resolver, SystemResolver, TcpConnector};
pub use log::{LogEntry, MemoryLogConfig, MemoryLogSink, TracingLogSink};
pub use setting::{SettingError, SettingErrors};
pub use state::{MemoryState, RedbState, StateConfig, StateOpenError};
pub use storage::{DirectoryStorage, StorageConfig, StorageOpenError};
