//! Persistent key-value state, and the same in memory.
//! Both follow one set of rules; what differs is only where the values are.

mod account;
mod memory_state;
mod meter;
mod operation_rate;
mod redb_state;
mod redb_tables;
mod state_config;
mod state_open_error;

pub use memory_state::MemoryState;
pub use redb_state::RedbState;
pub use state_config::StateConfig;
pub use state_open_error::StateOpenError;

/// The name of the service in errors.
const SERVICE: &str = "state";
