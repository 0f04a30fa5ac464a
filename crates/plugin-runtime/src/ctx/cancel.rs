//! Cancellation as the handler sees it: a flag that is set once, with a reason, and can be waited for.

use std::time::Duration;

use plugdock_contracts::CancelReason;
use tokio::sync::watch;

/// Why it should stop, and how long that may take.
type Stop = (CancelReason, Duration);

/// Sets the flag.
#[derive(Debug)]
pub(crate) struct CancelSource(watch::Sender<Option<Stop>>);

/// The flag. Clones see the same.
#[derive(Debug, Clone)]
pub struct Cancellation(watch::Receiver<Option<Stop>>);

impl CancelSource {
    pub(crate) fn new() -> (Self, Cancellation) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), Cancellation(receiver))
    }

    /// The first reason counts.
    pub(crate) fn cancel(&self, reason: CancelReason, grace: Duration) {
        self.0.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                *current = Some((reason, grace));
            }
            first
        });
    }
}

impl Cancellation {
    /// Whether the execution should stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Why it should stop, if it should.
    pub fn reason(&self) -> Option<CancelReason> {
        self.0.borrow().as_ref().map(|(reason, _)| reason.clone())
    }

    /// Resolves when the execution should stop. Cancel safe.
    pub async fn cancelled(&mut self) -> CancelReason {
        self.stopped().await.0
    }

    /// The same with the time that stopping may take.
    pub(crate) async fn stopped(&mut self) -> Stop {
        match self.0.wait_for(Option::is_some).await.map(|stop| stop.clone()) {
            Ok(Some(stop)) => stop,
            // The source lives as long as the execution; without it there is nobody left who could cancel.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_counts() {
        let (source, mut flag) = CancelSource::new();
        assert!(!flag.is_cancelled());
        source.cancel(CancelReason::Timeout, Duration::ZERO);
        source.cancel(CancelReason::Shutdown, Duration::ZERO);
        assert_eq!(flag.cancelled().await, CancelReason::Timeout);
        assert_eq!(flag.reason(), Some(CancelReason::Timeout));
    }
}
