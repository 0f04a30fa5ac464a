//! `plugdock resize`: changes how many workers a server has.

use clap::Args;

use super::socket::SocketArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::protocol::{Request, ResizeDone};

/// Change how many workers a server has
///
/// Workers that are over end when they have no call.
#[derive(Debug, Args)]
pub(crate) struct Resize {
    /// Workers to keep
    #[arg(long, value_name = "A")]
    min: usize,
    /// Workers to have at most
    #[arg(long, value_name = "B")]
    max: usize,
    #[command(flatten)]
    socket: SocketArgs,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn resize(args: &Resize, output: &Output) -> Result<(), Failure> {
    let request = Request::Resize { min: args.min, max: args.max };
    let done: ResizeDone = args.socket.connect().await?.ask(&request).await?;
    if args.json {
        output.result_json(&done);
    } else {
        output.result_line(&format!("{} to {} workers", done.min, done.max));
    }
    Ok(())
}
