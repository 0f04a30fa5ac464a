//! Makes a child in namespaces of its own, from the parent's side.
//! It is called in the single-threaded spawner; what the child does with itself is `enter`.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getegid, geteuid};

use super::identity_map::IdentityMap;
use super::kind::NamespaceKind;
use super::link::{ChildLink, Link, Word, wait_readable};
use super::step::{NamespaceFault, NamespaceStep, at};
use super::sys::{self, Process};
use crate::sys::errno_of;

/// How long a killed child may take to be gone before it is left to be reaped later.
const DEATH_WITHIN: Duration = Duration::from_secs(1);

/// Where [`create`] returned.
#[derive(Debug)]
pub(crate) enum Cloned {
    /// In the spawner.
    Parent(Created),
    /// In the child, which is process 1 of its namespace.
    Child(ChildLink),
}

/// A child whose identity maps are written and that waits to hear that its parent lives.
/// Dropped without [`Created::confirm`], it is killed and reaped.
#[derive(Debug)]
pub(crate) struct Created {
    pid: Pid,
    process: Option<OwnedFd>,
    link: Link,
    deadline: Instant,
}

/// Clones this process into all namespaces and writes the child's identity maps.
///
/// Both sides give up waiting for each other at `deadline`. The child inherits every descriptor.
pub(crate) fn create(map: IdentityMap, deadline: Instant) -> Result<Cloned, NamespaceFault> {
    let outside = NamespaceKind::all_own().map_err(at(NamespaceStep::OwnNamespaces))?;
    let (ours, theirs) = Link::pair().map_err(at(NamespaceStep::Link))?;
    let flags = NamespaceKind::ALL.into_iter().fold(0, |flags, kind| flags | kind.flag());
    // The files of an untraceable process belong to root, the maps too: without privileges they could not be written.
    let traceable = Traceable::begin().map_err(at(NamespaceStep::Untraceable))?;
    match sys::clone_into(flags).map_err(at(NamespaceStep::Clone))? {
        Process::Child => {
            drop(ours);
            // `enter` makes this copy untraceable; undoing it here would undo what the parent is about to need.
            std::mem::forget(traceable);
            Ok(Cloned::Child(ChildLink { link: theirs, map, outside, deadline }))
        }
        Process::Parent { pid, process } => {
            drop(theirs);
            let created = Created { pid, process: Some(process), link: ours, deadline };
            write_maps(map, pid)?;
            created.link.say(Word::Mapped).map_err(at(NamespaceStep::Handshake))?;
            traceable.end().map_err(at(NamespaceStep::Untraceable))?;
            Ok(Cloned::Parent(created))
        }
    }
}

fn write_maps(map: IdentityMap, child: Pid) -> Result<(), NamespaceFault> {
    let write = |name: &str, text: &str| {
        let step = NamespaceStep::IdentityMap { file: name.to_owned() };
        // The child is unreaped, so the number is its own.
        File::options()
            .write(true)
            .open(format!("/proc/{child}/{name}"))
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| NamespaceFault::new(step, errno_of(&error)))
    };
    if map == IdentityMap::Caller {
        // Leaving a group could give access that the group denies, so the kernel wants it forbidden first.
        write("setgroups", "deny")?;
    }
    write("uid_map", &map.line(geteuid().as_raw()))?;
    write("gid_map", &map.line(getegid().as_raw()))
}

impl Created {
    /// The child's number here.
    pub(crate) const fn pid(&self) -> Pid {
        self.pid
    }

    /// The child's descriptor, readable when it has ended.
    pub(crate) fn process(&self) -> &OwnedFd {
        self.process.as_ref().expect("only `confirm` takes it")
    }

    /// Tells the child that its parent lives, when the child has said that it will die with it.
    ///
    /// It waits for that word; [`Created::as_fd`] is readable when there is no need to wait.
    ///
    /// # Errors
    /// The child ended or was silent until the deadline. It is killed and reaped then.
    pub(crate) fn confirm(mut self) -> Result<(Pid, OwnedFd), NamespaceFault> {
        let answer = self.link.hear(Word::Armed, self.deadline).and_then(|()| self.link.say(Word::Alive));
        answer.map_err(at(NamespaceStep::Handshake))?;
        let process = self.process.take().expect("it is there until here");
        Ok((self.pid, process))
    }
}

impl AsFd for Created {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.link.as_fd()
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        let Some(process) = &self.process else { return };
        // All three can only say that it is gone already.
        let _ = sys::pidfd_signal(process.as_fd(), libc::SIGKILL);
        let _ = wait_readable(process.as_fd(), Instant::now() + DEATH_WITHIN);
        let _ = waitpid(self.pid, Some(WaitPidFlag::WNOHANG));
    }
}

/// While it lives, this process may be traced by its own user.
struct Traceable {
    changed: bool,
}

impl Traceable {
    fn begin() -> Result<Self, Errno> {
        let changed = !prctl::get_dumpable()?;
        if changed {
            prctl::set_dumpable(true)?;
        }
        Ok(Self { changed })
    }

    fn end(mut self) -> Result<(), Errno> {
        let changed = std::mem::take(&mut self.changed);
        if changed { prctl::set_dumpable(false) } else { Ok(()) }
    }
}

impl Drop for Traceable {
    fn drop(&mut self) {
        if self.changed {
            // An error is on its way already, and this call has no other reason to fail than its argument.
            let _ = prctl::set_dumpable(false);
        }
    }
}
