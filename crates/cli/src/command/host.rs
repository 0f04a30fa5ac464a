//! What several commands share: the sources of the configuration, and a host that is started and stopped around one piece of work.

use std::path::{Path, PathBuf};

use clap::Args;
use plugdock_contracts::manifest::Manifest;
use plugdock_contracts::permission::{Grant, PermissionKind};
use plugdock_contracts::{ErrorChain, Shutdown};
use plugdock_core_runtime::config::{Provenance, RuntimeConfigBuilder};
use plugdock_core_runtime::{CoreRuntime, Environment, RuntimeConfig, StopSignals, tracing_setup};

use crate::failure::Failure;
use crate::linked;
use crate::output::Output;

/// Which backend, as it is typed.
pub(crate) const BACKENDS: [&str; 4] = ["auto", "in-process", "subprocess", "worker-pool"];

/// What every command with a host takes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct HostArgs {
    /// Run with this backend instead of the configured one
    #[arg(long, value_name = "BACKEND", value_parser = BACKENDS)]
    pub(crate) backend: Option<String>,
    /// Read this configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// The sources of the configuration: the file that is named, and the environment.
pub(crate) fn gather(file: Option<&Path>) -> RuntimeConfigBuilder {
    let builder = RuntimeConfig::builder().environment(Environment::of_process());
    match file {
        Some(file) => builder.file(file, "--config"),
        None => builder,
    }
}

/// The configuration of one command's host.
///
/// Handlers' log lines reach the command as events, so they are left out of the host's own log. Stores that the plugin
/// has no permission for are left alone unless configured: the state is a file that one process at a time may open.
pub(crate) fn configure(args: &HostArgs, manifest: &Manifest) -> Result<RuntimeConfig, Failure> {
    let sources = || {
        let builder = gather(args.config.as_deref()).set_by("plugdock", "log.handlers", "omit");
        match &args.backend {
            Some(backend) => builder.set_by("--backend", "execution.mode", backend.as_str()),
            None => builder,
        }
    };
    let config = sources().build()?;
    let granted =
        |kind: &PermissionKind| manifest.permissions.grants().iter().any(|grant: &Grant| grant.kind == *kind);
    let unused = [
        ("platform.state.store", PermissionKind::State),
        ("platform.storage.store", PermissionKind::Storage),
    ]
    .into_iter()
    .filter(|(key, kind)| {
        !granted(kind) && config.setting(key).is_some_and(|setting| setting.origin == Provenance::Default)
    });
    let by = "plugdock, as the plugin asks for none";
    Ok(unused.fold(sources(), |builder, (key, _)| builder.set_by(by, key, "off")).build()?)
}

/// The configuration of a server, whose plugins are not known yet.
///
/// It runs a worker pool unless somebody says otherwise: that is what keeping a backend alive is for.
pub(crate) fn configure_server(args: &HostArgs) -> Result<RuntimeConfig, Failure> {
    let sources = || match &args.backend {
        Some(backend) => {
            gather(args.config.as_deref()).set_by("--backend", "execution.mode", backend.as_str())
        }
        None => gather(args.config.as_deref()),
    };
    let given = sources().build()?;
    // Handlers' log lines reach callers and the server's own log; the host's log has them where somebody asks for it.
    let unset = [("execution.mode", "worker-pool"), ("log.handlers", "omit")]
        .into_iter()
        .filter(|(key, _)| given.setting(key).is_some_and(|setting| setting.origin == Provenance::Default));
    Ok(unset.fold(sources(), |builder, (key, value)| builder.set_by("plugdock serve", key, value)).build()?)
}

/// The signals that ask to stop, heard from now on.
pub(crate) fn signals() -> Result<StopSignals, Failure> {
    StopSignals::listen().map_err(|error| Failure::usage(format!("failed to listen to signals: {error}")))
}

/// Starts a host. Its own log goes where notes go.
pub(crate) async fn start(config: RuntimeConfig, output: &Output) -> Result<CoreRuntime, Failure> {
    for note in config.notes() {
        output.note(&format!("note: {note}"));
    }
    let notes = output.clone();
    let sink: tracing_setup::LogSink =
        std::sync::Arc::new(move |line: &[u8]| notes.note(&String::from_utf8_lossy(line)));
    tracing_setup::install_to(config.log(), sink)
        .map_err(|error| Failure::usage(ErrorChain(&error).to_string()))?;
    Ok(CoreRuntime::start(config, linked::registry()).await?)
}

/// Stops a host, and says what did not stop by itself.
pub(crate) async fn stop(runtime: &CoreRuntime, output: &Output) {
    let report = runtime.shutdown(Shutdown::Drain(runtime.config().shutdown().drain)).await;
    for failure in &report.platform.failures {
        output.note(&format!("warning: {}", ErrorChain(failure)));
    }
}
