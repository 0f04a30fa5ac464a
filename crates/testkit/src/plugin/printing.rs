//! Handlers that write log lines, print to their standard streams and tell progress.
//! They never write to the channel themselves.

use std::io::Write as _;

use plugdock_plugin_runtime::{Ctx, HandlerError, HandlerResult, Plugin};
use serde::Deserialize;

#[derive(Deserialize)]
struct Print {
    stderr: bool,
    text: String,
    times: usize,
}

pub(super) fn add(plugin: Plugin) -> Plugin {
    plugin.handler("log", log).handler("log-many", log_many).handler("log-text", log_text).handler("progress", progress).handler("print", print)
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

async fn log_text(ctx: Ctx, text: String) -> HandlerResult<()> {
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
