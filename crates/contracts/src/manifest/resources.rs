//! What a plugin says it needs: limits of its worker, and how long a handler runs.
//! The host may give less; what was in force is in each outcome's sandbox report.

use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::document::{Cursor, Fields, FromNode, Value};
use crate::limits::{Limits, parse_millicores};
use crate::size::ByteSize;
use crate::span::format_span;

/// The `resources` table. In the file the CPU share is called `cpu`; every other limit has the name it has in [`Limits`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Resources {
    /// What a worker may use at most.
    pub limits: Limits,
    /// How long a handler may run.
    pub timeout: Option<Duration>,
}

impl Resources {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn read(fields: &mut Fields<'_, '_>) -> Self {
        let limits = Limits {
            memory: fields.optional("memory"),
            cpu_millicores: fields.optional_with("cpu", cpu_share),
            cpu_time: fields.optional("cpu_time"),
            storage: fields.optional("storage"),
            processes: fields.optional("processes"),
            connections: fields.optional("connections"),
            open_files: fields.optional("open_files"),
            output: fields.optional("output"),
            file_size: fields.optional("file_size"),
            stack: fields.optional("stack"),
            payload: fields.optional("payload"),
        };
        let timeout = fields.optional_with("timeout", positive_span);
        for zero in limits.zeros() {
            let key = if zero == "cpu_millicores" { "cpu" } else { zero };
            fields.fault(
                key,
                "zero, with which nothing can run",
                Some("leave the key out for the host's default".to_owned()),
            );
        }
        Self { limits, timeout }
    }
}

impl Serialize for Resources {
    /// The form that is read back: sizes, spans and shares as text with their unit.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Limits {
            memory,
            cpu_time,
            cpu_millicores,
            processes,
            open_files,
            file_size,
            stack,
            storage,
            output,
            payload,
            connections,
        } = &self.limits;
        let texts = [
            ("memory", memory.map(|size| size.to_string())),
            ("cpu", cpu_millicores.map(|share| format!("{share}m"))),
            ("cpu_time", cpu_time.map(format_span)),
            ("timeout", self.timeout.map(format_span)),
            ("storage", storage.map(|size| size.to_string())),
            ("output", output.map(|size| size.to_string())),
            ("file_size", file_size.map(|size| size.to_string())),
            ("stack", stack.map(|size| size.to_string())),
            ("payload", payload.map(|size| size.to_string())),
        ];
        let counts = [("processes", processes), ("connections", connections), ("open_files", open_files)];
        let mut map = serializer.serialize_map(None)?;
        for (key, text) in texts {
            if let Some(text) = text {
                map.serialize_entry(key, &text)?;
            }
        }
        for (key, count) in counts {
            if let Some(count) = count {
                map.serialize_entry(key, count)?;
            }
        }
        map.end()
    }
}

/// "500m", "2", or the plain number of cores.
fn cpu_share(at: &mut Cursor<'_, '_>) -> Option<u32> {
    let text = match at.node().value() {
        Value::String(text) => text.clone(),
        Value::Integer(cores) => cores.to_string(),
        _ => return at.expected("a share of CPU such as \"500m\" or 2"),
    };
    match parse_millicores(&text) {
        Ok(share) => Some(share),
        Err(help) => at.refuse_with_help(format!("`{text}` is no share of CPU"), help),
    }
}

pub(super) fn positive_span(at: &mut Cursor<'_, '_>) -> Option<Duration> {
    let span = Duration::from_node(at)?;
    if span.is_zero() { at.refuse("zero, in which nothing can run") } else { Some(span) }
}

pub(super) fn positive_size(at: &mut Cursor<'_, '_>) -> Option<ByteSize> {
    let size = ByteSize::from_node(at)?;
    if size.bytes() == 0 { at.refuse("zero, into which nothing fits") } else { Some(size) }
}
