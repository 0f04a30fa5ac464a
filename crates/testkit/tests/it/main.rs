//! Every backend passes the conformance suite, and none is harmed by the fault program or by the death of its host.

mod conformance;
mod fault;
mod host_death;
