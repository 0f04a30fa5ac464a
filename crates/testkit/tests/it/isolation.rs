//! What a manifest demands of its isolation against what the host's profile gives. Needs Landlock 6 and seccomp.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use plugdock_contracts::{
    ErrorCode, ExecutionBackend, ExecutionBackendExt as _, ExecutionRequest, Outcome, Shutdown,
};
use plugdock_execution_factory::platform::Platform;
use plugdock_execution_factory::{BackendConfig, SandboxProfile, create_execution_backend};
use plugdock_testkit::harness::{CEILING, Package};
use plugdock_testkit::plugin::{CONFORMANCE, VERSION, registry};

const HOST: &str = env!("CARGO_BIN_EXE_conformance-host");
const PLUGIN: &str = env!("CARGO_BIN_EXE_conformance-plugin");

async fn backend(root: &Path, profile: Option<SandboxProfile>) -> Arc<dyn ExecutionBackend> {
    let mut config = BackendConfig::subprocess();
    config.workspace_root = root.join("workspaces");
    config.plugin_dirs = vec![root.join("plugins")];
    config.spawner_program = Some(HOST.into());
    config.profile = profile;
    create_execution_backend(config, registry(), Arc::new(Platform::builder().build())).await.unwrap()
}

/// Runs the plugin with a demand under a profile.
fn outcome(min_isolation: &str, profile: Option<SandboxProfile>) -> Outcome {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().canonicalize().unwrap();
    let dir = path.join("plugins/conformance");
    Package::new(CONFORMANCE, VERSION).with_entry(Path::new(PLUGIN), &[]).write(&dir);
    let manifest = fs::read_to_string(dir.join("plugin.toml")).unwrap();
    let demand = format!("min_isolation = \"{min_isolation}\"\n\n[permissions]");
    fs::write(dir.join("plugin.toml"), manifest.replacen("\n[permissions]", &demand, 1)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let ended = tokio::time::timeout(CEILING, async {
            let backend = backend(&path, profile).await;
            let mut request = ExecutionRequest::new(CONFORMANCE, "echo").unwrap();
            request.input = plugdock_contracts::Payload::json(&7).unwrap();
            let outcome = backend.execute(request).await;
            backend.shutdown(Shutdown::Now).await;
            outcome
        });
        ended.await.expect("the backend hangs")
    })
}

#[test]
fn a_demand_is_met_by_the_profile_or_refused_by_name() {
    let rows = [
        ("subprocess", Some(SandboxProfile::Trusted), true),
        ("restricted", Some(SandboxProfile::Trusted), false),
        ("restricted", Some(SandboxProfile::Restricted), true),
        ("restricted", None, true),
        ("untrusted", Some(SandboxProfile::Restricted), false),
    ];
    for (demand, profile, met) in rows {
        let outcome = outcome(demand, profile);
        if met {
            assert!(outcome.is_ok(), "{demand} under {profile:?}: {:?}", outcome.error());
            continue;
        }
        let error = outcome.error().unwrap_or_else(|| panic!("{demand} was run under {profile:?}"));
        assert_eq!(*error.code(), ErrorCode::InsufficientIsolation, "{error:?}");
        assert!(error.message().contains(&format!("demands isolation `{demand}`")), "{error:?}");
    }
}

#[test]
fn without_a_demand_workers_have_the_strongest_profile_and_the_outcome_says_so() {
    let report = outcome("in-process", None).sandbox;
    assert_eq!(report.profile, "restricted");
    assert!(report.mechanisms.iter().any(|mechanism| mechanism.name == "landlock-files"), "{report:?}");
}
