//! The plugin that is invoked by the other one, and that invokes back.
//! Its handlers tell what reached them through the nested call.

use plugdock_plugin_runtime::{Ctx, HandlerError, HandlerResult, Plugin};
use serde_json::{Value, json};

use super::ending::gated;
use super::plain::millis;
use super::printing::log_text;
use super::{CALLEE, CONFORMANCE, VERSION};

pub(super) fn plugin() -> Plugin {
    Plugin::new(CALLEE, VERSION)
        .about("Is invoked.")
        .handler("gated", gated)
        .handler("log-text", log_text)
        .handler("double", async |_ctx: Ctx, n: i64| Ok(n * 2))
        .handler("fail", async |_ctx: Ctx, (): ()| -> HandlerResult<()> {
            Err(HandlerError::new("CALLEE_FAILED", "as asked").details(&json!({ "deep": true })))
        })
        .handler("remaining", async |ctx: Ctx, (): ()| Ok(millis(ctx.remaining())))
        .handler("tell", async |ctx: Ctx, (): ()| {
            Ok(json!({ "tenant": ctx.tenant(), "request": ctx.request_id(), "trace": ctx.trace() }))
        })
        .handler("cache", async |ctx: Ctx, (): ()| Ok(ctx.cache().get("a:1").await?.is_some()))
        .handler("wait", async |ctx: Ctx, (): ()| -> HandlerResult<()> {
            ctx.log().info("callee waits");
            let reason = ctx.cancelled().await;
            ctx.log().info(format!("callee stopped: {reason}"));
            Ok(())
        })
        .handler("back", async |ctx: Ctx, (): ()| {
            let target = json!({ "plugin": CALLEE, "handler": "back", "input": null });
            Ok(ctx.invoke::<_, Value>(CONFORMANCE, "invoke", &target).await?)
        })
}
