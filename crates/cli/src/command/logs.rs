//! `plugdock logs`: what was logged by executions on a server, and what happened in its backend.

use clap::Args;
use plugdock_contracts::PluginId;

use super::host;
use super::socket::SocketArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::protocol::{LogRecord, LogsDone, LogsQuery, Reply, Request};
use crate::render::{self, Paint};

/// Records that a server may be asked for: more than one keeps.
const MAX_LAST: u64 = 1_000_000;

/// Show what executions on a server logged, and what happened to its workers
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Only this plugin
    #[arg(value_name = "PLUGIN-ID")]
    plugin: Option<PluginId>,
    /// Go on with what is logged from now on
    #[arg(short, long)]
    follow: bool,
    /// So many of the latest
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(..=MAX_LAST))]
    last: u64,
    #[command(flatten)]
    socket: SocketArgs,
    /// Print each record as a JSON document on a line
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn logs(args: &Logs, output: &Output) -> Result<(), Failure> {
    let mut signals = host::signals()?;
    let mut connection = args.socket.connect().await?;
    let last = usize::try_from(args.last).unwrap_or(usize::MAX);
    let query = LogsQuery { last, follow: args.follow, plugin: args.plugin.clone() };
    connection.send(&Request::Logs(query)).await?;
    let form = output.form();
    let paint = Paint(form.colour && form.result_terminal);
    loop {
        let reply = tokio::select! {
            reply = connection.next() => reply?,
            // Whoever has seen enough of a log has not failed.
            _signal = signals.next() => return Ok(()),
        };
        match reply {
            Reply::Event(record) if args.json => output.result_line(record.get()),
            // A record that only a newer server writes is shown as it is.
            Reply::Event(record) => match connection.read::<LogRecord>(record.get()) {
                Ok(known) => output.result_line(&render::record(&known, paint)),
                Err(_unknown) => output.result_line(&render::printable(record.get())),
            },
            Reply::Done(done) => {
                let done: LogsDone = connection.read(done.get())?;
                if done.missed > 0 {
                    output.note(&format!("{} records were let go before they could be shown", done.missed));
                }
                return Ok(());
            }
            Reply::Error(error) => return Err(error.into()),
        }
        if output.reader_gone() {
            return Ok(());
        }
    }
}
