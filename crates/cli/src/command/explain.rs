//! `plugdock explain`: what a plugin may on this machine, and what holds it. Nothing of the plugin is run.

use std::path::PathBuf;

use clap::Args;
use plugdock::SandboxProfile;
use serde_json::json;

use crate::failure::Failure;
use crate::output::Output;
use crate::plugin_folder::PluginFolder;
use crate::render::{self, Paint};

/// Say what a plugin may read, write, reach, run and call here, and what holds each bound
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The plugin's folder, or its manifest
    #[arg(default_value = ".", value_name = "PLUGIN")]
    path: PathBuf,
    /// The sandbox profile; without it the strongest that this machine can hold
    #[arg(long, value_parser = profile)]
    profile: Option<SandboxProfile>,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

fn profile(text: &str) -> Result<SandboxProfile, String> {
    SandboxProfile::ALL.into_iter().find(|profile| profile.as_str() == text).ok_or_else(|| {
        let known: Vec<&str> = SandboxProfile::ALL.iter().map(|profile| profile.as_str()).collect();
        format!("profiles are {}", known.join(", "))
    })
}

pub(crate) fn explain(args: &Explain, output: &Output) -> Result<(), Failure> {
    let plugin = PluginFolder::read(&args.path)?;
    let manifest = &plugin.manifest;
    let explained = plugdock::explain(&manifest.permissions, &manifest.resources.limits, args.profile)?;
    if args.json {
        let document =
            json!({ "plugin": manifest.id, "min_isolation": manifest.min_isolation, "sandbox": explained });
        output.result_line(&document.to_string());
        return Ok(());
    }
    let form = output.form();
    let paint = Paint(form.colour && form.result_terminal);
    output.result_line(&format!("{} {} under `{}`", manifest.id, manifest.version, explained.profile));
    for line in render::explanation(&explained, paint) {
        output.result_line(&line);
    }
    Ok(())
}
