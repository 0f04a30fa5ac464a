//! What can happen in a simulated life. What it happens to is a number modulo what there is when it happens.

use std::fmt;

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A request comes.
    Submit(Arrival),
    /// A caller gives up.
    Cancel(u16),
    /// A call is over.
    End { nth: u16, how: End },
    /// A worker that is started introduces itself, whether it is still wanted or not.
    Ready(u16),
    /// One does not.
    FailStart { nth: u16, permanent: bool },
    /// One cannot be started for so many milliseconds, and its plugin is not the reason.
    Postpone { nth: u16, ms: u16 },
    /// A worker that was sent away or killed, or that died under a call, is gone.
    Exit(u16),
    /// A worker dies by itself. The ends of its calls are told before its own, or later.
    Crash { nth: u16, calls_first: bool },
    /// A health check is answered.
    Answer { nth: u16, how: Reply },
    /// Time passes, and nobody looks.
    Pass(u16),
    /// Time passes until something is due, and so many milliseconds more, and somebody looks.
    Tick(u16),
    /// The pool's bounds change.
    Resize { min: u8, max: u8 },
    /// A lane's program is replaced.
    Reload(u16),
}

/// A request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) lane: u16,
    /// None with 0.
    pub(super) tenant: u8,
    /// 0 to 2, the highest most urgent.
    pub(super) priority: u8,
    pub(super) concurrent: bool,
    pub(super) nested: bool,
    pub(super) bytes: u16,
    /// Milliseconds that it waits at most.
    pub(super) patience: Option<u16>,
}

/// How a call is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Well, and so many bytes are resident then.
    Fine { resident: u16 },
    /// The caller had gone before it began.
    Unused,
    /// It had to be stopped.
    Tainted,
    /// The worker died of it.
    Gone,
    /// The worker died before it began.
    TakenBack,
    /// The worker died of it, and it may be tried again.
    Retried,
}

/// What a worker says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    Healthy,
    Degraded,
    Unhealthy,
    Silent,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Submit(arrival) => {
                let Arrival { lane, tenant, priority, concurrent, nested, bytes, patience } = arrival;
                write!(f, "submit lane#{lane} tenant {tenant} priority {priority} {bytes} B")?;
                if let Some(patience) = patience {
                    write!(f, " waits {patience} ms")?;
                }
                f.write_str(if *concurrent { " concurrent" } else { "" })?;
                f.write_str(if *nested { " nested" } else { "" })
            }
            Self::Cancel(nth) => write!(f, "cancel #{nth}"),
            Self::End { nth, how } => write!(f, "end #{nth} {how:?}"),
            Self::Ready(nth) => write!(f, "ready #{nth}"),
            Self::FailStart { nth, permanent } => {
                write!(f, "start fails #{nth}{}", if *permanent { " for good" } else { "" })
            }
            Self::Postpone { nth, ms } => write!(f, "start postponed #{nth} by {ms} ms"),
            Self::Exit(nth) => write!(f, "exit #{nth}"),
            Self::Crash { nth, calls_first } => {
                write!(f, "crash #{nth}, its calls {}", if *calls_first { "first" } else { "later" })
            }
            Self::Answer { nth, how } => write!(f, "answer #{nth} {how:?}"),
            Self::Pass(ms) => write!(f, "pass {ms} ms"),
            Self::Tick(over) => write!(f, "tick and {over} ms"),
            Self::Resize { min, max } => write!(f, "resize {min}..{max}"),
            Self::Reload(nth) => write!(f, "reload lane#{nth}"),
        }
    }
}
