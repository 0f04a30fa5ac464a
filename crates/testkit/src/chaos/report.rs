//! What a soak came to: the counts as a table, the memory, and everything that is not as it must be.
//! It is for people; tests ask for the violations alone.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use plugdock_contracts::stats::BackendStats;

use super::attacker::Followed;
use super::ledger::{Counts, OK, UNSEEN};
use super::memory::{Growth, MOST_GROWTH_KIB};

/// The result of a soak.
#[derive(Debug)]
#[non_exhaustive]
pub struct SoakReport {
    pub(super) seed: u64,
    pub(super) length: Duration,
    pub(super) drain: Duration,
    pub(super) kinds: BTreeMap<&'static str, Counts>,
    pub(super) deeds: BTreeMap<&'static str, u64>,
    pub(super) stats: BackendStats,
    pub(super) followed: Followed,
    pub(super) growth: Growth,
    pub(super) violations: Vec<String>,
}

impl SoakReport {
    /// Everything that is not as it must be; empty when the pool kept all its promises.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// Compares the backend's numbers with those of the callers.
    pub(super) fn compare(&mut self, apart: &str) {
        let stats = &self.stats;
        let mut wrong = Vec::new();
        if (stats.running, stats.waiting, stats.workers) != (0, 0, 0) {
            wrong.push(format!(
                "{} run, {} wait, {} workers live",
                stats.running, stats.waiting, stats.workers
            ));
        }
        if stats.started != stats.succeeded + stats.failed {
            wrong.push(format!("admitted {} and ended {}", stats.started, stats.succeeded + stats.failed));
        }
        let nested = stats.by_plugin.get(apart).cloned().unwrap_or_default();
        let made: u64 = self.kinds.values().map(|counts| counts.started).sum();
        if stats.started != made + nested.succeeded + nested.failed {
            let n_nested = nested.succeeded + nested.failed;
            wrong.push(format!(
                "callers made {made}, handlers {n_nested}, and {} were started",
                stats.started
            ));
        }
        // Those that nobody saw ended too, with whatever the callers did not count.
        let seen = self.seen();
        let mut missing = 0;
        let mut differ = |end: &str, theirs: u64| {
            let ours = seen.get(end).copied().unwrap_or(0);
            if ours > theirs {
                wrong.push(format!("callers saw {ours} times {end}, the backend counts {theirs}"));
            }
            missing += theirs.saturating_sub(ours);
        };
        differ(OK, stats.succeeded - nested.succeeded);
        for (code, count) in &stats.failed_by_code {
            differ(code, count - nested.failed_by_code.get(code).copied().unwrap_or(0));
        }
        for code in seen.keys().filter(|end| !matches!(end.as_str(), OK | UNSEEN)) {
            if !stats.failed_by_code.contains_key(code) {
                wrong.push(format!("callers saw {code}, the backend does not count it"));
            }
        }
        let unseen = seen.get(UNSEEN).copied().unwrap_or(0);
        if missing != unseen {
            wrong.push(format!("{unseen} ended unseen, the backend counts {missing} more than callers saw"));
        }
        self.violations.append(&mut wrong);
        self.compare_events();
    }

    fn compare_events(&mut self) {
        let heard = &self.followed;
        if heard.lost > 0 {
            // What is not known is not compared; a subscriber that listens loses events only on a machine that stalls.
            return;
        }
        if heard.spawned != heard.exited {
            self.violations.push(format!("{} workers were ready and {} gone", heard.spawned, heard.exited));
        }
        if heard.crashed != self.stats.crashed {
            self.violations
                .push(format!("{} crashes were told, {} counted", heard.crashed, self.stats.crashed));
        }
    }

    fn seen(&self) -> BTreeMap<String, u64> {
        let mut seen = BTreeMap::new();
        for (end, count) in self.kinds.values().flat_map(|counts| &counts.ends) {
            *seen.entry(end.clone()).or_default() += count;
        }
        seen
    }
}

impl fmt::Display for SoakReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "soak of {:?}, seed {}, drained in {:.1?}", self.length, self.seed, self.drain)?;
        writeln!(f, "{:<20} {:>7} {:>7} {:>7}  failed", "calls", "made", OK, UNSEEN)?;
        let write = |f: &mut fmt::Formatter<'_>, name: &str, started: u64, ends: &BTreeMap<String, u64>| {
            let of = |end: &str| ends.get(end).copied().unwrap_or(0);
            let failed: Vec<String> = ends
                .iter()
                .filter(|(end, _)| !matches!(end.as_str(), OK | UNSEEN))
                .map(|(end, count)| format!("{end} {count}"))
                .collect();
            writeln!(f, "{name:<20} {started:>7} {:>7} {:>7}  {}", of(OK), of(UNSEEN), failed.join(", "))
        };
        for (name, counts) in &self.kinds {
            write(f, name, counts.started, &counts.ends)?;
        }
        write(f, "all", self.kinds.values().map(|counts| counts.started).sum(), &self.seen())?;
        let deeds: Vec<String> = self.deeds.iter().map(|(deed, count)| format!("{deed} {count}")).collect();
        writeln!(f, "done to it: {}", deeds.join(", "))?;
        let pool = self.stats.pool.clone().unwrap_or_default();
        writeln!(
            f,
            "workers: {} ready, {} crashed, {} starts failed, {} unhealthy, {} quarantines, recycled {:?}",
            self.followed.spawned,
            self.stats.crashed,
            pool.start_failed,
            pool.health_failed,
            self.followed.quarantined,
            pool.recycled
        )?;
        writeln!(
            f,
            "calls taken back {}, retried {}, refused for a full queue {}",
            pool.redispatched, pool.retried, pool.queue_full
        )?;
        writeln!(f, "workers by plugin: {:?}", self.followed.by_plugin)?;
        let Growth { warm, end, peak, n } = self.growth;
        writeln!(
            f,
            "host's memory: {warm} KiB after the warm-up, {end} KiB at the end, {peak} KiB at most ({n} values, {MOST_GROWTH_KIB} KiB of growth allowed)"
        )?;
        writeln!(f, "events lost by the subscriber that listens: {}", self.followed.lost)?;
        for violation in &self.violations {
            writeln!(f, "VIOLATION {violation}")?;
        }
        write!(f, "{} violations", self.violations.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(started: u64, ends: &[(&str, u64)], change: impl FnOnce(&mut BackendStats)) -> Vec<String> {
        let mut stats = BackendStats::default();
        (stats.started, stats.succeeded, stats.failed) = (10, 7, 3);
        stats.failed_by_code.insert("TIMEOUT".to_owned(), 3);
        change(&mut stats);
        let ends = ends.iter().map(|(end, count)| ((*end).to_owned(), *count)).collect();
        let mut report = SoakReport {
            seed: 1,
            length: Duration::ZERO,
            drain: Duration::ZERO,
            kinds: [("echo", Counts { started, ends })].into(),
            deeds: BTreeMap::new(),
            stats,
            followed: Followed::default(),
            growth: Growth { warm: 0, end: 0, peak: 0, n: 0 },
            violations: Vec::new(),
        };
        report.compare("acme/nested");
        report.violations
    }

    #[test]
    fn numbers_that_agree_are_no_violation() {
        let none: Vec<String> = Vec::new();
        assert_eq!(report(10, &[(OK, 7), ("TIMEOUT", 3)], |_| {}), none);
        assert_eq!(report(10, &[(OK, 5), ("TIMEOUT", 2), (UNSEEN, 3)], |_| {}), none);
    }

    #[test]
    fn every_disagreement_is_a_violation() {
        let all = [(OK, 7), ("TIMEOUT", 3)];
        for (what, wrong) in [
            ("an execution that never ended", report(11, &all, |stats| stats.started = 11)),
            ("one that nobody started", report(9, &all, |_| {})),
            ("a success that is not counted", report(10, &[(OK, 8), ("TIMEOUT", 2)], |_| {})),
            ("another code", report(10, &[(OK, 7), ("ABORTED", 3)], |_| {})),
            ("one too many unseen", report(10, &[(OK, 7), ("TIMEOUT", 3), (UNSEEN, 1)], |_| {})),
            ("a worker that is left", report(10, &all, |stats| stats.workers = 1)),
            ("a crash that was not told", report(10, &all, |stats| stats.crashed = 1)),
        ] {
            assert!(!wrong.is_empty(), "{what} is not found");
        }
    }
}
