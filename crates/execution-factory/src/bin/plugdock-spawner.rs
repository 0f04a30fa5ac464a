//! The spawner as a program of its own: smaller, and faster to start, than the host's program re-executed.
//! It is started by plugdock and does nothing by hand.

use std::process::ExitCode;

fn main() -> ExitCode {
    plugdock_execution_factory::process::spawner::main()
}
