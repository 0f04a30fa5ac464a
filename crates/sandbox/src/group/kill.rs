//! Killing everything in a group: in one write, or frozen and then one by one, or one by one until none is left.
//! It sends signals and does not wait for the dead: removing does.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::fd::AsFd as _;
use std::path::Path;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::control_file::{read, write};
use super::member::Member;
use super::place::GroupPlace;

/// Rounds over the members where nothing stops them from forking meanwhile.
const ROUNDS: u32 = 64;

/// How often the freezer is asked whether it is done, one millisecond apart. It took 0.24 s for 500 forking processes.
const FREEZER_TRIES: u32 = 1000;

/// The pause between two looks at something that the kernel is about to do.
const PAUSE_MS: u8 = 1;

/// Kills everything in the group.
pub(super) fn kill(place: &GroupPlace) -> Result<(), Errno> {
    if kill_at_once(place)? {
        // Nobody but a process that joined a part of the hierarchies can be left.
        return strike(place).map(drop);
    }
    match place.with("freezer").filter(|directory| directory.path.exists()) {
        Some(directory) => kill_frozen(place, &directory.path.join("freezer.state")),
        None => kill_in_rounds(place),
    }
}

/// Kills as far as it can be done without waiting for anything.
pub(super) fn kill_without_waiting(place: &GroupPlace) -> Result<(), Errno> {
    kill_at_once(place)?;
    strike(place).map(drop)
}

/// One write that reaches every member and whoever is being born; `false` where the kernel cannot do that.
fn kill_at_once(place: &GroupPlace) -> Result<bool, Errno> {
    let Some(directory) = place.unified() else { return Ok(false) };
    match write(&directory.path.join("cgroup.kill"), "1") {
        Ok(()) => Ok(true),
        // Before Linux 5.14 there is no such file.
        Err(Errno::ENOENT | Errno::ENODEV) => Ok(false),
        Err(errno) => Err(errno),
    }
}

fn kill_frozen(place: &GroupPlace, state: &Path) -> Result<(), Errno> {
    let struck = write(state, "FROZEN").and_then(|()| {
        for _ in 0..FREEZER_TRIES {
            if read(state)? == "FROZEN" {
                break;
            }
            pause();
        }
        strike(place)
    });
    // Whatever failed, nothing stays frozen: a frozen process does not even die.
    write(state, "THAWED").and(struck)?;
    kill_in_rounds(place)
}

fn kill_in_rounds(place: &GroupPlace) -> Result<(), Errno> {
    if let Some(directory) = place.with("pids") {
        // Nothing new is born, so the rounds come to an end. A group that is gone needs no such help.
        match write(&directory.path.join("pids.max"), "0") {
            Ok(()) | Err(Errno::ENOENT | Errno::ENODEV) => {}
            Err(errno) => return Err(errno),
        }
    }
    for _ in 0..ROUNDS {
        if strike(place)? == 0 {
            return Ok(());
        }
        pause();
    }
    // Those who are left are dying, or cannot be seen to die: removing the group will tell.
    Ok(())
}

/// Kills whoever is listed now, and says how many that were.
///
/// Between reading a number and taking hold of it the process may have ended and the number been given to another.
/// Whoever is held *and* listed afterwards is a member: had the held one been another, it would not be listed under its
/// number while it lives, and a signal to the dead goes nowhere.
fn strike(place: &GroupPlace) -> Result<usize, Errno> {
    let members = || place.members().map_err(|fault| Errno::from_raw(fault.errno));
    let held: Vec<(i32, Member)> =
        members()?.into_iter().filter_map(|pid| Some((pid, Member::open(pid).ok()?))).collect();
    let listed = members()?;
    for (_, member) in held.iter().filter(|(pid, _)| listed.contains(pid)) {
        member.kill()?;
    }
    Ok(held.len())
}

fn pause() {
    // An early return because of a signal only means to look again sooner.
    let _interrupted = poll(&mut [], PollTimeout::from(PAUSE_MS));
}

/// Waits a moment for the group to become empty: until the kernel says that something changed, or for one pause.
pub(super) fn await_change(place: &GroupPlace) {
    let opened = place.unified().and_then(|directory| File::open(directory.path.join("cgroup.events")).ok());
    let Some(mut events) = opened else { return pause() };
    let mut text = String::new();
    // The file tells of changes since it was last read.
    let empty = events.read_to_string(&mut text).and_then(|_| events.rewind()).is_err()
        || text.lines().any(|line| line == "populated 0");
    if empty {
        return pause();
    }
    let mut wanted = [PollFd::new(events.as_fd(), PollFlags::POLLPRI)];
    // What comes of it is seen by trying again.
    let _changed = poll(&mut wanted, PollTimeout::from(PAUSE_MS * 5));
}
