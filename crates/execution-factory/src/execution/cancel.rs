//! The one signal that an execution should stop: sent by its caller or its backend, seen by whoever runs it.

use std::sync::Arc;

use plugdock_contracts::CancelReason;
use tokio::sync::watch;

/// Asks an execution to stop; the first reason counts.
#[derive(Debug, Clone)]
pub(crate) struct CancelSignal(Arc<watch::Sender<Option<CancelReason>>>);

/// Sees when an execution should stop.
#[derive(Debug, Clone)]
pub(crate) struct Cancelled(watch::Receiver<Option<CancelReason>>);

impl CancelSignal {
    pub(crate) fn new() -> (Self, Cancelled) {
        let (sender, receiver) = watch::channel(None);
        (Self(Arc::new(sender)), Cancelled(receiver))
    }

    pub(crate) fn cancel(&self, reason: CancelReason) {
        self.0.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                *current = Some(reason);
            }
            first
        });
    }
}

impl Cancelled {
    /// Resolves when the execution should stop. Cancel safe.
    pub(crate) async fn wait(&self) -> CancelReason {
        let mut cancel = self.0.clone();
        match cancel.wait_for(Option::is_some).await.map(|reason| reason.clone()) {
            Ok(Some(reason)) => reason,
            // Without a sender nobody is left who could cancel.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}
