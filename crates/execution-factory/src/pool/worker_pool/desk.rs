//! The desk where requests meet workers: the scheduler behind its lock, and the one-shot channels of those that wait.
//! A request that stops waiting, at whatever moment, leaves nothing behind. It starts no process: its effects do.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plugdock_contracts::error::ExecutionError;
use tokio::sync::{Notify, oneshot, watch};

use super::lock::Lock;
use super::scheduler::{
    Action, AfterCall, Again, CallOver, Refused, Scheduler, Submission, WhyNot, WorkerKey,
};
use crate::pool::queue::Ticket;

/// Does what the scheduler wants done. Called without the lock.
pub(crate) trait Effects: Send + Sync {
    /// Does one thing. Must not wait.
    fn perform(&self, action: Action);

    /// The time, for a request that goes away by itself.
    fn now(&self) -> Instant;
}

/// A request that gets none.
#[derive(Debug)]
pub(crate) struct NotGranted {
    pub(crate) why: WhyNot,
    /// The error of the start that failed, if it was that.
    pub(crate) error: Option<ExecutionError>,
}

type Answer<H> = Result<H, NotGranted>;

/// What the lock is around.
#[derive(Debug)]
pub(crate) struct DeskState<H> {
    pub(crate) scheduler: Scheduler,
    /// Ready workers.
    pub(crate) handles: HashMap<WorkerKey, H>,
    /// Errors of starts that have just failed.
    pub(crate) errors: HashMap<WorkerKey, ExecutionError>,
    waiting: HashMap<Ticket, oneshot::Sender<Answer<H>>>,
    next_ticket: u64,
    /// When the timekeeper will look again.
    armed: Option<Instant>,
}

/// The desk.
#[derive(Debug)]
pub(crate) struct Desk<H, L, E> {
    state: L,
    effects: E,
    /// Wakes the timekeeper when something is due earlier than it thinks.
    alarm: Arc<Notify>,
    has_room: watch::Sender<bool>,
    is_empty: watch::Sender<bool>,
    _handle: PhantomData<fn() -> H>,
}

impl CallOver {
    /// A grant that was not used.
    pub(crate) const UNUSED: Self = Self {
        worker: AfterCall::Fine,
        ran: false,
        proved: false,
        service: Duration::ZERO,
        resident: None,
        again: Again::No,
    };
}

impl<H: Clone + Send, L: Lock<DeskState<H>>, E: Effects> Desk<H, L, E> {
    pub(crate) fn new(scheduler: Scheduler, effects: E) -> Self {
        let state = DeskState {
            scheduler,
            handles: HashMap::new(),
            errors: HashMap::new(),
            waiting: HashMap::new(),
            next_ticket: 0,
            armed: None,
        };
        Self {
            state: L::around(state),
            effects,
            alarm: Arc::default(),
            has_room: watch::Sender::new(true),
            is_empty: watch::Sender::new(true),
            _handle: PhantomData,
        }
    }

    /// Changes the truth and does what follows from it.
    pub(crate) fn act<R>(&self, now: Instant, change: impl FnOnce(&mut DeskState<H>) -> R) -> R {
        let (answer, todo) = self.state.with(|state| {
            let answer = change(state);
            let todo = state.answer_all(now);
            let next = state.scheduler.next_tick();
            if next.is_some_and(|next| state.armed.is_none_or(|armed| next < armed)) {
                state.armed = next;
                self.alarm.notify_one();
            }
            let (room, empty) = (state.scheduler.has_room(), state.scheduler.is_empty());
            // Under the lock, so that the last word is the latest.
            self.has_room.send_if_modified(|before| std::mem::replace(before, room) != room);
            self.is_empty.send_if_modified(|before| std::mem::replace(before, empty) != empty);
            (answer, todo)
        });
        for action in todo {
            self.effects.perform(action);
        }
        answer
    }

    /// Reads the truth.
    pub(crate) fn look<R>(&self, read: impl FnOnce(&DeskState<H>) -> R) -> R {
        self.state.with(|state| read(state))
    }

    /// A number for a request; a smaller one is older.
    pub(crate) fn ticket(&self) -> Ticket {
        self.state.with(|state| {
            state.next_ticket += 1;
            Ticket(state.next_ticket)
        })
    }

    /// Takes a request in and waits for its worker. Dropping the future, at whatever moment, gives the place back.
    pub(crate) async fn obtain(&self, now: Instant, submission: Submission) -> Result<Answer<H>, Refused> {
        let ticket = submission.ticket;
        let (answer, answered) = oneshot::channel();
        // From before it is taken in, so that it is given up even when what follows from that panics.
        let mut waits = Waits { desk: self, ticket, answered, over: false };
        let taken_in = self.act(now, |state| {
            state.waiting.insert(ticket, answer);
            state
                .scheduler
                .submit(now, submission)
                .inspect_err(|_refused| drop(state.waiting.remove(&ticket)))
        });
        waits.over = taken_in.is_err();
        taken_in?;
        Ok(self.wait(waits).await)
    }

    /// A call is over. When it shall run again, its request is in the queue when this returns, at its old place.
    pub(crate) fn over(&self, now: Instant, ticket: Ticket, over: CallOver) -> Option<Waits<'_, H, L, E>> {
        let (answer, answered) = oneshot::channel();
        self.act(now, |state| {
            if over.again != Again::No {
                state.waiting.insert(ticket, answer);
            }
            state.scheduler.ended(now, ticket, over);
        });
        (over.again != Again::No).then_some(Waits { desk: self, ticket, answered, over: false })
    }

    /// Waits for the worker of a request that is in the queue.
    pub(crate) async fn wait(&self, mut waits: Waits<'_, H, L, E>) -> Answer<H> {
        let answer = (&mut waits.answered).await;
        waits.over = true;
        // The sender is dropped without a word only when the desk is.
        answer.unwrap_or(Err(NotGranted { why: WhyNot::ShuttingDown, error: None }))
    }

    /// When something is due next. Until then the alarm says when it became earlier.
    pub(crate) fn arm(&self) -> Option<Instant> {
        self.state.with(|state| {
            state.armed = state.scheduler.next_tick();
            state.armed
        })
    }

    /// Rings when something is due earlier than [`Desk::arm`] said.
    pub(crate) fn alarm(&self) -> Arc<Notify> {
        Arc::clone(&self.alarm)
    }

    /// Resolves when a further request would be given a worker at once. Cancel safe.
    pub(crate) async fn room(&self) {
        let mut room = self.has_room.subscribe();
        // The sender lives as long as `self`.
        let _room = room.wait_for(|room| *room).await;
    }

    /// Resolves when no worker is left. Cancel safe.
    pub(crate) async fn emptied(&self) {
        let mut empty = self.is_empty.subscribe();
        // The sender lives as long as `self`.
        let _empty = empty.wait_for(|empty| *empty).await;
    }
}

impl<H: Clone> DeskState<H> {
    /// Those that wait for an answer.
    #[cfg(test)]
    pub(crate) fn n_waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Answers those that wait, until nothing more follows; what is left is for whoever holds no lock.
    fn answer_all(&mut self, now: Instant) -> Vec<Action> {
        let mut todo = Vec::new();
        loop {
            let actions = self.scheduler.take_actions();
            if actions.is_empty() {
                return todo;
            }
            for action in actions {
                match action {
                    Action::Grant { ticket, worker } => self.answer_grant(now, ticket, worker),
                    Action::Refuse { ticket, why } => {
                        let error = match &why {
                            WhyNot::StartFailed(worker) => self.errors.get(worker).cloned(),
                            _ => None,
                        };
                        if let Some(answer) = self.waiting.remove(&ticket) {
                            // Whoever stopped waiting needs no answer.
                            let _gone = answer.send(Err(NotGranted { why, error }));
                        }
                    }
                    other => todo.push(other),
                }
            }
        }
    }

    fn answer_grant(&mut self, now: Instant, ticket: Ticket, worker: WorkerKey) {
        let handle = self.handles.get(&worker).cloned();
        let given = match (self.waiting.remove(&ticket), handle) {
            (Some(answer), Some(handle)) => answer.send(Ok(handle)).is_ok(),
            _ => false,
        };
        if !given {
            self.scheduler.ended(now, ticket, CallOver::UNUSED);
        }
    }
}

/// A request in the queue. Dropped while it waits, it gives its place back, and the worker if it was given one just now.
#[derive(Debug)]
pub(crate) struct Waits<'a, H: Clone + Send, L: Lock<DeskState<H>>, E: Effects> {
    desk: &'a Desk<H, L, E>,
    ticket: Ticket,
    answered: oneshot::Receiver<Answer<H>>,
    over: bool,
}

impl<H: Clone + Send, L: Lock<DeskState<H>>, E: Effects> Drop for Waits<'_, H, L, E> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let now = self.desk.effects.now();
        self.desk.act(now, |state| {
            state.waiting.remove(&self.ticket);
            if !state.scheduler.cancel(now, self.ticket) {
                state.scheduler.ended(now, self.ticket, CallOver::UNUSED);
            }
        });
    }
}
