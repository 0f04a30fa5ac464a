//! The soak of the worker pool by hand: `PLUGDOCK_SOAK=2h PLUGDOCK_SOAK_SEED=7 chaos`. The same program is the soak's spawner, its
//! workers and its plugins. What a soak does stands in the library.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use plugdock_testkit::chaos::{SoakConfig, soak};
use plugdock_testkit::plugin::chaos::{SERVE_ARGUMENT, plugin, registry};

/// What continuous integration runs.
const LENGTH: Duration = Duration::from_mins(1);

fn main() -> ExitCode {
    plugdock_execution_factory::init_with(&registry());
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [serve, id] if serve == SERVE_ARGUMENT => plugin(id).serve(),
        [] => by_hand(),
        _ => {
            tell("usage: chaos; PLUGDOCK_SOAK and PLUGDOCK_SOAK_SEED say how long and which");
            ExitCode::from(2)
        }
    }
}

fn tell(text: &str) {
    // Whoever closed the output does not want to know.
    let _closed = writeln!(std::io::stdout(), "{text}");
}

fn by_hand() -> ExitCode {
    let program = std::env::current_exe().expect("a program that runs has a path");
    let fault_program = program.with_file_name("plugdock-fault");
    if !Path::new(&fault_program).exists() {
        tell("the soak needs `plugdock-fault` beside it: cargo build -p plugdock-testkit --bins");
        return ExitCode::from(2);
    }
    let config = match SoakConfig::from_env_or(LENGTH, &program, &fault_program) {
        Ok(config) => config,
        Err(fault) => {
            tell(&fault);
            return ExitCode::from(2);
        }
    };
    tell(&format!("soak of {:?}, seed {}", config.length, config.seed));
    let report = soak(&config);
    tell(&report.to_string());
    if report.violations().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
