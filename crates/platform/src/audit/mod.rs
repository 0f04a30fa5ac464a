//! Sinks of denied permissions: into the host's tracing, and into memory.
//! They decide nothing; the decision was made before they hear of it.

mod memory_audit;
mod tracing_audit;

pub use memory_audit::{AuditEntry, MemoryAudit, MemoryAuditConfig};
pub use tracing_audit::TracingAudit;
