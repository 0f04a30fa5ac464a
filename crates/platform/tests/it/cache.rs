//! The cache in memory.
//! Expiry is waited for as a state with a ceiling, never slept through.

use std::time::Duration;

use bytes::Bytes;
use plugdock_contracts::ByteSize;
use plugdock_contracts::service::{CacheService, ServiceError};
use plugdock_platform::{CacheConfig, MemoryCache};

use crate::owner::{alike, plugin};

fn cache() -> MemoryCache {
    MemoryCache::new(CacheConfig::default()).unwrap()
}

#[tokio::test]
async fn a_value_is_read_rewritten_and_removed() {
    let (cache, scope) = (cache(), plugin("a/b"));
    assert_eq!(cache.get(&scope, "k").await.unwrap(), None);
    cache.set(&scope, "k", Bytes::from_static(b"one"), None).await.unwrap();
    cache.set(&scope, "k", Bytes::from_static(b"two"), None).await.unwrap();
    assert_eq!(cache.get(&scope, "k").await.unwrap().unwrap(), "two");
    assert!(cache.delete(&scope, "k").await.unwrap());
    assert!(!cache.delete(&scope, "k").await.unwrap());
    assert_eq!(cache.get(&scope, "k").await.unwrap(), None);
}

#[tokio::test]
async fn owners_that_look_alike_share_nothing() {
    let cache = cache();
    for (at, scope) in alike().iter().enumerate() {
        assert_eq!(cache.get(scope, "k").await.unwrap(), None, "{at}");
        cache.set(scope, "k", Bytes::from(at.to_string()), None).await.unwrap();
    }
    for (at, scope) in alike().iter().enumerate() {
        assert_eq!(cache.get(scope, "k").await.unwrap().unwrap(), at.to_string());
    }
}

#[tokio::test]
async fn a_value_without_time_is_not_kept() {
    let (cache, scope) = (cache(), plugin("a/b"));
    cache.set(&scope, "k", Bytes::from_static(b"old"), None).await.unwrap();
    cache.set(&scope, "k", Bytes::from_static(b"new"), Some(Duration::ZERO)).await.unwrap();
    assert_eq!(cache.get(&scope, "k").await.unwrap(), None);
}

#[tokio::test]
async fn a_value_ends_with_its_time_and_others_stay() {
    let (cache, scope) = (cache(), plugin("a/b"));
    cache.set(&scope, "long", Bytes::from_static(b"v"), Some(Duration::MAX)).await.unwrap();
    cache.set(&scope, "short", Bytes::from_static(b"v"), Some(Duration::from_hours(1))).await.unwrap();
    // Rewritten with a shorter time: the hour of the first writing must not count any more.
    cache.set(&scope, "short", Bytes::from_static(b"v"), Some(Duration::from_millis(1))).await.unwrap();
    let gone = async {
        while cache.get(&scope, "short").await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("it ends after a millisecond");
    assert!(cache.get(&scope, "long").await.unwrap().is_some());
}

#[tokio::test]
async fn the_whole_stays_within_its_bytes() {
    let config = CacheConfig {
        max_bytes: ByteSize::from_kib(64),
        max_value: ByteSize::from_kib(8),
        ..CacheConfig::default()
    };
    let cache = MemoryCache::new(config).unwrap();
    for number in 0..100 {
        let scope = plugin(&format!("a/p{}", number % 3));
        cache.set(&scope, &format!("k{number}"), Bytes::from(vec![0; 8 << 10]), None).await.unwrap();
        let weight = cache.weight();
        assert!((8 << 10..=64 << 10).contains(&weight), "{weight} after {number}");
    }
}

#[tokio::test]
async fn keys_and_values_have_bounds() {
    let config =
        CacheConfig { max_value: ByteSize::from_bytes(4), max_key_bytes: 4, ..CacheConfig::default() };
    let (cache, scope) = (MemoryCache::new(config).unwrap(), plugin("a/b"));
    cache.set(&scope, "four", Bytes::from_static(b"four"), None).await.unwrap();
    let large = cache.set(&scope, "four", Bytes::from_static(b"fives"), None).await;
    assert!(matches!(large, Err(ServiceError::TooLarge { service: "cache", size: 5, limit: 4 })));
    for key in ["", "fives"] {
        assert!(
            matches!(cache.get(&scope, key).await, Err(ServiceError::Invalid { .. })),
            "{key:?} was accepted"
        );
    }
}

#[test]
fn bad_settings_are_refused() {
    let config = CacheConfig { default_ttl: Duration::ZERO, ..CacheConfig::default() };
    assert!(MemoryCache::new(config).is_err());
}

#[test]
fn settings_are_read_from_data() {
    let text = r#"{ "max_bytes": "8MiB", "default_ttl": "1m30s" }"#;
    let config: CacheConfig = serde_json::from_str(text).unwrap();
    assert_eq!((config.max_bytes, config.default_ttl), (ByteSize::from_mib(8), Duration::from_secs(90)));
    assert!(serde_json::from_str::<CacheConfig>(r#"{ "max_byte": 1 }"#).is_err());
}
