//! The cache: values that may vanish.
//! Nothing here is persistent; see `state` for that.

mod cache_config;
mod memory_cache;

pub use cache_config::CacheConfig;
pub use memory_cache::MemoryCache;
