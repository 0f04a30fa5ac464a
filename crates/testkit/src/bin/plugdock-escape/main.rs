//! A hostile plugin: its one handler makes the attempts of the escape list with real system calls, and answers what came of each.
//! As `plugdock-escape host` it is the host that runs them. It judges nothing: `tests/it/escape.rs` does.
//!
//! Every attempt is harmless where nothing confines it: files are opened and not changed, what is made is removed at once, bombs
//! are bounded, and calls that would change the machine are given arguments that fail for another reason when they are permitted.

mod call;
mod child;
mod device;
mod host;
mod kernel;
mod list;
mod mount;
mod name;
mod path;
mod privilege;
mod process;
mod program;
mod resource;
mod secret;
mod socket;
mod stage;

use std::process::ExitCode;

use plugdock_execution_factory::{Registry, init_with};
use plugdock_plugin_runtime::{Ctx, HandlerError, Plugin};
use plugdock_testkit::escape::{Attempt, HANDLER, PLUGIN, VERSION};

use stage::Stage;

/// The argument with which the program does nothing: what is started from a workspace is a copy of it.
const NOTHING: &str = "nothing";

/// The argument of the host, before its directory and the profile.
const HOST: &str = "host";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [nothing] if nothing == NOTHING => return ExitCode::SUCCESS,
        [host, root, profile] if host == HOST => return host::run(root.as_ref(), profile),
        _ => {}
    }
    init_with(&Registry::new());
    plugin().serve()
}

fn plugin() -> Plugin {
    Plugin::new(PLUGIN, VERSION).about("Tries to leave its sandbox.").blocking(
        HANDLER,
        |ctx: Ctx, attempt: Attempt| {
            let stage = Stage::new(ctx.workspace(), attempt.facts);
            match attempt.in_own_process {
                Some(what) => list::in_own_process(&what, &stage),
                None => list::row(&attempt.id, &stage),
            }
            .ok_or_else(|| HandlerError::new("no_such_attempt", "the list has no such attempt"))
        },
    )
}
