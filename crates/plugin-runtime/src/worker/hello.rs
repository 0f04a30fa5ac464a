//! What a worker says of itself when it introduces itself.

use plugdock_contracts::describe::{HandlerDescription, HandlerKind, PluginDescription};
use plugdock_ipc::frame::{self, HandlerInfo, Hello, Observation};

/// The introduction of a plugin, with what the worker sees of its sandbox.
pub(super) fn hello(description: &PluginDescription) -> Hello {
    Hello {
        plugin_id: description.id.to_string(),
        plugin_version: description.version.to_string(),
        runtime_name: env!("CARGO_PKG_NAME").to_owned(),
        runtime_version: env!("CARGO_PKG_VERSION").to_owned(),
        features: Vec::new(),
        handlers: description.handlers.iter().map(handler).collect(),
        sandbox: observations(),
        pid: std::process::id(),
    }
}

fn handler(description: &HandlerDescription) -> HandlerInfo {
    let text = |value: &serde_json::Value| (!value.is_null()).then(|| value.to_string());
    HandlerInfo {
        name: description.id.to_string(),
        kind: match description.kind {
            HandlerKind::Stream => frame::HandlerKind::Stream,
            HandlerKind::Channel => frame::HandlerKind::Channel,
            _ => frame::HandlerKind::Call,
        },
        blocking: false,
        concurrent: description.concurrent,
        idempotent: description.idempotent,
        doc: description.doc.clone(),
        input_schema: text(&description.input_schema),
        output_schema: text(&description.output_schema),
        examples: description
            .examples
            .iter()
            .map(|example| frame::Example {
                title: example.title.clone(),
                input: example.input.to_string(),
                output: example.output.as_ref().map(ToString::to_string),
            })
            .collect(),
    }
}

/// What this process sees of its own sandbox; the host has its own receipt, made before the program started.
fn observations() -> Vec<Observation> {
    let Ok(receipt) = plugdock_sandbox::Receipt::observe() else { return Vec::new() };
    let facts = [
        ("no_new_privs", receipt.no_new_privs.to_string()),
        ("seccomp", receipt.seccomp.to_string()),
        ("process_group", receipt.process_group.to_string()),
    ];
    facts.into_iter().map(|(key, value)| Observation { key: key.to_owned(), value }).collect()
}
