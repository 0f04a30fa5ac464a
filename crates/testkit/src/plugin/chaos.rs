//! The plugins of the soak: handlers that answer, stream, print, wait, and those that end their own process in every way.
//! What each call must come to stands with the soak; no handler knows that it is attacked.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use plugdock_plugin_runtime::{Ctx, HandlerError, HandlerResult, Input, Output, Plugin, Registry};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::VERSION;

/// A program; one call at a time.
pub const STEADY: &str = "acme/steady";

/// Linked into the host; one call at a time.
pub const LINKED: &str = "acme/linked";

/// A program whose plain handlers are concurrent and idempotent.
pub const SHARED: &str = "acme/shared";

/// Linked, and called by other handlers only.
pub const NESTED: &str = "acme/nested";

/// A program that is called to end itself.
pub const CRASHING: &str = "acme/crashing";

/// The argument that makes the soak's program serve a plugin.
pub const SERVE_ARGUMENT: &str = "serve";

/// The exit code of a handler that exits.
pub const EXIT_CODE: i32 = 37;

/// Bytes that a flood writes at a time.
const CHUNK: usize = 64 << 10;

/// What most handlers are given.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    /// Comes back in the result, so that a result that is another's is seen.
    pub token: u64,
    /// How long it takes.
    #[serde(default)]
    pub millis: u64,
    /// How much it writes or sends.
    #[serde(default)]
    pub n: usize,
    /// A file that gets a byte for each time the handler was started.
    #[serde(default)]
    pub tally: Option<PathBuf>,
}

/// A plugin of the soak.
pub fn plugin(id: &str) -> Plugin {
    let plugin = Plugin::new(id, VERSION).about("Is attacked.");
    let mut plugin = plugin.handler("echo", async |_ctx: Ctx, input: Value| Ok(input));
    if id == SHARED {
        plugin = plugin.concurrent().idempotent();
    }
    plugin = plugin.handler("slow", slow);
    if id == SHARED {
        plugin = plugin.concurrent().idempotent();
    }
    plugin = plugin.handler("deaf", async |_ctx: Ctx, _order: Order| -> HandlerResult<u64> {
        std::future::pending().await
    });
    if id == SHARED {
        plugin = plugin.concurrent();
    }
    let plugin = plugin
        .handler("count-once", slow)
        .handler("count-again", slow)
        .idempotent()
        .stream("pieces", pieces)
        .stream("pieces-again", pieces)
        .idempotent()
        .channel("upper", upper)
        .handler("log", log)
        .handler("print", print)
        .handler("nest", async |ctx: Ctx, order: Order| {
            Ok(ctx.invoke::<_, u64>(NESTED, "slow", &order).await?)
        })
        .handler("polite", async |ctx: Ctx, _order: Order| -> HandlerResult<u64> {
            let reason = ctx.cancelled().await;
            Err(HandlerError::message(format!("stopped: {reason}")))
        })
        .blocking("deaf-blocking", |_ctx: Ctx, _order: Order| -> HandlerResult<u64> {
            loop {
                std::thread::park();
            }
        })
        .handler("family", async |_ctx: Ctx, order: Order| {
            shell("sleep 1000 & sleep 1000 &")?;
            Ok(order.token)
        });
    ending(plugin)
}

/// Those that end badly, each in its way.
fn ending(plugin: Plugin) -> Plugin {
    plugin
        .handler("fail", async |_ctx: Ctx, order: Order| -> HandlerResult<u64> {
            Err(HandlerError::message(format!("as asked {}", order.token)))
        })
        .handler("panic", async |_ctx: Ctx, order: Order| -> HandlerResult<u64> {
            panic!("as asked {}", order.token)
        })
        .handler("exit", async |_ctx: Ctx, _order: Order| -> HandlerResult<u64> {
            #[expect(clippy::exit, clippy::disallowed_methods, reason = "that is what it is for")]
            std::process::exit(EXIT_CODE)
        })
        .handler("abort", async |_ctx: Ctx, _order: Order| -> HandlerResult<u64> { std::process::abort() })
        .handler("segfault", async |_ctx: Ctx, _order: Order| -> HandlerResult<u64> {
            // The first such signal only makes the standard library restore the default.
            loop {
                shell("kill -SEGV $PPID")?;
            }
        })
        .handler("stop", async |_ctx: Ctx, _order: Order| -> HandlerResult<u64> {
            shell("kill -STOP $PPID")?;
            std::future::pending().await
        })
}

/// Every plugin of the soak, linked.
///
/// # Panics
/// When their definition is faulty.
pub fn registry() -> Registry {
    [LINKED, NESTED].into_iter().fold(Registry::new(), |registry, id| registry.with(plugin(id)).unwrap())
}

#[expect(clippy::disallowed_methods, reason = "a plugin starts programs as its author likes")]
fn shell(script: &str) -> std::io::Result<()> {
    std::process::Command::new("/bin/sh").args(["-c", script]).status().map(drop)
}

/// Notes that it was started, takes its time, and answers its token.
async fn slow(_ctx: Ctx, order: Order) -> HandlerResult<u64> {
    if let Some(tally) = &order.tally {
        std::fs::OpenOptions::new().create(true).append(true).open(tally)?.write_all(b"x")?;
    }
    if order.millis > 0 {
        tokio::time::sleep(Duration::from_millis(order.millis)).await;
    }
    Ok(order.token)
}

/// Sends pieces of 16 KiB that each begin with the token and their number.
async fn pieces(_ctx: Ctx, order: Order, output: Output) -> HandlerResult<u64> {
    for number in 0..order.n {
        let mut piece = format!("{} {number} ", order.token).into_bytes();
        piece.resize(16 << 10, b'.');
        output.send(piece).await?;
    }
    Ok(order.token)
}

async fn upper(_ctx: Ctx, order: Order, mut input: Input, output: Output) -> HandlerResult<u64> {
    while let Some(piece) = input.next().await? {
        output.send(piece.to_ascii_uppercase()).await?;
    }
    Ok(order.token)
}

async fn log(ctx: Ctx, order: Order) -> HandlerResult<u64> {
    for number in 0..order.n {
        ctx.log().with("token", &order.token).info(format!("line {number}"));
    }
    Ok(order.token)
}

/// Writes to both standard streams, with and without ends of lines.
async fn print(_ctx: Ctx, order: Order) -> HandlerResult<u64> {
    let lines = "a line of the flood\n".repeat(CHUNK / 20);
    let text = "x".repeat(CHUNK);
    for _ in 0..order.n.div_ceil(CHUNK * 2) {
        std::io::stdout().write_all(lines.as_bytes())?;
        std::io::stderr().write_all(text.as_bytes())?;
    }
    Ok(order.token)
}
