//! The plugins that the conformance suite runs: the one whose handlers it calls, and the one that those call in turn.
//! They run linked into the test and as programs of their own; no handler knows which.

mod callee;
pub mod chaos;
mod dying;
mod ending;
mod failing;
mod keep;
mod latch;
mod plain;
mod printing;
mod serving;
mod streaming;
mod writing;

use plugdock_plugin_runtime::{Plugin, Registry};

pub use keep::take_kept;
pub use latch::Latch;

/// The id of the plugin with most handlers.
pub const CONFORMANCE: &str = "acme/conformance";

/// The id of the plugin that it invokes.
pub const CALLEE: &str = "acme/callee";

/// The argument that makes the program serve [`CALLEE`].
pub const CALLEE_ARGUMENT: &str = "callee";

/// The version of both.
pub const VERSION: &str = "1.2.3";

/// The plugin with a handler for every behaviour.
pub fn conformance() -> Plugin {
    let plugin = Plugin::new(CONFORMANCE, VERSION).about("Shows every behaviour that a backend promises.");
    let plugin = plain::add(plugin);
    let plugin = failing::add(plugin);
    let plugin = printing::add(plugin);
    let plugin = streaming::add(plugin);
    let plugin = ending::add(plugin);
    let plugin = writing::add(plugin);
    let plugin = serving::add(plugin);
    let plugin = dying::add(plugin);
    keep::add(plugin)
}

/// The plugin that is invoked, and invokes back.
pub fn callee() -> Plugin {
    callee::plugin()
}

/// Both plugins, linked.
///
/// # Panics
/// When their definition is faulty.
pub fn registry() -> Registry {
    Registry::new().with(conformance()).and_then(|registry| registry.with(callee())).unwrap()
}
