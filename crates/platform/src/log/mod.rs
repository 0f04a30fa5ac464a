//! Sinks of log lines: into the host's tracing, and into memory.
//! They take lines as they are; bounds on a line and its text are held where it is read.

mod memory_log_sink;
mod tracing_log_sink;

pub use memory_log_sink::{LogEntry, MemoryLogConfig, MemoryLogSink};
pub use tracing_log_sink::TracingLogSink;
