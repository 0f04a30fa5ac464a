//! The phases of a worker and the one table of what may follow what.
//! It does not know why a step was taken; an owner that takes one the table lacks has lost count, and is told.

use std::fmt;

use plugdock_contracts::worker::WorkerState;

/// Where a worker is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// Its process is being started and introduced.
    Starting,
    /// Ready and without a call.
    Idle,
    /// With at least one call.
    Busy,
    /// It finishes what it has and takes nothing more.
    Draining,
    /// It is gone.
    Stopped,
}

/// What happens to a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// It introduced itself.
    Ready,
    /// It did not introduce itself, and its process is gone.
    StartFailed,
    /// A call is given to it.
    CallBegins,
    /// The last of its calls ended. That others end while one goes on changes nothing and is no step.
    LastCallEnds,
    /// It shall take no further call. It may be told more than once, for more than one reason.
    Drain,
    /// Its process is gone, whatever the reason; what calls it had ended with it.
    Exit,
}

/// What may follow what; anything else is [`IllegalTransition`].
const TRANSITIONS: [(Phase, Step, Phase); 16] = [
    (Phase::Starting, Step::Ready, Phase::Idle),
    (Phase::Starting, Step::StartFailed, Phase::Stopped),
    (Phase::Starting, Step::Drain, Phase::Draining),
    (Phase::Starting, Step::Exit, Phase::Stopped),
    (Phase::Idle, Step::CallBegins, Phase::Busy),
    (Phase::Idle, Step::Drain, Phase::Draining),
    (Phase::Idle, Step::Exit, Phase::Stopped),
    (Phase::Busy, Step::CallBegins, Phase::Busy),
    (Phase::Busy, Step::LastCallEnds, Phase::Idle),
    (Phase::Busy, Step::Drain, Phase::Draining),
    (Phase::Busy, Step::Exit, Phase::Stopped),
    // A worker that was sent away while it started still says that it is ready, or fails.
    (Phase::Draining, Step::Ready, Phase::Draining),
    (Phase::Draining, Step::StartFailed, Phase::Stopped),
    (Phase::Draining, Step::LastCallEnds, Phase::Draining),
    (Phase::Draining, Step::Drain, Phase::Draining),
    (Phase::Draining, Step::Exit, Phase::Stopped),
];

impl Phase {
    /// The phase after a step.
    ///
    /// # Errors
    /// [`IllegalTransition`] when the table has no such step from here; the phase stays as it was.
    pub(crate) fn after(self, step: Step) -> Result<Self, IllegalTransition> {
        TRANSITIONS
            .iter()
            .find(|(from, taken, _)| (*from, *taken) == (self, step))
            .map(|(_, _, to)| *to)
            .ok_or(IllegalTransition { from: self, step })
    }

    /// The word that people read.
    pub(crate) const fn as_str(self) -> &'static str {
        self.state().as_str()
    }

    /// The same as it is told outside.
    pub(crate) const fn state(self) -> WorkerState {
        match self {
            Self::Starting => WorkerState::Starting,
            Self::Idle => WorkerState::Idle,
            Self::Busy => WorkerState::Busy,
            Self::Draining => WorkerState::Draining,
            Self::Stopped => WorkerState::Stopped,
        }
    }

    /// Whether a call may be given to a worker in this phase, as far as the phase goes.
    pub(crate) const fn takes_calls(self) -> bool {
        matches!(self, Self::Idle | Self::Busy)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Step {
    /// The words that people read.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::StartFailed => "start failed",
            Self::CallBegins => "call begins",
            Self::LastCallEnds => "last call ends",
            Self::Drain => "drain",
            Self::Exit => "exit",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A step that cannot be taken in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a worker that is {from} cannot take the step `{step}`")]
pub(crate) struct IllegalTransition {
    /// The phase it is in.
    pub(crate) from: Phase,
    /// What was to happen.
    pub(crate) step: Step,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::lifecycle::mixer::{mix, up_to};

    const PHASES: [Phase; 5] = [Phase::Starting, Phase::Idle, Phase::Busy, Phase::Draining, Phase::Stopped];
    const STEPS: [Step; 6] =
        [Step::Ready, Step::StartFailed, Step::CallBegins, Step::LastCallEnds, Step::Drain, Step::Exit];

    /// The full product, written by hand: columns as `STEPS`, `-` for what is illegal.
    const WANTED: &str = "
        starting: idle     stopped -        -        draining stopped
        idle:     -        -       busy     -        draining stopped
        busy:     -        -       busy     idle     draining stopped
        draining: draining stopped -        draining draining stopped
        stopped:  -        -       -        -        -        -
    ";

    fn wanted(from: Phase, step: Step) -> Option<&'static str> {
        let mut rows = WANTED.lines().filter_map(|line| line.trim().split_once(':'));
        let (_, row) = rows.find(|(name, _)| *name == from.as_str()).unwrap();
        let column = STEPS.iter().position(|known| *known == step).unwrap();
        row.split_whitespace().nth(column).filter(|cell| *cell != "-")
    }

    #[test]
    fn every_pair_is_as_the_table_says() {
        for from in PHASES {
            for step in STEPS {
                let after = from.after(step);
                assert_eq!(after.ok().map(Phase::as_str), wanted(from, step), "{from}, {step}");
                assert_eq!(after.is_err(), after == Err(IllegalTransition { from, step }));
            }
        }
    }

    #[test]
    fn no_pair_is_in_the_table_twice() {
        for (n, (from, step, _)) in TRANSITIONS.iter().enumerate() {
            let again = TRANSITIONS[n + 1..].iter().any(|row| (row.0, row.1) == (*from, *step));
            assert!(!again, "{from}, {step}");
        }
    }

    #[test]
    fn an_illegal_step_names_phase_and_step() {
        let error = Phase::Stopped.after(Step::CallBegins).unwrap_err();
        assert_eq!(error.to_string(), "a worker that is stopped cannot take the step `call begins`");
    }

    #[test]
    fn a_draining_worker_finishes_its_calls_and_takes_no_more() {
        let draining = Phase::Busy.after(Step::Drain).unwrap();
        assert!(draining.after(Step::CallBegins).is_err());
        assert_eq!(draining.after(Step::LastCallEnds), Ok(Phase::Draining));
        assert_eq!(draining.after(Step::Exit), Ok(Phase::Stopped));
    }

    /// 400 lives of random steps. What the table cannot show in one row: no way leads back from draining or stopped, a
    /// call is only ever given to a worker that was ready, and each life can end.
    #[test]
    fn a_long_random_walk_keeps_the_order_of_a_life() {
        let rank = |phase| match phase {
            Phase::Starting => 0,
            Phase::Idle | Phase::Busy => 1,
            Phase::Draining => 2,
            Phase::Stopped => 3,
        };
        let (mut seed, mut n_refused, mut n_stopped) = (0_u64, 0, 0);
        for _life in 0..400 {
            let (mut phase, mut was_ready) = (Phase::Starting, false);
            for _step in 0..50 {
                seed = mix(seed);
                let step = STEPS[usize::try_from(up_to(STEPS.len() as u64 - 1, seed)).unwrap()];
                let Ok(after) = phase.after(step) else {
                    n_refused += 1;
                    continue;
                };
                assert!(rank(after) >= rank(phase), "{phase} to {after} by {step}");
                was_ready |= step == Step::Ready;
                assert!(was_ready || !after.takes_calls(), "{phase} to {after} by {step}");
                assert_eq!(after == Phase::Stopped, matches!(step, Step::Exit | Step::StartFailed));
                phase = after;
            }
            n_stopped += u32::from(phase == Phase::Stopped);
        }
        assert!(n_refused > 0 && n_stopped > 300, "{n_refused} refused, {n_stopped} stopped");
    }
}
