//! The configuration of a backend: plain data with defaults, validated as a whole. Where it came from is not its concern.

use std::path::PathBuf;
use std::time::Duration;

use plugdock_contracts::{BackendKind, Limits, Timeouts};
use plugdock_sandbox::SandboxProfile;

use crate::pool::PoolConfig;

/// Executions that run at a time by default.
pub(crate) const DEFAULT_MAX_CONCURRENT: usize = 10;

/// Executions that wait at a time by default.
pub(crate) const DEFAULT_MAX_WAITING: usize = 100;

/// Time a worker has to introduce itself: a cold start of a large program on a busy machine, with room to spare.
pub(crate) const DEFAULT_HANDSHAKE: Duration = Duration::from_secs(10);

/// What a backend is made with.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BackendConfig {
    /// Which backend.
    pub kind: BackendKind,
    /// What a worker may use when neither request nor manifest says so.
    pub limits: Limits,
    /// How long steps may take when the request does not say so.
    pub timeouts: Timeouts,
    /// Executions that run at a time. Default 10.
    pub max_concurrent: usize,
    /// Executions that wait at a time; one more is `QUEUE_FULL`. Default 100.
    pub max_waiting: usize,
    /// Directory of workspaces. Default: `plugdock-<uid>` in the system's directory for temporary files.
    pub workspace_root: PathBuf,
    /// Directories whose sub-directories are plugins, known by their id.
    pub plugin_dirs: Vec<PathBuf>,
    /// The program that starts workers. Default: the host's own, which must call `plugdock::init()` first in `main`.
    pub spawner_program: Option<PathBuf>,
    /// The program that serves linked plugins. Default: the host's own.
    pub worker_program: Option<PathBuf>,
    /// Time a worker has from its start to its introduction. Default 10 s.
    pub handshake: Duration,
    /// How much workers are isolated. A profile is a demand, refused where the machine cannot hold it; without one the
    /// strongest is taken that it can.
    pub profile: Option<SandboxProfile>,
    /// What the worker pool is made with; the other backends have none.
    pub pool: PoolConfig,
}

impl BackendConfig {
    /// The defaults of a backend.
    pub fn new(kind: BackendKind) -> Self {
        Self {
            kind,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            max_concurrent: DEFAULT_MAX_CONCURRENT,
            max_waiting: DEFAULT_MAX_WAITING,
            workspace_root: std::env::temp_dir().join(format!("plugdock-{}", nix::unistd::getuid())),
            plugin_dirs: Vec::new(),
            spawner_program: None,
            worker_program: None,
            handshake: DEFAULT_HANDSHAKE,
            profile: None,
            pool: PoolConfig::default(),
        }
    }

    /// The in-process backend.
    pub fn in_process() -> Self {
        Self::new(BackendKind::InProcess)
    }

    /// The subprocess backend.
    pub fn subprocess() -> Self {
        Self::new(BackendKind::Subprocess)
    }

    /// The worker pool.
    pub fn worker_pool() -> Self {
        Self::new(BackendKind::WorkerPool)
    }

    /// Everything that is wrong, each with the field's name.
    pub fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> =
            self.limits.zeros().iter().map(|name| format!("limits.{name} is zero")).collect();
        if self.max_concurrent == 0 {
            faults.push("max_concurrent is zero: nothing could ever run".to_owned());
        }
        // tokio's semaphore refuses more permits than this.
        if self.max_concurrent > tokio::sync::Semaphore::MAX_PERMITS {
            faults.push("max_concurrent is absurdly large".to_owned());
        }
        if self.handshake.is_zero() {
            faults.push("handshake is zero: no worker could introduce itself".to_owned());
        }
        if self.timeouts.call.is_some_and(|call| call.is_zero()) {
            faults.push("timeouts.call is zero: everything would time out".to_owned());
        }
        for (name, span) in [
            ("call", self.timeouts.call),
            ("acquire", self.timeouts.acquire),
            ("grace", self.timeouts.grace),
            ("slow_after", self.timeouts.slow_after),
        ] {
            if span.is_some_and(|span| span > plugdock_contracts::span::MAX_SPAN) {
                faults.push(format!("timeouts.{name} is longer than a century"));
            }
        }
        let paths = [("spawner_program", &self.spawner_program), ("worker_program", &self.worker_program)];
        for (name, path) in paths {
            if let Some(path) = path.as_ref().filter(|path| !path.is_absolute()) {
                faults.push(format!("{name} `{}` is not absolute", path.display()));
            }
        }
        if !self.workspace_root.is_absolute() {
            faults.push(format!("workspace_root `{}` is not absolute", self.workspace_root.display()));
        }
        faults.extend(self.pool.faults());
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound() {
        assert!(BackendConfig::subprocess().faults().is_empty());
    }

    #[test]
    fn every_fault_is_listed_with_its_field() {
        let mut config = BackendConfig::in_process();
        config.max_concurrent = 0;
        config.handshake = Duration::ZERO;
        config.spawner_program = Some("relative".into());
        config.limits.processes = Some(0);
        let faults = config.faults();
        for field in ["limits.processes", "max_concurrent", "handshake", "spawner_program"] {
            assert!(faults.iter().any(|fault| fault.contains(field)), "{field} is missing in {faults:?}");
        }
    }
}
