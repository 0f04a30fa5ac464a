//! Handlers that wait, end politely, or ignore every request to stop; and those that register cleanups.
//! Each says `ready` in its log when the test may go on.

use std::time::Duration;

use plugdock_contracts::ErrorCode;
use plugdock_plugin_runtime::{Ctx, HandlerError, HandlerResult, Plugin};
use serde::Deserialize;

use super::latch::Latch;

/// Longer than any test: a test that waits so long hangs.
const CEILING: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum End {
    Ok,
    Error,
    Panic,
    Hang,
}

pub(super) fn add(plugin: Plugin) -> Plugin {
    plugin
        .handler("gated", gated)
        .handler("polite", polite)
        .handler("deaf", deaf)
        .blocking("deaf-blocking", |ctx: Ctx, (): ()| {
            let latch = Latch::shut();
            ctx.log().info("ready");
            latch.block();
            Ok(())
        })
        .handler("spin", async |ctx: Ctx, (): ()| {
            let latch = Latch::shut();
            ctx.log().info("ready");
            while !latch.is_open() {
                std::hint::spin_loop();
            }
            Ok(())
        })
        .handler("cleanup", cleanup)
        .handler("family", family)
}

/// Waits for a message on a topic: the gate that a test opens from outside, wherever the handler runs.
pub(super) async fn gated(ctx: Ctx, topic: String) -> HandlerResult<String> {
    let mut gate = ctx.events().subscribe(&topic).await?;
    ctx.log().info("ready");
    match gate.next(CEILING).await? {
        Some(message) => Ok(String::from_utf8_lossy(&message.body).into_owned()),
        None => Err(HandlerError::message("nobody opened the gate")),
    }
}

async fn polite(ctx: Ctx, (): ()) -> HandlerResult<()> {
    ctx.log().info("ready");
    let reason = ctx.cancelled().await;
    ctx.log().info(format!("stopped: {reason}"));
    Err(HandlerError::message("stopped"))
}

/// Says that it was dropped.
struct Dropped(Ctx);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.log().info("dropped");
    }
}

async fn deaf(ctx: Ctx, (): ()) -> HandlerResult<()> {
    let _dropped = Dropped(ctx.clone());
    ctx.log().info("ready");
    std::future::pending().await
}

/// Starts a process that outlives its parent, and one in a session of its own, if asked to and where a sandbox lets it;
/// then waits, if asked to.
async fn family(ctx: Ctx, (wait, daemon): (bool, bool)) -> HandlerResult<()> {
    // The one program that every sandbox lets a worker run is its own.
    let own = std::env::current_exe()?;
    #[expect(clippy::disallowed_methods, reason = "a plugin starts programs as its author likes")]
    let start = |program: &std::path::Path, args: &[&std::ffi::OsStr]| {
        std::process::Command::new(program).args(args).spawn().map(|child| child.id())
    };
    let mut numbers = vec![std::process::id(), start(&own, &[super::NAP_ARGUMENT.as_ref()])?];
    if daemon {
        match start("/usr/bin/setsid".as_ref(), &[own.as_ref(), super::NAP_ARGUMENT.as_ref()]) {
            Ok(number) => numbers.push(number),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error.into()),
        }
    }
    ctx.log().with("numbers", &numbers).info("ready");
    if wait { std::future::pending().await } else { Ok(()) }
}

async fn cleanup(ctx: Ctx, end: End) -> HandlerResult<()> {
    let log = ctx.log();
    let first = log.clone();
    ctx.on_cleanup(async move { first.info("cleanup first") });
    ctx.on_cleanup(async { panic!("a cleanup that fails") });
    let third = log.clone();
    ctx.on_cleanup(async move { third.info("cleanup third") });
    log.info("ready");
    match end {
        End::Ok => Ok(()),
        End::Error => Err(HandlerError::new(ErrorCode::HandlerError.as_str(), "as asked")),
        End::Panic => panic!("as asked"),
        End::Hang => std::future::pending().await,
    }
}
