//! `plugdock stats`: a server's numbers, for people, programs and monitoring.

use clap::{Args, ValueEnum};
use plugdock_contracts::health::HealthReport;
use plugdock_core_runtime::metrics::openmetrics;

use super::socket::SocketArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::protocol::{Request, StatsDone};
use crate::render::{self, Paint};

/// Show the numbers of a server since it was started
#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// The form
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text, conflicts_with = "json")]
    format: Format,
    #[command(flatten)]
    socket: SocketArgs,
    /// Print one JSON document, as --format json
    #[arg(long)]
    json: bool,
}

/// The form of the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// For Prometheus and its kin
    Openmetrics,
}

impl Stats {
    /// Whether one JSON document is to be the whole of standard output.
    pub(crate) fn wants_json(&self) -> bool {
        self.json || self.format == Format::Json
    }
}

pub(crate) async fn stats(args: &Stats, output: &Output) -> Result<(), Failure> {
    let mut connection = args.socket.connect().await?;
    let done: StatsDone = connection.ask(&Request::Stats).await?;
    if args.wants_json() {
        output.result_json(&done);
        return Ok(());
    }
    if args.format == Format::Openmetrics {
        output.result(openmetrics(&done.stats, &done.workers, done.backend).as_bytes());
        return Ok(());
    }
    let health: HealthReport = connection.ask(&Request::Health).await?;
    let form = output.form();
    let paint = Paint(form.colour && form.result_terminal);
    output.result_line(&render::stats(&done, &health, paint));
    Ok(())
}
