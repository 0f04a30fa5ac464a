//! Who gets a worker: whose turn it is for a free slot, and when a lane has to give one up. It takes no waiter.

use super::fair_queue::FairQueue;
use super::key::{LaneKey, PluginKey};
use super::level::Level;

impl FairQueue {
    /// Says how many worker processes of a lane hold a slot, starting ones included. More than before is a slot that was
    /// given: its plugin begins a turn, and goes to the end of the line. A slot that changes hands must be told at once
    /// for both lanes.
    pub(crate) fn set_workers(&mut self, lane: LaneKey, n: usize) {
        let turn = self.config.turn;
        let Some(known) = self.lanes.get_mut(&lane) else { return };
        let before = std::mem::replace(&mut known.workers, n);
        let key = known.plugin;
        let Some(plugin) = self.plugins.get_mut(&key) else { return };
        plugin.workers = plugin.workers + n - before;
        if n > before {
            self.served += 1;
            plugin.served = self.served;
            plugin.begin_turn(turn);
        }
        self.restand(key);
    }

    /// Says how many calls the starting workers of a lane will take when they are ready.
    pub(crate) fn set_coming(&mut self, lane: LaneKey, n: usize) {
        let Some(known) = self.lanes.get_mut(&lane) else { return };
        let before = std::mem::replace(&mut known.coming, n);
        let key = known.plugin;
        if let Some(plugin) = self.plugins.get_mut(&key) {
            plugin.coming = plugin.coming + n - before;
        }
        self.refresh(lane);
    }

    /// A lane that is held wants no slot, whoever waits in it, and keeps none of its plugin's other lanes from wanting one.
    pub(crate) fn set_held(&mut self, lane: LaneKey, held: bool) {
        if let Some(known) = self.lanes.get_mut(&lane) {
            known.held = held;
            self.refresh(lane);
        }
    }

    /// The lane that should get the next free slot, of those with a waiter whom no coming worker will take: the highest
    /// level, then the plugin with the fewest workers for its weight, then the one that has gone longest without being
    /// given a slot, and of a plugin's lanes the one with the oldest such waiter.
    pub(crate) fn wanting(&self) -> Option<LaneKey> {
        let first = self.standings.first()?;
        let want = self.plugins.get(&first.plugin)?.first_want(self.config.plugin_cap)?;
        Some(want.lane)
    }

    /// Whether a lane wants a slot, whoever else wants one more.
    pub(crate) fn wants_slot(&self, lane: LaneKey) -> bool {
        let Some(known) = self.lanes.get(&lane).filter(|known| known.want.is_some()) else { return false };
        self.plugins
            .get(&known.plugin)
            .is_some_and(|plugin| plugin.first_want(self.config.plugin_cap).is_some())
    }

    /// A worker of `lane` is free and there is no free slot: the lane that should get its slot instead of the lane's own
    /// next waiter. Nothing when the lane keeps it. To be asked once for each worker that becomes free, because a question
    /// may begin the plugin's next turn.
    pub(crate) fn yields_to(&mut self, lane: LaneKey) -> Option<LaneKey> {
        let own = self.lanes.get(&lane)?.plugin;
        let head = self.head_of(lane).map(|(_, level)| level);
        let first = self.standings.first()?.level();
        if head.is_none_or(|level| level < first) {
            return self.wanting().filter(|wanting| *wanting != lane);
        }
        if !self.plugins.get(&own)?.is_turn_over() {
            return None;
        }
        let entitled = self.entitled(own, first).or_else(|| self.own_without_worker(own, lane));
        // One on a lower level is not entitled, however little it had.
        let entitled = entitled.filter(|_| head == Some(first));
        if entitled.is_none() {
            self.plugins.get_mut(&own)?.begin_turn(self.config.turn);
        }
        entitled
    }

    /// The lane of another plugin to which one gives a slot up at the end of its turn: the plugin had less, and has fewer
    /// workers for its weight. Asked are the one that had least and the one with the fewest workers, because the first
    /// may be one whose workers are at calls so long that what they use is not known yet.
    fn entitled(&self, own: PluginKey, level: Level) -> Option<LaneKey> {
        let mine = self.plugins.get(&own)?;
        let candidates = [
            self.accounts[level as usize].first().map(|account| account.plugin),
            self.standings.first().map(|standing| standing.plugin),
        ];
        candidates.into_iter().flatten().find_map(|key| {
            let other = self.plugins.get(&key)?;
            let is_entitled = other.used() < mine.used() && other.share() < mine.share();
            other.first_want(self.config.plugin_cap).filter(|_| is_entitled).map(|want| want.lane)
        })
    }

    /// The lane of the same plugin that is first to want a slot, if it has none.
    fn own_without_worker(&self, own: PluginKey, lane: LaneKey) -> Option<LaneKey> {
        let want = self.plugins.get(&own)?.first_want(self.config.plugin_cap)?;
        let has_none = self.lanes.get(&want.lane)?.workers == 0;
        (want.lane != lane && has_none).then_some(want.lane)
    }

    /// Whether anybody else could use a slot of this plugin: another plugin, or a lane of its own that has none.
    pub(super) fn is_contested(&self, plugin: PluginKey) -> bool {
        let others =
            self.standings.len() > 1 || self.standings.first().is_some_and(|first| first.plugin != plugin);
        others
            || self.plugins.get(&plugin).is_some_and(|known| {
                let first = known.wants.first().and_then(|want| self.lanes.get(&want.lane));
                known.wants.len() > 1 || first.is_some_and(|lane| lane.workers == 0)
            })
    }
}
