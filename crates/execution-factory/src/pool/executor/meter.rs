//! Which calls ran alone on their worker: only of those the CPU time of the process is their own.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Knows how many calls run on one worker.
#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<Load>);

#[derive(Debug, Default)]
struct Load {
    running: usize,
    /// Calls that began so far.
    begun: u64,
}

/// One running call. Dropped, it runs no more.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    meter: &'a Meter,
    /// Its number when it began alone.
    alone: Option<u64>,
    cpu: Option<Duration>,
}

impl Meter {
    fn lock(&self) -> MutexGuard<'_, Load> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call begins; `cpu` is the time of the process so far.
    pub(super) fn begin(&self, cpu: Option<Duration>) -> Turn<'_> {
        let mut load = self.lock();
        load.running += 1;
        load.begun += 1;
        let alone = (load.running == 1).then_some(load.begun);
        Turn { meter: self, alone, cpu }
    }
}

impl Turn<'_> {
    /// The CPU time of the call, if no other ran beside it; `cpu` is the time of the process now.
    pub(super) fn end(self, cpu: Option<Duration>) -> Option<Duration> {
        let undisturbed = self.alone == Some(self.meter.lock().begun);
        if undisturbed { cpu?.checked_sub(self.cpu?) } else { None }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.meter.lock().running -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_call_that_runs_alone_has_the_difference() {
        let meter = Meter::default();
        assert_eq!(meter.begin(Some(ms(10))).end(Some(ms(25))), Some(ms(15)));
        assert_eq!(meter.begin(Some(ms(30))).end(Some(ms(31))), Some(ms(1)));
        assert_eq!(meter.begin(None).end(Some(ms(31))), None, "what was not read is not known");
    }

    #[test]
    fn calls_that_met_have_none() {
        let meter = Meter::default();
        let first = meter.begin(Some(ms(0)));
        let second = meter.begin(Some(ms(1)));
        assert_eq!(second.end(Some(ms(2))), None);
        assert_eq!(first.end(Some(ms(3))), None, "another ran meanwhile");
        assert_eq!(meter.begin(Some(ms(4))).end(Some(ms(6))), Some(ms(2)));
    }
}
