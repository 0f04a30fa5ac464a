//! Start-up and shut-down of a plugdock host: a checked configuration, the host's log, the platform and the backend, in order.
//! It does not know the wire, nor how a worker is spawned.

pub mod config;
