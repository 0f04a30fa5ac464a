//! Harms the pool from outside while it works: signals, bounds, replaced programs, and those who ask and do not listen.
//! Everything that a failure could be explained by is written into the evidence first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plugdock_contracts::backend::{BackendEvent, BackendEvents, PluginRef};
use plugdock_contracts::{ExecutionBackend, PluginId};
use tokio::time::sleep;

use super::dice::Dice;
use super::evidence::{Blow, Evidence};
use super::ledger::Ledger;
use super::prey::{Prey, Signaller};
use super::stage::Stage;
use crate::plugin::chaos::{CRASHING, SHARED, STEADY};

/// Between two deaths of the spawner, so that the pool also works.
const SPAWNER_LIVES: Duration = Duration::from_secs(6);

/// Subscribers that never listen, at a time.
const MOST_SUBSCRIBERS: usize = 3;

/// What an attacker does next.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Hit(Blow),
    HitStarting,
    HitSpawner,
    Resize,
    Reload,
    Ask,
    Describe,
    Subscribe,
}

const DEEDS: &[(Deed, u64)] = &[
    (Deed::Hit(Blow::Kill), 24),
    (Deed::Hit(Blow::Term), 8),
    (Deed::Hit(Blow::Stop), 10),
    (Deed::HitStarting, 6),
    (Deed::HitSpawner, 5),
    (Deed::Resize, 10),
    (Deed::Reload, 8),
    (Deed::Ask, 24),
    (Deed::Describe, 3),
    (Deed::Subscribe, 4),
];

/// The one that attacks.
pub(super) struct Attacker {
    pub(super) backend: Arc<dyn ExecutionBackend>,
    pub(super) evidence: Arc<Evidence>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) stage: Arc<Stage>,
    dice: Dice,
    prey: Prey,
    signaller: Signaller,
    /// Stopped processes, and when they are killed.
    stopped: Vec<(Instant, u32)>,
    subscribers: Vec<BackendEvents>,
    spawner_may_die: Instant,
}

impl Attacker {
    pub(super) fn new(
        backend: Arc<dyn ExecutionBackend>,
        evidence: Arc<Evidence>,
        ledger: Arc<Ledger>,
        stage: Arc<Stage>,
        dice: Dice,
    ) -> Self {
        let prey = Prey::of(&stage.program);
        let spawner_may_die = Instant::now() + SPAWNER_LIVES;
        Self {
            backend,
            evidence,
            ledger,
            stage,
            dice,
            prey,
            signaller: Signaller::start(),
            stopped: Vec::new(),
            subscribers: Vec::new(),
            spawner_may_die,
        }
    }

    /// Attacks until the end of the soak.
    pub(super) async fn attack(mut self, until: Instant) {
        while Instant::now() < until {
            sleep(self.dice.millis(5..70)).await;
            self.finish_off(Instant::now());
            let (deed, _) = self.dice.weighted(DEEDS, |(_, weight)| *weight);
            self.perform(*deed).await;
        }
        // What is stopped is left to the pool: it must be able to end such workers by itself.
    }

    async fn perform(&mut self, deed: Deed) {
        match deed {
            Deed::Hit(blow) => self.hit_worker(blow),
            Deed::HitStarting => self.hit_starting(),
            Deed::HitSpawner => self.hit_spawner(),
            Deed::Resize => self.resize(),
            Deed::Reload => self.reload().await,
            Deed::Ask => self.ask().await,
            Deed::Describe => {
                let plugin = PluginRef::Id(PluginId::new(SHARED).unwrap());
                // Whether it can be asked just now is not the question.
                let _description = self.backend.describe(&plugin).await;
                self.ledger.did("describe");
            }
            Deed::Subscribe => {
                if self.subscribers.len() == MOST_SUBSCRIBERS {
                    drop(self.subscribers.remove(0));
                }
                self.subscribers.push(self.backend.subscribe());
                self.ledger.did("subscribe and do not listen");
            }
        }
    }

    fn hit(&mut self, blow: Blow, pid: u32, deed: &'static str) -> bool {
        if !self.prey.has(pid) {
            return false;
        }
        self.evidence.hits(pid, blow);
        let hit = self.signaller.send(blow, pid);
        if hit {
            self.ledger.did(deed);
        }
        hit
    }

    fn hit_worker(&mut self, blow: Blow) {
        let mut workers = self.backend.workers();
        // A stopped worker that does nothing is noticed by nobody until it is sent away.
        if blow == Blow::Stop && workers.iter().any(|worker| worker.running > 0) {
            workers.retain(|worker| worker.running > 0);
        }
        let pids: Vec<u32> = workers.iter().filter_map(|worker| worker.pid).collect();
        if pids.is_empty() {
            return;
        }
        let pid = pids[self.dice.index(pids.len())];
        match blow {
            Blow::Kill => drop(self.hit(blow, pid, "SIGKILL a worker")),
            Blow::Term => drop(self.hit(blow, pid, "SIGTERM a worker")),
            Blow::Stop => {
                // Some are left to the pool, whose health checks must find them.
                let patience = if self.dice.chance(40) { 5000..5001 } else { 20..700 };
                let later = Instant::now() + self.dice.millis(patience);
                if self.hit(blow, pid, "SIGSTOP a worker") {
                    self.stopped.push((later, pid));
                }
            }
        }
    }

    /// Kills what was stopped for long enough, if the pool has not done so.
    fn finish_off(&mut self, now: Instant) {
        let (due, rest) = std::mem::take(&mut self.stopped).into_iter().partition(|(at, _)| *at <= now);
        self.stopped = rest;
        let due: Vec<(Instant, u32)> = due;
        for (_, pid) in due {
            self.hit(Blow::Kill, pid, "SIGKILL a stopped worker");
        }
    }

    /// Kills a child of the spawner that is no ready worker.
    fn hit_starting(&mut self) {
        let ready: Vec<u32> = self.backend.workers().iter().filter_map(|worker| worker.pid).collect();
        let others: Vec<u32> = self.prey.all().into_iter().filter(|pid| !ready.contains(pid)).collect();
        if !others.is_empty() {
            let pid = others[self.dice.index(others.len())];
            self.hit(Blow::Kill, pid, "SIGKILL a starting worker");
        }
    }

    fn hit_spawner(&mut self) {
        if Instant::now() < self.spawner_may_die {
            return;
        }
        if let Some(pid) = self.prey.spawner() {
            self.evidence.kills_spawner();
            if self.signaller.send(Blow::Kill, pid) {
                self.ledger.did("SIGKILL the spawner");
            }
            self.spawner_may_die = Instant::now() + SPAWNER_LIVES;
        }
    }

    fn resize(&mut self) {
        let max = 1 + self.dice.index(5);
        let min = self.dice.index(3).min(max);
        match self.backend.resize(min, max) {
            Ok(()) => self.ledger.did("resize"),
            Err(_) if self.evidence.is_stopping() => {}
            Err(error) => self.ledger.wrong(format!("resize {min} to {max}: {error}")),
        }
    }

    /// Replaces a program by an equal one of another digest.
    async fn reload(&mut self) {
        let id = [STEADY, SHARED, CRASHING][self.dice.index(3)];
        self.stage.replace(id);
        let plugin = PluginId::new(id).unwrap();
        // Some are left to be found by themselves.
        if self.dice.chance(70) {
            match self.backend.reload(Some(&plugin)).await {
                Ok(_) => self.ledger.did("reload"),
                Err(_) if self.evidence.is_stopping() => {}
                Err(error) => self.ledger.wrong(format!("reload of {id}: {error}")),
            }
        } else {
            self.ledger.did("replace a program");
        }
    }

    async fn ask(&mut self) {
        let stats = self.backend.stats();
        let pool = stats.pool.unwrap_or_default();
        if pool.starting + pool.idle + pool.busy + pool.draining != stats.workers {
            self.ledger
                .wrong(format!("the workers by state are not all of them: {pool:?}, {}", stats.workers));
        }
        if !(0.0..=1.0).contains(&pool.utilisation) {
            self.ledger.wrong(format!("the utilisation is {}", pool.utilisation));
        }
        let _workers = self.backend.workers();
        let _health = self.backend.health().await;
        self.ledger.did("ask for stats, workers and health");
    }
}

/// Tells the evidence which process a worker is, until the backend is gone. Answers what the events said, with the workers that
/// were there before.
pub(super) async fn follow(mut events: BackendEvents, evidence: Arc<Evidence>, n_warm: u64) -> Followed {
    let mut followed = Followed { spawned: n_warm, ..Followed::default() };
    while let Some(event) = events.next().await {
        match event {
            BackendEvent::Spawned { worker, plugin, pid } => {
                followed.spawned += 1;
                *followed.by_plugin.entry(plugin.to_string()).or_default() += 1;
                evidence.is_process_of(worker, pid);
            }
            BackendEvent::Exited { .. } => followed.exited += 1,
            BackendEvent::Crashed { .. } => followed.crashed += 1,
            BackendEvent::Quarantined { .. } => followed.quarantined += 1,
            _ => {}
        }
    }
    followed.lost = events.dropped();
    followed
}

/// What a subscriber that listens heard.
#[derive(Debug, Default, Clone)]
pub(super) struct Followed {
    pub(super) spawned: u64,
    pub(super) by_plugin: BTreeMap<String, u64>,
    pub(super) exited: u64,
    pub(super) crashed: u64,
    pub(super) quarantined: u64,
    pub(super) lost: u64,
}
