//! `plugdock describe`: what a plugin says of itself, asked of its program, and what its manifest asks for.

use std::path::PathBuf;

use clap::Args;
use plugdock_contracts::backend::PluginRef;
use serde_json::json;

use super::host::{self, HostArgs};
use crate::failure::Failure;
use crate::output::Output;
use crate::plugin_folder::PluginFolder;
use crate::render::{self, Paint};

/// Ask a plugin for its handlers, and show what it asks for
#[derive(Debug, Args)]
pub(crate) struct Describe {
    #[command(flatten)]
    pub(crate) plugin: DescribeArgs,
    #[command(flatten)]
    host: HostArgs,
}

/// Which plugin, and in which form.
#[derive(Debug, Args)]
pub(crate) struct DescribeArgs {
    /// The plugin's folder
    #[arg(default_value = ".", value_name = "PLUGIN")]
    path: PathBuf,
    /// Print one JSON document, with the schemas of inputs and outputs
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn describe(args: &Describe, output: &Output) -> Result<(), Failure> {
    let plugin = PluginFolder::read(&args.plugin.path)?;
    let runtime = host::start(host::configure(&args.host, &plugin.manifest)?, output).await?;
    let described = runtime.backend().describe(&PluginRef::Root(plugin.root.clone())).await;
    host::stop(&runtime, output).await;
    let described = described?;
    if args.plugin.json {
        output.result_line(&json!({ "plugin": described, "manifest": plugin.manifest }).to_string());
        return Ok(());
    }
    let form = output.form();
    let folder = args.plugin.path.display().to_string();
    output.result_line(&render::description(
        &described,
        &plugin.manifest,
        &folder,
        Paint(form.colour && form.result_terminal),
    ));
    Ok(())
}
