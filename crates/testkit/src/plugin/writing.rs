//! Handlers that write files: into their workspace and as artifacts, good ones and bad ones.
//! They use no path but those that their context names.

use std::os::unix::fs::symlink;

use plugdock_plugin_runtime::{Ctx, HandlerError, HandlerResult, Plugin};
use serde_json::{Value, json};

pub(super) fn add(plugin: Plugin) -> Plugin {
    plugin
        .handler("workspace", workspace)
        .handler("fill", fill)
        .handler("artifacts", artifacts)
        .handler("bad-artifact-names", bad_artifact_names)
        .blocking("odd-artifacts", odd_artifacts)
}

/// Tells what it finds in its workspace, and leaves a file.
async fn workspace(ctx: Ctx, (): ()) -> HandlerResult<Value> {
    let dir = ctx.workspace();
    let mut names: Vec<String> = std::fs::read_dir(dir)?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    names.sort();
    let seed = std::fs::read_to_string(dir.join("seed/rows.csv")).ok();
    std::fs::write(dir.join("made.txt"), "made")?;
    Ok(json!({ "dir": dir, "names": names, "seed": seed, "cwd": std::env::current_dir()? }))
}

async fn fill(ctx: Ctx, bytes: usize) -> HandlerResult<()> {
    std::fs::write(ctx.workspace().join("large"), vec![7; bytes])?;
    Ok(())
}

async fn artifacts(ctx: Ctx, (): ()) -> HandlerResult<Value> {
    let artifacts = ctx.artifacts();
    artifacts.write("report.txt", "two lines\n").await?;
    artifacts.write("deep/page.html", "<p>").await?;
    let read = artifacts.read("report.txt").await?;
    Ok(json!({ "names": artifacts.list().await?, "read": String::from_utf8_lossy(&read) }))
}

async fn bad_artifact_names(ctx: Ctx, names: Vec<String>) -> HandlerResult<Vec<bool>> {
    let mut refused = Vec::new();
    for name in names {
        refused.push(ctx.artifacts().write(&name, "x").await.is_err());
    }
    Ok(refused)
}

/// Leaves a link and a pipe beside a good artifact, by path.
#[expect(clippy::needless_pass_by_value, reason = "the form of a handler")]
fn odd_artifacts(ctx: Ctx, (): ()) -> Result<(), HandlerError> {
    let artifacts = ctx.artifacts();
    std::fs::write(artifacts.path("good.txt")?, "good")?;
    symlink("/etc/passwd", artifacts.path("link.txt")?)?;
    nix::unistd::mkfifo(&artifacts.path("pipe")?, nix::sys::stat::Mode::S_IRUSR)
        .map_err(|errno| HandlerError::message(format!("no pipe was made: {errno}")))
}
