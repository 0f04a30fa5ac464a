//! A backend's events to everyone who subscribed: bounded, and whoever does not keep up sees how many they lost.

use std::task::{Context, Poll};

use plugdock_contracts::BoxFuture;
use plugdock_contracts::backend::{BackendEvent, BackendEventSource, BackendEvents};
use tokio::sync::broadcast::{self, error::RecvError};

/// Events that a subscriber may be behind: a burst of a full pool with room to spare.
const EVENTS_BEHIND: usize = 1024;

/// Tells subscribers what happens.
#[derive(Debug, Clone)]
pub(crate) struct Announcer(broadcast::Sender<BackendEvent>);

impl Announcer {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(EVENTS_BEHIND))
    }

    pub(crate) fn announce(&self, event: BackendEvent) {
        // Without subscribers there is nobody to tell.
        let _nobody = self.0.send(event);
    }

    pub(crate) fn subscribe(&self) -> BackendEvents {
        BackendEvents::new(Box::new(Subscriber { next: receive(self.0.subscribe()), dropped: 0 }))
    }
}

type Received = (Result<BackendEvent, RecvError>, broadcast::Receiver<BackendEvent>);

fn receive(mut receiver: broadcast::Receiver<BackendEvent>) -> BoxFuture<'static, Received> {
    Box::pin(async move {
        let event = receiver.recv().await;
        (event, receiver)
    })
}

/// The broadcast receiver as a source that is polled; the future owns the receiver between polls.
struct Subscriber {
    next: BoxFuture<'static, Received>,
    dropped: u64,
}

impl BackendEventSource for Subscriber {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<BackendEvent>> {
        loop {
            let (event, receiver) = std::task::ready!(self.next.as_mut().poll(cx));
            self.next = receive(receiver);
            match event {
                Ok(event) => return Poll::Ready(Some(event)),
                Err(RecvError::Lagged(n)) => self.dropped += n,
                Err(RecvError::Closed) => return Poll::Ready(None),
            }
        }
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_subscriber_that_is_too_slow_sees_how_much_it_lost() {
        let announcer = Announcer::new();
        let mut events = announcer.subscribe();
        for _ in 0..EVENTS_BEHIND + 3 {
            announcer.announce(BackendEvent::ShuttingDown);
        }
        assert_eq!(events.next().await, Some(BackendEvent::ShuttingDown));
        assert_eq!(events.dropped(), 3);
        drop(announcer);
        for _ in 1..EVENTS_BEHIND {
            assert!(events.next().await.is_some());
        }
        assert_eq!(events.next().await, None);
    }
}
