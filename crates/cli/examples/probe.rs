//! A plugin for the command's own tests: a handler for each thing that a person may meet at the terminal.
//! It is no model for authors; those are in `crates/examples`.

use std::process::ExitCode;

use plugdock::{Ctx, HandlerError, HandlerResult, Plugin};
use serde_json::{Value, json};

fn main() -> ExitCode {
    Plugin::new("test/probe", "0.1.0")
        .about("What the command's tests run.")
        .handler("echo", echo)
        .doc("Answers its input.")
        .example("a number", json!(7))
        // The closure infers the stream's type, which the face does not name.
        .stream("lines", |_ctx, count: u32, output| async move {
            for number in 0..count {
                output.send(format!("line {number}\n")).await?;
            }
            Ok(json!({ "lines": count }))
        })
        .handler("wait", wait)
        .handler("fail", fail)
        .handler("panic", panic)
        .handler("leave", leave)
        .serve()
}

async fn echo(ctx: Ctx, input: Value) -> HandlerResult<Value> {
    ctx.log().with("length", &input.to_string().len()).info("echoing");
    ctx.progress(0.5, "half way");
    Ok(json!({ "echo": input, "tenant": ctx.tenant() }))
}

async fn wait(ctx: Ctx, _input: Value) -> HandlerResult<Value> {
    ctx.log().info("waiting");
    let reason = ctx.cancelled().await;
    Err(HandlerError::message(format!("stopped: {reason}")))
}

async fn fail(_ctx: Ctx, input: Value) -> HandlerResult<Value> {
    Err(HandlerError::new("NO_SUCH_ROW", "there is no such row").help("count from 1").details(&input))
}

async fn panic(_ctx: Ctx, _input: Value) -> HandlerResult<Value> {
    panic!("the table is upside down");
}

async fn leave(ctx: Ctx, text: String) -> HandlerResult<&'static str> {
    ctx.artifacts()
        .write("note.txt", text)
        .await
        .map_err(|error| HandlerError::message(error.to_string()))?;
    Ok("left")
}
