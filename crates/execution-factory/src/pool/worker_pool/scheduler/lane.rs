//! One worker identity as the scheduler knows it: its workers, its breaker, and what it learned of its handlers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use plugdock_contracts::{HandlerId, PluginId};

use super::member::WorkerKey;
use super::tally::Tally;
use crate::pool::lifecycle::Breaker;
use crate::pool::queue::PluginKey;

/// One lane.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) plugin: PluginId,
    pub(super) plugin_key: PluginKey,
    /// Workers that are kept of it.
    pub(super) warm: usize,
    /// Workers that live, whatever they do.
    pub(super) members: BTreeSet<WorkerKey>,
    /// Ready workers without a call, by how long.
    pub(super) idle: BTreeSet<(Instant, WorkerKey)>,
    /// Busy workers that can take a further concurrent call, by how many they have.
    pub(super) shared: BTreeSet<(usize, WorkerKey)>,
    /// What they are.
    pub(super) tally: Tally,
    /// Slots of workers that are going and have no call, which it gets.
    pub(super) promised: usize,
    /// Workers that go for its sake when their calls are over.
    pub(super) pledged: usize,
    /// No worker of it is started for now.
    pub(super) held: bool,
    pub(super) breaker: Breaker,
    /// Its handlers that may run beside other calls, as its workers said.
    pub(super) concurrent: Arc<BTreeSet<HandlerId>>,
    /// Calls that run or wait.
    pub(super) n_calls: usize,
    /// Its program was replaced: it takes nothing more.
    pub(super) closed: bool,
    pub(super) timer: Option<Instant>,
}

impl Lane {
    pub(super) fn new(plugin: PluginId, plugin_key: PluginKey, warm: usize, breaker: Breaker) -> Self {
        Self {
            plugin,
            plugin_key,
            warm,
            members: BTreeSet::new(),
            idle: BTreeSet::new(),
            shared: BTreeSet::new(),
            tally: Tally::default(),
            promised: 0,
            pledged: 0,
            held: false,
            breaker,
            concurrent: Arc::default(),
            n_calls: 0,
            closed: false,
            timer: None,
        }
    }
}
