//! The handlers: what the host calls. They open the file, have it scanned, and pass on what comes out.

use plugdock_plugin_runtime::{Ctx, HandlerError, HandlerResult, Output};
use tokio::sync::mpsc;

use crate::fault::{CsvError, refused};
use crate::input::{ColumnsInput, Options, StatsInput};
use crate::output::{Interim, Outline, StreamLine, Summary};
use crate::scan::{Findings, Watcher, scan};
use crate::source;

/// Lines that wait for the reader of the stream. When it is slow the scan waits, so that nothing piles up.
const WAITING_LINES: usize = 16;

/// Rows that `columns` looks at.
const LOOKED_AT_ROWS: u64 = 1000;

/// Reads a whole file; interim lines and columns go to the stream.
///
/// The scan reads and computes without a pause, so it has a thread of its own: the one that polls this function stays free to
/// take a cancellation, which the scan sees within a thousand rows.
pub(crate) async fn stats(ctx: Ctx, input: StatsInput, output: Output) -> HandlerResult<Summary> {
    let options = input.options().map_err(|error| refused(&error))?;
    let (lines, mut to_send) = mpsc::channel(WAITING_LINES);
    let job = Job { ctx: ctx.clone(), file: input.file, options, lines };
    let scanning = tokio::task::spawn_blocking(move || job.run());
    let mut is_read = true;
    while let Some(line) = to_send.recv().await {
        if is_read {
            is_read = send(&ctx, &output, &line).await?;
        }
    }
    let summary = match scanning.await {
        Ok(result) => result.map_err(|error| refused(&error))?,
        Err(error) => match error.try_into_panic() {
            // The runtime reports it as what it is, with message and place.
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_stopped) => return Err(refused(&CsvError::Stopped)),
        },
    };
    ctx.progress(1.0, "done");
    Ok(summary)
}

/// Tells names and types by the first rows.
pub(crate) fn columns(ctx: &Ctx, input: ColumnsInput) -> HandlerResult<Outline> {
    outline(ctx, input).map_err(|error| refused(&error))
}

fn outline(ctx: &Ctx, input: ColumnsInput) -> Result<Outline, CsvError> {
    let options = input.options(LOOKED_AT_ROWS)?;
    let (file, _length) = source::open(ctx.workspace(), &input.file)?;
    let findings = scan(file, &options, &mut OnlyStops { ctx })?;
    let columns = findings.columns.into_iter().map(Into::into).collect();
    Ok(Outline { file: input.file, rows: findings.rows, columns })
}

/// Sends a line; `false` when nobody reads the stream, which is no reason to give up: the summary is still wanted.
async fn send(ctx: &Ctx, output: &Output, line: &StreamLine) -> Result<bool, HandlerError> {
    match output.send_json(line).await {
        Ok(()) => Ok(true),
        Err(error) if error.code().as_str() == "ABORTED" && !ctx.is_cancelled() => {
            ctx.log().warn("nobody reads the stream: the columns are in it, and only the summary is told");
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// The scan with all it needs, for a thread of its own.
struct Job {
    ctx: Ctx,
    file: String,
    options: Options,
    lines: mpsc::Sender<StreamLine>,
}

impl Job {
    fn run(self) -> Result<Summary, CsvError> {
        let Self { ctx, file, options, lines } = self;
        let (source, length) = source::open(ctx.workspace(), &file)?;
        let log = ctx.log().with("file", &file);
        log.with("bytes", &length).info(format!("reading {file}"));
        let mut watcher = Reporter { ctx: &ctx, length, percent: 0, lines };
        let Findings { rows, bytes, malformed, sample, columns } = scan(source, &options, &mut watcher)?;
        let n_columns = columns.len();
        for column in columns {
            watcher.line(StreamLine::Column(Box::new(column)));
        }
        if malformed.count > 0 {
            log.with("malformed_rows", &malformed.count).warn("malformed rows were left out");
        }
        log.with("rows", &rows).info(format!("read {rows} rows of {n_columns} columns"));
        Ok(Summary { file, rows, columns: n_columns, bytes, malformed_rows: malformed, sample })
    }
}

/// Tells the host how far the scan is.
struct Reporter<'a> {
    ctx: &'a Ctx,
    length: u64,
    percent: u64,
    lines: mpsc::Sender<StreamLine>,
}

impl Reporter<'_> {
    fn line(&self, line: StreamLine) {
        // Without a receiver the handler is gone, and the next question whether to stop says so.
        drop(self.lines.blocking_send(line));
    }
}

impl Watcher for Reporter<'_> {
    fn is_stopped(&mut self) -> bool {
        self.ctx.is_cancelled() || self.lines.is_closed()
    }

    fn is_at(&mut self, rows: u64, bytes: u64) {
        let percent = percent(bytes, self.length);
        if percent > self.percent {
            self.percent = percent;
            self.ctx
                .progress(f32::from(u8::try_from(percent).unwrap_or(100)) / 100.0, &format!("{rows} rows"));
        }
    }

    fn interim(&mut self, interim: Interim) {
        self.line(StreamLine::Interim(interim));
    }
}

/// A file may grow while it is read.
fn percent(bytes: u64, length: u64) -> u64 {
    (u128::from(bytes) * 100 / u128::from(length.max(1))).min(100).try_into().unwrap_or(100)
}

/// Stops a look that takes long, and tells nothing.
struct OnlyStops<'a> {
    ctx: &'a Ctx,
}

impl Watcher for OnlyStops<'_> {
    fn is_stopped(&mut self) -> bool {
        self.ctx.is_cancelled()
    }

    fn is_at(&mut self, _rows: u64, _bytes: u64) {}

    fn interim(&mut self, _interim: Interim) {}
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn percent_stays_between_nothing_and_all() {
        let rows =
            [(0, 0, 0), (0, 10, 0), (1, 3, 33), (10, 10, 100), (20, 10, 100), (u64::MAX, u64::MAX, 100)];
        for (bytes, length, expected) in rows {
            assert_eq!(percent(bytes, length), expected, "{bytes} of {length}");
        }
    }
}
