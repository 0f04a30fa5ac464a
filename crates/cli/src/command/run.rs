//! `plugdock run`: runs one handler of a plugin on one input, once or many times, and shows what happens and what comes out.

use std::path::PathBuf;

use clap::Args;
use plugdock_contracts::ExecutionRequest;
use plugdock_core_runtime::{CoreRuntime, StopSignals};

use super::host::{self, HostArgs};
use super::invocation::Invocation;
use crate::execution::{Plan, Presenter, RepeatView, repeat, supervise};
use crate::failure::Failure;
use crate::linked;
use crate::output::Output;
use crate::plugin_folder::PluginFolder;

/// Executions that one command may ask for: hours of work even where each takes a millisecond.
const MAX_REPEAT: u64 = 10_000_000;

/// Executions at one time that one command may ask for: more than any pool on one machine has workers.
const MAX_CONCURRENCY: u64 = 4096;

/// Run a handler and print its result
///
/// The result goes to standard output: JSON as it is, indented when a terminal reads it. A handler that streams writes
/// its data there as it comes, and its result to standard error. Log lines and progress go to standard error. Ctrl-C asks
/// the handler to stop; a second Ctrl-C kills it.
///
/// With --repeat, results, log lines and streamed data are not printed: a summary takes their place.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The plugin's folder, or plugdock/sight for the one that is linked into this command
    #[arg(value_name = "PLUGIN")]
    plugin: PathBuf,
    #[command(flatten)]
    pub(crate) invocation: Invocation,
    /// Run it so many times, and print a summary instead of results
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=MAX_REPEAT))]
    repeat: u64,
    /// Run so many at one time
    #[arg(long, value_name = "C", default_value_t = 1, requires = "repeat", value_parser = clap::value_parser!(u64).range(1..=MAX_CONCURRENCY))]
    concurrency: u64,
    #[command(flatten)]
    host: HostArgs,
}

/// Runs the handler. What is wrong with the command line, the plugin or the input is found before anything is started.
pub(crate) async fn run(args: &Run, output: &Output) -> Result<(), Failure> {
    fits_repetition(args)?;
    let (manifest, root) = if let Some(linked) = linked::manifest(&args.plugin) {
        (linked, None)
    } else {
        let folder = PluginFolder::read(&args.plugin)?;
        (folder.manifest, Some(folder.root))
    };
    let request = args.invocation.request(manifest.id.clone(), root)?;
    let config = host::configure(&args.host, &manifest)?;
    let signals = host::signals()?;
    let runtime = host::start(config, output).await?;
    let shown = if args.repeat == 1 {
        once(args, output, request, &runtime, signals).await
    } else {
        many(args, output, &request, &runtime, signals).await
    };
    host::stop(&runtime, output).await;
    shown
}

/// Refuses what has a meaning for one execution only.
fn fits_repetition(args: &Run) -> Result<(), Failure> {
    if args.repeat == 1 {
        return Ok(());
    }
    if args.invocation.artifacts.is_some() {
        return Err(Failure::usage_with_help(
            "--artifacts cannot go with --repeat: each execution would overwrite the files of the one before",
            "run it once to see its artifacts",
        ));
    }
    if args.invocation.explain {
        return Err(Failure::usage_with_help(
            "--explain cannot go with --repeat: it is about one execution",
            "the summary has the times of all; run it once to see what is enforced",
        ));
    }
    Ok(())
}

async fn once(
    args: &Run,
    output: &Output,
    request: ExecutionRequest,
    runtime: &CoreRuntime,
    signals: StopSignals,
) -> Result<(), Failure> {
    let mut presenter = Presenter::new(output.clone(), args.invocation.form());
    let execution = runtime.backend().start(request);
    let outcome = supervise(execution, &mut presenter, runtime.backend().as_ref(), signals).await;
    presenter.outcome(&outcome, runtime.choice())
}

async fn many(
    args: &Run,
    output: &Output,
    request: &ExecutionRequest,
    runtime: &CoreRuntime,
    signals: StopSignals,
) -> Result<(), Failure> {
    let plan = Plan { executions: args.repeat, at_once: args.concurrency.min(args.repeat) };
    let mut view = RepeatView::new(output.clone(), plan, args.invocation.form());
    let tally = repeat(runtime.backend().as_ref(), request, plan, &mut view, signals).await;
    view.summary(&tally, runtime.choice())
}
