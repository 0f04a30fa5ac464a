//! Handlers that fail in every way a handler can: with an error of their own, and by panicking.
//! What kills a process is not here: that is the fault program's part.

use plugdock_contracts::Fault;
use plugdock_plugin_runtime::{Ctx, HandlerError, HandlerResult, Plugin};
use serde_json::json;

pub(super) fn add(plugin: Plugin) -> Plugin {
    plugin
        .handler("fail", async |_ctx: Ctx, (): ()| -> HandlerResult<()> { Err(detailed()) })
        .handler("fail-with-source", async |_ctx: Ctx, (): ()| -> HandlerResult<()> {
            Err(Outer(Inner))?;
            Ok(())
        })
        .handler("panic", async |_ctx: Ctx, text: String| -> HandlerResult<()> { panic!("{text}") })
        .blocking("panic-blocking", |_ctx: Ctx, text: String| -> HandlerResult<()> { panic!("{text}") })
        .handler("answer-no-json", async |_ctx: Ctx, (): ()| Ok(NoJson))
}

fn detailed() -> HandlerError {
    HandlerError::new("ROW_MALFORMED", "row 3 has 2 columns")
        .retryable()
        .fault(Fault::Caller)
        .help("give each row 3 columns")
        .details(&json!({ "row": 3, "columns": [1, 2] }))
        .source(&Outer(Inner))
}

/// A value without a JSON form.
struct NoJson;

impl serde::Serialize for NoJson {
    fn serialize<S: serde::Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it has no form"))
    }
}

#[derive(Debug)]
struct Inner;

#[derive(Debug)]
struct Outer(Inner);

impl std::fmt::Display for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the inner cause")
    }
}

impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the outer cause")
    }
}

impl std::error::Error for Inner {}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}
