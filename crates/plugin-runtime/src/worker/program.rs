//! The `main` of a plugin's program.

use std::process::ExitCode;

use super::by_hand;
use crate::plugin::Plugin;

pub(crate) fn main(plugin: Plugin) -> ExitCode {
    match plugin.build() {
        Ok(plugin) => by_hand::main(&plugin, &std::env::args().skip(1).collect::<Vec<_>>()),
        Err(_faults) => ExitCode::from(2),
    }
}
