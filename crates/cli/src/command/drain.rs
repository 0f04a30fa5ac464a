//! `plugdock drain`: ends a server when what runs has finished.

use std::time::Duration;

use clap::Args;
use plugdock_contracts::ShutdownReport;
use plugdock_contracts::span::parse_span;

use super::socket::SocketArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::protocol::Request;
use crate::render;

/// Let a server finish what runs, and end it
#[derive(Debug, Args)]
pub(crate) struct Drain {
    /// Time for what runs, then it is cancelled and killed; the server's shutdown.drain when not given
    #[arg(long, value_name = "TIME", value_parser = within)]
    within: Option<Duration>,
    #[command(flatten)]
    socket: SocketArgs,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

fn within(text: &str) -> Result<Duration, String> {
    parse_span(text).map_err(|error| error.to_string())
}

pub(crate) async fn drain(args: &Drain, output: &Output) -> Result<(), Failure> {
    let request = Request::Drain { within: args.within };
    let report: ShutdownReport = args.socket.connect().await?.ask(&request).await?;
    if args.json {
        output.result_json(&report);
    } else {
        output.result_line(&render::shutdown(&report));
    }
    Ok(())
}
