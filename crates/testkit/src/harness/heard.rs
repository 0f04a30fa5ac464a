//! What a backend announces, kept in order, so that a behaviour can wait for one thing and look at another afterwards.
//! It asserts nothing but that what is waited for comes.

use plugdock_contracts::backend::{BackendEvent, BackendEvents};

use super::wait::within_ceiling;

/// A subscription and everything that came through it so far.
#[derive(Debug)]
pub(crate) struct Heard {
    events: BackendEvents,
    all: Vec<BackendEvent>,
}

impl Heard {
    pub(super) fn new(events: BackendEvents) -> Self {
        Self { events, all: Vec::new() }
    }

    /// The first event of that kind, of those that came already or of those that still come.
    pub(crate) async fn until(&mut self, what: &str, is: impl Fn(&BackendEvent) -> bool) -> BackendEvent {
        if let Some(event) = self.all.iter().find(|event| is(event)) {
            return event.clone();
        }
        loop {
            let event = self.next(what).await;
            if is(&event) {
                return event;
            }
        }
    }

    /// The next event.
    pub(crate) async fn next(&mut self, what: &str) -> BackendEvent {
        let Some(event) = within_ceiling(what, self.events.next()).await else {
            panic!("the backend is gone without {what}, after {:?}", self.all)
        };
        self.all.push(event.clone());
        event
    }

    /// How many of that kind came so far.
    pub(crate) fn count(&self, is: impl Fn(&BackendEvent) -> bool) -> usize {
        self.all.iter().filter(|event| is(event)).count()
    }
}
