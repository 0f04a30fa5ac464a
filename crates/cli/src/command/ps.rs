//! `plugdock ps`: the worker processes of a server.

use clap::Args;

use super::socket::SocketArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::protocol::{PsDone, Request};
use crate::render::{self, Paint};

/// Show the workers of a server
#[derive(Debug, Args)]
pub(crate) struct Ps {
    #[command(flatten)]
    socket: SocketArgs,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn ps(args: &Ps, output: &Output) -> Result<(), Failure> {
    let done: PsDone = args.socket.connect().await?.ask(&Request::Ps).await?;
    if args.json {
        output.result_json(&done);
        return Ok(());
    }
    let form = output.form();
    let paint = Paint(form.colour && form.result_terminal);
    output.result_line(&render::workers(&done.workers, paint, output.width()).join("\n"));
    if done.workers.is_empty() {
        output.note("no worker lives now");
    }
    Ok(())
}
