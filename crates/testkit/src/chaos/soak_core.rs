//! A soak from its stage to its report: callers, attacker and observers for a time, then a drain under load, then the look at what
//! is left. What it is made of stands in its siblings.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use plugdock_contracts::span::parse_span;
use plugdock_contracts::{ExecutionBackend, Shutdown};
use plugdock_execution_factory::create_execution_backend;
use plugdock_execution_factory::platform::Platform;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use super::attacker::{Attacker, Followed, follow};
use super::caller::Callers;
use super::dice::Dice;
use super::evidence::Evidence;
use super::ledger::Ledger;
use super::memory::{Growth, Memory};
use super::panic_count::PanicCount;
use super::report::SoakReport;
use super::row::COUNTED_APART;
use super::stage::Stage;
use crate::harness::{LeakOracle, wait_for_blocking};
use crate::plugin::chaos::registry;

/// Callers at a time: fewer than run and wait together, so that most calls get a worker. Their bursts fill the queue.
const CALLERS: u64 = 28;

/// Which stream of numbers is the attacker's.
const ATTACKER: u64 = 1 << 32;

/// What runs when the soak is over has this long to end by itself.
const DRAIN: Duration = Duration::from_secs(10);

/// A drain takes its time, then the grace of calls, then the retirement of workers; more means that it hangs.
const DRAINED_WITHIN: Duration = Duration::from_secs(25);

/// Attacks go on for so long when the drain has begun.
const ATTACKED_DRAIN: Duration = Duration::from_millis(300);

/// The name of the soak's threads.
const THREAD: &str = "soak";

/// What a soak is made with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SoakConfig {
    /// For how long calls are made.
    pub length: Duration,
    /// What is done follows from it.
    pub seed: u64,
    /// The program `chaos`: spawner, workers and plugins.
    pub program: PathBuf,
    /// The program `plugdock-fault`.
    pub fault_program: PathBuf,
}

impl SoakConfig {
    /// A soak with these programs.
    pub fn new(length: Duration, seed: u64, program: &Path, fault_program: &Path) -> Self {
        Self { length, seed, program: program.to_owned(), fault_program: fault_program.to_owned() }
    }

    /// The same with the length in `PLUGDOCK_SOAK`, or else the given one, and the seed in `PLUGDOCK_SOAK_SEED`, or else one that
    /// differs from run to run.
    ///
    /// # Errors
    /// What is wrong with a variable, for people.
    pub fn from_env_or(length: Duration, program: &Path, fault_program: &Path) -> Result<Self, String> {
        let length = match std::env::var("PLUGDOCK_SOAK") {
            Ok(text) => parse_span(&text).map_err(|error| format!("PLUGDOCK_SOAK: {error}"))?,
            Err(_unset) => length,
        };
        let seed = match std::env::var("PLUGDOCK_SOAK_SEED") {
            Ok(text) => text.parse().map_err(|error| format!("PLUGDOCK_SOAK_SEED: {error}"))?,
            Err(_unset) => {
                u64::from(std::process::id())
                    ^ std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0) >> 40
            }
        };
        Ok(Self::new(length, seed, program, fault_program))
    }
}

/// What the part within the runtime hands out.
struct Ran {
    ledger: Arc<Ledger>,
    stats: plugdock_contracts::stats::BackendStats,
    followed: Followed,
    growth: Growth,
    drain: Duration,
}

/// Runs a soak. Nothing else may run in this process meanwhile: processes, descriptors and memory are the process's.
///
/// # Panics
/// When the stage cannot be set, or when a process, child or descriptor is left; all else is in the report.
pub fn soak(config: &SoakConfig) -> SoakReport {
    let oracle = LeakOracle::before();
    let root = tempfile::tempdir().unwrap();
    // Real path: what `/proc` tells is compared with it.
    let path = root.path().canonicalize().unwrap();
    let program = config.program.canonicalize().unwrap();
    let stage = Arc::new(Stage::set(&path, &program, &config.fault_program));
    let runtime =
        Builder::new_multi_thread().worker_threads(4).thread_name(THREAD).enable_all().build().unwrap();
    let panics = PanicCount::start();
    let ran = runtime.block_on(run(config, &stage));
    drop(runtime);
    let n_panics = panics.end();
    let mut report = SoakReport {
        seed: config.seed,
        length: config.length,
        drain: ran.drain,
        kinds: ran.ledger.kinds(),
        deeds: ran.ledger.deeds(),
        stats: ran.stats,
        followed: ran.followed,
        growth: ran.growth,
        violations: ran.ledger.all_wrong(),
    };
    report.compare(COUNTED_APART);
    if !report.growth.is_flat() {
        report.violations.push(format!("the host's memory grew: {:?}", report.growth));
    }
    if n_panics > 0 {
        report.violations.push(format!("{n_panics} panics in threads of the host"));
    }
    report.violations.extend(wrong_tallies(&stage.tallies()));
    report.violations.extend(left_threads());
    report.violations.extend(left_directories(&stage.workspaces()));
    oracle.check(&path);
    report
}

async fn run(config: &SoakConfig, stage: &Arc<Stage>) -> Ran {
    let (evidence, ledger) = (Arc::new(Evidence::default()), Arc::new(Ledger::default()));
    let platform = Arc::new(Platform::builder().build());
    let made = create_execution_backend(stage.config(), registry(), platform).await;
    let backend: Arc<dyn ExecutionBackend> =
        made.unwrap_or_else(|error| panic!("the backend was not made: {error}, because {:?}", error.chain()));
    let mut observers = JoinSet::new();
    let events = backend.subscribe();
    // Those that the warm-up started were told to nobody.
    let mut n_warm = 0;
    for (worker, pid) in backend.workers().into_iter().filter_map(|worker| Some((worker.worker, worker.pid?)))
    {
        evidence.is_process_of(worker, pid);
        n_warm += 1;
    }
    observers.spawn(follow(events, Arc::clone(&evidence), n_warm));
    let mut memory = JoinSet::new();
    memory.spawn(Memory::watch(config.length));
    let until = Instant::now() + config.length;
    let callers = Arc::new(Callers {
        backend: Arc::clone(&backend),
        evidence: Arc::clone(&evidence),
        ledger: Arc::clone(&ledger),
        faults: stage.faults(),
        tallies: stage.tallies(),
    });
    let mut actors = JoinSet::new();
    for n in 0..CALLERS {
        actors.spawn(Arc::clone(&callers).call(Dice::of(config.seed, n), until));
    }
    drop(callers);
    let attacker = Attacker::new(
        Arc::clone(&backend),
        Arc::clone(&evidence),
        Arc::clone(&ledger),
        Arc::clone(stage),
        Dice::of(config.seed, ATTACKER),
    );
    actors.spawn(attacker.attack(until + ATTACKED_DRAIN));
    let memory = memory.join_next().await.expect("it was spawned").unwrap();
    // The callers are in the middle of their calls now.
    evidence.stops();
    let drain = drain(&*backend, &ledger).await;
    while let Some(actor) = actors.join_next().await {
        if let Err(panicked) = actor {
            ledger.wrong(format!("an actor of the soak itself failed: {panicked}"));
        }
    }
    let stats = backend.stats();
    drop(backend);
    let heard = tokio::time::timeout(DRAINED_WITHIN, observers.join_next()).await;
    let followed = heard.ok().flatten().and_then(Result::ok).unwrap_or_else(|| {
        ledger.wrong("the events do not end with their backend".to_owned());
        Followed::default()
    });
    Ran { ledger, stats, followed, growth: memory.growth(), drain }
}

async fn drain(backend: &dyn ExecutionBackend, ledger: &Ledger) -> Duration {
    let begun = Instant::now();
    let Ok(report) = tokio::time::timeout(DRAINED_WITHIN, backend.shutdown(Shutdown::Drain(DRAIN))).await
    else {
        ledger.wrong(format!("the drain took more than {DRAINED_WITHIN:?}: {:?}", backend.stats()));
        return begun.elapsed();
    };
    let mut told: Vec<_> = [&report.finished, &report.cancelled, &report.killed, &report.abandoned]
        .into_iter()
        .flatten()
        .collect();
    let n = told.len();
    told.sort();
    told.dedup();
    if told.len() != n || !report.abandoned.is_empty() {
        ledger.wrong(format!(
            "the report of the shutdown names an execution twice, or one as left behind: {report:?}"
        ));
    }
    begun.elapsed()
}

/// Handlers that were started more often than promised, of calls whose outcome nobody saw.
fn wrong_tallies(dir: &Path) -> Vec<String> {
    let tallies = std::fs::read_dir(dir).unwrap().filter_map(|entry| {
        let entry = entry.ok()?;
        Some((entry.file_name().to_string_lossy().into_owned(), entry.metadata().ok()?.len()))
    });
    tallies
        .filter(|(name, starts)| *starts > if name.starts_with("count-again") { 2 } else { 1 })
        .map(|(name, starts)| format!("{name}: its handler was started {starts} times"))
        .collect()
}

fn left_threads() -> Option<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    let n = names.filter(|name| name.trim() == THREAD).count();
    (n > 0).then(|| format!("{n} threads of the soak are left"))
}

fn left_directories(workspaces: &Path) -> Option<String> {
    let left = || -> Vec<_> {
        let entries = std::fs::read_dir(workspaces).into_iter().flatten();
        entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect()
    };
    wait_for_blocking("the workspaces to be removed", || {
        let left = left();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
    None
}
