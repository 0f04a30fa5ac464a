//! Handlers that end their own process, and those that change what their process is. They are called only where handlers
//! run in processes of their own.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use plugdock_contracts::health::{HealthIssue, HealthLevel, HealthReport};
use plugdock_plugin_runtime::{Ctx, HandlerResult, Plugin};

use super::ending::gated;

/// What a process remembers between calls.
#[derive(Debug, Default)]
struct Memory {
    warmed: AtomicU64,
    is_sick: AtomicBool,
    kept: Mutex<Vec<Vec<u8>>>,
}

pub(super) fn add(plugin: Plugin) -> Plugin {
    let memory = Arc::new(Memory::default());
    let of = || Arc::clone(&memory);
    let (warming, warmed, sick, asked, growing) = (of(), of(), of(), of(), of());
    plugin
        .handler("die", async |_ctx: Ctx, words: String| die(&words))
        .handler("die-shared", async |_ctx: Ctx, words: String| die(&words))
        .concurrent()
        .handler("die-always", async |_ctx: Ctx, words: String| die(&words))
        .idempotent()
        .handler("die-once", die_once)
        .idempotent()
        .handler("gated-shared", gated)
        .concurrent()
        .handler("warmed", move |_ctx: Ctx, (): ()| {
            let n = warmed.warmed.load(Ordering::Acquire);
            async move { Ok(n) }
        })
        .handler("sicken", move |_ctx: Ctx, (): ()| {
            sick.is_sick.store(true, Ordering::Release);
            async { Ok(()) }
        })
        .handler("grow", move |_ctx: Ctx, mib: usize| {
            growing.kept.lock().unwrap_or_else(PoisonError::into_inner).push(vec![1; mib << 20]);
            async { Ok(()) }
        })
        .warmup(move || {
            warming.warmed.fetch_add(1, Ordering::AcqRel);
            async { Ok(()) }
        })
        .health(move || {
            let is_sick = asked.is_sick.load(Ordering::Acquire);
            let issue = || HealthIssue::new(HealthLevel::Unhealthy, "sick", "it was made sick");
            let report = HealthReport::of(is_sick.then(issue).into_iter().collect());
            async { report }
        })
}

/// Ends the process as a fault of memory would, with last words on standard error.
fn die(words: &str) -> HandlerResult<()> {
    writeln!(std::io::stderr(), "{words}")?;
    std::process::abort()
}

/// Dies unless this execution died before.
async fn die_once(ctx: Ctx, words: String) -> HandlerResult<String> {
    let key = format!("died:{}", ctx.execution_id());
    if ctx.state().get(&key).await?.is_some() {
        return Ok(words);
    }
    ctx.state().set(&key, "yes").await?;
    die(&words)?;
    Ok(words)
}
