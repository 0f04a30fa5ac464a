//! The command line as it is typed. What each command does is in its own file.

use clap::{Parser, Subcommand};
use plugdock_contracts::ErrorCode;

use crate::command::{completions, config, describe, doctor, run, validate};

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "plugdock",
    version,
    about = "Run a plugin's handler: in a process of its own, under the limits and permissions of its manifest",
    after_help = "Exit codes: 0 success, 2 wrong command line or configuration; else by error code, see `plugdock --help`.",
    after_long_help = exit_codes(),
    propagate_version = true,
    max_term_width = 110
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(run::Run),
    Describe(describe::Describe),
    Validate(validate::Validate),
    Doctor(doctor::Doctor),
    #[command(subcommand)]
    Config(config::Config),
    Completions(completions::Completions),
}

impl Command {
    /// Whether one JSON document is to be the whole of standard output, also when the command fails.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Run(run) => run.json,
            Self::Describe(describe) => describe.plugin.json,
            Self::Validate(validate) => validate.json,
            Self::Doctor(doctor) => doctor.json,
            Self::Config(config::Config::Show(show)) => show.json,
            Self::Completions(_) => false,
        }
    }
}

/// The exit codes, for the end of `--help`.
fn exit_codes() -> String {
    let mut codes: Vec<ErrorCode> = ErrorCode::known().collect();
    codes.sort_by_key(ErrorCode::exit_code);
    let rows: Vec<String> = codes.iter().map(|code| format!("  {:>3}  {code}", code.exit_code())).collect();
    let own = "Exit codes:\n    0  success\n    2  wrong command line or configuration";
    format!("{own}\n{}\nAn error code that this version does not know exits with 1.", rows.join("\n"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[track_caller]
    fn check(line: &str, expected: Result<&str, &str>) {
        let parsed = Cli::try_parse_from(line.split_whitespace());
        match (&parsed, expected) {
            (Ok(cli), Ok(part)) => assert!(format!("{cli:?}").contains(part), "{cli:?}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            _ => panic!("{line}: {parsed:?}"),
        }
    }

    #[test]
    fn command_lines_mean_what_they_say() {
        check("plugdock run . count --timeout 2s", Ok("timeout: Some(2s)"));
        check("plugdock run . count --timeout 2", Err("each number needs a unit"));
        check("plugdock run . count --timeout 0s", Err("must be longer than nothing"));
        check("plugdock run . count --file a.txt=in/b.txt --file c.txt", Ok("name: \"in/b.txt\""));
        check("plugdock run . count --backend subproces", Err("subprocess"));
        check("plugdock run . count --tenant ../x", Err("tenant id"));
        check("plugdock run . count/er", Err("handler id"));
        check("plugdock run .", Err("<HANDLER>"));
        check("plugdock config", Err("Usage"));
        check("plugdock config show --json", Ok("json: true"));
        check("plugdock completions tcsh", Err("possible values"));
        check("plugdock validate", Ok("path: \".\""));
    }

    #[test]
    fn the_long_help_lists_every_exit_code() {
        let help = Cli::command().render_long_help().to_string();
        for code in ErrorCode::known() {
            assert!(help.contains(&format!("{:>3}  {code}", code.exit_code())), "{code} is missing");
        }
    }
}
