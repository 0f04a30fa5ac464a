//! `plugdock top`: a server's workers and numbers, again and again.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use plugdock_contracts::health::HealthReport;
use plugdock_core_runtime::StopSignals;

use super::host;
use super::socket::SocketArgs;
use crate::client::Connection;
use crate::failure::Failure;
use crate::output::Output;
use crate::protocol::{Request, StatsDone};
use crate::render::{self, Paint};

/// How often it looks.
const REFRESH: Duration = Duration::from_secs(1);

/// Watch the workers of a server
///
/// On a terminal it is drawn anew each second until Ctrl-C; elsewhere it is printed once.
#[derive(Debug, Args)]
pub(crate) struct Top {
    /// Look so many times; for ever on a terminal, once elsewhere when not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    #[command(flatten)]
    socket: SocketArgs,
    /// Print a JSON document for each look, on a line
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) async fn top(args: &Top, output: &Output) -> Result<(), Failure> {
    let path = args.socket.path()?;
    // Without a server there is nothing to take a screen for. Until here a signal ends the command as any other.
    look(&path).await?;
    let signals = host::signals()?;
    let live = output.draws() && !args.json;
    let looks = args.count.or_else(|| (!live).then_some(1));
    if live {
        output.screen(true);
    }
    let ended = watch(args, output, &path, looks, signals).await;
    if live {
        output.screen(false);
    }
    ended
}

async fn watch(
    args: &Top,
    output: &Output,
    path: &Path,
    looks: Option<u64>,
    mut signals: StopSignals,
) -> Result<(), Failure> {
    let mut clock = tokio::time::interval(REFRESH);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut before: Option<StatsDone> = None;
    let mut seen = 0;
    while looks.is_none_or(|looks| seen < looks) && !output.reader_gone() {
        let stop = async {
            tokio::select! {
                _now = clock.tick() => false,
                _signal = signals.next() => true,
            }
        };
        if stop.await {
            return Ok(());
        }
        let (now, health) = tokio::select! {
            looked = look(path) => looked?,
            // Also a server that does not answer can be left.
            _signal = signals.next() => return Ok(()),
        };
        if args.json {
            output.result_json(&now);
        } else {
            let form = output.form();
            let paint = Paint(form.colour && form.result_terminal);
            let lines = render::top(&now, before.as_ref(), &health, paint, output.width());
            if output.draws() { output.frame(&lines) } else { output.result_line(&lines.join("\n")) }
        }
        before = Some(now);
        seen += 1;
    }
    Ok(())
}

/// Asks over a connection of its own: one that was kept would be closed while the terminal is stopped.
async fn look(path: &Path) -> Result<(StatsDone, HealthReport), Failure> {
    let mut connection = Connection::open(path).await?;
    let stats = connection.ask(&Request::Stats).await?;
    Ok((stats, connection.ask(&Request::Health).await?))
}
