//! Handlers that answer: values, nothing, bytes of another type, and what they are told about their execution.
//! None of them fails on good input.

use std::sync::Arc;
use std::time::Duration;

use plugdock_contracts::describe::{HandlerDescription, HandlerKind};
use plugdock_contracts::{BoxFuture, HandlerId, Payload};
use plugdock_plugin_runtime::handler::CallIo;
use plugdock_plugin_runtime::{Ctx, Handler, HandlerError, HandlerResult, Plugin};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Pair {
    a: i64,
    b: i64,
}

pub(super) fn add(plugin: Plugin) -> Plugin {
    plugin
        .handler("echo", async |_ctx: Ctx, input: Value| Ok(input))
        .doc("Answers its input.")
        .example("a text", json!("hello"))
        .idempotent()
        .handler("add", async |_ctx: Ctx, pair: Pair| Ok(json!({ "sum": pair.a + pair.b })))
        .handler("repeat", async |_ctx: Ctx, n: usize| Ok("x".repeat(n)))
        .handler("nothing", async |_ctx: Ctx, (): ()| Ok(()))
        .blocking("count", |ctx: Ctx, n: u64| {
            ctx.log().info("counting on a thread");
            Ok((1..=n).sum::<u64>())
        })
        .handler("tell", tell)
        .handler("config", config)
        .handler("environment", environment)
        .handler("remaining", async |ctx: Ctx, (): ()| Ok(millis(ctx.remaining())))
        .handler("burn", burn)
        .handler("nap", nap)
        .custom(Arc::new(Reverse(HandlerId::new("reverse").unwrap())))
}

/// A length of time as the tests compare it.
pub(super) fn millis(span: Option<Duration>) -> Option<u64> {
    span.map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

async fn tell(ctx: Ctx, (): ()) -> HandlerResult<Value> {
    Ok(json!({
        "execution": ctx.execution_id(),
        "plugin": ctx.plugin(),
        "handler": ctx.handler(),
        "host": ctx.host_context(),
        "request": ctx.request_id(),
        "tenant": ctx.tenant(),
        "trace": ctx.trace(),
        "pid": std::process::id(),
    }))
}

#[derive(Deserialize)]
struct Config {
    depth: u32,
    names: Vec<String>,
    colour: Option<String>,
}

async fn config(ctx: Ctx, (): ()) -> HandlerResult<Value> {
    let Config { depth, names, colour } = ctx.config()?;
    Ok(json!({ "depth": depth, "names": names, "colour": colour }))
}

/// Descriptors of a worker are looked for below this number; it has a dozen.
const MAX_DESCRIPTOR: u32 = 1024;

async fn environment(_ctx: Ctx, (): ()) -> HandlerResult<Value> {
    let names: Vec<String> =
        std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    // By number: a sandbox may close the directory, and no link in it.
    let descriptors: Vec<String> = (0..MAX_DESCRIPTOR)
        .filter_map(|number| std::fs::read_link(format!("/proc/self/fd/{number}")).ok())
        .map(|target| target.to_string_lossy().into_owned())
        .collect();
    Ok(json!({ "names": names, "cwd": std::env::current_dir()?, "descriptors": descriptors }))
}

/// Takes so many milliseconds, and no processor.
async fn nap(ctx: Ctx, millis: u64) -> HandlerResult<()> {
    ctx.log().info("ready");
    tokio::time::sleep(Duration::from_millis(millis)).await;
    Ok(())
}

/// Uses a measurable amount of CPU time and memory.
async fn burn(_ctx: Ctx, mib: usize) -> HandlerResult<usize> {
    let mut bytes = vec![1_u8; mib << 20];
    for round in 0..4_u8 {
        for byte in &mut bytes {
            *byte = byte.wrapping_mul(31).wrapping_add(round);
        }
    }
    Ok(bytes.iter().map(|byte| usize::from(*byte)).sum())
}

/// Answers bytes of a type that is no JSON, backwards.
struct Reverse(HandlerId);

impl Handler for Reverse {
    fn describe(&self) -> HandlerDescription {
        HandlerDescription::new(self.0.clone(), HandlerKind::Call)
    }

    fn call(
        &self,
        _ctx: Ctx,
        input: Payload,
        _io: CallIo,
    ) -> BoxFuture<'static, Result<Payload, HandlerError>> {
        let content_type = input.content_type().to_owned();
        let bytes: Vec<u8> = input.as_bytes().iter().rev().copied().collect();
        Box::pin(std::future::ready(Ok(Payload::new(bytes, content_type))))
    }
}
