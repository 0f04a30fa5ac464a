//! The suites: one line for each backend.

use plugdock_execution_factory::BackendConfig;
use plugdock_testkit::conformance_suite;
use plugdock_testkit::harness::Subject;

fn linked() -> Subject {
    Subject::linked(BackendConfig::in_process())
}

conformance_suite!(in_process: linked);
