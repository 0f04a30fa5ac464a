//! The plugins that the conformance suite runs: the one whose handlers it calls, and the one that those call in turn.
//! They run linked into the test and as programs of their own; no handler knows which.

mod brokering;
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

/// The argument that makes either program do nothing until it is killed.
pub const NAP_ARGUMENT: &str = "nap";

/// Does nothing for ever, if the program was started for that.
pub fn nap_if_asked() {
    if std::env::args().nth(1).is_some_and(|argument| argument == NAP_ARGUMENT) {
        loop {
            std::thread::park();
        }
    }
}

/// The id of the plugin whose host does things of the machine for it.
pub const BROKERED: &str = "acme/brokered";

/// The argument that makes the program serve [`BROKERED`].
pub const BROKERED_ARGUMENT: &str = "brokered";

/// The version of them all.
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

/// The plugin that asks for files, variables, programs and requests.
pub fn brokered() -> Plugin {
    brokering::plugin()
}

/// All of them, linked.
///
/// # Panics
/// When their definition is faulty.
pub fn registry() -> Registry {
    [callee(), brokered()]
        .into_iter()
        .try_fold(Registry::new().with(conformance()).unwrap(), Registry::with)
        .unwrap()
}
