//! `plugdock validate`: whether a manifest is right, and whether what it names is there.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::failure::Failure;
use crate::output::Output;
use crate::plugin_folder::PluginFolder;
use crate::render::{self, Paint};

/// Check a plugin's manifest, and that the files it names are there
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// The plugin's folder, or its manifest
    #[arg(default_value = ".", value_name = "PLUGIN")]
    path: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn validate(args: &Validate, output: &Output) -> Result<(), Failure> {
    let plugin = PluginFolder::read(&args.path)?;
    let faults = plugin.faults();
    if !faults.is_empty() {
        return Err(Failure::Invalid(faults));
    }
    let manifest = &plugin.manifest;
    if args.json {
        output.result_line(&json!({ "manifest": manifest, "faults": [] }).to_string());
        return Ok(());
    }
    output.result_line(&format!("ok: {} {} ({})", manifest.id, manifest.version, plugin.file.display()));
    for line in render::permissions(&manifest.permissions, Paint(false)) {
        output.result_line(&format!("  {line}"));
    }
    Ok(())
}
