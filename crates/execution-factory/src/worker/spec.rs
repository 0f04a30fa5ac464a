//! What is started for an execution: the program, its environment, its directory and its sandbox plan.

use std::path::{Path, PathBuf};
use std::time::Duration;

use plugdock_contracts::permission::Permissions;
use plugdock_contracts::{Limits, PluginId};
use plugdock_plugin_runtime::worker::PLUGIN_VARIABLE;
use plugdock_sandbox::{HostCapabilities, SandboxPlan};

use crate::plugin::{Program, ResolvedPlugin};
use crate::process::{SpawnSpec, environment};

/// What holds for every worker of a backend.
#[derive(Debug)]
pub(crate) struct WorkerDefaults {
    pub(crate) worker_program: Option<PathBuf>,
    pub(crate) handshake: Duration,
    pub(crate) capabilities: HostCapabilities,
}

/// Where a worker works.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places<'a> {
    pub(crate) work: &'a Path,
    pub(crate) temporary: &'a Path,
}

impl WorkerDefaults {
    /// The start of a worker for a plugin.
    pub(crate) fn spec(
        &self,
        plugin: &ResolvedPlugin,
        limits: &Limits,
        permissions: &Permissions,
        places: Places<'_>,
    ) -> std::io::Result<SpawnSpec> {
        let (program, args, linked) = match &plugin.program {
            Program::Entry { path, args } => (path.clone(), args.clone(), None),
            Program::Linked(_) => {
                let own = || std::env::current_exe();
                (self.worker_program.clone().map_or_else(own, Ok)?, Vec::new(), Some(&plugin.manifest.id))
            }
        };
        Ok(SpawnSpec {
            program,
            args,
            env: environment_of(permissions, places, linked),
            dir: places.work.to_owned(),
            plan: SandboxPlan::compute(limits, &self.capabilities),
            setup_within: self.handshake,
        })
    }
}

fn environment_of(
    permissions: &Permissions,
    places: Places<'_>,
    linked: Option<&PluginId>,
) -> Vec<(String, String)> {
    // Names that are no text are no names a grant could mean.
    let named = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let granted: Vec<String> = named.filter(|name| permissions.env_read(name).is_allowed()).collect();
    let granted = granted.iter().map(String::as_str);
    let mut env = environment::scrubbed_with(places.work, places.temporary, granted);
    env.extend(linked.map(|id| (PLUGIN_VARIABLE.to_owned(), id.to_string())));
    env
}
