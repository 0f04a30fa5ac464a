//! The one plugin that is linked into the command: it tells what a handler sees here, in whatever backend it runs.
//! It is what the in-process backend of the command can run; every other plugin is a program of its own.

use std::path::Path;

use plugdock::{Ctx, HandlerResult, Plugin, Registry};
use plugdock_contracts::PluginId;
use plugdock_contracts::manifest::Manifest;
use serde::Serialize;

/// The plugin's id, given in place of a folder.
pub(crate) const ID: &str = "plugdock/sight";

/// What a handler sees of the process it runs in.
#[derive(Debug, Serialize)]
struct Sight {
    /// The process, and the one that started it.
    process: u32,
    parent: u32,
    /// Names only: values may be secret.
    variables: Vec<String>,
    working_directory: Option<String>,
    workspace: String,
    time_left_ms: Option<u128>,
    tenant: Option<String>,
}

async fn look(ctx: Ctx, (): ()) -> HandlerResult<Sight> {
    let mut variables: Vec<String> =
        std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    variables.sort();
    ctx.log().info(format!("{} variables are in sight", variables.len()));
    Ok(Sight {
        process: std::process::id(),
        parent: std::os::unix::process::parent_id(),
        variables,
        working_directory: std::env::current_dir().ok().map(|dir| dir.display().to_string()),
        workspace: ctx.workspace().display().to_string(),
        time_left_ms: ctx.remaining().map(|left| left.as_millis()),
        tenant: ctx.tenant().map(ToString::to_string),
    })
}

/// What is linked into the command.
pub(crate) fn registry() -> Registry {
    let plugin = Plugin::new(ID, env!("CARGO_PKG_VERSION"))
        .about("Tells what a handler sees of the process it runs in.")
        .handler("look", look)
        .doc("Names the process, its variables, its directory and what is left of its time.");
    Registry::new().with(plugin).expect("the one linked plugin is sound, as its test shows")
}

/// The manifest of the linked plugin, if that is meant and no folder of its name is there.
pub(crate) fn manifest(plugin: &Path) -> Option<Manifest> {
    if plugin != Path::new(ID) || plugin.exists() {
        return None;
    }
    let id = PluginId::new(ID).ok()?;
    let linked = registry();
    Some(Manifest::new(id.clone(), linked.get(&id)?.description().version.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linked_plugin_is_found_by_its_id_and_nothing_else_is() {
        assert_eq!(manifest(Path::new(ID)).unwrap().id.as_str(), ID);
        assert!(manifest(Path::new("plugdock/other")).is_none());
    }
}
