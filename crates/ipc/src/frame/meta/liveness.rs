//! Whether the worker is there, whether the plugin is well, and the request to finish.
//! What follows from an answer is the asker's policy.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::excess::{Bounded, Excess, text};

/// Are you there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ping {
    /// Comes back in the pong.
    pub nonce: u64,
}

/// I am.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pong {
    /// The nonce of the ping.
    pub nonce: u64,
    /// Whether a call is open.
    #[serde(default)]
    pub busy: bool,
    /// Milliseconds since the scheduler of the worker's handlers last proved that it runs; none where it never does.
    #[serde(default)]
    pub heartbeat_age_ms: Option<u64>,
}

/// Ask the plugin's own health function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Comes back in the report.
    pub nonce: u64,
}

/// What the plugin's health function said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HealthReport {
    /// The nonce of the check.
    pub nonce: u64,
    /// How well it is.
    pub level: HealthLevel,
    /// The same for people.
    #[serde(default)]
    pub detail: String,
}

/// How well a plugin is. Append-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthLevel {
    /// It can work.
    #[default]
    Healthy,
    /// It can work, not as it should.
    Degraded,
    /// It cannot work.
    Unhealthy,
}

/// Finish what runs, take nothing new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Drain {
    /// Time left for it, in microseconds; none for as long as it takes.
    #[serde(default)]
    pub deadline_us: Option<u64>,
}

impl Drain {
    /// Time left.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline_us.map(Duration::from_micros)
    }
}

impl Bounded for HealthReport {
    fn check(&self) -> Result<(), Excess> {
        text("detail", &self.detail)
    }
}

impl Bounded for Ping {}
impl Bounded for Pong {}
impl Bounded for HealthCheck {}
impl Bounded for Drain {}
