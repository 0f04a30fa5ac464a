//! The first line of a host's `main`: the host's own program is also its spawner and its workers.

use plugdock_plugin_runtime::{Registry, worker};

use crate::process::spawner;

/// Becomes the spawner if this process was started as one, and never returns then; otherwise returns at once.
///
/// A host calls it first thing in `main`, before any thread exists and before arguments are read. Without it the
/// subprocess backend cannot start the host's own program as its spawner, and says so. A host with linked plugins
/// calls [`init_with`] instead.
pub fn init() {
    spawner::run_if_asked();
}

/// As [`init`], and serves a linked plugin if this process was started as a worker for one.
pub fn init_with(registry: &Registry) {
    spawner::run_if_asked();
    worker::init(registry);
}
