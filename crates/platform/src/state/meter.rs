//! The operation rates of all namespaces.
//! It knows no keys and no values, and forgets a namespace that was idle for two minutes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use plugdock_contracts::service::ServiceError;

use super::SERVICE;
use super::operation_rate::OperationRate;
use crate::namespace::Namespace;

/// Namespaces that are kept before idle ones are looked for; below this their memory is not worth the search.
const SWEEP_AT: usize = 1024;

/// Counts operations for each namespace.
#[derive(Debug, Default)]
pub(super) struct Meter {
    rates: Mutex<Rates>,
}

#[derive(Debug, Default)]
struct Rates {
    by_owner: HashMap<Namespace, OperationRate>,
    sweep_at: usize,
}

impl Meter {
    /// Counts an operation of a namespace, or refuses it.
    pub(super) fn count(
        &self,
        owner: &Namespace,
        now: Instant,
        limit: Option<u64>,
    ) -> Result<(), ServiceError> {
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.sweep(now);
        let rate = rates.by_owner.entry(owner.clone()).or_insert_with(|| OperationRate::new(now));
        rate.count(now, limit).map_err(|used| {
            let limit = limit.unwrap_or(u64::MAX);
            let reason = format!("operations_per_minute is {limit}, {used} are used; try again in a minute");
            ServiceError::Quota { service: SERVICE, reason }
        })
    }
}

impl Rates {
    fn sweep(&mut self, now: Instant) {
        if self.by_owner.len() < self.sweep_at.max(SWEEP_AT) {
            return;
        }
        self.by_owner.retain(|_, rate| !rate.is_idle(now));
        // Twice what is in use, so that the cost of a search is spread over as many new namespaces.
        self.sweep_at = self.by_owner.len() * 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugdock_contracts::service::ServiceScope;
    use plugdock_contracts::{ExecutionId, PluginId};
    use std::time::Duration;

    fn owner(number: usize) -> Namespace {
        let plugin = PluginId::new(&format!("acme/p{number}")).unwrap();
        Namespace::of(&ServiceScope::new(plugin, None, ExecutionId::generate()))
    }

    #[test]
    fn idle_namespaces_are_forgotten_and_busy_ones_are_not() {
        let meter = Meter::default();
        let start = Instant::now();
        for number in 0..SWEEP_AT {
            meter.count(&owner(number), start, None).unwrap();
        }
        let later = start + Duration::from_secs(119);
        meter.count(&owner(SWEEP_AT), later, Some(1)).unwrap();
        assert_eq!(meter.rates.lock().unwrap().by_owner.len(), SWEEP_AT + 1);
        for number in 0..SWEEP_AT {
            meter.count(&owner(SWEEP_AT + 1 + number), start + Duration::from_secs(121), None).unwrap();
        }
        assert_eq!(meter.rates.lock().unwrap().by_owner.len(), SWEEP_AT + 1);
        assert!(meter.count(&owner(SWEEP_AT), later, Some(1)).is_err());
    }
}
