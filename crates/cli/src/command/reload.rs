//! `plugdock reload`: lets a server read plugins again.

use clap::Args;
use plugdock_contracts::PluginId;

use super::socket::SocketArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::protocol::{ReloadDone, Request};

/// Read a plugin's files again, or those of all plugins
///
/// Where a program was replaced, new workers run it and old ones finish what they have.
#[derive(Debug, Args)]
pub(crate) struct Reload {
    /// Only this plugin
    #[arg(value_name = "PLUGIN-ID")]
    plugin: Option<PluginId>,
    #[command(flatten)]
    socket: SocketArgs,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn reload(args: &Reload, output: &Output) -> Result<(), Failure> {
    let request = Request::Reload { plugin: args.plugin.clone() };
    let done: ReloadDone = args.socket.connect().await?.ask(&request).await?;
    if args.json {
        output.result_json(&done);
        return Ok(());
    }
    done.reloaded.iter().for_each(|plugin| output.result_line(&format!("reloaded {plugin}")));
    if done.reloaded.is_empty() {
        output.note("no program was replaced");
    }
    Ok(())
}
