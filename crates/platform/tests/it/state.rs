//! What every state must do, run on the one in memory and the one on disk.
//! What only a file can do wrong is in `state_file`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use plugdock_contracts::ByteSize;
use plugdock_contracts::permission::StateQuota;
use plugdock_contracts::service::{ServiceError, ServiceScope, StateService};
use plugdock_platform::{MemoryState, RedbState, StateConfig};
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::owner::{alike, plugin, plugin_of, within};

/// One of each, with what must live as long.
fn each(config: &StateConfig) -> Vec<(Arc<dyn StateService>, Option<TempDir>)> {
    let dir = tempfile::tempdir().unwrap();
    let on_disk = RedbState::open(dir.path().join("state.redb"), config.clone()).unwrap();
    let in_memory = MemoryState::new(config.clone()).unwrap();
    vec![(Arc::new(in_memory), None), (Arc::new(on_disk), Some(dir))]
}

fn unlimited() -> StateConfig {
    StateConfig { quota: StateQuota::default(), ..StateConfig::default() }
}

fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

const OPEN: StateQuota = StateQuota { max_entries: None, max_bytes: None, operations_per_minute: None };

#[tokio::test]
async fn a_value_is_read_rewritten_and_removed() {
    for (state, _dir) in each(&StateConfig::default()) {
        let scope = plugin("a/b");
        assert_eq!(state.get(&scope, "k").await.unwrap(), None);
        state.set(&scope, "k", text("one")).await.unwrap();
        state.set(&scope, "k", text("")).await.unwrap();
        assert_eq!(state.get(&scope, "k").await.unwrap().unwrap(), "");
        assert!(state.delete(&scope, "k").await.unwrap());
        assert!(!state.delete(&scope, "k").await.unwrap());
        assert_eq!(state.get(&scope, "k").await.unwrap(), None);
    }
}

#[tokio::test]
async fn owners_that_look_alike_share_nothing() {
    for (state, _dir) in each(&StateConfig::default()) {
        for (at, scope) in alike().iter().enumerate() {
            assert_eq!(state.get(scope, "k").await.unwrap(), None, "{at}");
            assert!(!state.delete(scope, "k").await.unwrap());
            state.set(scope, "k", text(&at.to_string())).await.unwrap();
        }
        for (at, scope) in alike().iter().enumerate() {
            assert_eq!(state.get(scope, "k").await.unwrap().unwrap(), at.to_string());
            assert_eq!(state.keys(scope, "", 10).await.unwrap(), ["k"]);
        }
    }
}

#[tokio::test]
async fn keys_come_in_order_below_a_prefix_up_to_a_limit() {
    for (state, _dir) in each(&unlimited()) {
        let (scope, other) = (plugin("m/m"), [plugin("a/a"), plugin("z/z"), plugin_of("t", "m/m")]);
        for key in ["b:2", "a", "b:10", "c", "b", "b:ä", "bb", "ä"] {
            state.set(&scope, key, text("v")).await.unwrap();
        }
        for other in &other {
            state.set(other, "b:0", text("v")).await.unwrap();
        }
        for (prefix, limit, keys) in [
            ("", 100, vec!["a", "b", "b:10", "b:2", "b:ä", "bb", "c", "ä"]),
            ("b:", 100, vec!["b:10", "b:2", "b:ä"]),
            ("b:", 2, vec!["b:10", "b:2"]),
            ("b:", 0, vec![]),
            ("d", 100, vec![]),
            ("ä", 100, vec!["ä"]),
        ] {
            assert_eq!(state.keys(&scope, prefix, limit).await.unwrap(), keys, "{prefix:?} {limit}");
        }
        assert_eq!(state.keys(&plugin("n/n"), "", 100).await.unwrap(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn keys_and_values_have_bounds() {
    let config =
        StateConfig { max_key_bytes: 4, max_value: ByteSize::from_bytes(4), ..StateConfig::default() };
    for (state, _dir) in each(&config) {
        let scope = plugin("a/b");
        state.set(&scope, "four", text("four")).await.unwrap();
        let large = state.set(&scope, "four", text("fives")).await;
        assert!(matches!(large, Err(ServiceError::TooLarge { service: "state", size: 5, limit: 4 })));
        for key in ["", "fives", "a\0", "a\nb"] {
            assert!(matches!(state.get(&scope, key).await, Err(ServiceError::Invalid { .. })), "{key:?}");
            assert!(matches!(state.delete(&scope, key).await, Err(ServiceError::Invalid { .. })), "{key:?}");
            let set = state.set(&scope, key, text("")).await;
            assert!(matches!(set, Err(ServiceError::Invalid { .. })), "{key:?}");
        }
        assert!(matches!(state.keys(&scope, "fives", 1).await, Err(ServiceError::Invalid { .. })));
    }
}

#[tokio::test]
async fn a_quota_is_exact_after_rewriting_and_removing() {
    let quota = StateQuota { max_entries: Some(2), max_bytes: Some(10), operations_per_minute: None };
    for (state, _dir) in each(&unlimited()) {
        let (scope, other) = (plugin("a/b"), plugin_of("t", "a/b"));
        state.set(&within(&scope, quota), "a", text("1234")).await.unwrap();
        state.set(&within(&scope, quota), "b", text("1234")).await.unwrap();
        let entries = state.set(&within(&scope, quota), "c", text("")).await.unwrap_err();
        assert_eq!(entries.to_string(), "state: max_entries is 2, 2 are used");
        let bytes = state.set(&within(&scope, quota), "b", text("12345")).await.unwrap_err();
        assert_eq!(bytes.to_string(), "state: max_bytes is 10, 10 are used and this write adds 1");
        assert_eq!(state.get(&scope, "b").await.unwrap().unwrap(), "1234", "a refused write changes nothing");
        state.set(&within(&scope, quota), "b", text("1")).await.unwrap();
        state.set(&within(&scope, quota), "a", text("1234567")).await.unwrap();
        assert!(state.delete(&scope, "a").await.unwrap());
        state.set(&within(&scope, quota), "c", text("1234567")).await.unwrap();
        assert!(state.set(&within(&scope, quota), "c", text("12345678")).await.is_err());
        state.set(&within(&other, quota), "a", text("123456789")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_is_exact_under_many_writers_at_once() {
    let quota = StateQuota { max_entries: Some(5), ..OPEN };
    for (state, _dir) in each(&unlimited()) {
        let mut writers = JoinSet::new();
        for number in 0..20 {
            let state = Arc::clone(&state);
            writers.spawn(async move {
                let key = format!("k{number}");
                state.set(&within(&plugin("a/b"), quota), &key, text("v")).await.is_ok()
            });
        }
        let accepted = writers.join_all().await.into_iter().filter(|accepted| *accepted).count();
        assert_eq!(accepted, 5);
        assert_eq!(state.keys(&plugin("a/b"), "", 100).await.unwrap().len(), 5);
    }
}

#[tokio::test]
async fn a_grant_tightens_the_hosts_quota_and_never_widens_it() {
    let quota = StateQuota { max_entries: Some(1), ..OPEN };
    for (state, _dir) in each(&StateConfig { quota, ..StateConfig::default() }) {
        let scope = plugin("a/b");
        let wide = StateQuota { max_entries: Some(100), max_bytes: Some(3), ..OPEN };
        state.set(&within(&scope, wide), "a", text("12")).await.unwrap();
        assert!(matches!(
            state.set(&within(&scope, wide), "b", text("")).await,
            Err(ServiceError::Quota { .. })
        ));
        assert!(matches!(
            state.set(&within(&scope, wide), "a", text("123")).await,
            Err(ServiceError::Quota { .. })
        ));
    }
}

#[tokio::test]
async fn operations_of_one_owner_are_limited_and_those_of_another_are_not() {
    let quota = StateQuota { operations_per_minute: Some(3), ..OPEN };
    for (state, _dir) in each(&StateConfig { quota, ..StateConfig::default() }) {
        let (scope, other) = (plugin("a/b"), plugin_of("t", "a/b"));
        state.set(&scope, "a", text("v")).await.unwrap();
        state.get(&scope, "a").await.unwrap();
        state.keys(&scope, "", 1).await.unwrap();
        let refused = [
            state.set(&scope, "a", text("v")).await.err(),
            state.get(&scope, "a").await.err(),
            state.delete(&scope, "a").await.err(),
            state.keys(&scope, "", 1).await.err(),
        ];
        for error in refused {
            let error = error.expect("the fourth operation is refused");
            assert!(matches!(&error, ServiceError::Quota { .. }), "{error}");
        }
        state.get(&other, "a").await.unwrap();
        // A tighter grant counts the reads before it, and binds reads too.
        let granted = StateQuota { operations_per_minute: Some(1), ..OPEN };
        assert!(state.set(&within(&other, granted), "a", text("v")).await.is_err());
        assert!(state.get(&within(&other, granted), "a").await.is_err());
    }
}

#[derive(Debug, Clone)]
enum Operation {
    Set(u8, usize),
    Delete(u8),
}

fn operations() -> impl Strategy<Value = Vec<(bool, Operation)>> {
    let operation = prop_oneof![
        3 => (0u8..4, 0usize..8).prop_map(|(key, len)| Operation::Set(key, len)),
        1 => (0u8..4).prop_map(Operation::Delete),
    ];
    prop::collection::vec((any::<bool>(), operation), 0..24)
}

/// Runs operations on a state and on a plain map, and compares every answer.
async fn agrees_with_a_map(state: &dyn StateService, operations: &[(bool, Operation)], quota: StateQuota) {
    let scopes: [ServiceScope; 2] = [plugin("a/b"), plugin_of("a", "a/b")];
    let mut maps = [BTreeMap::<String, usize>::new(), BTreeMap::new()];
    for (owner, operation) in operations {
        let (scope, map) = (&scopes[usize::from(*owner)], &mut maps[usize::from(*owner)]);
        match operation {
            Operation::Set(key, len) => {
                let key = "k".repeat(usize::from(*key) + 1);
                let mut next = map.clone();
                next.insert(key.clone(), *len);
                let bytes = |map: &BTreeMap<String, usize>| {
                    map.iter().map(|(key, len)| key.len() + len).sum::<usize>() as u64
                };
                let fits = (next.len() <= map.len() || next.len() as u64 <= quota.max_entries.unwrap())
                    && (bytes(&next) <= bytes(map) || bytes(&next) <= quota.max_bytes.unwrap());
                let written = state.set(&within(scope, quota), &key, Bytes::from(vec![7; *len])).await;
                assert_eq!(written.is_ok(), fits, "{written:?} with {map:?}");
                if fits {
                    *map = next;
                }
            }
            Operation::Delete(key) => {
                let key = "k".repeat(usize::from(*key) + 1);
                assert_eq!(state.delete(scope, &key).await.unwrap(), map.remove(&key).is_some());
            }
        }
    }
    for (scope, map) in scopes.iter().zip(maps) {
        assert_eq!(state.keys(scope, "", u32::MAX).await.unwrap(), map.keys().cloned().collect::<Vec<_>>());
        for (key, len) in map {
            assert_eq!(state.get(scope, &key).await.unwrap().unwrap().len(), len);
        }
    }
}

fn run(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
}

proptest! {
    #[test]
    fn memory_agrees_with_a_map(operations in operations(), entries in 0u64..5, bytes in 0u64..24) {
        let quota = StateQuota { max_entries: Some(entries), max_bytes: Some(bytes), ..OPEN };
        run(agrees_with_a_map(&MemoryState::new(unlimited()).unwrap(), &operations, quota));
    }
}

proptest! {
    // Few cases: every accepted write waits for the disk.
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn disk_agrees_with_a_map(operations in operations(), entries in 0u64..5, bytes in 0u64..24) {
        let dir = tempfile::tempdir().unwrap();
        let state = RedbState::open(dir.path().join("state.redb"), unlimited()).unwrap();
        let quota = StateQuota { max_entries: Some(entries), max_bytes: Some(bytes), ..OPEN };
        run(agrees_with_a_map(&state, &operations, quota));
    }
}
