//! The requests that wait or run, by ticket, and the tenants they are for.

use std::collections::HashMap;

use plugdock_contracts::{HandlerId, TenantId};

use super::member::WorkerKey;
use crate::pool::queue::{LaneKey, Level, TenantKey, Ticket};

/// Where a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallState {
    /// In the queue.
    Waiting,
    /// A worker is started for it alone.
    Bound(WorkerKey),
    /// On a worker.
    Running(WorkerKey),
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct CallEntry {
    pub(super) lane: LaneKey,
    pub(super) handler: HandlerId,
    pub(super) tenant: Option<TenantKey>,
    pub(super) level: Level,
    pub(super) bytes: u64,
    pub(super) since: std::time::Instant,
    pub(super) deadline: Option<std::time::Instant>,
    pub(super) nested: bool,
    pub(super) state: CallState,
}

/// All requests that wait or run.
#[derive(Debug, Default)]
pub(super) struct CallTable {
    calls: HashMap<Ticket, CallEntry>,
    tenants: HashMap<TenantId, (TenantKey, usize)>,
    names: HashMap<TenantKey, TenantId>,
    next_tenant: u32,
    n_running: usize,
}

impl CallTable {
    /// The key of a tenant, for one request more.
    pub(super) fn enter(&mut self, tenant: Option<&TenantId>) -> Option<TenantKey> {
        let tenant = tenant?;
        if let Some((key, n)) = self.tenants.get_mut(tenant) {
            *n += 1;
            return Some(*key);
        }
        let key = TenantKey(self.next_tenant);
        // After four thousand million tenants a number comes again; by then its first owner has no request.
        self.next_tenant = self.next_tenant.wrapping_add(1);
        self.tenants.insert(tenant.clone(), (key, 1));
        self.names.insert(key, tenant.clone());
        Some(key)
    }

    /// One request less of a tenant.
    pub(super) fn leave(&mut self, tenant: Option<TenantKey>) {
        let Some(name) = tenant.and_then(|key| self.names.get(&key)).cloned() else { return };
        if let Some((key, n)) = self.tenants.get_mut(&name) {
            *n -= 1;
            if *n == 0 {
                let key = *key;
                self.tenants.remove(&name);
                self.names.remove(&key);
            }
        }
    }

    pub(super) fn insert(&mut self, ticket: Ticket, entry: CallEntry) {
        self.calls.insert(ticket, entry);
    }

    pub(super) fn get(&self, ticket: Ticket) -> Option<&CallEntry> {
        self.calls.get(&ticket)
    }

    pub(super) fn set_state(&mut self, ticket: Ticket, state: CallState) {
        let Some(entry) = self.calls.get_mut(&ticket) else { return };
        let running = |state: &CallState| matches!(state, CallState::Running(_));
        self.n_running += usize::from(running(&state));
        self.n_running -= usize::from(running(&entry.state));
        entry.state = state;
    }

    /// Takes a request off the table; its tenant is left too.
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<CallEntry> {
        let entry = self.calls.remove(&ticket)?;
        self.n_running -= usize::from(matches!(entry.state, CallState::Running(_)));
        self.leave(entry.tenant);
        Some(entry)
    }

    /// All of them.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Requests on workers.
    pub(super) fn n_running(&self) -> usize {
        self.n_running
    }
}
