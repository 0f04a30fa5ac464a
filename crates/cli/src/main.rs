//! The `plugdock` command: reads the command line, runs one command, and ends with the exit code that its failure has.

mod cli;
mod client;
mod command;
mod execution;
mod failure;
#[cfg(test)]
mod fake_backend;
mod input;
mod linked;
mod output;
mod plugin_folder;
mod protocol;
mod render;
mod serve;

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::cli::{Cli, Command};
use crate::command::{
    call, completions, config, describe, doctor, drain, explain, logs, ps, reload, resize, run, stats, top,
    validate,
};
use crate::failure::{EXIT_USAGE, Failure};
use crate::output::Output;
use crate::render::Paint;

fn main() -> ExitCode {
    // In a spawner or worker, which is this same program, it never returns.
    plugdock::init_with(&linked::registry());
    let output = Output::of_process();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &output),
    };
    let ended = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let ended = runtime.block_on(dispatch(&cli.command, &output));
            // A blocking read of standard input cannot be interrupted, and must not keep the command from ending.
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(Failure::usage(format!("failed to start: {error}"))),
    };
    let failure = match (ended, output.take_failure()) {
        (Ok(()), None) => return ExitCode::SUCCESS,
        (Ok(()), Some(error)) => Failure::usage(format!("failed to write the result: {error}")),
        (Err(failure), _) => failure,
    };
    if cli.command.wants_json() {
        failure.json().into_iter().for_each(|document| output.result_line(&document.to_string()));
    }
    failure.render(Paint(output.form().colour)).into_iter().for_each(|text| output.note(&text));
    ExitCode::from(failure.exit_code())
}

async fn dispatch(command: &Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Run(args) => run::run(args, output).await,
        Command::Serve(args) => command::serve::serve(args, output).await,
        Command::Call(args) => call::call(args, output).await,
        Command::Ps(args) => ps::ps(args, output).await,
        Command::Top(args) => top::top(args, output).await,
        Command::Stats(args) => stats::stats(args, output).await,
        Command::Logs(args) => logs::logs(args, output).await,
        Command::Resize(args) => resize::resize(args, output).await,
        Command::Reload(args) => reload::reload(args, output).await,
        Command::Drain(args) => drain::drain(args, output).await,
        Command::Describe(args) => describe::describe(args, output).await,
        Command::Validate(args) => validate::validate(args, output),
        Command::Explain(args) => explain::explain(args, output),
        Command::Doctor(args) => {
            doctor::doctor(args, output);
            Ok(())
        }
        Command::Config(config::Config::Show(args)) => config::show(args, output),
        Command::Completions(args) => {
            completions::completions(args, output);
            Ok(())
        }
    }
}

/// Help and version are results; everything else is a wrong command line.
fn usage(error: &clap::Error, output: &Output) -> ExitCode {
    let form = output.form();
    let is_result = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let colour = form.colour && (form.result_terminal || !is_result);
    let styled = error.render();
    let text = if colour { styled.ansi().to_string() } else { styled.to_string() };
    if is_result {
        output.result_line(&text);
        return ExitCode::SUCCESS;
    }
    output.note(&text);
    ExitCode::from(EXIT_USAGE)
}
