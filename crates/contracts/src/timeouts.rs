//! How long each step of an execution may take. Queue wait and run time are two clocks with two codes.
//! All are lengths of time: a deadline is made from them once, at admission.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::span;

/// The run time its users know as the default: 30 s.
pub const DEFAULT_CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The wait for a worker its users know as the default: 5 s.
pub const DEFAULT_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Between the request to stop and the kill: long enough to flush a file, short enough for a person who waits.
pub const DEFAULT_GRACE: Duration = Duration::from_millis(500);

/// Bounds of one execution's steps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Timeouts {
    /// Wait for a worker or a slot; past it the code is `ACQUIRE_TIMEOUT`. Default 5 s.
    #[serde(with = "span::as_text::option", skip_serializing_if = "Option::is_none")]
    pub acquire: Option<Duration>,
    /// Run time of the handler; past it the code is `TIMEOUT`. Default 30 s.
    #[serde(with = "span::as_text::option", skip_serializing_if = "Option::is_none")]
    pub call: Option<Duration>,
    /// Between the cooperative signal and the kill. Default 500 ms; zero kills at once.
    #[serde(with = "span::as_text::option", skip_serializing_if = "Option::is_none")]
    pub grace: Option<Duration>,
    /// Run time after which the execution is reported as slow; it goes on. Default: never.
    #[serde(with = "span::as_text::option", skip_serializing_if = "Option::is_none")]
    pub slow_after: Option<Duration>,
}

impl Timeouts {
    /// Fills what is not set here from `defaults`.
    #[must_use]
    pub fn or(self, defaults: &Self) -> Self {
        Self {
            acquire: self.acquire.or(defaults.acquire),
            call: self.call.or(defaults.call),
            grace: self.grace.or(defaults.grace),
            slow_after: self.slow_after.or(defaults.slow_after),
        }
    }

    /// The wait for a worker, with its default.
    pub fn acquire(&self) -> Duration {
        self.acquire.unwrap_or(DEFAULT_ACQUIRE_TIMEOUT)
    }

    /// The run time, with its default.
    pub fn call(&self) -> Duration {
        self.call.unwrap_or(DEFAULT_CALL_TIMEOUT)
    }

    /// The grace, with its default.
    pub fn grace(&self) -> Duration {
        self.grace.unwrap_or(DEFAULT_GRACE)
    }
}
