//! Pings and health checks that wait for an answer. How long to wait is the asker's policy.
//! Their number is bounded: a worker that does not answer sixteen will not answer one more.

use std::collections::HashMap;

use tokio::sync::oneshot;

use crate::error::{SendError, Violation};
use crate::frame::{HealthReport, Kind, Pong};
use crate::limit::MAX_PROBES;

#[derive(Debug, Default)]
pub(super) struct Probes {
    next: u64,
    pings: HashMap<u64, oneshot::Sender<Pong>>,
    checks: HashMap<u64, oneshot::Sender<HealthReport>>,
}

impl Probes {
    pub(super) fn ping(&mut self) -> Result<(u64, oneshot::Receiver<Pong>), SendError> {
        enlist(&mut self.next, &mut self.pings)
    }

    pub(super) fn check(&mut self) -> Result<(u64, oneshot::Receiver<HealthReport>), SendError> {
        enlist(&mut self.next, &mut self.checks)
    }

    pub(super) fn pong(&mut self, pong: Pong) -> Result<(), Violation> {
        deliver(Kind::Pong, &mut self.pings, pong.nonce, pong)
    }

    pub(super) fn report(&mut self, report: HealthReport) -> Result<(), Violation> {
        deliver(Kind::HealthReport, &mut self.checks, report.nonce, report)
    }

    /// Wakes everyone who waits.
    pub(super) fn clear(&mut self) {
        self.pings.clear();
        self.checks.clear();
    }
}

fn enlist<T>(
    next: &mut u64,
    waiting: &mut HashMap<u64, oneshot::Sender<T>>,
) -> Result<(u64, oneshot::Receiver<T>), SendError> {
    if waiting.len() >= MAX_PROBES {
        return Err(SendError::TooManyProbes { limit: MAX_PROBES });
    }
    let nonce = *next;
    *next += 1;
    let (answer, answered) = oneshot::channel();
    waiting.insert(nonce, answer);
    Ok((nonce, answered))
}

fn deliver<T>(
    kind: Kind,
    waiting: &mut HashMap<u64, oneshot::Sender<T>>,
    nonce: u64,
    answer: T,
) -> Result<(), Violation> {
    let asker = waiting.remove(&nonce).ok_or(Violation::UnknownProbe { kind, nonce })?;
    // Whoever asked may have stopped waiting; the answer is nobody's then.
    drop(asker.send(answer));
    Ok(())
}
