//! `cargo xtask`: the repository's chores, one module per command.
//! Depends on no other crate of the workspace, so that it works when they do not compile.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what a chore finds is for the terminal")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod check_deps;
mod ci;
mod command;
mod demo;
mod failure;
mod file;
mod layers;
mod stage;
mod tidy;
mod violation;

use failure::{ChoreError, chain};

const USAGE: &str = "\
usage: cargo xtask <command>

  check-deps [--markdown | --dot | --write]   dependencies against the layer table
  tidy                                        what no compiler or lint holds
  ci [--keep-going]                           every gate, in order
  stage                                       builds the example plugins as packages in the target directory
  demo [plugin]                               stages, and runs an example plugin with the command
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&root(), &arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(root: &Path, arguments: &[String]) -> Result<(), ChoreError> {
    let (command, rest) =
        arguments.split_first().map_or(("help", &[][..]), |(first, rest)| (first.as_str(), rest));
    match command {
        "check-deps" => check_deps::run(root, rest),
        "ci" => ci::run(root, rest),
        "demo" => demo::run(root, rest),
        "stage" => stage::run(root, rest),
        "tidy" => tidy::run(root, rest),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        other => Err(ChoreError::Usage(format!("there is no command `{other}`\n\n{USAGE}"))),
    }
}

/// The workspace root: the directory above this crate. The variable is Cargo's when it runs the program or
/// its tests; the path built in is another checkout's where two share a target directory.
fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    manifest.parent().map_or_else(|| manifest.clone(), Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{root, run};

    #[test]
    fn every_command_refuses_an_argument_it_does_not_know() {
        for command in ["check-deps", "tidy", "ci", "stage", "demo"] {
            let error = run(&root(), &[command.to_owned(), "--no-such".to_owned()]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("usage: cargo xtask {command}")), "{error}");
        }
        let error = run(&root(), &["no-such".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("there is no command `no-such`"), "{error}");
    }
}
