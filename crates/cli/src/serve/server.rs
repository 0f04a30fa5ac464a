//! The life of a server: it admits connections, records what happens in the backend, and drains when it is asked to stop.

use std::sync::Arc;
use std::time::Duration;

use plugdock_contracts::backend::BackendEvents;
use plugdock_contracts::{
    BoxFuture, ErrorCode, ExecutionBackend, ExecutionError, Fault, Shutdown, ShutdownReport,
};
use plugdock_core_runtime::{BackendChoice, StopSignals};
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::listener::Listener;
use super::peer::admits;
use super::ring::Ring;
use super::session::Session;
use super::shared::{Phase, Shared, Stop};
use crate::protocol::{Recorded, error_line};

/// Connections at one time. Each may hold a request of the allowed size.
const MAX_CONNECTIONS: usize = 256;

/// Connections that are being told why they are refused; beyond that they are closed without a word.
const MAX_REFUSALS: usize = 64;

/// Time for one who is refused to take the reason: it is a line, which the socket's own buffer holds.
const REFUSE_WITHIN: Duration = Duration::from_secs(1);

/// Time for clients to take their last line when everything is over.
const LINGER: Duration = Duration::from_secs(2);

/// Bytes of a request beside its input: ids, grants, paths, configuration.
const REQUEST_OVERHEAD: usize = 1 << 20;

/// A server.
pub(crate) struct Server {
    shared: Arc<Shared>,
    stop: mpsc::Receiver<Stop>,
    uid: u32,
    drain: Duration,
    sessions: JoinSet<()>,
}

impl Server {
    /// A server of this backend, for this user. `max_input` bounds the input of one request, `drain` is the time for what
    /// runs when it is asked to stop.
    pub(crate) fn new(
        backend: Arc<dyn ExecutionBackend>,
        choice: BackendChoice,
        uid: u32,
        max_input: usize,
        drain: Duration,
    ) -> Self {
        let (tell, stop) = mpsc::channel(1);
        let max_request = max_input.saturating_add(REQUEST_OVERHEAD);
        let shared = Arc::new(Shared::new(backend, choice, max_request, tell));
        Self { shared, stop, uid, drain, sessions: JoinSet::new() }
    }

    /// What its connections share.
    #[cfg(test)]
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Serves until a signal or a client asks to stop; a second signal stops at once. The backend has stopped when it answers.
    pub(crate) async fn run(
        mut self,
        listener: &Listener,
        mut signals: StopSignals,
        say: impl Fn(&str),
    ) -> ShutdownReport {
        let backend = Arc::clone(&self.shared.backend);
        let shared = Arc::clone(&self.shared);
        let mut recorder = Recorder { events: backend.subscribe(), lost: 0, over: false };
        let (mut draining, mut now) = (Pending::default(), Pending::default());
        let report = loop {
            tokio::select! {
                stream = listener.accept() => self.admit(stream),
                Some(ended) = self.sessions.join_next() => {
                    if let Err(failed) = ended {
                        say(&format!("warning: a connection ended badly: {failed}"));
                    }
                }
                () = recorder.next(&shared.ring), if !recorder.over => {}
                signal = signals.next() => if draining.begun() {
                    say("stopping at once");
                    now.begin(|| backend.shutdown(Shutdown::Now));
                } else {
                    say(&format!("{signal}: finishing what runs; once more stops at once"));
                    self.shared.enter(Phase::Draining);
                    draining.begin(|| backend.shutdown(Shutdown::Drain(self.drain)));
                },
                Some(stop) = self.stop.recv(), if !draining.begun() => {
                    say("a client asked to stop: finishing what runs; a signal stops at once");
                    self.shared.enter(Phase::Draining);
                    draining.begin(|| backend.shutdown(Shutdown::Drain(stop.within.unwrap_or(self.drain))));
                }
                report = draining.finished() => break report,
                // The drain sees its executions end, and answers for both.
                _report = now.finished() => {}
            }
        };
        recorder.catch_up(&shared.ring).await;
        self.shared.enter(Phase::Ended(report.clone()));
        let over = async { while self.sessions.join_next().await.is_some() {} };
        if tokio::time::timeout(LINGER, over).await.is_err() {
            self.sessions.shutdown().await;
        }
        report
    }

    /// Takes a connection, or tells it why not.
    fn admit(&mut self, stream: UnixStream) {
        // A peer that is gone already has no credentials, and gets no answer.
        let Ok(peer) = stream.peer_cred() else { return };
        let refusal = refusal(self.uid, peer.uid(), self.shared.connections());
        match refusal {
            Some(error) if self.sessions.len() < MAX_CONNECTIONS + MAX_REFUSALS => {
                self.sessions.spawn(refuse(stream, error));
            }
            Some(_flood) => {}
            None => {
                let (shared, counted) = (Arc::clone(&self.shared), self.shared.count());
                self.sessions.spawn(async move {
                    let _counted = counted;
                    let (read, write) = stream.into_split();
                    Session::new(&shared, read, write).run().await;
                });
            }
        }
    }
}

/// Takes the backend's events into the log.
struct Recorder {
    events: BackendEvents,
    lost: u64,
    over: bool,
}

impl Recorder {
    /// Records the next event. Cancel safe.
    async fn next(&mut self, ring: &Ring) {
        let Some(event) = self.events.next().await else {
            self.over = true;
            return;
        };
        let lost = self.events.dropped();
        if lost > self.lost {
            ring.push(Recorded::EventsLost(lost - self.lost));
            self.lost = lost;
        }
        ring.push(Recorded::Backend(event));
    }

    /// Records what has happened already, such as the ends of the last workers.
    async fn catch_up(&mut self, ring: &Ring) {
        while !self.over {
            tokio::select! {
                biased;
                () = self.next(ring) => {}
                () = std::future::ready(()) => break,
            }
        }
    }
}

/// A shutdown that may be under way.
#[derive(Default)]
struct Pending<'b> {
    begun: bool,
    future: Option<BoxFuture<'b, ShutdownReport>>,
}

impl<'b> Pending<'b> {
    fn begun(&self) -> bool {
        self.begun
    }

    fn begin(&mut self, shutdown: impl FnOnce() -> BoxFuture<'b, ShutdownReport>) {
        if !std::mem::replace(&mut self.begun, true) {
            self.future = Some(shutdown());
        }
    }

    /// Its answer, once; never when there is none. Cancel safe.
    async fn finished(&mut self) -> ShutdownReport {
        let Some(future) = &mut self.future else { return std::future::pending().await };
        let report = future.await;
        self.future = None;
        report
    }
}

/// Why a connection of this user is not taken while so many are open; nothing if it is.
fn refusal(own: u32, peer: u32, open: usize) -> Option<ExecutionError> {
    if !admits(own, peer) {
        return Some(foreign(own));
    }
    (open >= MAX_CONNECTIONS).then(crowded)
}

async fn refuse(mut stream: UnixStream, error: ExecutionError) {
    let line = error_line(&error);
    // It is refused whether it listens or not.
    tokio::time::timeout(REFUSE_WITHIN, stream.write_all(&line)).await.ok();
}

fn foreign(uid: u32) -> ExecutionError {
    let message = format!("this server serves user {uid} and root only");
    ExecutionError::new(ErrorCode::PermissionDenied, message)
        .with_fault(Fault::Caller)
        .with_help("start a server of your own with `plugdock serve`")
}

fn crowded() -> ExecutionError {
    let message = format!("{MAX_CONNECTIONS} connections are open, which is all that this server takes");
    ExecutionError::new(ErrorCode::ResourceExhausted, message)
        .with_fault(Fault::Host)
        .with_help("close connections that wait for nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_is_told_why() {
        let code = |own, peer, open| refusal(own, peer, open).map(|error| error.code().clone());
        assert_eq!(code(1000, 1000, 0), None);
        assert_eq!(code(1000, 0, MAX_CONNECTIONS - 1), None);
        assert_eq!(code(1000, 1001, 0), Some(ErrorCode::PermissionDenied));
        assert_eq!(code(1000, 1000, MAX_CONNECTIONS), Some(ErrorCode::ResourceExhausted));
        let error = refusal(1000, 1001, 0).unwrap();
        assert!(error.message().contains("user 1000") && error.help().is_some(), "{error}");
    }

    #[tokio::test]
    async fn the_reason_is_one_line_and_the_end() {
        use tokio::io::AsyncReadExt as _;

        let (mut client, server) = UnixStream::pair().unwrap();
        refuse(server, foreign(1000)).await;
        let mut seen = String::new();
        client.read_to_string(&mut seen).await.unwrap();
        assert!(seen.starts_with("{\"error\":{\"code\":\"PERMISSION_DENIED\""), "{seen}");
        assert_eq!(seen.lines().count(), 1);
    }
}
