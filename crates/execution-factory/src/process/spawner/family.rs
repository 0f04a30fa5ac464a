//! The descendants of the spawner: who they are, whose they are, and how those without a living owner end.
//! A dead worker's children become the spawner's own, because the spawner is their subreaper.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgid, gettid};

use super::super::sys;

/// How long the spawner waits for killed processes; longer means that the kernel cannot end them now.
pub(super) const DEATH_WITHIN: Duration = Duration::from_secs(2);

/// Processes outside every group that have been killed and not yet died.
#[derive(Debug, Default)]
pub(super) struct Strays {
    since: HashMap<Pid, Instant>,
}

/// What one look at the children found.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// Children that are left in the group of a dead worker, by that group.
    groups: HashMap<Pid, u32>,
    /// Children in nobody's group that are still expected to die in time.
    strays: u32,
    /// Children in nobody's group that have not died in time.
    stuck: u32,
}

impl Census {
    /// Whether nothing is left that belongs, or may belong, to the group.
    pub(super) fn is_clear(&self, group: Pid) -> bool {
        self.left_in(group) == 0 && self.strays == 0
    }

    /// What is left of the group, for the report.
    pub(super) fn survivors(&self, group: Pid) -> u32 {
        self.left_in(group) + self.strays + self.stuck
    }

    /// Whether processes without an owner are still expected to die.
    pub(super) fn has_strays(&self) -> bool {
        self.strays > 0 || !self.groups.is_empty()
    }

    fn left_in(&self, group: Pid) -> u32 {
        self.groups.get(&group).copied().unwrap_or(0)
    }
}

/// Kills a whole group. The caller holds its leader unreaped, so the number cannot belong to anyone else.
pub(super) fn kill_group(leader: Pid) {
    // A child that was forked a moment ago leads no group yet, and has no descendants either.
    let _ = kill(leader, Signal::SIGKILL);
    // ESRCH: all are dead already. EPERM: a member changed its user, which no-new-privileges forbids.
    let _ = killpg(leader, Signal::SIGKILL);
}

impl Strays {
    /// Looks at every child that is no worker: reaps the dead, kills those of dead workers and those in nobody's
    /// group, and leaves those whose group's leader lives.
    ///
    /// A process that left its group with `setsid` and lost its parent belongs to nobody, so it ends at the first
    /// look after any worker's end. Children found now are counted even when this look reaped them: their own
    /// children may have become ours after the list was read.
    pub(super) fn look(
        &mut self,
        leaders: &HashMap<Pid, bool>,
        someone_ended: bool,
        now: Instant,
    ) -> io::Result<Census> {
        let mut census = Census::default();
        let mut seen = HashMap::new();
        for child in children()?.into_iter().filter(|child| !leaders.contains_key(child)) {
            let group = getpgid(Some(child)).ok();
            match group.and_then(|group| leaders.get(&group).map(|alive| (group, *alive))) {
                Some((group, false)) => {
                    let _ = kill(child, Signal::SIGKILL);
                    *census.groups.entry(group).or_default() += 1;
                }
                None if someone_ended => {
                    let _ = kill(child, Signal::SIGKILL);
                    let since = *self.since.get(&child).unwrap_or(&now);
                    if now.duration_since(since) < DEATH_WITHIN {
                        census.strays += 1;
                    } else {
                        census.stuck += 1;
                    }
                    seen.insert(child, since);
                }
                Some((_, true)) | None => {}
            }
            // A child that is not dead yet is looked at again.
            if matches!(sys::reap(child), Ok(Some(_))) {
                seen.remove(&child);
            }
        }
        self.since = seen;
        Ok(census)
    }
}

/// The spawner's own children. It is the only one that reaps, so none vanishes while the list is read.
fn children() -> io::Result<Vec<Pid>> {
    let path = format!("/proc/self/task/{}/children", gettid());
    match std::fs::read_to_string(path) {
        Ok(list) => {
            Ok(list.split_whitespace().filter_map(|pid| pid.parse().ok().map(Pid::from_raw)).collect())
        }
        // A kernel without CONFIG_PROC_CHILDREN.
        Err(error) if error.kind() == io::ErrorKind::NotFound => children_by_scan(),
        Err(error) => Err(error),
    }
}

fn children_by_scan() -> io::Result<Vec<Pid>> {
    let own = nix::unistd::getpid().as_raw();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        // A process may end while the list is read.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        if parent_of(&stat) == Some(own) {
            found.push(Pid::from_raw(pid));
        }
    }
    Ok(found)
}

/// The parent in a line of `/proc/<pid>/stat`: `pid (name) state parent …`, where the name may hold anything.
fn parent_of(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_forge_the_parent() {
        assert_eq!(parent_of("12 (sh) S 7 12 12 0"), Some(7));
        assert_eq!(parent_of("12 (a) S 1 (b) R 7 12"), Some(7));
        assert_eq!(parent_of("12 sh S 7"), None);
    }

    #[test]
    fn both_ways_of_finding_children_agree() {
        let own: Vec<_> = children().unwrap();
        let scanned = children_by_scan().unwrap();
        assert!(own.iter().all(|pid| scanned.contains(pid)));
    }
}
