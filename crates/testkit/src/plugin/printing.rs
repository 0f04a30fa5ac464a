//! Handlers that write log lines, print to their standard streams and tell progress.
//! They never write to the channel themselves.

use std::io::Write as _;
use std::time::Duration;

use plugdock_plugin_runtime::{Ctx, HandlerError, HandlerResult, Plugin};
use serde::Deserialize;

/// Longer than any test.
const CEILING: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Print {
    stderr: bool,
    text: String,
    times: usize,
}

pub(super) fn add(plugin: Plugin) -> Plugin {
    plugin
        .handler("log", log)
        .handler("log-many", log_many)
        .handler("log-text", log_text)
        .handler("progress", progress)
        .handler("progress-on-demand", progress_on_demand)
        .handler("print", print)
}

async fn log(ctx: Ctx, (): ()) -> HandlerResult<()> {
    let log = ctx.log().with("rows", &3).with("name", "a.csv");
    log.trace("one");
    log.debug("two");
    log.info("three");
    log.warn("four");
    log.error("five");
    Ok(())
}

async fn log_many(ctx: Ctx, n: usize) -> HandlerResult<()> {
    for number in 0..n {
        ctx.log().info(format!("line {number}"));
    }
    Ok(())
}

pub(super) async fn log_text(ctx: Ctx, text: String) -> HandlerResult<()> {
    ctx.log().info(text);
    Ok(())
}

async fn progress(ctx: Ctx, (): ()) -> HandlerResult<()> {
    ctx.status("looking");
    for step in 0..=4_u8 {
        ctx.progress(f32::from(step) / 4.0, &format!("step {step}"));
    }
    ctx.progress(7.0, "beyond");
    Ok(())
}

/// Tells a step, and waits until somebody has seen it.
async fn progress_on_demand(ctx: Ctx, topic: String) -> HandlerResult<()> {
    let mut seen = ctx.events().subscribe(&topic).await?;
    for step in 0..3_u8 {
        ctx.progress(f32::from(step) / 3.0, &format!("step {step}"));
        seen.next(CEILING).await?.ok_or_else(|| HandlerError::message("nobody saw the step"))?;
    }
    Ok(())
}

async fn print(_ctx: Ctx, print: Print) -> Result<(), HandlerError> {
    let text = print.text.repeat(print.times);
    if print.stderr {
        std::io::stderr().write_all(text.as_bytes())?;
    } else {
        // Without a flush: the runtime must not lose what waits in the buffer.
        std::io::stdout().write_all(text.as_bytes())?;
    }
    Ok(())
}
