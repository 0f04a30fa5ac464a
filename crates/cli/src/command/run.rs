//! `plugdock run`: runs one handler of a plugin on one input, and shows what happens and what comes out.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use plugdock_contracts::host_context::CliContext;
use plugdock_contracts::manifest::Manifest;
use plugdock_contracts::span::{format_span, parse_span};
use plugdock_contracts::workspace::SeedFile;
use plugdock_contracts::{ExecutionRequest, HandlerId, HostContext, Payload, TenantId};
use plugdock_core_runtime::{CoreRuntime, StopSignals};

use super::host::{self, HostArgs};
use crate::execution::{Form, Presenter, supervise};
use crate::failure::Failure;
use crate::input;
use crate::linked;
use crate::output::Output;
use crate::plugin_folder::PluginFolder;

/// Run a handler and print its result
///
/// The result goes to standard output: JSON as it is, indented when a terminal reads it. A handler that streams writes
/// its data there as it comes, and its result to standard error. Log lines and progress go to standard error. Ctrl-C asks
/// the handler to stop; a second Ctrl-C kills it.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The plugin's folder, or plugdock/sight for the one that is linked into this command
    #[arg(value_name = "PLUGIN")]
    plugin: PathBuf,
    /// The handler
    #[arg(value_name = "HANDLER")]
    handler: HandlerId,
    /// The input: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    input: Option<String>,
    /// Copy a file into the workspace, under NAME or its own name
    #[arg(long = "file", value_name = "PATH[=NAME]")]
    files: Vec<Seed>,
    /// Copy the artifacts that the handler leaves into this folder
    #[arg(long, value_name = "DIR")]
    artifacts: Option<PathBuf>,
    /// Bound the handler's run time, for example 2s
    #[arg(long, value_name = "TIME")]
    timeout: Option<CallTimeout>,
    /// Run on behalf of a tenant
    #[arg(long, value_name = "TENANT")]
    tenant: Option<TenantId>,
    /// Print one JSON document: the outcome, the log lines and the streamed data
    #[arg(long)]
    pub(crate) json: bool,
    /// Say what ran it, how long each step took, what it used and what was enforced
    #[arg(long)]
    explain: bool,
    /// Print no log lines and no progress
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    host: HostArgs,
}

/// How long the handler may run.
#[derive(Clone, Copy)]
struct CallTimeout(Duration);

impl FromStr for CallTimeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match parse_span(text) {
            Ok(Duration::ZERO) => Err("a run time must be longer than nothing".to_owned()),
            Ok(span) => Ok(Self(span)),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl std::fmt::Debug for CallTimeout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&format_span(self.0))
    }
}

/// A file for the workspace.
#[derive(Debug, Clone)]
struct Seed {
    source: PathBuf,
    name: String,
}

impl FromStr for Seed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (source, name) = match text.rsplit_once('=') {
            Some((source, name)) => (source, Some(name)),
            None => (text, None),
        };
        let own_name = || Path::new(source).file_name().and_then(|name| name.to_str());
        match name.or_else(own_name) {
            Some(name) if !name.is_empty() => Ok(Self { source: source.into(), name: name.to_owned() }),
            _ => Err("it has no name; write PATH=NAME".to_owned()),
        }
    }
}

/// Runs the handler. What is wrong with the command line, the plugin or the input is found before anything is started.
pub(crate) async fn run(args: &Run, output: &Output) -> Result<(), Failure> {
    let (manifest, root) = if let Some(linked) = linked::manifest(&args.plugin) {
        (linked, None)
    } else {
        let folder = PluginFolder::read(&args.plugin)?;
        (folder.manifest, Some(folder.root))
    };
    let payload = input::payload(args.input.as_deref(), std::io::stdin())?;
    let request = request(args, &manifest, root, payload)?;
    let config = host::configure(&args.host, &manifest)?;
    let signals = StopSignals::listen()
        .map_err(|error| Failure::usage(format!("failed to listen to signals: {error}")))?;
    let runtime = host::start(config, output).await?;
    let shown = execute(args, output, request, &runtime, signals).await;
    host::stop(&runtime, output).await;
    shown
}

async fn execute(
    args: &Run,
    output: &Output,
    request: ExecutionRequest,
    runtime: &CoreRuntime,
    signals: StopSignals,
) -> Result<(), Failure> {
    let form = Form { json: args.json, explain: args.explain, quiet: args.quiet };
    let mut presenter = Presenter::new(output.clone(), form);
    let execution = runtime.backend().start(request);
    let outcome = supervise(execution, &mut presenter, runtime.backend().as_ref(), signals).await;
    presenter.outcome(&outcome, runtime.choice())
}

fn request(
    args: &Run,
    manifest: &Manifest,
    root: Option<PathBuf>,
    payload: Payload,
) -> Result<ExecutionRequest, Failure> {
    let mut request =
        ExecutionRequest::for_handler(manifest.id.clone(), args.handler.clone()).with_payload(payload);
    request.plugin_root = root;
    request.descriptor.tenant.clone_from(&args.tenant);
    let mut context = CliContext { argv: std::env::args().collect(), ..CliContext::default() };
    context.cli_version = Some(env!("CARGO_PKG_VERSION").to_owned());
    request.descriptor.host = HostContext::Cli(context);
    request.timeouts.call = args.timeout.map(|timeout| timeout.0);
    request.debug.backtrace = args.explain;
    for Seed { source, name } in &args.files {
        let source = source.canonicalize().map_err(|error| {
            Failure::usage(format!("failed to find the file `{}`: {error}", source.display()))
        })?;
        request.workspace.files.push(SeedFile { source, name: name.clone() });
    }
    if let Some(outdir) = &args.artifacts {
        let outdir = std::path::absolute(outdir).map_err(|error| {
            Failure::usage(format!("failed to resolve the folder `{}`: {error}", outdir.display()))
        })?;
        request.artifacts.outdir = Some(outdir);
    }
    request.validate()?;
    Ok(request)
}
