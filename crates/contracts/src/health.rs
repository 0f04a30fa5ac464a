//! Health in three levels, with what is wrong. A level is judged by the worst finding, never by a missing answer being good.

use serde::{Deserialize, Serialize};

/// How well something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthLevel {
    /// It works.
    Healthy,
    /// It works, with less than it should have.
    Degraded,
    /// It does not work.
    Unhealthy,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthIssue {
    /// A stable word, for example `spawner-lost`.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// How bad it is.
    pub level: HealthLevel,
}

impl HealthIssue {
    /// An issue of a level.
    pub fn new(level: HealthLevel, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), level }
    }
}

/// Whether something can work, and what hinders it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthReport {
    /// The worst level of all issues.
    pub level: HealthLevel,
    /// What is wrong.
    pub issues: Vec<HealthIssue>,
}

impl HealthReport {
    /// The report of these issues; none means healthy.
    pub fn of(issues: Vec<HealthIssue>) -> Self {
        let level = issues.iter().map(|issue| issue.level).max().unwrap_or(HealthLevel::Healthy);
        Self { level, issues }
    }

    /// Whether nothing is wrong.
    pub fn is_healthy(&self) -> bool {
        self.level == HealthLevel::Healthy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_issue_decides() {
        let issue = |level| HealthIssue::new(level, "x", "y");
        assert!(HealthReport::of(Vec::new()).is_healthy());
        let report = HealthReport::of(vec![issue(HealthLevel::Unhealthy), issue(HealthLevel::Degraded)]);
        assert_eq!(report.level, HealthLevel::Unhealthy);
    }
}
