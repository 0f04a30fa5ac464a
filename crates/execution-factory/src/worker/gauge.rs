//! What a running worker uses, as the kernel tells it of a process number. It never guesses: what cannot be read is absent.

use std::time::Duration;

use nix::time::clock_getcpuclockid;
use nix::unistd::{Pid, SysconfVar, sysconf};

use crate::process::WorkerProcess;

/// CPU time of all threads of the worker's first process so far; not of its children.
pub(crate) fn cpu_of(worker: &WorkerProcess) -> Option<Duration> {
    of_living(worker, |pid| {
        let time = clock_getcpuclockid(pid).ok()?.now().ok()?;
        // A process's clock is never negative.
        Some(Duration::new(u64::try_from(time.tv_sec()).ok()?, u32::try_from(time.tv_nsec()).ok()?))
    })
}

/// Resident memory of the worker's first process, in bytes.
pub(crate) fn resident_of(worker: &WorkerProcess) -> Option<u64> {
    of_living(worker, |pid| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
        let page = u64::try_from(sysconf(SysconfVar::PAGE_SIZE).ok()??).ok()?;
        resident_pages(&text)?.checked_mul(page)
    })
}

/// The second number of a `statm` file.
fn resident_pages(statm: &str) -> Option<u64> {
    statm.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Reads something of a process by its number. Once it ended the number may be another's: then nothing is answered.
fn of_living<T>(worker: &WorkerProcess, read: impl FnOnce(Pid) -> Option<T>) -> Option<T> {
    if worker.pid() <= 0 || worker.exit_report().is_some() {
        return None;
    }
    let found = read(Pid::from_raw(worker.pid()))?;
    worker.exit_report().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_pages_are_the_second_number() {
        assert_eq!(resident_pages("812 301 250 4 0 120 0\n"), Some(301));
        assert_eq!(resident_pages(""), None);
        assert_eq!(resident_pages("812 many"), None);
    }
}
