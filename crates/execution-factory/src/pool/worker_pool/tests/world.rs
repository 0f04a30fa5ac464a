//! The desk among threads of `shuttle`, which decides who goes on at each lock: clients, those that tend workers, one that
//! keeps the time. Workers are entries in a table; a thread that waits for what never comes fails the test by itself.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use plugdock_contracts::request::Priority;
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{HandlerId, PluginId, WorkerState};
use shuttle::rand::{Rng as _, thread_rng};
use shuttle::sync::Mutex;
use shuttle::thread;
use tokio::sync::oneshot;

use super::super::desk::{Desk, DeskState, Effects as _, NotGranted};
use super::super::lock::Lock;
use super::super::scheduler::{
    AfterCall, Again, CallOver, Refused, Scheduler, SchedulerConfig, Submission, WhyNot, WorkerKey,
};
use super::tending::{Body, Errands, Place};
use crate::pool::lifecycle::{Bounds, BreakerConfig, WearLimits};
use crate::pool::queue::{CapPolicy, LaneKey, QueueConfig, Ticket};

impl<T: Send> Lock<T> for Mutex<T> {
    fn around(value: T) -> Self {
        Self::new(value)
    }

    fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.lock().unwrap())
    }
}

/// What a run does beside obtaining workers and giving them back.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that happens beside the others")]
pub(super) struct Plot {
    /// Requests are given up at any moment.
    pub(super) cancels: bool,
    /// Starts fail, workers die with and without a call, checks find them unwell.
    pub(super) failures: bool,
    /// A request waits no longer than this.
    pub(super) acquire: Option<Duration>,
    /// Some requests are nested.
    pub(super) nested: bool,
    /// The bounds change.
    pub(super) resizes: bool,
    /// The program is replaced.
    pub(super) reloads: bool,
    /// It is stopped while requests come.
    pub(super) stops_early: bool,
}

type Handle = Arc<Body>;
type TestDesk = Desk<Handle, Mutex<DeskState<Handle>>, Errands>;

/// A desk and all that happens around it.
pub(super) struct World {
    pub(super) desk: TestDesk,
    pub(super) errands: Errands,
    pub(super) places: Mutex<HashMap<WorkerKey, Place>>,
    /// The book: the lane of the plugin's program, while there is one.
    pub(super) lane: Mutex<Option<LaneKey>>,
    pub(super) plot: Plot,
    over: AtomicBool,
    pub(super) served: AtomicUsize,
}

fn config(max: usize) -> SchedulerConfig {
    SchedulerConfig {
        bounds: Bounds { min: 0, max },
        depth: 1,
        max_surplus: 4,
        queue: QueueConfig {
            limit: 3,
            byte_limit: 1 << 20,
            plugin_limit: None,
            tenant_limit: None,
            plugin_cap: None,
            tenant_cap: None,
            on_cap: CapPolicy::Wait,
            turn: Duration::from_millis(50),
            age_after: Duration::from_secs(1),
        },
        wear: WearLimits { calls: Some(3), age: None, memory: None, jitter_percent: 0 },
        breaker: BreakerConfig {
            limit: 3,
            window: Duration::from_mins(1),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(10),
            quarantine: Duration::from_secs(30),
            quarantine_max: Duration::from_mins(10),
        },
        idle_after: Duration::from_mins(1),
        health_every: Duration::from_secs(10),
        health_within: Duration::from_secs(5),
        seed: 1,
    }
}

fn plugin() -> PluginId {
    PluginId::new("acme/x").unwrap()
}

/// One of `n`, at random.
pub(super) fn one_in(n: u32) -> bool {
    thread_rng().gen_range(0..n) == 0
}

impl World {
    pub(super) fn new(plot: Plot) -> Arc<Self> {
        let begin = Instant::now();
        let errands = Errands::new(begin);
        let max = thread_rng().gen_range(1..=2);
        let desk: TestDesk = Desk::new(Scheduler::new(config(max), begin), errands.clone());
        let (places, lane) = (Mutex::new(HashMap::new()), Mutex::new(None));
        Arc::new(Self {
            desk,
            errands,
            places,
            lane,
            plot,
            over: AtomicBool::new(false),
            served: AtomicUsize::new(0),
        })
    }

    pub(super) fn now(&self) -> Instant {
        self.errands.now()
    }

    /// Lets time pass to whatever is due next, as the timekeeper does, until all is over.
    pub(super) fn keep_time(&self) {
        let alarm = self.desk.alarm();
        while !self.over.load(Ordering::SeqCst) {
            let Some(at) = self.desk.arm() else {
                shuttle::future::block_on(alarm.notified());
                continue;
            };
            // A worker whose start or end is still to be told would be overtaken by time that costs nothing.
            thread::yield_now();
            self.errands.pass_to(at);
            let now = self.now();
            self.desk.act(now, |state| state.scheduler.tick(now));
        }
    }

    /// One request, from its ticket to its outcome.
    pub(super) fn request(&self) {
        let (cancel, cancelled) = oneshot::channel();
        let helper = (self.plot.cancels && one_in(2)).then(|| {
            thread::spawn(move || {
                // Whoever was quicker needs no cancelling.
                let _served = cancel.send(());
            })
        });
        let served = shuttle::future::block_on(self.run(cancelled));
        if let Some(helper) = helper {
            helper.join().unwrap();
        }
        self.served.fetch_add(usize::from(served), Ordering::SeqCst);
    }

    async fn run(&self, mut cancelled: oneshot::Receiver<()>) -> bool {
        let ticket = self.desk.ticket();
        let is_nested = self.plot.nested && one_in(4);
        let mut again = false;
        loop {
            let now = self.now();
            let submission = self.submission(ticket, is_nested, again, now);
            let Some(obtained) = unless(&mut cancelled, self.desk.obtain(now, submission)).await else {
                return false;
            };
            match obtained {
                Ok(Ok(body)) => return self.call(ticket, body, &mut cancelled).await,
                Err(Refused::Stale) | Ok(Err(NotGranted { why: WhyNot::Stale, .. })) => {
                    again = true;
                    // It may have been forgotten just now, which the book is still to be told.
                    thread::yield_now();
                }
                Err(_) | Ok(Err(_)) => return false,
            }
        }
    }

    fn lane(&self, now: Instant) -> LaneKey {
        let mut lane = self.lane.lock().unwrap();
        *lane
            .get_or_insert_with(|| self.desk.act(now, |state| state.scheduler.add_lane(now, &plugin(), 1, 0)))
    }

    fn submission(&self, ticket: Ticket, nested: bool, again: bool, now: Instant) -> Submission {
        Submission {
            ticket,
            lane: self.lane(now),
            handler: HandlerId::new("go").unwrap(),
            tenant: None,
            priority: if one_in(3) { Priority::High } else { Priority::Normal },
            bytes: 1,
            deadline: self.plot.acquire.map(|acquire| now + acquire),
            nested,
            again,
        }
    }

    async fn call(&self, ticket: Ticket, mut body: Handle, cancelled: &mut oneshot::Receiver<()>) -> bool {
        loop {
            body.hold();
            thread::yield_now();
            let is_dead = body.let_go();
            let worker = if is_dead { AfterCall::Gone } else { AfterCall::Fine };
            let again = if is_dead && one_in(2) { Again::TakenBack } else { Again::No };
            let over = CallOver { worker, ran: !is_dead, proved: !is_dead, again, ..CallOver::UNUSED };
            let Some(waits) = self.desk.over(self.now(), ticket, over) else { return !is_dead };
            match unless(cancelled, self.desk.wait(waits)).await {
                Some(Ok(next)) => body = next,
                Some(Err(_)) | None => return false,
            }
        }
    }

    pub(super) fn resize(&self) {
        for max in [2, 1] {
            let now = self.now();
            self.desk.act(now, |state| state.scheduler.resize(now, Bounds { min: 0, max }));
        }
    }

    pub(super) fn reload(&self) {
        let now = self.now();
        let old = self.lane.lock().unwrap().take();
        if let Some(old) = old {
            self.desk.act(now, |state| state.scheduler.close_lane(now, old));
        }
    }

    pub(super) fn stop(&self) {
        let now = self.now();
        self.desk.act(now, |state| state.scheduler.stop(now));
    }

    /// Of one lane without caps, nobody waits while a worker is free, whenever one looks.
    pub(super) fn assert_nobody_waits_in_vain(&self) {
        let now = self.now();
        self.desk.look(|state| {
            let mut stats = BackendStats::default();
            state.scheduler.fill(now, &mut stats);
            let idle =
                state.scheduler.view(now).iter().filter(|view| view.state == WorkerState::Idle).count();
            assert!(stats.waiting == 0 || idle == 0, "{} wait while {idle} idle", stats.waiting);
        });
    }

    /// Stops, waits until nobody is left, and looks at what is.
    pub(super) fn finish(&self, helpers: Vec<thread::JoinHandle<()>>) {
        self.stop();
        shuttle::future::block_on(self.desk.emptied());
        self.over.store(true, Ordering::SeqCst);
        self.desk.alarm().notify_one();
        self.errands.close();
        for helper in helpers {
            helper.join().unwrap();
        }
        let now = self.now();
        self.desk.look(|state| {
            let mut stats = BackendStats::default();
            state.scheduler.fill(now, &mut stats);
            assert_eq!((stats.running, stats.waiting, stats.workers), (0, 0, 0));
            assert!(state.handles.is_empty() && state.errors.is_empty(), "{state:?}");
            assert_eq!(state.n_waiting(), 0);
        });
        let left = self.places.lock().unwrap().values().filter(|place| !matches!(place, Place::Gone)).count();
        assert_eq!(left, 0, "a worker was forgotten");
    }
}

/// What a future gives, unless it is cancelled first: then it is dropped.
async fn unless<T>(cancelled: &mut oneshot::Receiver<()>, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        // A sender that is gone cancels nothing any more.
        if !cancelled.is_terminated()
            && let Poll::Ready(Ok(())) = std::pin::Pin::new(&mut *cancelled).poll(cx)
        {
            return Poll::Ready(None);
        }
        future.as_mut().poll(cx).map(Some)
    })
    .await
}
