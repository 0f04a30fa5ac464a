//! A handler that keeps its context beyond its execution, which only a plugin in the host's own process can show.
//! In a process of its own the context ends with the process.

use std::sync::{Mutex, PoisonError};

use plugdock_plugin_runtime::{Ctx, Plugin};

static KEPT: Mutex<Option<Ctx>> = Mutex::new(None);

pub(super) fn add(plugin: Plugin) -> Plugin {
    plugin.handler("keep", async |ctx: Ctx, (): ()| {
        *KEPT.lock().unwrap_or_else(PoisonError::into_inner) = Some(ctx);
        Ok(())
    })
}

/// The context that the handler kept last.
pub fn take_kept() -> Option<Ctx> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).take()
}
