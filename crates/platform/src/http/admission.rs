//! Lets requests in: so many at once, so many waiting, of each plugin and of all, and the rates that a plugin's connections share.
//! It makes no connections and moves no bytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use plugdock_contracts::PluginId;
use plugdock_contracts::service::ServiceError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::deadline::Deadline;
use super::failure;
use super::http_config::HttpConfig;
use super::token_bucket::TokenBucket;

/// A rate that several connections share; none is no bound.
pub(super) type SharedRate = Option<Arc<Mutex<TokenBucket>>>;

/// The turns of all plugins.
#[derive(Debug)]
pub(super) struct Admission {
    config: HttpConfig,
    turns: Arc<Semaphore>,
    desks: Mutex<HashMap<PluginId, Arc<Desk>>>,
}

/// What one plugin's requests share.
#[derive(Debug)]
struct Desk {
    /// For those that run and those that wait.
    seats: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    upload: SharedRate,
    download: SharedRate,
}

/// A request that may run. Its turn ends when this is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    desk: Arc<Desk>,
    _permits: [OwnedSemaphorePermit; 3],
}

impl Admission {
    pub(super) fn new(config: &HttpConfig) -> Self {
        let turns = Arc::new(Semaphore::new(as_permits(config.max_connections)));
        Self { config: config.clone(), turns, desks: Mutex::default() }
    }

    /// Waits for a turn: first among the plugin's own requests, then among all. Cancel safe.
    pub(super) async fn admit(
        &self,
        plugin: &PluginId,
        deadline: &Deadline,
    ) -> Result<Admitted, ServiceError> {
        let desk = self.desk(plugin);
        let Ok(seat) = Arc::clone(&desk.seats).try_acquire_owned() else {
            return Err(failure::too_many_waiting(
                self.config.max_connections_per_plugin,
                self.config.max_waiting_per_plugin,
            ));
        };
        let turn = deadline.wait(Arc::clone(&desk.turns).acquire_owned()).await;
        let Some(Ok(own)) = turn else {
            let of = "http.max_connections_per_plugin";
            return Err(failure::no_turn(of, self.config.max_connections_per_plugin, deadline.limit()));
        };
        let Some(Ok(all)) = deadline.wait(Arc::clone(&self.turns).acquire_owned()).await else {
            return Err(failure::no_turn(
                "http.max_connections",
                self.config.max_connections,
                deadline.limit(),
            ));
        };
        Ok(Admitted { desk, _permits: [seat, own, all] })
    }

    fn desk(&self, plugin: &PluginId) -> Arc<Desk> {
        let mut desks = self.desks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(desk) = desks.get(plugin) {
            return Arc::clone(desk);
        }
        let now = Instant::now();
        // A desk must not be forgotten before its rates are full again: a new one would begin with a burst.
        desks.retain(|_, desk| !desk.is_idle(now));
        let desk = Arc::new(Desk::new(&self.config, now));
        desks.insert(plugin.clone(), Arc::clone(&desk));
        desk
    }
}

impl Admitted {
    /// The rate for what is sent.
    pub(super) fn upload(&self) -> SharedRate {
        self.desk.upload.clone()
    }

    /// The rate for what is received.
    pub(super) fn download(&self) -> SharedRate {
        self.desk.download.clone()
    }
}

impl Desk {
    fn new(config: &HttpConfig, now: Instant) -> Self {
        let turns = as_permits(config.max_connections_per_plugin);
        let seats = turns.saturating_add(as_permits(config.max_waiting_per_plugin));
        let rate = |rate: Option<plugdock_contracts::ByteSize>| {
            rate.map(|rate| Arc::new(Mutex::new(TokenBucket::new(rate.bytes(), now))))
        };
        Self {
            seats: Arc::new(Semaphore::new(seats.min(Semaphore::MAX_PERMITS))),
            turns: Arc::new(Semaphore::new(turns)),
            upload: rate(config.upload_per_second),
            download: rate(config.download_per_second),
        }
    }

    fn is_idle(self: &Arc<Self>, now: Instant) -> bool {
        let is_full = |rate: &SharedRate| {
            rate.as_ref().is_none_or(|rate| rate.lock().unwrap_or_else(PoisonError::into_inner).is_full(now))
        };
        Arc::strong_count(self) == 1 && is_full(&self.upload) && is_full(&self.download)
    }
}

fn as_permits(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_plugin_is_forgotten_when_it_is_idle_and_its_rates_are_full() {
        let rate = Some(plugdock_contracts::ByteSize::from_kib(10));
        let admission = Admission::new(&HttpConfig { upload_per_second: rate, ..HttpConfig::default() });
        let deadline = Deadline::tightest(Duration::from_secs(10), None, None);
        let known = || admission.desks.lock().unwrap().keys().map(ToString::to_string).collect::<Vec<_>>();
        let [one, two, three] = ["a/one", "a/two", "a/three"].map(|id| PluginId::new(id).unwrap());
        let held = admission.admit(&one, &deadline).await.unwrap();
        let used = admission.admit(&two, &deadline).await.unwrap();
        used.upload().unwrap().lock().unwrap().take(Instant::now(), 1024).unwrap();
        drop(used);
        drop(admission.admit(&three, &deadline).await.unwrap());
        assert_eq!(known().len(), 3);
        tokio::time::advance(Duration::from_secs(1)).await;
        let four = PluginId::new("a/four").unwrap();
        drop(admission.admit(&four, &deadline).await.unwrap());
        let mut left = known();
        left.sort();
        assert_eq!(left, ["a/four", "a/one"]);
        drop(held);
    }
}
