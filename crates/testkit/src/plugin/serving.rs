//! Handlers that ask their host: services, topics and nested calls, with their refusals passed on.
//! Which of them is granted is the test's to say.

use std::time::Duration;

use plugdock_plugin_runtime::{Ctx, HandlerError, HandlerResult, Plugin};
use serde::Deserialize;
use serde_json::{Value, json};

use super::CALLEE;
use super::plain::millis;

const CEILING: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Target {
    plugin: String,
    handler: String,
    input: Value,
}

pub(super) fn add(plugin: Plugin) -> Plugin {
    plugin
        .handler("cache", cache)
        .handler("denied", denied)
        .handler("state", state)
        .handler("state-set", async |ctx: Ctx, (key, value): (String, String)| {
            ctx.state().set(&key, value).await?;
            Ok(())
        })
        .handler("state-get", async |ctx: Ctx, key: String| Ok(text(ctx.state().get(&key).await?)))
        .handler("storage", storage)
        .handler("publish", async |ctx: Ctx, (topic, text): (String, String)| {
            Ok(ctx.events().publish(&topic, text).await?)
        })
        .handler("subscribe", subscribe)
        .handler("mirror", mirror)
        .handler("invoke", invoke)
        .handler("invoke-remaining", invoke_remaining)
        .handler("invoke-slow", async |ctx: Ctx, (): ()| -> HandlerResult<()> {
            ctx.log().info("ready");
            Ok(ctx.invoke(CALLEE, "wait", &()).await?)
        })
}

fn text(bytes: Option<impl AsRef<[u8]>>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(bytes.as_ref()).into_owned())
}

async fn cache(ctx: Ctx, (): ()) -> HandlerResult<Value> {
    let cache = ctx.cache();
    let before = cache.get("a:1").await?;
    cache.set("a:1", "one", Some(CEILING)).await?;
    let after = cache.get("a:1").await?;
    let deleted = cache.delete("a:1").await?;
    Ok(
        json!({ "before": text(before), "after": text(after), "deleted": deleted, "again": cache.delete("a:1").await? }),
    )
}

/// Asks so often for what it may be refused; how often it was.
async fn denied(ctx: Ctx, n: usize) -> HandlerResult<usize> {
    let mut refused = 0;
    for _ in 0..n {
        refused += usize::from(ctx.cache().get("a:1").await.is_err());
    }
    Ok(refused)
}

async fn state(ctx: Ctx, (): ()) -> HandlerResult<Value> {
    let state = ctx.state();
    state.set("k:1", "one").await?;
    state.set("k:2", "two").await?;
    let keys = state.keys("k:").await?;
    let read = state.get("k:2").await?;
    let deleted = state.delete("k:1").await?;
    Ok(
        json!({ "keys": keys, "read": text(read), "deleted": deleted, "missing": text(state.get("k:1").await?) }),
    )
}

async fn storage(ctx: Ctx, (): ()) -> HandlerResult<Value> {
    let storage = ctx.storage();
    storage.write("dir/a.txt", "contents").await?;
    let read = storage.read("dir/a.txt").await?;
    let names = storage.list("dir").await?;
    let deleted = storage.delete("dir/a.txt").await?;
    Ok(
        json!({ "read": text(read), "names": names, "deleted": deleted, "missing": text(storage.read("dir/a.txt").await?) }),
    )
}

/// Takes as many messages as asked for.
async fn subscribe(ctx: Ctx, (pattern, n): (String, usize)) -> HandlerResult<Vec<(String, String)>> {
    let mut subscription = ctx.events().subscribe(&pattern).await?;
    ctx.log().info("ready");
    let mut taken = Vec::new();
    while taken.len() < n {
        let message =
            subscription.next(CEILING).await?.ok_or_else(|| HandlerError::message("no message came"))?;
        taken.push((message.topic, String::from_utf8_lossy(&message.body).into_owned()));
    }
    subscription.end().await?;
    Ok(taken)
}

/// Calls the service that the test registered.
async fn mirror(ctx: Ctx, method: String) -> HandlerResult<Value> {
    let (value, body) = ctx.service("mirror").call(&method, &json!({ "x": 1 }), "body").await?;
    Ok(json!({ "value": value, "body": String::from_utf8_lossy(&body) }))
}

async fn invoke(ctx: Ctx, target: Target) -> HandlerResult<Value> {
    Ok(ctx.invoke(&target.plugin, &target.handler, &target.input).await?)
}

async fn invoke_remaining(ctx: Ctx, (): ()) -> HandlerResult<(Option<u64>, Option<u64>)> {
    let own = millis(ctx.remaining());
    let nested: Option<u64> = ctx.invoke(CALLEE, "remaining", &()).await?;
    Ok((own, nested))
}
