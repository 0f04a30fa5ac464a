//! The suites: one line for each backend.

use std::path::Path;

use plugdock_execution_factory::BackendConfig;
use plugdock_testkit::harness::Subject;
use plugdock_testkit::{conformance_suite, pool_suite};

/// A program that becomes a spawner or a worker when asked.
pub(crate) const HOST: &str = env!("CARGO_BIN_EXE_conformance-host");

/// The suite's plugins as a program.
pub(crate) const PLUGIN: &str = env!("CARGO_BIN_EXE_conformance-plugin");

pub(crate) fn linked() -> Subject {
    Subject::linked(BackendConfig::in_process())
}

pub(crate) fn programs() -> Subject {
    Subject::programs(BackendConfig::subprocess(), Path::new(PLUGIN), Path::new(HOST))
}

pub(crate) fn own_program() -> Subject {
    Subject::linked_in_processes(BackendConfig::subprocess(), Path::new(HOST))
}

conformance_suite!(in_process: linked);
conformance_suite!(subprocess: programs);
conformance_suite!(subprocess_of_linked_plugins: own_program);

pub(crate) fn pooled_programs() -> Subject {
    Subject::programs(BackendConfig::worker_pool(), Path::new(PLUGIN), Path::new(HOST))
}

pub(crate) fn pooled_own_program() -> Subject {
    Subject::linked_in_processes(BackendConfig::worker_pool(), Path::new(HOST))
}

conformance_suite!(worker_pool: pooled_programs);
conformance_suite!(worker_pool_of_linked_plugins: pooled_own_program);

pool_suite!(pool_of_programs: pooled_programs);
pool_suite!(pool_of_linked_plugins: pooled_own_program);
