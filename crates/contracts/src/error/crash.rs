//! Why a worker's process ended before its answer: what is known, never what is guessed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The true cause of a crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum CrashCause {
    /// It exited with a code and no answer.
    Exit {
        /// The exit code.
        code: i32,
    },
    /// A signal killed it that we did not send.
    Signal {
        /// The signal's number.
        signal: i32,
        /// Whether a core file was written.
        core: bool,
    },
    /// The kernel killed it for memory.
    OutOfMemory,
    /// It used its CPU time (`SIGXCPU`, or killed at the hard limit).
    CpuLimit,
    /// It wrote a file beyond its size limit (`SIGXFSZ`).
    FileSizeLimit,
    /// It made a system call that its sandbox forbids (`SIGSYS`).
    SandboxViolation,
    /// We killed it.
    Killed {
        /// Why.
        reason: KillReason,
    },
    /// It broke the protocol, and was killed for it.
    ProtocolViolation {
        /// Which rule it broke.
        detail: String,
    },
    /// It closed its end of the channel, but its process lived on until it was killed.
    ChannelClosed,
    /// The spawner died, and its workers with it.
    SpawnerLost,
}

/// Why we killed a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KillReason {
    /// It ran beyond its deadline and the grace.
    Timeout,
    /// The caller cancelled, and the grace was over.
    Cancelled,
    /// The backend stopped.
    Shutdown,
    /// It did not answer a health check.
    Unhealthy,
}

impl CrashCause {
    /// Makes the cause of an unexpected signal: the signals that a limit sends are named after the limit.
    pub fn from_signal(signal: i32, core: bool) -> Self {
        // Numbers of Linux on x86-64 and aarch64 (signal(7)).
        match signal {
            24 => Self::CpuLimit,
            25 => Self::FileSizeLimit,
            31 => Self::SandboxViolation,
            _ => Self::Signal { signal, core },
        }
    }
}

/// The name of a signal that ends a process, after signal(7) on x86-64 and aarch64.
fn signal_name(signal: i32) -> &'static str {
    match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        _ => "signal",
    }
}

impl fmt::Display for CrashCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit { code } => write!(f, "exited with code {code} and no answer"),
            Self::Signal { signal, core } => {
                let core = if *core { ", core dumped" } else { "" };
                write!(f, "killed by {} ({signal}{core})", signal_name(*signal))
            }
            Self::OutOfMemory => f.write_str("killed by the kernel: out of memory"),
            Self::CpuLimit => f.write_str("used up its CPU time"),
            Self::FileSizeLimit => f.write_str("wrote a file beyond its size limit"),
            Self::SandboxViolation => f.write_str("made a system call that its sandbox forbids"),
            Self::Killed { reason: KillReason::Timeout } => {
                f.write_str("killed: it ignored the request to stop at its deadline")
            }
            Self::Killed { reason: KillReason::Cancelled } => {
                f.write_str("killed: it ignored the request to cancel")
            }
            Self::Killed { reason: KillReason::Shutdown } => f.write_str("killed: the backend stopped"),
            Self::Killed { reason: KillReason::Unhealthy } => {
                f.write_str("killed: it did not answer its health check")
            }
            Self::ProtocolViolation { detail } => write!(f, "broke the protocol: {detail}"),
            Self::ChannelClosed => f.write_str("closed its channel without an answer"),
            Self::SpawnerLost => f.write_str("died with the spawner"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signals_of_limits_are_named_after_the_limit() {
        assert_eq!(CrashCause::from_signal(24, false), CrashCause::CpuLimit);
        assert_eq!(CrashCause::from_signal(25, false), CrashCause::FileSizeLimit);
        assert_eq!(CrashCause::from_signal(31, true), CrashCause::SandboxViolation);
        assert_eq!(CrashCause::from_signal(11, true).to_string(), "killed by SIGSEGV (11, core dumped)");
    }
}
