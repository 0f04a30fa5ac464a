//! Those that tend the workers of a [`World`]: they start them and see them end, each action in a thread of its own choice,
//! so that two may be done in another order than they were decided in. A worker is an entry in a table.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use shuttle::sync::{Condvar, Mutex};
use shuttle::thread;

use super::super::desk::Effects;
use super::super::scheduler::{Action, Ready, WorkerKey};
use super::world::{World, one_in};
use crate::pool::lifecycle::Answer;

/// Times it is looked for a worker that could die: some of them there is none.
const DEATHS: usize = 6;

/// A worker that a client may hold.
#[derive(Debug)]
pub(super) struct Body {
    holders: AtomicUsize,
    is_dead: AtomicBool,
}

/// Where a worker is, for those that tend it.
#[derive(Debug)]
pub(super) enum Place {
    /// Told to go before anybody had begun to start it, or while it starts.
    GivenUp,
    Starting,
    /// It is there, which the scheduler is being told.
    Introduced(Arc<Body>),
    /// It ended meanwhile; expectedly or not.
    Ended(bool),
    Ready(Arc<Body>),
    Gone,
}

#[derive(Debug, Default)]
struct Orders {
    todo: VecDeque<Action>,
    closed: bool,
}

/// Passes actions to whoever tends workers.
#[derive(Debug, Clone)]
pub(super) struct Errands {
    orders: Arc<(Mutex<Orders>, Condvar)>,
    time: Arc<AtomicU64>,
    begin: Instant,
}

impl Effects for Errands {
    fn perform(&self, action: Action) {
        self.orders.0.lock().unwrap().todo.push_back(action);
        self.orders.1.notify_one();
    }

    fn now(&self) -> Instant {
        self.begin + Duration::from_nanos(self.time.load(Ordering::SeqCst))
    }
}

impl Errands {
    pub(super) fn new(begin: Instant) -> Self {
        let orders = Arc::new((Mutex::new(Orders::default()), Condvar::new()));
        Self { orders, time: Arc::default(), begin }
    }

    /// It is at least so late.
    pub(super) fn pass_to(&self, at: Instant) {
        let passed = u64::try_from(at.saturating_duration_since(self.begin).as_nanos()).unwrap();
        self.time.fetch_max(passed, Ordering::SeqCst);
    }

    /// Those that tend workers may go when nothing is left to do.
    pub(super) fn close(&self) {
        self.orders.0.lock().unwrap().closed = true;
        self.orders.1.notify_all();
    }
}

impl Body {
    /// Somebody calls it.
    pub(super) fn hold(&self) {
        assert_eq!(self.holders.fetch_add(1, Ordering::SeqCst), 0, "two hold one worker");
    }

    /// The call is over. Answers whether it died meanwhile.
    pub(super) fn let_go(&self) -> bool {
        self.holders.fetch_sub(1, Ordering::SeqCst);
        self.is_dead.load(Ordering::SeqCst)
    }
}

impl World {
    /// Does what the scheduler wants done, until all is over.
    pub(super) fn tend(&self) {
        let (orders, more) = &*self.errands.orders;
        loop {
            let action = {
                let mut orders = orders.lock().unwrap();
                loop {
                    if let Some(action) = orders.todo.pop_front() {
                        break action;
                    }
                    if orders.closed {
                        return;
                    }
                    orders = more.wait(orders).unwrap();
                }
            };
            self.perform(&action);
        }
    }

    fn perform(&self, action: &Action) {
        match *action {
            Action::Start { worker, .. } => self.start(worker),
            Action::Retire { worker } => self.retire(worker),
            Action::Kill { worker, .. } => self.end(worker, true),
            Action::Check { worker, check } => {
                let unwell = self.plot.failures && one_in(4);
                let answer = if unwell { Answer::Silent } else { Answer::Healthy };
                let now = self.now();
                self.desk.act(now, |state| state.scheduler.checked(now, worker, check, answer));
            }
            Action::Forget { lane } => {
                self.lane.lock().unwrap().take_if(|known| *known == lane);
            }
            Action::Tell(_) | Action::Grant { .. } | Action::Refuse { .. } => {}
        }
    }

    /// As the real one does: whoever was told to send it away before it was there has left a note.
    fn start(&self, worker: WorkerKey) {
        {
            let mut places = self.places.lock().unwrap();
            if let Some(Place::GivenUp) = places.get(&worker) {
                places.insert(worker, Place::Gone);
                drop(places);
                return self.exited(worker, true);
            }
            places.insert(worker, Place::Starting);
        }
        thread::yield_now();
        let now = self.now();
        let body = Arc::new(Body { holders: AtomicUsize::new(0), is_dead: AtomicBool::new(false) });
        let fails = self.plot.failures && one_in(4);
        {
            let mut places = self.places.lock().unwrap();
            match places.get(&worker) {
                Some(Place::Starting) if fails => places.insert(worker, Place::Gone),
                Some(Place::Starting) => places.insert(worker, Place::Introduced(Arc::clone(&body))),
                _ => {
                    places.insert(worker, Place::Gone);
                    drop(places);
                    return self.exited(worker, true);
                }
            };
        }
        if fails {
            return self.desk.act(now, |state| {
                state.scheduler.start_failed(now, worker, false, "it failed".to_owned());
            });
        }
        self.desk.act(now, |state| {
            state.handles.insert(worker, Arc::clone(&body));
            let concurrent = Arc::new(BTreeSet::new());
            state.scheduler.ready(now, worker, Ready { concurrent });
        });
        let mut places = self.places.lock().unwrap();
        if let Some(Place::Ended(expected)) = places.insert(worker, Place::Ready(body)) {
            places.insert(worker, Place::Gone);
            drop(places);
            self.exited(worker, expected);
        }
    }

    fn retire(&self, worker: WorkerKey) {
        let mut places = self.places.lock().unwrap();
        match places.get(&worker) {
            None | Some(Place::Starting) => {
                places.insert(worker, Place::GivenUp);
            }
            Some(Place::Introduced(body) | Place::Ready(body)) => {
                assert_eq!(body.holders.load(Ordering::SeqCst), 0, "it is sent away with a call");
                drop(places);
                self.end(worker, true);
            }
            Some(Place::GivenUp | Place::Ended(_) | Place::Gone) => {}
        }
    }

    /// A worker's process ends; once.
    fn end(&self, worker: WorkerKey, expected: bool) {
        let mut places = self.places.lock().unwrap();
        let Some(place) = places.get_mut(&worker) else { return };
        let (body, is_told) = match place {
            Place::Ready(body) => (Arc::clone(body), true),
            Place::Introduced(body) => (Arc::clone(body), false),
            _ => return,
        };
        *place = if is_told { Place::Gone } else { Place::Ended(expected) };
        drop(places);
        body.is_dead.store(true, Ordering::SeqCst);
        if is_told {
            self.exited(worker, expected);
        }
    }

    fn exited(&self, worker: WorkerKey, expected: bool) {
        let now = self.now();
        let handle = self.desk.act(now, |state| {
            let handle = state.handles.remove(&worker);
            state.scheduler.exited(now, worker, expected, "it ended".to_owned());
            handle
        });
        drop(handle);
    }

    /// Workers die of themselves, as many as there are when one looks.
    pub(super) fn die(&self) {
        for _ in 0..DEATHS {
            let ready =
                |(worker, place): (&WorkerKey, &Place)| matches!(place, Place::Ready(_)).then_some(*worker);
            // In their order, so that a schedule can be played again.
            let victim = self.places.lock().unwrap().iter().filter_map(ready).min();
            match victim {
                Some(worker) => self.end(worker, false),
                None => thread::yield_now(),
            }
        }
    }
}
