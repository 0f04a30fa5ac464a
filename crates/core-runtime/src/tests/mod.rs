//! Tests of starting and stopping, with a backend that only remembers what it was told.

mod backend;
mod start;
mod stop;

use crate::config::RuntimeConfig;
use crate::config::RuntimeConfigBuilder;

/// A host that keeps nothing on disk.
fn config(extend: impl FnOnce(RuntimeConfigBuilder) -> RuntimeConfigBuilder) -> RuntimeConfig {
    let builder = RuntimeConfig::builder()
        .base("/")
        .set("platform.data_dir", "/no/such/folder")
        .set("platform.state.store", "memory")
        .set("platform.storage.store", "off")
        .set("log.format", "none");
    extend(builder).build().unwrap()
}
