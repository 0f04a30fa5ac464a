//! Compares a receipt with its plan, and puts both into the words of a report.
//! It reads no machine state: the same inputs give the same answer anywhere.

use serde::{Deserialize, Serialize};

use crate::plan::SandboxPlan;
use crate::receipt::Receipt;

/// The signal number of `SIGKILL`, the only death signal a worker cannot ignore.
const KILL: i32 = libc::SIGKILL;

/// A fact of the receipt that is not what the plan says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{mechanism} should be {planned} but is {observed}")]
#[non_exhaustive]
pub struct Mismatch {
    /// Which mechanism.
    pub mechanism: String,
    /// What the plan says.
    pub planned: String,
    /// What the process found.
    pub observed: String,
}

/// Whether a mechanism holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EnforcementState {
    /// The process read it back as planned.
    InForce,
    /// Planned, and read back different.
    Failed,
    /// Held in part; the detail says how far.
    Partly,
    /// Asked for and not held; the detail says why.
    NotEnforced,
}

/// One line of a sandbox report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Mechanism {
    /// The mechanism or the limit.
    pub mechanism: String,
    /// Whether it holds.
    pub state: EnforcementState,
    /// The value, or the reason.
    pub detail: String,
}

/// Compares what the process found with what was planned.
///
/// # Errors
/// Every difference, not only the first.
pub fn verify(plan: &SandboxPlan, receipt: &Receipt) -> Result<(), Vec<Mismatch>> {
    let wrong: Vec<Mismatch> =
        checks(plan, receipt).into_iter().filter(|check| !check.holds()).map(Check::into_mismatch).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// What to tell a user: each planned mechanism with its state, then what is not enforced and why.
pub fn report(plan: &SandboxPlan, receipt: &Receipt) -> Vec<Mechanism> {
    let held = checks(plan, receipt).into_iter().map(|check| Mechanism {
        state: if check.holds() { EnforcementState::InForce } else { EnforcementState::Failed },
        mechanism: check.mechanism,
        detail: check.observed,
    });
    let missed = plan.unenforced.iter().map(|missed| Mechanism {
        mechanism: missed.limit.clone(),
        state: if missed.partly { EnforcementState::Partly } else { EnforcementState::NotEnforced },
        detail: missed.reason.clone(),
    });
    held.chain(missed).collect()
}

struct Check {
    mechanism: String,
    planned: String,
    observed: String,
}

impl Check {
    fn new(mechanism: &str, planned: impl ToString, observed: impl ToString) -> Self {
        Self {
            mechanism: mechanism.to_owned(),
            planned: planned.to_string(),
            observed: observed.to_string(),
        }
    }

    fn holds(&self) -> bool {
        self.planned == self.observed
    }

    fn into_mismatch(self) -> Mismatch {
        Mismatch { mechanism: self.mechanism, planned: self.planned, observed: self.observed }
    }
}

fn checks(plan: &SandboxPlan, receipt: &Receipt) -> Vec<Check> {
    let mut checks = vec![
        // The group is what gets killed, so a worker has to lead its own.
        Check::new("own-process-group", receipt.pid, receipt.process_group),
        // Within one session a process could move into another worker's group.
        Check::new("own-session", receipt.pid, receipt.session),
        Check::new("signals-blocked", "none", signals(receipt.signals_blocked)),
        Check::new("signals-ignored", "none", signals(receipt.signals_ignored)),
        Check::new("umask", format!("{:03o}", plan.umask), format!("{:03o}", receipt.umask)),
        Check::new("descriptors", list(0..=plan.last_descriptor), list(receipt.descriptors.iter().copied())),
    ];
    if plan.no_new_privs {
        checks.push(Check::new("no-new-privileges", true, receipt.no_new_privs));
    }
    if plan.die_with_spawner {
        checks.push(Check::new("parent-death-signal", KILL, receipt.death_signal.unwrap_or(0)));
    }
    if let Some(adj) = plan.oom_score_adj {
        checks.push(Check::new("oom-score-adj", adj, receipt.oom_score_adj));
    }
    for limit in &plan.rlimits {
        let observed = receipt.rlimit(limit.kind).map_or_else(|| "not reported".to_owned(), |o| o.to_string());
        checks.push(Check::new(limit.kind.as_str(), limit, observed));
    }
    checks
}

fn signals(mask: u64) -> String {
    if mask == 0 { "none".to_owned() } else { list((1..=64).filter(|n| mask & (1 << (n - 1)) != 0)) }
}

fn list(numbers: impl Iterator<Item = i32>) -> String {
    numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(",")
}
