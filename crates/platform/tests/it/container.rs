//! The container: what it has, and the order in which it starts and stops.
//! Time is paused here, which nothing outside the runtime waits on.

use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use plugdock_contracts::host_call::HostReply;
use plugdock_contracts::service::{
    CacheService, CustomService, ServiceError, ServiceResult, ServiceScope, StorageService,
};
use plugdock_contracts::{BackendKind, BoxFuture, Shutdown};
use plugdock_platform::{
    CacheConfig, DirectoryStorage, EventConfig, Lifecycle, LifecycleError, LifecycleFailure, LifecycleStep,
    MemoryAudit, MemoryAuditConfig, MemoryCache, MemoryLogConfig, MemoryLogSink, MemoryState, Platform,
    PlatformBuilder, PlatformError, RedbState, StartError, StateConfig, StaticConfig, StorageConfig,
    TopicEvents,
};
use serde_json::Value;

use crate::fake_backend::{FakeBackend, Gate, Journal};
use crate::owner::plugin;

const EACH: Duration = Duration::from_secs(5);

/// A service that writes down what is asked of it.
struct Fake {
    name: &'static str,
    journal: Journal,
    start: Gate,
    stop: Gate,
}

fn pass(gate: Gate) -> BoxFuture<'static, Result<(), LifecycleError>> {
    match gate {
        Gate::Ok => Box::pin(ready(Ok(()))),
        Gate::Err => Box::pin(ready(Err("it broke".into()))),
        Gate::Never => Box::pin(pending()),
        Gate::Panic => Box::pin(async { panic!("it panicked") }),
    }
}

impl Lifecycle for Fake {
    fn start(&self) -> BoxFuture<'_, Result<(), LifecycleError>> {
        self.journal.lock().unwrap().push(format!("start {}", self.name));
        pass(self.start)
    }

    fn stop(&self, within: Duration) -> BoxFuture<'_, Result<(), LifecycleError>> {
        self.journal.lock().unwrap().push(format!("stop {} within {within:?}", self.name));
        pass(self.stop)
    }
}

fn managed(journal: &Journal, gates: [(Gate, Gate); 3]) -> Platform {
    let mut builder = Platform::builder();
    for (name, (start, stop)) in ["one", "two", "three"].into_iter().zip(gates) {
        builder =
            builder.manage(name, Arc::new(Fake { name, journal: Arc::clone(journal), start, stop })).unwrap();
    }
    builder.build()
}

fn lines(journal: &Journal) -> Vec<String> {
    std::mem::take(&mut *journal.lock().unwrap())
}

struct Echo;

impl CustomService for Echo {
    fn call<'a>(
        &'a self,
        _scope: &'a ServiceScope,
        method: &'a str,
        args: Value,
        body: Bytes,
    ) -> ServiceResult<'a, HostReply> {
        let answered = serde_json::json!({ "method": method, "args": args });
        Box::pin(ready(Ok(HostReply::with_body(answered, body))))
    }
}

fn absent<T>(result: Result<T, ServiceError>) -> String {
    match result {
        Err(ServiceError::Absent { name }) => name,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it is there"),
    }
}

#[test]
fn what_a_host_did_not_give_is_absent_by_name() {
    let platform = Platform::builder().build();
    let names = [
        absent(platform.cache()),
        absent(platform.state()),
        absent(platform.storage()),
        absent(platform.events()),
        absent(platform.fs()),
        absent(platform.http()),
        absent(platform.shell()),
        absent(platform.log()),
        absent(platform.audit()),
        absent(platform.config()),
        absent(platform.custom("llm")),
        absent(platform.execution_backend()),
    ];
    assert_eq!(
        names,
        [
            "cache",
            "state",
            "storage",
            "events",
            "fs",
            "http",
            "shell",
            "log",
            "audit",
            "config",
            "llm",
            "execution backend"
        ]
    );
    assert_eq!(platform.configured_services(), Vec::<&str>::new());
}

#[tokio::test]
async fn every_access_reaches_the_same_service() {
    let cache = || Arc::new(MemoryCache::new(CacheConfig::default()).unwrap());
    let (replaced, kept) = (cache(), cache());
    let platform = Platform::builder()
        .with_cache(replaced.clone())
        .with_cache(kept.clone())
        .with_state(Arc::new(MemoryState::new(StateConfig::default()).unwrap()))
        .with_events(Arc::new(TopicEvents::new(EventConfig::default()).unwrap()))
        .with_log(Arc::new(MemoryLogSink::new(&MemoryLogConfig::default()).unwrap()))
        .with_audit(Arc::new(MemoryAudit::new(&MemoryAuditConfig::default()).unwrap()))
        .with_config(Arc::new(StaticConfig::default()))
        .register("llm", Arc::new(Echo))
        .unwrap()
        .build();
    let scope = plugin("a/b");
    platform.cache().unwrap().set(&scope, "k", Bytes::from_static(b"v"), None).await.unwrap();
    assert_eq!(platform.cache().unwrap().get(&scope, "k").await.unwrap().unwrap(), "v");
    assert!(
        kept.get(&scope, "k").await.unwrap().is_some() && replaced.get(&scope, "k").await.unwrap().is_none()
    );
    let names = ["cache", "state", "events", "log", "audit", "config", "llm"];
    assert_eq!(platform.configured_services(), names);
    let called = platform.custom("llm").unwrap().call(&scope, "complete", 1.into(), Bytes::from_static(b"b"));
    let reply = called.await.unwrap();
    assert_eq!((reply.value["method"].as_str(), reply.body), (Some("complete"), Bytes::from_static(b"b")));
}

#[test]
fn names_are_checked_reserved_and_given_once() {
    let register = |names: &[&str]| {
        names.iter().try_fold(Platform::builder(), |builder: PlatformBuilder, name| {
            builder.register(name, Arc::new(Echo))
        })
    };
    assert!(register(&["llm", "vector-store", "a_b1"]).is_ok());
    for bad in ["", "Llm", "a.b", "1a", "a b", "../a", &"x".repeat(65)] {
        let error = register(&[bad]).unwrap_err();
        assert!(matches!(error, PlatformError::BadName { .. }), "{bad:?}: {error}");
    }
    for reserved in ["cache", "state", "storage", "events", "log", "audit", "config", "invoke"] {
        let error = register(&[reserved]).unwrap_err();
        assert_eq!(error, PlatformError::ReservedName { name: reserved.into() });
    }
    assert_eq!(register(&["llm", "llm"]).unwrap_err(), PlatformError::DuplicateName { name: "llm".into() });
    let fake = || Arc::new(Fake { name: "x", journal: Journal::default(), start: Gate::Ok, stop: Gate::Ok });
    let twice = Platform::builder().manage("x", fake()).unwrap().manage("x", fake());
    assert_eq!(twice.unwrap_err(), PlatformError::DuplicateName { name: "x".into() });
}

#[tokio::test(start_paused = true)]
async fn a_platform_gets_its_backend_once_and_never_after_its_end() {
    let backend = || Arc::new(FakeBackend { journal: Journal::default(), gate: Gate::Ok });
    let platform = Platform::builder().build();
    platform.init_execution_backend(backend()).unwrap();
    assert_eq!(platform.execution_backend().unwrap().kind(), BackendKind::Custom);
    let second = platform.init_execution_backend(backend());
    assert_eq!(second, Err(PlatformError::BackendPresent { present: BackendKind::Custom }));

    let platform = Platform::builder().build();
    platform.shutdown(Shutdown::Now, EACH).await;
    assert_eq!(platform.init_execution_backend(backend()), Err(PlatformError::ShutDown));
    assert!(matches!(platform.start(EACH).await, Err(StartError::ShutDown)));
}

#[tokio::test(start_paused = true)]
async fn services_start_in_order_and_stop_in_reverse_after_the_backend() {
    let journal = Journal::default();
    let platform = managed(&journal, [(Gate::Ok, Gate::Ok); 3]);
    let backend = FakeBackend { journal: Arc::clone(&journal), gate: Gate::Ok };
    platform.init_execution_backend(Arc::new(backend)).unwrap();
    platform.start(EACH).await.unwrap();
    platform.start(EACH).await.unwrap();
    assert_eq!(lines(&journal), ["start one", "start two", "start three"]);

    let first = platform.shutdown(Shutdown::Now, EACH).await;
    let order = ["stop backend Now", "stop three within 5s", "stop two within 5s", "stop one within 5s"];
    assert_eq!(lines(&journal), order);
    assert_eq!((first.stopped.len(), first.failures.len(), first.backend.is_some()), (3, 0, true));

    let second = platform.shutdown(Shutdown::Now, EACH).await;
    assert_eq!(lines(&journal), Vec::<String>::new());
    assert_eq!((second.stopped, second.backend), (first.stopped, first.backend));
}

#[tokio::test(start_paused = true)]
async fn what_was_never_started_is_not_stopped() {
    let journal = Journal::default();
    let report = managed(&journal, [(Gate::Ok, Gate::Ok); 3]).shutdown(Shutdown::Now, EACH).await;
    assert_eq!((lines(&journal).len(), report.stopped.len(), report.failures.len()), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failing_start_stops_what_had_started() {
    for gate in [Gate::Err, Gate::Never, Gate::Panic] {
        let journal = Journal::default();
        let platform = managed(&journal, [(Gate::Ok, Gate::Err), (Gate::Ok, Gate::Ok), (gate, Gate::Ok)]);
        let StartError::Service { failure, stopped, failures } = platform.start(EACH).await.unwrap_err()
        else {
            panic!("{gate:?}: it is not shut down");
        };
        let fits = match (gate, &failure) {
            (Gate::Err, LifecycleFailure::Failed { step: LifecycleStep::Start, source, .. }) => {
                source.to_string() == "it broke"
            }
            (Gate::Never, LifecycleFailure::TimedOut { step: LifecycleStep::Start, limit, .. }) => {
                *limit == EACH
            }
            (Gate::Panic, LifecycleFailure::Panicked { step: LifecycleStep::Start, message, .. }) => {
                message == "it panicked"
            }
            _ => false,
        };
        assert!(fits && failure.service() == "three", "{gate:?}: {failure:?}");
        assert_eq!((stopped, failures.len()), (vec!["two".to_owned()], 1));
        let order = ["start one", "start two", "start three", "stop two within 5s", "stop one within 5s"];
        assert_eq!(lines(&journal), order);
        // Nothing is left to stop, and nothing of the failed start is in the report.
        let report = platform.shutdown(Shutdown::Now, EACH).await;
        assert_eq!((lines(&journal).len(), report.stopped.len(), report.failures.len()), (0, 0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_goes_on_after_every_kind_of_failure_and_reports_all() {
    for backend_gate in [Gate::Never, Gate::Panic] {
        let journal = Journal::default();
        let gates = [(Gate::Ok, Gate::Err), (Gate::Ok, Gate::Never), (Gate::Ok, Gate::Panic)];
        let platform = managed(&journal, gates);
        let backend = FakeBackend { journal: Arc::clone(&journal), gate: backend_gate };
        platform.init_execution_backend(Arc::new(backend)).unwrap();
        platform.start(EACH).await.unwrap();
        let began = tokio::time::Instant::now();
        let report = platform.shutdown(Shutdown::Drain(Duration::from_secs(2)), EACH).await;
        // A drain of two seconds and five more for a backend that never ends, five for a service that never does.
        let expected = if backend_gate == Gate::Never { 12 } else { 5 };
        assert_eq!(began.elapsed().as_secs(), expected);
        let failures: Vec<_> = report.failures.iter().map(ToString::to_string).collect();
        let backend = match backend_gate {
            Gate::Never => "stop `execution backend` within 7s",
            _ => "stop `execution backend`, which panicked: backend broke",
        };
        let services = ["stop `three`, which panicked: it panicked", "stop `two` within 5s", "stop `one`"];
        assert_eq!(failures, [&[backend][..], &services].concat());
        assert_eq!((report.backend, report.stopped.len()), (None, 0));
        assert_eq!(lines(&journal).len(), 3 + 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_was_cut_off_goes_on() {
    let journal = Journal::default();
    let platform = managed(&journal, [(Gate::Ok, Gate::Ok), (Gate::Ok, Gate::Never), (Gate::Ok, Gate::Ok)]);
    platform.start(EACH).await.unwrap();
    lines(&journal);
    let cut = tokio::time::timeout(Duration::from_secs(1), platform.shutdown(Shutdown::Now, EACH)).await;
    assert!(cut.is_err());
    let report = platform.shutdown(Shutdown::Now, EACH).await;
    let order = ["stop three within 5s", "stop two within 5s", "stop two within 5s", "stop one within 5s"];
    assert_eq!(lines(&journal), order);
    assert_eq!((report.stopped, report.failures.len()), (vec!["three".to_owned(), "one".to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_a_start_that_is_under_way() {
    let journal = Journal::default();
    let platform = managed(&journal, [(Gate::Ok, Gate::Ok), (Gate::Never, Gate::Ok), (Gate::Ok, Gate::Ok)]);
    let (started, report) = tokio::join!(platform.start(EACH), platform.shutdown(Shutdown::Now, EACH));
    assert!(started.is_err());
    assert_eq!(lines(&journal), ["start one", "start two", "stop one within 5s"]);
    assert_eq!((report.stopped.len(), report.failures.len()), (0, 0));
}

#[tokio::test]
async fn embedded_services_start_and_stop_with_the_platform() {
    let dir = tempfile::tempdir().unwrap();
    let open_state = || RedbState::open(dir.path().join("state.redb"), StateConfig::default());
    let open_storage = || DirectoryStorage::open(dir.path().join("files"), StorageConfig::default());
    let (state, storage) = (Arc::new(open_state().unwrap()), Arc::new(open_storage().unwrap()));
    let events = Arc::new(TopicEvents::new(EventConfig::default()).unwrap());
    let platform = Platform::builder()
        .with_state(state.clone())
        .manage("state", state)
        .unwrap()
        .with_storage(storage.clone())
        .manage("storage", storage)
        .unwrap()
        .with_events(events.clone())
        .manage("events", events)
        .unwrap()
        .build();
    platform.start(EACH).await.unwrap();
    let scope = plugin("a/b");
    let mut subscription = platform.events().unwrap().subscribe(&scope, ">").await.unwrap();
    platform.storage().unwrap().write(&scope, "f", Bytes::from_static(b"v")).await.unwrap();
    let report = platform.shutdown(Shutdown::Now, EACH).await;
    assert_eq!(
        (report.stopped, report.failures.len()),
        (["events", "storage", "state"].map(String::from).to_vec(), 0)
    );
    assert_eq!(subscription.next().await, None);
    // The platform is still there, its files are free for the next one.
    open_state().unwrap();
    assert_eq!(open_storage().unwrap().read(&scope, "f").await.unwrap().unwrap(), "v");
    assert!(platform.storage().unwrap().read(&scope, "f").await.is_err());
}
