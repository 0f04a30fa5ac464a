//! The name of a group, which says who made it, and whether that process still lives.
//! It makes no directory.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;

use crate::sys::errno_of;

/// What every name begins with; nothing else in a hierarchy is looked at.
const PREFIX: &str = "plugdock-";

/// Digits of the boot id that are enough to tell two boots of one machine apart.
const BOOT_DIGITS: usize = 8;

/// The position of the number of threads in `/proc/<pid>/stat`, counted from the field behind the name, which is the state.
const THREADS_FIELD: usize = 17;

/// The position of the start time, counted in the same way.
const START_FIELD: usize = 19;

/// The process that made a group. A pid alone is used again within seconds on a busy machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Maker {
    boot: String,
    /// The pid namespace in which `pid` means something.
    namespace: u64,
    pid: u32,
    /// Clock ticks after boot.
    start: u64,
}

impl Maker {
    /// The calling process.
    pub(super) fn current() -> Result<Self, Errno> {
        let pid = std::process::id();
        let start = start_of(pid)?.ok_or(Errno::ESRCH)?;
        Ok(Self { boot: boot()?, namespace: namespace()?, pid, start })
    }

    /// A name that this process did not give before.
    pub(super) fn next_name(&self) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        format!("{self}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Who made the group of this name; `None` for a name of another form.
    pub(super) fn of(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix(PREFIX)?.split('-');
        let mut next = || parts.next();
        let maker = Self {
            boot: next()?.to_owned(),
            namespace: next()?.parse().ok()?,
            pid: next()?.parse().ok()?,
            start: next()?.parse().ok()?,
        };
        let _number: u64 = next()?.parse().ok()?;
        (next().is_none() && maker.boot.len() == BOOT_DIGITS).then_some(maker)
    }

    /// Whether the process is known to have ended. Where that cannot be seen, it counts as alive.
    pub(super) fn is_dead(&self) -> bool {
        match (boot(), namespace()) {
            (Ok(boot), _) if boot != self.boot => true,
            // In another pid namespace the number names another process.
            (Ok(_), Ok(namespace)) if namespace == self.namespace => {
                start_of(self.pid).is_ok_and(|start| start != Some(self.start))
            }
            _ => false,
        }
    }
}

impl fmt::Display for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}-{}-{}-{}", self.boot, self.namespace, self.pid, self.start)
    }
}

fn boot() -> Result<String, Errno> {
    let id = read("/proc/sys/kernel/random/boot_id")?;
    id.get(..BOOT_DIGITS).map(str::to_owned).ok_or(Errno::EBADMSG)
}

fn namespace() -> Result<u64, Errno> {
    let link = std::fs::read_link("/proc/self/ns/pid").map_err(|error| errno_of(&error))?;
    let number = link.to_str().and_then(|text| text.strip_prefix("pid:[")?.strip_suffix(']')?.parse().ok());
    number.ok_or(Errno::EBADMSG)
}

/// When a process started; `None` when there is no such process, or one that ended and was not waited for.
fn start_of(pid: u32) -> Result<Option<u64>, Errno> {
    match read(&format!("/proc/{pid}/stat")) {
        Ok(text) if has_ended(&text) => Ok(None),
        Ok(text) => start_in(&text).map(Some).ok_or(Errno::EBADMSG),
        Err(Errno::ENOENT | Errno::ESRCH) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Whether it only waits to be waited for. A first thread that ended before the others looks like that but for their number.
fn has_ended(stat: &str) -> bool {
    let state = field(stat, 0);
    matches!(state, Some("Z" | "X"))
        && field(stat, THREADS_FIELD)
            .and_then(|n| n.parse::<u32>().ok())
            .is_none_or(|n_threads| n_threads <= 1)
}

fn start_in(stat: &str) -> Option<u64> {
    field(stat, START_FIELD)?.parse().ok()
}

fn field(stat: &str, position: usize) -> Option<&str> {
    // The name may hold spaces and parentheses, so what counts is the last one.
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(position)
}

fn read(path: &str) -> Result<String, Errno> {
    std::fs::read_to_string(path).map_err(|error| errno_of(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_who_made_it_and_is_given_once() {
        let maker = Maker::current().unwrap();
        let (one, two) = (maker.next_name(), maker.next_name());
        assert_ne!(one, two);
        assert_eq!(Maker::of(&one), Some(maker.clone()));
        assert_eq!(Maker::of(&two), Some(maker));
    }

    #[test]
    fn names_of_another_form_are_nobodys() {
        for name in [
            "",
            "plugdock",
            "plugdock-",
            "plugdock-0123abcd-1-2-3",
            "plugdock-0123abcd-1-2-3-4-5",
            "plugdock-short-1-2-3-4",
            "plugdock-0123abcd-1-x-3-4",
            "system-0123abcd-1-2-3-4",
        ] {
            assert_eq!(Maker::of(name), None, "{name}");
        }
    }

    #[test]
    fn a_maker_is_dead_when_boot_or_start_differ_and_alive_when_nothing_is_known() {
        let maker = Maker::current().unwrap();
        assert!(!maker.is_dead());
        assert!(Maker { start: maker.start + 1, ..maker.clone() }.is_dead());
        assert!(Maker { boot: "00000000".to_owned(), ..maker.clone() }.is_dead());
        assert!(!Maker { namespace: maker.namespace + 1, start: 0, ..maker }.is_dead());
    }

    #[test]
    fn the_start_time_is_found_behind_a_name_with_parentheses() {
        let stat = "7 (a) b) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        assert_eq!(start_in(stat), Some(4711));
    }

    #[test]
    fn a_zombie_has_ended_and_a_process_whose_first_thread_ended_has_not() {
        let stat = |state, n_threads| {
            format!("7 (a) {state} 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 {n_threads} 0 4711 0 0")
        };
        assert!(has_ended(&stat("Z", 1)) && has_ended(&stat("X", 0)));
        assert!(!has_ended(&stat("Z", 2)) && !has_ended(&stat("S", 1)));
    }
}
