//! What `run` and `call` take alike: a handler, its input and files, and the form in which the end is shown.
//! It makes the request; what runs it is the commands' own business.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use plugdock_contracts::host_context::CliContext;
use plugdock_contracts::span::{format_span, parse_span};
use plugdock_contracts::workspace::SeedFile;
use plugdock_contracts::{ExecutionRequest, HandlerId, HostContext, PluginId, TenantId};

use crate::execution::Form;
use crate::failure::Failure;
use crate::input;

/// A handler, what it gets, and how its end is shown.
#[derive(Debug, Args)]
pub(crate) struct Invocation {
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
    pub(crate) artifacts: Option<PathBuf>,
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
    pub(crate) explain: bool,
    /// Print no log lines and no progress
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

impl Invocation {
    /// How the end is shown.
    pub(crate) fn form(&self) -> Form {
        Form { json: self.json, explain: self.explain, quiet: self.quiet }
    }

    /// The request for a plugin that lies in a folder, or that the backend knows by its id.
    pub(crate) fn request(
        &self,
        plugin: PluginId,
        root: Option<PathBuf>,
    ) -> Result<ExecutionRequest, Failure> {
        let payload = input::payload(self.input.as_deref(), std::io::stdin())?;
        let mut request = ExecutionRequest::for_handler(plugin, self.handler.clone()).with_payload(payload);
        request.plugin_root = root;
        request.descriptor.tenant.clone_from(&self.tenant);
        let mut context = CliContext { argv: std::env::args().collect(), ..CliContext::default() };
        context.cli_version = Some(env!("CARGO_PKG_VERSION").to_owned());
        request.descriptor.host = HostContext::Cli(context);
        request.timeouts.call = self.timeout.map(|timeout| timeout.0);
        request.debug.backtrace = self.explain;
        for Seed { source, name } in &self.files {
            let source = source.canonicalize().map_err(|error| {
                Failure::usage(format!("failed to find the file `{}`: {error}", source.display()))
            })?;
            request.workspace.files.push(SeedFile { source, name: name.clone() });
        }
        if let Some(outdir) = &self.artifacts {
            let outdir = std::path::absolute(outdir).map_err(|error| {
                Failure::usage(format!("failed to resolve the folder `{}`: {error}", outdir.display()))
            })?;
            request.artifacts.outdir = Some(outdir);
        }
        request.validate()?;
        Ok(request)
    }
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
