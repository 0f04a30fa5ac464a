//! The plugin that has its host do things of the machine for them: files, variables, programs and requests.
//! Its handlers tell each answer and each refusal, and go on.

use plugdock_plugin_runtime::{Ctx, HandlerResult, Plugin};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{BROKERED, VERSION};

/// How often a file is read while somebody else changes what its path means.
const N_READS: usize = 200;

/// One thing to do with files.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Read(String),
    Write(String, String),
    List(String),
    Stat(String),
    CreateDir(String),
    Remove(String),
    Rename(String, String),
}

pub(super) fn plugin() -> Plugin {
    Plugin::new(BROKERED, VERSION)
        .about("Has its host do things of the machine.")
        .handler("fs", fs)
        .handler("fs-read-often", read_often)
        .handler("fs-write-in-turns", write_in_turns)
        .handler("env", async |ctx: Ctx, name: String| Ok(ctx.env().get(&name).await?))
        .handler("shell", async |ctx: Ctx, (program, args): (String, Vec<String>)| {
            let output = ctx.shell().exec(&program, args).await?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Ok(json!({ "code": output.code, "stdout": text(&output.stdout), "stderr": text(&output.stderr) }))
        })
        .handler("http", async |ctx: Ctx, url: String| {
            let response = ctx.http().get(&url).await?;
            let body = String::from_utf8_lossy(&response.body).into_owned();
            Ok(json!({ "status": response.status, "body": body, "url": response.url, "redirects": response.redirects }))
        })
}

/// Does each step; of each, its answer, or the code and details of its error.
async fn fs(ctx: Ctx, steps: Vec<Step>) -> HandlerResult<Vec<Value>> {
    let mut told = Vec::new();
    for step in steps {
        let fs = ctx.fs();
        let done = match step {
            Step::Read(path) => fs.read_to_string(&path).await.map(Value::from),
            Step::Write(path, text) => fs.write(&path, text).await.map(|()| Value::Null),
            Step::List(path) => fs.list(&path).await.map(|entries| json!(entries)),
            Step::Stat(path) => fs
                .stat(&path)
                .await
                .map(|stat| stat.map_or(Value::Null, |stat| json!({ "kind": stat.kind, "size": stat.size }))),
            Step::CreateDir(path) => fs.create_dir(&path).await.map(Value::from),
            Step::Remove(path) => fs.remove(&path).await.map(Value::from),
            Step::Rename(from, to) => fs.rename(&from, &to).await.map(|()| Value::Null),
        };
        told.push(done.unwrap_or_else(
            |error| json!({ "code": error.code(), "details": error.details(), "message": error.message() }),
        ));
    }
    Ok(told)
}

/// Reads a file often; each different thing that came of it, once.
async fn read_often(ctx: Ctx, path: String) -> HandlerResult<Vec<String>> {
    ctx.log().info("ready");
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..N_READS {
        let came = match ctx.fs().read_to_string(&path).await {
            Ok(text) => text,
            Err(error) => error.code().to_string(),
        };
        if !seen.contains(&came) {
            seen.push(came);
        }
    }
    Ok(seen)
}

/// Writes one text and the other in turns, whole each time.
async fn write_in_turns(ctx: Ctx, (path, texts): (String, [String; 2])) -> HandlerResult<()> {
    ctx.log().info("ready");
    for turn in 0..N_READS {
        ctx.fs().write(&path, texts[turn % 2].clone()).await?;
    }
    Ok(())
}
