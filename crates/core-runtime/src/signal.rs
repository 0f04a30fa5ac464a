//! The signals that ask a program to stop: SIGINT (Ctrl-C) and SIGTERM.
//! Nothing listens for them unless asked to; once it does, the system no longer ends the process by itself.

use std::fmt;
use std::io;

use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A request to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum StopSignal {
    /// SIGINT: a person at the terminal.
    Interrupt,
    /// SIGTERM: a supervisor.
    Terminate,
}

impl fmt::Display for StopSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        })
    }
}

/// Where requests to stop come from.
#[derive(Debug)]
pub struct StopSignals(Source);

#[derive(Debug)]
enum Source {
    System { interrupt: Signal, terminate: Signal },
    Told(tokio::sync::mpsc::Receiver<StopSignal>),
}

impl StopSignals {
    /// Listens to the system's signals, from now on and for the life of the process.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen() -> io::Result<Self> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self(Source::System { interrupt, terminate }))
    }

    /// The next request to stop. Cancel safe.
    pub async fn next(&mut self) -> StopSignal {
        match &mut self.0 {
            Source::System { interrupt, terminate } => tokio::select! {
                // `recv` answers `None` only when the runtime is gone, and then nobody polls this.
                _ = interrupt.recv() => StopSignal::Interrupt,
                _ = terminate.recv() => StopSignal::Terminate,
            },
            Source::Told(told) => match told.recv().await {
                Some(signal) => signal,
                None => std::future::pending().await,
            },
        }
    }

    /// Requests that come from elsewhere: a service manager's own channel, or a test. When the sender is gone, none come.
    pub fn told(told: tokio::sync::mpsc::Receiver<StopSignal>) -> Self {
        Self(Source::Told(told))
    }
}
