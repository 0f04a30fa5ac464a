//! Every backend passes the conformance suite, and none is harmed by the fault program or by the death of its host.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "what fails around a test fails the test, and a host is started from outside"
)]

mod chaos;
mod conformance;
mod covers;
mod escape;
mod fault;
mod host_death;
mod isolation;
mod spawner_death;
mod suite_itself;
mod table;
