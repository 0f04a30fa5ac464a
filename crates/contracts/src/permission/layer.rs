//! One list of grants, compiled: every pattern parsed and sorted by what it is about.
//! It answers nothing itself; [`Permissions`](super::Permissions) asks one or several of these.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::{
    EnvPattern, Grant, KeyPattern, MethodPattern, PathPattern, PatternError, PermissionError,
    PermissionErrors, PermissionKind, PluginPattern, ProgramPattern, ServiceName, TopicPattern, UrlPattern,
};

/// A compiled list of grants.
#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) grants: Vec<Grant>,
    pub(super) fs_read: Vec<PathPattern>,
    pub(super) fs_write: Vec<PathPattern>,
    pub(super) net_http: Vec<UrlPattern>,
    pub(super) env_read: Vec<EnvPattern>,
    pub(super) shell_exec: Vec<ProgramPattern>,
    pub(super) invoke: Vec<PluginPattern>,
    pub(super) cache: Vec<KeyPattern>,
    pub(super) state: Vec<KeyPattern>,
    pub(super) storage: Vec<KeyPattern>,
    pub(super) publish: Vec<TopicPattern>,
    pub(super) subscribe: Vec<TopicPattern>,
    services: BTreeMap<ServiceName, Vec<MethodPattern>>,
}

impl Layer {
    /// Compiles every grant, or reports every fault of every grant.
    pub(super) fn compile(grants: Vec<Grant>) -> Result<Self, PermissionErrors> {
        let mut layer = Self::default();
        let mut errors = Vec::new();
        for (position, grant) in grants.iter().enumerate() {
            if grant.scope.is_empty() {
                errors.push(PermissionError::EmptyScope { kind: grant.kind.clone(), grant: position });
            }
            for (entry, pattern) in grant.scope.iter().enumerate() {
                if let Err(source) = layer.add(&grant.kind, pattern) {
                    let kind = grant.kind.clone();
                    errors.push(PermissionError::Pattern { kind, grant: position, entry, source });
                }
            }
        }
        if errors.is_empty() {
            layer.grants = grants;
            Ok(layer)
        } else {
            Err(PermissionErrors::new(errors))
        }
    }

    /// The patterns granted for one service.
    pub(super) fn service(&self, name: &ServiceName) -> &[MethodPattern] {
        self.services.get(name).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, kind: &PermissionKind, pattern: &str) -> Result<(), PatternError> {
        match kind {
            PermissionKind::FsRead => push(&mut self.fs_read, pattern),
            PermissionKind::FsWrite => push(&mut self.fs_write, pattern),
            PermissionKind::NetHttp => push(&mut self.net_http, pattern),
            PermissionKind::EnvRead => push(&mut self.env_read, pattern),
            PermissionKind::ShellExec => push(&mut self.shell_exec, pattern),
            PermissionKind::Invoke => push(&mut self.invoke, pattern),
            PermissionKind::Cache => push(&mut self.cache, pattern),
            PermissionKind::State => push(&mut self.state, pattern),
            PermissionKind::Storage => push(&mut self.storage, pattern),
            PermissionKind::EventsPublish => push(&mut self.publish, pattern),
            PermissionKind::EventsSubscribe => push(&mut self.subscribe, pattern),
            PermissionKind::Service(name) => push(self.services.entry(name.clone()).or_default(), pattern),
        }
    }
}

fn push<P: FromStr<Err = PatternError>>(patterns: &mut Vec<P>, text: &str) -> Result<(), PatternError> {
    patterns.push(text.parse()?);
    Ok(())
}
