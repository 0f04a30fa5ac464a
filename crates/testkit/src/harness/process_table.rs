//! What `/proc` tells about processes: which are ours, and which belong to a directory.
//! It signals nothing: a number may be another process by the next look.

use std::fs;
use std::path::Path;

/// A process as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its state's letter: `Z` has ended and waits to be reaped.
    pub state: char,
    /// Its parent's number.
    pub parent: u32,
    /// Program and arguments.
    pub command: String,
}

impl Process {
    /// The process of that number, if there is one.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name is in parentheses and may hold anything, so the fields are counted from its end.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ").trim_end().to_owned();
        Some(Self { pid, state, parent, command })
    }

    /// Whether it still runs code: a process that has ended and was not reaped does not.
    pub fn is_running(&self) -> bool {
        !matches!(self.state, 'Z' | 'X')
    }
}

fn all() -> impl Iterator<Item = Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| Process::of(entry.ok()?.file_name().to_str()?.parse().ok()?))
}

/// The children of this process, ended ones that were not reaped included.
pub(super) fn children() -> Vec<Process> {
    let own = std::process::id();
    all().filter(|process| process.parent == own).collect()
}

/// The processes that work in a directory, run a program of it, or name it in their arguments.
pub fn processes_naming(dir: &Path) -> Vec<Process> {
    let own = std::process::id();
    let text = dir.to_string_lossy().into_owned();
    let points_there = |process: &Process, link: &str| {
        fs::read_link(format!("/proc/{}/{link}", process.pid)).is_ok_and(|target| target.starts_with(dir))
    };
    let belongs = |process: &Process| {
        process.command.contains(&text) || points_there(process, "exe") || points_there(process, "cwd")
    };
    all().filter(|process| process.pid != own && process.is_running() && belongs(process)).collect()
}

/// What the descriptors of this process lead to, in the order of their numbers.
pub(super) fn descriptors() -> Vec<String> {
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten();
    let mut found: Vec<(u32, String)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let target = fs::read_link(entry.path()).ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, target.to_string_lossy().into_owned()))
        })
        // The one that this look itself needs.
        .filter(|(_, target)| !target.ends_with(&format!("/proc/{}/fd", std::process::id())))
        .collect();
    found.sort();
    found.into_iter().map(|(number, target)| format!("{number}: {target}")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "what is looked for must be there")]
    fn a_child_and_what_works_in_a_directory_are_seen_until_they_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap();
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "echo here; read end"])
            .current_dir(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // What it says proves that it is past its exec.
        child.stdout.take().unwrap().read_exact(&mut [0; 5]).unwrap();
        let seen = |found: &[Process]| found.iter().any(|process| process.pid == child.id());
        assert!(seen(&processes_naming(&path)) && seen(&children()));
        assert!(Process::of(child.id()).unwrap().is_running());
        assert!(descriptors().len() >= 3, "{:?}", descriptors());
        let pid = child.id();
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(processes_naming(&path), []);
        assert!(children().iter().all(|child| child.pid != pid));
    }
}
