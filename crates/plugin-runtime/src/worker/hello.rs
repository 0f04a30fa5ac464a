//! What a worker says of itself when it introduces itself.

use plugdock_contracts::describe::{HandlerDescription, HandlerKind};
use plugdock_ipc::frame::{self, HandlerInfo, Hello, Observation};

use crate::plugin::BuiltPlugin;

/// The introduction of a plugin, with what the worker sees of its sandbox.
pub(super) fn hello(plugin: &BuiltPlugin) -> Hello {
    let description = plugin.description();
    Hello {
        plugin_id: description.id.to_string(),
        plugin_version: description.version.to_string(),
        runtime_name: env!("CARGO_PKG_NAME").to_owned(),
        runtime_version: env!("CARGO_PKG_VERSION").to_owned(),
        features: Vec::new(),
        handlers: description
            .handlers
            .iter()
            .map(|of| HandlerInfo { blocking: plugin.is_blocking(&of.id), ..handler(of) })
            .collect(),
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
        ..HandlerInfo::default()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctx::Ctx;
    use crate::handler::HandlerError;
    use crate::plugin::Plugin;

    #[test]
    fn a_hello_says_what_each_handler_bears() {
        let plugin = Plugin::new("acme/test", "1.0.0")
            .handler("plain", async |_ctx: Ctx, (): ()| Ok::<_, HandlerError>(()))
            .handler("many", async |_ctx: Ctx, (): ()| Ok::<_, HandlerError>(()))
            .concurrent()
            .blocking("thread", |_ctx: Ctx, (): ()| Ok::<_, HandlerError>(()))
            .idempotent()
            .build()
            .unwrap();
        let said: Vec<_> = hello(&plugin)
            .handlers
            .into_iter()
            .map(|of| (of.name, of.blocking, of.concurrent, of.idempotent))
            .collect();
        let expected = [
            ("plain".to_owned(), false, false, false),
            ("many".to_owned(), false, true, false),
            ("thread".to_owned(), true, false, true),
        ];
        assert_eq!(said, expected);
    }
}
