//! What a worker prints: read all the time, turned into log lines of its execution, the last of it kept for reports.

use plugdock_contracts::{LogLevel, LogLine, LogStream};
use tokio::net::unix::pipe;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::execution::Port;
use crate::process::{ForwardLimits, OutputLine, OutputReader};

/// Lines of standard error that a crash report carries: what a panic message with its context takes.
const TAIL_LINES: usize = 20;

/// Reads a worker's output until it is told that the worker is done.
#[derive(Debug)]
pub(super) struct OutputPump {
    task: JoinSet<Vec<String>>,
    done: oneshot::Sender<()>,
}

impl OutputPump {
    /// Starts to read. Lines go to the port if there is one, else nowhere; the tail is kept in any case.
    pub(super) fn start(
        stdout: pipe::Receiver,
        stderr: pipe::Receiver,
        limits: ForwardLimits,
        port: Option<Port>,
    ) -> Self {
        let (done, is_done) = oneshot::channel();
        let mut task = JoinSet::new();
        task.spawn(pump(OutputReader::new(stdout, limits), OutputReader::new(stderr, limits), port, is_done));
        Self { task, done }
    }

    /// Takes what is in the pipes now, without waiting for their end, and answers the last lines of standard error.
    pub(super) async fn finish(mut self) -> Vec<String> {
        // The pump may have ended by itself, with both pipes.
        let _ended = self.done.send(());
        self.task.join_next().await.and_then(Result::ok).unwrap_or_default()
    }
}

async fn pump(
    mut stdout: OutputReader,
    mut stderr: OutputReader,
    port: Option<Port>,
    mut is_done: oneshot::Receiver<()>,
) -> Vec<String> {
    let (mut out_open, mut err_open) = (true, true);
    while out_open || err_open {
        tokio::select! {
            lines = stdout.next(), if out_open => match lines {
                Some(lines) => forward(port.as_ref(), lines, LogStream::Stdout),
                None => out_open = false,
            },
            lines = stderr.next(), if err_open => match lines {
                Some(lines) => forward(port.as_ref(), lines, LogStream::Stderr),
                None => err_open = false,
            },
            _told = &mut is_done => break,
        }
    }
    forward(port.as_ref(), stdout.drain_now(), LogStream::Stdout);
    forward(port.as_ref(), stderr.drain_now(), LogStream::Stderr);
    let dropped = stdout.collector().dropped_bytes() + stderr.collector().dropped_bytes();
    if let (1.., Some(port)) = (dropped, &port) {
        let message = format!("{dropped} bytes of output were not kept");
        port.log(LogLine::new(LogLevel::Warn, LogStream::Stderr, message));
    }
    stderr.collector().last_lines(TAIL_LINES)
}

fn forward(port: Option<&Port>, lines: Vec<OutputLine>, stream: LogStream) {
    let Some(port) = port else { return };
    let level = if stream == LogStream::Stdout { LogLevel::Info } else { LogLevel::Warn };
    for line in lines {
        let mut made = LogLine::new(level, stream, line.text);
        made.truncated = line.truncated;
        port.log(made);
    }
}
