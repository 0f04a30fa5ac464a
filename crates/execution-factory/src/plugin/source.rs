//! Finds the plugin of a request: linked into the host, in a catalogue, or in the directory that the request names.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use plugdock_contracts::error::{ErrorCode, ExecutionError, Fault};
use plugdock_contracts::manifest::{Isolation, Manifest};
use plugdock_contracts::permission::Permissions;
use plugdock_contracts::{ExecutionRequest, PluginId};
use plugdock_plugin_runtime::Registry;
use plugdock_plugin_runtime::plugin::BuiltPlugin;
use serde_json::Value;

use super::{Catalog, Package, PluginMemory};

/// What runs a plugin's handlers.
#[derive(Debug, Clone)]
pub(crate) enum Program {
    /// Code in the host's own program.
    Linked(Arc<BuiltPlugin>),
    /// An executable of the plugin's own.
    Entry {
        /// Its path, links resolved.
        path: PathBuf,
        /// Arguments from the manifest.
        args: Vec<String>,
    },
}

/// Where a plugin comes from. Two directories may hold one id; they are two plugins to whoever keeps workers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PluginOrigin {
    pub(crate) id: Option<PluginId>,
    pub(crate) root: Option<PathBuf>,
}

/// A plugin that was found.
#[derive(Debug, Clone)]
pub(crate) struct ResolvedPlugin {
    pub(crate) manifest: Manifest,
    pub(crate) program: Program,
    pub(crate) origin: PluginOrigin,
    /// Which program it is, where somebody keeps workers of it: equal for equal programs.
    pub(crate) digest: String,
    /// Whether there is a manifest of the plugin's own; without one the request's grants stand alone.
    has_manifest: bool,
}

/// Where plugins are found.
#[derive(Debug, Default)]
pub(crate) struct PluginSource {
    pub(crate) registry: Registry,
    pub(crate) catalog: Catalog,
    /// What was found before, for a backend that would else read the same files for each of many short executions.
    pub(crate) memory: Option<PluginMemory>,
}

impl PluginSource {
    /// The plugin of a request, if it was looked at a short time ago. Reads no file.
    pub(crate) fn remembered(&self, request: &ExecutionRequest, now: Instant) -> Option<Arc<ResolvedPlugin>> {
        self.memory.as_ref()?.fresh(&self.origin(request), now)
    }

    /// The plugin of a request. Reads files.
    pub(crate) fn look(&self, request: &ExecutionRequest) -> Result<Arc<ResolvedPlugin>, ExecutionError> {
        self.look_at(&self.origin(request))
    }

    /// The plugin of an origin. Reads files.
    pub(crate) fn look_at(&self, origin: &PluginOrigin) -> Result<Arc<ResolvedPlugin>, ExecutionError> {
        let find = || self.find(origin.id.as_ref(), origin.root.as_deref());
        match &self.memory {
            Some(memory) => memory.look(origin, Instant::now(), find),
            None => find().map(Arc::new),
        }
    }

    /// Whether the program is the one that was found last. Without memory, or when it is forgotten, nobody knows better.
    pub(crate) fn is_current(&self, plugin: &ResolvedPlugin) -> bool {
        self.memory.as_ref().is_none_or(|memory| memory.is_current(plugin))
    }

    /// The plugin of an id, as it would be found for a request.
    pub(crate) fn look_for(&self, id: &PluginId) -> Result<Arc<ResolvedPlugin>, ExecutionError> {
        let root = self.catalog.root(id).map(Path::to_owned);
        self.look_at(&PluginOrigin { id: Some(id.clone()), root })
    }

    fn origin(&self, request: &ExecutionRequest) -> PluginOrigin {
        let id = &request.descriptor.plugin;
        let root = request.plugin_root.as_deref().or_else(|| self.catalog.root(id));
        PluginOrigin { id: Some(id.clone()), root: root.map(Path::to_owned) }
    }

    /// The plugin of an id or a directory.
    pub(crate) fn find(
        &self,
        id: Option<&PluginId>,
        root: Option<&Path>,
    ) -> Result<ResolvedPlugin, ExecutionError> {
        let root = root.or_else(|| id.and_then(|id| self.catalog.root(id)));
        let origin = PluginOrigin { id: id.cloned(), root: root.map(Path::to_owned) };
        if let Some(root) = root {
            let package = Package::open(root).map_err(super::PluginError::into_execution_error)?;
            return self.of_package(package, origin);
        }
        let linked = id.and_then(|id| self.registry.get(id)).cloned().ok_or_else(|| unknown_plugin(id))?;
        let description = linked.description();
        let manifest = Manifest::new(description.id.clone(), description.version.clone());
        let program = Program::Linked(linked);
        Ok(ResolvedPlugin { manifest, program, origin, digest: String::new(), has_manifest: false })
    }

    fn of_package(&self, package: Package, origin: PluginOrigin) -> Result<ResolvedPlugin, ExecutionError> {
        let program = if let Some(path) =
            package.program().map_err(super::PluginError::into_execution_error)?
        {
            Program::Entry { path, args: package.manifest.args.clone() }
        } else {
            let id = &package.manifest.id;
            let linked = self.registry.get(id).cloned().ok_or_else(|| {
                let message =
                    format!("the manifest of `{id}` names no entry, and the host has no such plugin linked");
                ExecutionError::new(ErrorCode::HandlerNotFound, message)
                    .with_fault(Fault::Host)
                    .with_help("name an entry in the manifest, or register the plugin in the host")
            })?;
            Program::Linked(linked)
        };
        let (manifest, digest) = (package.manifest, String::new());
        Ok(ResolvedPlugin { manifest, program, origin, digest, has_manifest: true })
    }
}

fn unknown_plugin(id: Option<&PluginId>) -> ExecutionError {
    let name = id.map_or("of no id", PluginId::as_str);
    ExecutionError::new(ErrorCode::HandlerNotFound, format!("no plugin `{name}` is known")).with_help(
        "register it in the host, add its directory to the catalogue, or give the request its directory",
    )
}

impl ResolvedPlugin {
    /// Checks it against what a request and a backend demand.
    pub(crate) fn check(
        &self,
        request: &ExecutionRequest,
        isolation: Isolation,
    ) -> Result<(), ExecutionError> {
        let (descriptor, manifest) = (&request.descriptor, &self.manifest);
        if manifest.id != descriptor.plugin {
            let message =
                format!("the request is for `{}`, the directory holds `{}`", descriptor.plugin, manifest.id);
            return Err(ExecutionError::new(ErrorCode::ValidationError, message));
        }
        if let Some(wanted) = &descriptor.plugin_version
            && *wanted != manifest.version
        {
            let message =
                format!("the request is for `{}` {wanted}, there is {}", manifest.id, manifest.version);
            return Err(ExecutionError::new(ErrorCode::ValidationError, message));
        }
        self.check_host()?;
        if !isolation.meets(manifest.min_isolation) {
            let message = format!(
                "plugin `{}` demands isolation `{}`, this backend gives `{isolation}`",
                manifest.id, manifest.min_isolation
            );
            let help = format!("use a backend that gives at least `{}`", manifest.min_isolation);
            return Err(ExecutionError::new(ErrorCode::InsufficientIsolation, message).with_help(help));
        }
        Ok(())
    }

    fn check_host(&self) -> Result<(), ExecutionError> {
        // The version of this workspace: one for all crates.
        let host = semver::Version::parse(env!("CARGO_PKG_VERSION")).expect("cargo checks the version");
        match &self.manifest.host {
            Some(range) if !range.matches(&host) => {
                let message = format!("plugin `{}` is for hosts {range}, this is {host}", self.manifest.id);
                Err(ExecutionError::new(ErrorCode::Unsupported, message)
                    .with_fault(Fault::Plugin)
                    .with_help("use a version of the plugin that is for this host"))
            }
            _ => Ok(()),
        }
    }

    /// What the execution may: the manifest's grants, narrowed by the request's.
    pub(crate) fn permissions(&self, request: &ExecutionRequest) -> Permissions {
        match (&request.descriptor.permissions, self.has_manifest) {
            (Some(own), true) => self.manifest.permissions.intersect(own),
            (Some(own), false) => own.clone(),
            (None, _) => self.manifest.permissions.clone(),
        }
    }

    /// The configuration: the manifest's defaults under the host's section under the request's.
    pub(crate) fn config(&self, section: Option<Value>, request: &Value) -> Value {
        // The manifest was parsed, so its defaults are JSON.
        let defaults = self.manifest.config.defaults.as_deref();
        let mut config = defaults.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
        if let Some(section) = section {
            overlay(&mut config, section);
        }
        overlay(&mut config, request.clone());
        config
    }
}

/// Lays a value over another: objects key by key, everything else whole; `null` leaves what is there.
fn overlay(base: &mut Value, over: Value) {
    match (base, over) {
        (_, Value::Null) => {}
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                overlay(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn configuration_is_laid_over_key_by_key() {
        let mut config = json!({ "a": 1, "deep": { "x": 1, "y": 2 }, "list": [1] });
        overlay(&mut config, json!({ "deep": { "y": 3 }, "list": [2], "new": true, "a": null }));
        assert_eq!(config, json!({ "a": 1, "deep": { "x": 1, "y": 3 }, "list": [2], "new": true }));
    }

    #[test]
    fn an_unknown_plugin_is_named() {
        let request = ExecutionRequest::new("acme/missing", "x").unwrap();
        let error = PluginSource::default().look(&request).unwrap_err();
        assert_eq!(error.code(), &ErrorCode::HandlerNotFound);
        assert!(error.message().contains("acme/missing"));
    }
}
