//! What is started for an execution: the program, its environment, its directory and its sandbox plan.

use std::path::{Path, PathBuf};
use std::time::Duration;

use plugdock_contracts::error::{ErrorCode, ExecutionError, Step};
use plugdock_contracts::manifest::Isolation;
use plugdock_contracts::permission::Permissions;
use plugdock_contracts::{BackendKind, Limits, PluginId};
use plugdock_plugin_runtime::worker::PLUGIN_VARIABLE;
use plugdock_sandbox::{
    FileAccess, FileRule, HostCapabilities, InsufficientMachine, RuleOrigin, SandboxPlan, SandboxProfile,
};

use crate::config::BackendConfig;
use crate::plugin::{Program, ResolvedPlugin};
use crate::process::{SpawnSpec, environment, runners};

/// What holds for every worker of a backend.
#[derive(Debug)]
pub(crate) struct WorkerDefaults {
    worker_program: Option<PathBuf>,
    pub(crate) handshake: Duration,
    capabilities: HostCapabilities,
    profile: SandboxProfile,
}

/// Where a worker works.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places<'a> {
    pub(crate) work: &'a Path,
    pub(crate) temporary: &'a Path,
    /// A further directory of its own.
    pub(crate) more: Option<&'a Path>,
}

impl WorkerDefaults {
    /// What a configuration says, on this machine.
    ///
    /// A profile that was configured is a demand; without one the strongest is taken that the machine can hold.
    pub(crate) fn of(config: &BackendConfig) -> Result<Self, ExecutionError> {
        let capabilities = HostCapabilities::probe();
        let profile = config.profile.unwrap_or_else(|| SandboxProfile::strongest(&capabilities));
        let made = Self {
            worker_program: config.worker_program.clone(),
            handshake: config.handshake,
            capabilities,
            profile,
        };
        made.plan(&Limits::default(), &Permissions::deny_all())?;
        Ok(made)
    }

    /// The `trusted` profile with no program of its own.
    #[cfg(test)]
    pub(crate) fn plain(handshake: Duration) -> Self {
        Self {
            worker_program: None,
            handshake,
            capabilities: HostCapabilities::probe(),
            profile: SandboxProfile::Trusted,
        }
    }

    /// How far from the host a backend of this kind runs handlers under the profile.
    pub(crate) const fn isolation(&self, kind: BackendKind) -> Isolation {
        match self.profile {
            SandboxProfile::Restricted => Isolation::Restricted,
            _ => Isolation::offered_by(kind),
        }
    }

    /// The plan for a worker, without what is its own.
    pub(crate) fn plan(
        &self,
        limits: &Limits,
        permissions: &Permissions,
    ) -> Result<SandboxPlan, ExecutionError> {
        SandboxPlan::compute(permissions, limits, self.profile, &self.capabilities)
            .map_err(|error| insufficient(&error))
    }

    /// The start of a worker for a plugin. Looks at the program's file to know what runs it.
    pub(crate) async fn spec(
        &self,
        plugin: &ResolvedPlugin,
        limits: &Limits,
        permissions: &Permissions,
        places: Places<'_>,
    ) -> Result<SpawnSpec, ExecutionError> {
        let (program, args, linked) = match &plugin.program {
            Program::Entry { path, args } => (path.clone(), args.clone(), None),
            Program::Linked(_) => (self.own_program()?, Vec::new(), Some(&plugin.manifest.id)),
        };
        let mut plan = self.plan(limits, permissions)?;
        if plan.domain.is_some() {
            for runner in run_by(program.clone()).await {
                plan.allow(FileRule::new(runner, FileAccess::Run, RuleOrigin::Own));
            }
            if let Some(root) = &plugin.origin.root {
                // A program may be a script that starts another file of its package.
                plan.allow(FileRule::new(root, FileAccess::Run, RuleOrigin::Own));
            }
            for own in [Some(places.work), Some(places.temporary), places.more].into_iter().flatten() {
                plan.allow(FileRule::new(own, FileAccess::Write, RuleOrigin::Own));
            }
        }
        Ok(SpawnSpec {
            program,
            args,
            env: environment_of(permissions, places, linked),
            dir: places.work.to_owned(),
            plan,
            setup_within: self.handshake,
        })
    }

    fn own_program(&self) -> Result<PathBuf, ExecutionError> {
        self.worker_program.clone().map_or_else(std::env::current_exe, Ok).map_err(|error| {
            ExecutionError::new(ErrorCode::SpawnFailed, "the host's own program is not known")
                .with_chain(vec![error.to_string()])
                .with_step(Step::Spawn)
        })
    }
}

/// The program and what runs it, found on a blocking task. If the task is lost the program alone is left, and whatever
/// else is missing is told when it cannot be run.
async fn run_by(program: PathBuf) -> Vec<PathBuf> {
    let fallback = program.clone();
    tokio::task::spawn_blocking(move || runners(&program)).await.unwrap_or_else(|_lost| vec![fallback])
}

pub(crate) fn insufficient(error: &InsufficientMachine) -> ExecutionError {
    ExecutionError::new(ErrorCode::InsufficientIsolation, error.to_string()).with_step(Step::Spawn).with_help(
        "configure a profile that this machine can hold, or add what is missing: `plugdock doctor` lists it",
    )
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
