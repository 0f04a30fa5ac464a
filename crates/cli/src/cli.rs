//! The command line as it is typed. What each command does is in its own file.

use clap::{Parser, Subcommand};
use plugdock_contracts::ErrorCode;

use crate::command::{
    call, completions, config, describe, doctor, drain, explain, logs, ps, reload, resize, run, serve, stats,
    top, validate,
};

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
    Serve(serve::Serve),
    Call(call::Call),
    Ps(ps::Ps),
    Top(top::Top),
    Stats(stats::Stats),
    Logs(logs::Logs),
    Resize(resize::Resize),
    Reload(reload::Reload),
    Drain(drain::Drain),
    Describe(describe::Describe),
    Validate(validate::Validate),
    Explain(explain::Explain),
    Doctor(doctor::Doctor),
    #[command(subcommand)]
    Config(config::Config),
    Completions(completions::Completions),
}

impl Command {
    /// Whether one JSON document is to be the whole of standard output, also when the command fails.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Run(run) => run.invocation.json,
            Self::Call(call) => call.invocation.json,
            Self::Ps(ps) => ps.json,
            Self::Top(top) => top.json,
            Self::Stats(stats) => stats.wants_json(),
            Self::Logs(logs) => logs.json,
            Self::Resize(resize) => resize.json,
            Self::Reload(reload) => reload.json,
            Self::Drain(drain) => drain.json,
            Self::Describe(describe) => describe.plugin.json,
            Self::Validate(validate) => validate.json,
            Self::Explain(explain) => explain.json,
            Self::Doctor(doctor) => doctor.json,
            Self::Config(config::Config::Show(show)) => show.json,
            Self::Serve(_) | Self::Completions(_) => false,
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
        check("plugdock run . count --repeat 5 --concurrency 2", Ok("concurrency: 2"));
        check("plugdock run . count --repeat 0", Err("0 is not in 1..=10000000"));
        check("plugdock run . count --repeat 5 --concurrency 5000", Err("5000 is not in 1..=4096"));
        check("plugdock run . count --concurrency 2", Err("--repeat"));
        check("plugdock serve --backend pool", Err("worker-pool"));
        check("plugdock call acme/count count --input 7", Ok("socket: None"));
        check("plugdock logs -f -n 5 acme/count", Ok("last: 5"));
        check("plugdock logs Acme", Err("plugin id"));
        check("plugdock drain --within 30", Err("each number needs a unit"));
        check("plugdock resize --min 1", Err("--max"));
        check("plugdock stats --format yaml", Err("openmetrics"));
        check("plugdock stats --format text --json", Err("cannot be used with"));
        check("plugdock top --count 0", Err("0 is not in 1.."));
    }

    #[test]
    fn the_long_help_lists_every_exit_code() {
        let help = Cli::command().render_long_help().to_string();
        for code in ErrorCode::known() {
            assert!(help.contains(&format!("{:>3}  {code}", code.exit_code())), "{code} is missing");
        }
    }
}
