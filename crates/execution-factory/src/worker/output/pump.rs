//! The task that reads a worker's output all the time, so that the worker never waits for it.

use plugdock_contracts::LogStream;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::desk::{Listener, OutputDesk};
use super::route::Origin;
use crate::execution::Port;
use crate::process::ForwardLimits;

/// Reads a worker's output until it is told that the worker is done. Dropped, it reads no more.
#[derive(Debug)]
pub(crate) struct OutputPump {
    desk: OutputDesk,
    task: JoinSet<()>,
    done: oneshot::Sender<()>,
}

impl OutputPump {
    /// Starts to read.
    pub(crate) fn start(stdout: pipe::Receiver, stderr: pipe::Receiver, origin: Origin) -> Self {
        Self::over(OutputDesk::new(stdout, stderr, origin))
    }

    /// Starts to read for the one call that the worker was started for, which is given every byte from the first on.
    pub(crate) fn start_for(
        stdout: pipe::Receiver,
        stderr: pipe::Receiver,
        origin: Origin,
        (port, limits): (Port, ForwardLimits),
    ) -> (Self, Listener) {
        let desk = OutputDesk::new(stdout, stderr, origin);
        // The worker may have printed and died already: the call listens before anything is read.
        let listener = desk.listen_from_start(port, limits);
        (Self::over(desk), listener)
    }

    fn over(desk: OutputDesk) -> Self {
        let (done, is_done) = oneshot::channel();
        let mut task = JoinSet::new();
        task.spawn(pump(desk.clone(), is_done));
        Self { desk, task, done }
    }

    /// Where calls listen.
    pub(crate) const fn desk(&self) -> &OutputDesk {
        &self.desk
    }

    /// Takes what is in the pipes now, without waiting for their end, and answers the last lines of standard error.
    pub(crate) async fn finish(mut self) -> Vec<String> {
        // The pump may have ended by itself, with both pipes.
        let _ended = self.done.send(());
        // It ends when told, and what it was about to read is read below.
        let _joined = self.task.join_next().await;
        self.desk.finish()
    }
}

async fn pump(desk: OutputDesk, mut is_done: oneshot::Receiver<()>) {
    let [stdout, stderr] = desk.readiness();
    let (mut out_open, mut err_open) = (true, true);
    loop {
        tokio::select! {
            ready = stdout.wait(), if out_open => out_open = ready.is_ok() && desk.read(LogStream::Stdout),
            ready = stderr.wait(), if err_open => err_open = ready.is_ok() && desk.read(LogStream::Stderr),
            _told = &mut is_done => return,
        }
    }
}
