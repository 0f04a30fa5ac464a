//! `plugdock call`: runs one handler on a server, and shows what happens and what comes out as `run` does.

use std::path::{Path, PathBuf};

use clap::Args;
use plugdock_contracts::PluginId;

use super::host;
use super::invocation::Invocation;
use super::socket::SocketArgs;
use crate::client::follow;
use crate::execution::Presenter;
use crate::failure::Failure;
use crate::linked;
use crate::output::Output;
use crate::plugin_folder::PluginFolder;

/// Run a handler on a server and print its result
///
/// As `plugdock run`, with the workers of a server that `plugdock serve` keeps. Ctrl-C asks the handler to stop; a second
/// Ctrl-C leaves, and the server ends it.
#[derive(Debug, Args)]
pub(crate) struct Call {
    /// The plugin's folder, or its id if the server knows it by that
    #[arg(value_name = "PLUGIN")]
    plugin: PathBuf,
    #[command(flatten)]
    pub(crate) invocation: Invocation,
    #[command(flatten)]
    socket: SocketArgs,
}

pub(crate) async fn call(args: &Call, output: &Output) -> Result<(), Failure> {
    let (plugin, root) = named(&args.plugin)?;
    let request = args.invocation.request(plugin, root)?;
    let signals = host::signals()?;
    let mut connection = args.socket.connect().await?;
    let mut presenter = Presenter::new(output.clone(), args.invocation.form());
    let ended = follow(&mut connection, request, &mut presenter, signals).await;
    // A bar that was drawn goes before the error is shown.
    output.show_bar(None);
    let done = ended?;
    presenter.outcome(&done.outcome, &done.backend)
}

/// The plugin that is meant, and its folder unless the server is to find it by its id.
fn named(plugin: &Path) -> Result<(PluginId, Option<PathBuf>), Failure> {
    if let Some(linked) = linked::manifest(plugin) {
        return Ok((linked.id, None));
    }
    let id = plugin.to_str().and_then(|text| PluginId::new(text).ok());
    match id {
        Some(id) if !plugin.exists() => Ok((id, None)),
        _ => PluginFolder::read(plugin).map(|folder| (folder.manifest.id, Some(folder.root))),
    }
}
