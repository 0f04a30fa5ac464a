//! The directories, plugins and configuration of a soak. Small bounds, so that every one of them is met.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plugdock_contracts::{ByteSize, PluginId};
use plugdock_execution_factory::{BackendConfig, SandboxProfile};

use super::item::ACQUIRE;
use super::row::{FAULT, faults};
use crate::harness::{Package, install_program};
use crate::plugin::VERSION;
use crate::plugin::chaos::{CRASHING, LINKED, NESTED, SERVE_ARGUMENT, SHARED, STEADY};

/// Starts the program beside it, which has the plugin's id as an argument. A script is replaced by an equal one of another digest
/// without writing a large file.
const SCRIPT: &str = "#!/bin/sh\nexec \"${0%/*}/chaos\" \"$@\"\n";

/// The same for the fault program, which takes the channel as its standard input.
const FAULT_SCRIPT: &str = "#!/bin/sh\ntrap '' TERM INT HUP\nexec \"${0%/*}/plugdock-fault\" \"$@\" <&3\n";

/// Where a soak takes place.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) root: PathBuf,
    /// The program of spawner, workers and plugins.
    pub(super) program: PathBuf,
    replaced: AtomicU64,
}

fn write_script(path: &Path, text: &str) {
    // Under another name first: a program that runs may not be written, and one that is half written may not be run.
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(&new, path).unwrap();
}

impl Stage {
    pub(super) fn set(root: &Path, program: &Path, fault_program: &Path) -> Self {
        let stage = Self { root: root.to_owned(), program: program.to_owned(), replaced: AtomicU64::new(0) };
        for id in [STEADY, SHARED, CRASHING] {
            let dir = stage.dir(id);
            Package::new(id, VERSION).with_entry(program, &[SERVE_ARGUMENT, id]).write(&dir);
            fs::rename(dir.join("bin/program"), dir.join("bin/chaos")).unwrap();
            write_script(&dir.join("bin/program"), SCRIPT);
        }
        for id in [LINKED, NESTED] {
            Package::new(id, VERSION).write(&stage.dir(id));
        }
        for mode in faults() {
            let dir = stage.faults().join(mode);
            Package::new(FAULT, "1.0.0").with_entry(fault_program, &[mode]).write(&dir);
            fs::remove_file(dir.join("bin/program")).unwrap();
            install_program(fault_program, &dir.join("bin/plugdock-fault"));
            write_script(&dir.join("bin/program"), FAULT_SCRIPT);
        }
        fs::create_dir(stage.tallies()).unwrap();
        stage
    }

    fn dir(&self, id: &str) -> PathBuf {
        self.root.join("plugins").join(id.rsplit('/').next().unwrap_or(id))
    }

    /// The plugins of the fault program, one directory for each fault.
    pub(super) fn faults(&self) -> PathBuf {
        self.root.join("faults")
    }

    /// Where handlers note that they were started.
    pub(super) fn tallies(&self) -> PathBuf {
        self.root.join("tallies")
    }

    pub(super) fn workspaces(&self) -> PathBuf {
        self.root.join("workspaces")
    }

    /// Replaces a plugin's program by an equal one.
    pub(super) fn replace(&self, id: &str) {
        let n = self.replaced.fetch_add(1, Ordering::Relaxed);
        write_script(&self.dir(id).join("bin/program"), &format!("{SCRIPT}# {n}\n"));
    }

    pub(super) fn config(&self) -> BackendConfig {
        let mut config = BackendConfig::worker_pool();
        // Its plugins and attackers use a shell, which no other profile lets them run.
        config.profile = Some(SandboxProfile::Trusted);
        config.workspace_root = self.workspaces();
        config.plugin_dirs = vec![self.root.join("plugins")];
        config.spawner_program = Some(self.program.clone());
        config.worker_program = Some(self.program.clone());
        config.timeouts.acquire = Some(ACQUIRE);
        let pool = &mut config.pool;
        (pool.min, pool.max, pool.depth) = (1, 4, 3);
        pool.warm = [STEADY, LINKED].map(|id| PluginId::new(id).unwrap()).to_vec();
        (pool.queue, pool.queue_bytes) = (64, ByteSize::from_mib(8));
        pool.turn = Duration::from_millis(200);
        pool.tenant_concurrency = Some(3);
        (pool.recycle_calls, pool.recycle_jitter) = (Some(25), 40);
        pool.idle_after = Duration::from_millis(300);
        pool.retire_within = Duration::from_secs(1);
        pool.health_every = Duration::from_millis(100);
        // Far above what a healthy worker takes; one that is slower on a machine that is busy with other work is replaced for that.
        pool.health_within = Duration::from_millis(500);
        (pool.crash_limit, pool.crash_window) = (12, Duration::from_secs(2));
        (pool.backoff_min, pool.backoff_max) = (Duration::from_millis(5), Duration::from_millis(60));
        (pool.quarantine, pool.quarantine_max) = (Duration::from_millis(150), Duration::from_millis(400));
        pool.reload_check = Duration::from_millis(100);
        config
    }
}
