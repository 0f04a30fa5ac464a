//! The handshake between the spawner and the child in its namespaces: two sockets and four words.
//! Each wait has a deadline, and the end of the other side ends it at once.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};

use super::identity_map::IdentityMap;
use super::step::{NamespaceFault, NamespaceStep, at};

/// What one side tells the other, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Word {
    /// Parent: the identity maps are written.
    Mapped = b'M',
    /// Child: it will be killed with the parent from now on.
    Armed = b'A',
    /// Parent: it was alive after that.
    Alive = b'L',
}

/// One end.
#[derive(Debug)]
pub(super) struct Link(OwnedFd);

impl Link {
    pub(super) fn pair() -> Result<(Self, Self), Errno> {
        socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)
            .map(|(one, other)| (Self(one), Self(other)))
    }

    pub(super) fn say(&self, word: Word) -> Result<(), Errno> {
        match send(self.0.as_raw_fd(), &[word as u8], MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT)? {
            1 => Ok(()),
            _ => Err(Errno::EIO),
        }
    }

    /// Waits for the word. `EPIPE` is the end of the other side, `ETIMEDOUT` its silence.
    pub(super) fn hear(&self, word: Word, deadline: Instant) -> Result<(), Errno> {
        let mut heard = [0];
        loop {
            wait_readable(self.as_fd(), deadline)?;
            return match recv(self.0.as_raw_fd(), &mut heard, MsgFlags::MSG_DONTWAIT) {
                // The kernel says `ECONNRESET` when the other side ended with words unread.
                Ok(0) | Err(Errno::ECONNRESET) => Err(Errno::EPIPE),
                Ok(_) if heard == [word as u8] => Ok(()),
                Ok(_) => Err(Errno::EPROTO),
                Err(Errno::EINTR | Errno::EAGAIN) => continue,
                Err(errno) => Err(errno),
            };
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Waits until there is something to read, or `ETIMEDOUT`.
pub(super) fn wait_readable(descriptor: BorrowedFd<'_>, deadline: Instant) -> Result<(), Errno> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match poll(&mut [PollFd::new(descriptor, PollFlags::POLLIN)], poll_timeout(left)) {
            Ok(0) if left.is_zero() => return Err(Errno::ETIMEDOUT),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(errno) => return Err(errno),
        }
    }
}

/// Rounds up, so that the time has passed when the poll returns; longer waits take several polls.
pub(super) fn poll_timeout(wait: std::time::Duration) -> PollTimeout {
    PollTimeout::from(u16::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u16::MAX))
}

/// The child's side, with what the parent knew when it made the child.
#[derive(Debug)]
pub(crate) struct ChildLink {
    pub(super) link: Link,
    pub(super) map: IdentityMap,
    /// The parent's namespaces, to be compared with the own.
    pub(super) outside: Vec<String>,
    pub(super) deadline: Instant,
}

impl ChildLink {
    /// Waits until this process has a user and a group.
    pub(super) fn wait_until_mapped(&self) -> Result<(), NamespaceFault> {
        self.link.hear(Word::Mapped, self.deadline).map_err(at(NamespaceStep::Handshake))
    }

    /// Ties this process to the life of its parent. Changes of user undo it, so it comes after the last.
    ///
    /// The signal is only sent for a death after it was armed, and a process namespace hides the parent's number. So the
    /// parent says that it was alive after the arming.
    pub(super) fn tie_to_parent(&self) -> Result<(), NamespaceFault> {
        prctl::set_pdeathsig(Signal::SIGKILL).map_err(at(NamespaceStep::DeathSignal))?;
        self.link.say(Word::Armed).map_err(at(NamespaceStep::Handshake))?;
        self.link.hear(Word::Alive, self.deadline).map_err(at(NamespaceStep::Handshake))
    }
}
