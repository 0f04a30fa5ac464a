//! The states of a plugin instance and the transitions between them. Every other transition is an error.
//! Unlike the design it follows, there is a way out of `Error`, and a loaded plugin can be stopped before it ran.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a plugin instance is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PluginState {
    /// Its manifest is being read and checked.
    Loading,
    /// It is known and checked, nothing runs.
    Loaded,
    /// Its resources are there.
    Initialized,
    /// It is being started.
    Starting,
    /// It takes calls.
    Running,
    /// It takes no more calls and finishes what runs.
    Stopping,
    /// Nothing of it runs.
    Stopped,
    /// A step failed. It can be stopped, and then started again or unloaded.
    Error,
    /// It is forgotten. The end.
    Unloaded,
}

/// A transition that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a plugin that is {from} cannot become {to}")]
pub struct IllegalTransition {
    /// Where it is.
    pub from: PluginState,
    /// Where it was to go.
    pub to: PluginState,
}

use PluginState::{Error, Initialized, Loaded, Loading, Running, Starting, Stopped, Stopping, Unloaded};

/// Every legal transition.
pub const TRANSITIONS: &[(PluginState, PluginState)] = &[
    (Loading, Loaded),
    (Loading, Error),
    (Loaded, Initialized),
    (Loaded, Unloaded),
    (Loaded, Error),
    (Initialized, Starting),
    (Initialized, Stopping),
    (Initialized, Error),
    (Starting, Running),
    (Starting, Stopping),
    (Starting, Error),
    (Running, Stopping),
    (Running, Error),
    (Stopping, Stopped),
    (Stopping, Error),
    (Stopped, Starting),
    (Stopped, Unloaded),
    (Error, Stopping),
    (Error, Unloaded),
];

impl PluginState {
    /// All states.
    pub const ALL: [Self; 9] =
        [Loading, Loaded, Initialized, Starting, Running, Stopping, Stopped, Error, Unloaded];

    /// Whether it may go there.
    pub fn can_become(self, to: Self) -> bool {
        TRANSITIONS.contains(&(self, to))
    }

    /// Goes there.
    ///
    /// # Errors
    /// [`IllegalTransition`] when there is no such way.
    pub fn transition(self, to: Self) -> Result<Self, IllegalTransition> {
        if self.can_become(to) { Ok(to) } else { Err(IllegalTransition { from: self, to }) }
    }

    /// `loading`, `loaded`, `initialized`, `starting`, `running`, `stopping`, `stopped`, `error` or `unloaded`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Loading => "loading",
            Loaded => "loaded",
            Initialized => "initialized",
            Starting => "starting",
            Running => "running",
            Stopping => "stopping",
            Stopped => "stopped",
            Error => "error",
            Unloaded => "unloaded",
        }
    }
}

impl fmt::Display for PluginState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn reachable(from: PluginState) -> HashSet<PluginState> {
        let mut seen = HashSet::from([from]);
        let mut open = vec![from];
        while let Some(state) = open.pop() {
            open.extend(PluginState::ALL.into_iter().filter(|to| state.can_become(*to) && seen.insert(*to)));
        }
        seen
    }

    #[test]
    fn every_state_can_be_left_for_good() {
        for state in PluginState::ALL {
            assert!(reachable(state).contains(&Unloaded), "no way out of {state}");
        }
    }

    #[test]
    fn every_state_can_be_reached() {
        assert_eq!(reachable(Loading).len(), PluginState::ALL.len());
    }

    #[test]
    fn what_is_not_in_the_table_is_refused() {
        assert_eq!(Running.transition(Loaded), Err(IllegalTransition { from: Running, to: Loaded }));
        assert_eq!(
            Unloaded.transition(Loading).unwrap_err().to_string(),
            "a plugin that is unloaded cannot become loading"
        );
        assert_eq!(Error.transition(Stopping), Ok(Stopping));
    }
}
