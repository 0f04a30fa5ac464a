//! Asks a plugin's program what it is: it is started, introduces itself, and is sent away.

use std::path::Path;

use plugdock_contracts::describe::{Example, HandlerDescription, HandlerKind, PluginDescription};
use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::{HandlerId, Limits, Permissions, WorkerId};
use plugdock_ipc::frame::{self, HandlerInfo, Hello};

use super::attach::{AttachError, AttachSpec, attach};
use super::output::Origin;
use super::spec::{Places, WorkerDefaults};
use crate::limit;
use crate::plugin::{Program, ResolvedPlugin};
use crate::process::Spawn;

/// Asks a plugin what it is. Its program works in `dir` meanwhile.
pub(crate) async fn ask(
    spawner: &dyn Spawn,
    defaults: &WorkerDefaults,
    plugin: &ResolvedPlugin,
    dir: &Path,
) -> Result<PluginDescription, ExecutionError> {
    if let Program::Linked(linked) = &plugin.program {
        return Ok(linked.description().clone());
    }
    let places = Places { work: dir, temporary: dir, more: None };
    let spawn = defaults.spec(plugin, &Limits::default(), &Permissions::deny_all(), places).await?;
    let spec = AttachSpec {
        spawn,
        handshake: defaults.handshake,
        max_payload: limit::DEFAULT_MAX_PAYLOAD,
        only_for: None,
        origin: Origin { worker: WorkerId::generate(), plugin: plugin.manifest.id.clone() },
        expected: (plugin.manifest.id.to_string(), plugin.manifest.version.to_string()),
    };
    let attached = attach(spawner, spec).await.map_err(|error| match error {
        AttachError::Failed { error, .. } => error,
        AttachError::Cancelled(reason) => ExecutionError::new(ErrorCode::Aborted, reason.to_string()),
    })?;
    let described = describe(plugin, &attached.hello);
    attached.end(true).await;
    described
}

fn describe(plugin: &ResolvedPlugin, hello: &Hello) -> Result<PluginDescription, ExecutionError> {
    let mut description = PluginDescription::new(plugin.manifest.id.clone(), plugin.manifest.version.clone());
    plugin.manifest.description.clone().unwrap_or_default().clone_into(&mut description.about);
    description.runtime = format!("{} {}", hello.runtime_name, hello.runtime_version);
    description.handlers = hello.handlers.iter().map(handler).collect::<Result<_, _>>()?;
    Ok(description)
}

fn handler(info: &HandlerInfo) -> Result<HandlerDescription, ExecutionError> {
    let id = HandlerId::new(&info.name)
        .map_err(|error| ExecutionError::from_error(ErrorCode::HandlerContractError, &error))?;
    // What is no JSON is left out: it would describe nothing.
    let json = |text: &Option<String>| {
        text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(serde_json::Value::Null)
    };
    let mut made = HandlerDescription::new(id, kind(info.kind));
    made.doc.clone_from(&info.doc);
    made.input_schema = json(&info.input_schema);
    made.output_schema = json(&info.output_schema);
    made.concurrent = info.concurrent;
    made.idempotent = info.idempotent;
    made.examples = info.examples.iter().filter_map(example).collect();
    Ok(made)
}

fn example(from: &frame::Example) -> Option<Example> {
    let mut example = Example::new(from.title.clone(), serde_json::from_str(&from.input).ok()?);
    example.output = from.output.as_deref().and_then(|text| serde_json::from_str(text).ok());
    Some(example)
}

/// The wire's kind as the contracts'.
pub(crate) fn kind(kind: frame::HandlerKind) -> HandlerKind {
    match kind {
        frame::HandlerKind::Call => HandlerKind::Call,
        frame::HandlerKind::Stream => HandlerKind::Stream,
        frame::HandlerKind::Channel => HandlerKind::Channel,
    }
}
