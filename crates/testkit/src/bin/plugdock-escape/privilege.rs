//! Gaining what was taken away: namespaces, users, capabilities, limits, priority.
//! Each is tried in a child, so that what succeeds changes nothing.

use super::call::{Answer, NOWHERE, address, address_mut, call, word};
use super::child::answer_of;
use super::stage::{Results, found, tried};

fn in_child(what: &str, attempt: impl FnOnce() -> Answer) -> plugdock_testkit::escape::Attempted {
    found(what, answer_of(attempt))
}

/// Makes a child with its own namespaces, which ends at once.
fn cloned(flags: i32) -> Answer {
    let flags = (flags | libc::SIGCHLD) as isize;
    let child = call(libc::SYS_clone, &[flags])?;
    if child == 0 {
        call(libc::SYS_exit_group, &[0])?;
    }
    let waited = call(libc::SYS_wait4, &[child]);
    waited.map(|_| 0)
}

pub(crate) fn namespaces() -> Results {
    let unshare = |flags: i32| call(libc::SYS_unshare, &[flags as isize]);
    vec![
        in_child("unshare of the user namespace", || unshare(libc::CLONE_NEWUSER)),
        in_child("unshare of the network namespace", || unshare(libc::CLONE_NEWNET)),
        in_child("unshare of both", || unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET)),
        in_child("clone with a user namespace", || cloned(libc::CLONE_NEWUSER)),
        in_child("clone with a process namespace", || cloned(libc::CLONE_NEWPID)),
        in_child("setns", || call(libc::SYS_setns, &[-1])),
    ]
}

pub(crate) fn clone3() -> Results {
    vec![tried("clone3", call(libc::SYS_clone3, &[NOWHERE, 0]))]
}

/// The kernel's form of a call about capabilities: the version and the process, then what is effective, permitted and
/// inheritable, in two parts.
const CAPABILITY_VERSION: u32 = 0x2008_0522;
const CAP_SYS_ADMIN: u32 = 21;

fn raise_administration() -> Answer {
    let header = [CAPABILITY_VERSION, 0];
    let mut sets = [0_u32; 6];
    call(libc::SYS_capget, &[address(&header), address_mut(&mut sets)])?;
    sets[0] |= 1 << CAP_SYS_ADMIN;
    sets[1] |= 1 << CAP_SYS_ADMIN;
    call(libc::SYS_capset, &[address(&header), address(&sets)])
}

pub(crate) fn identity() -> Results {
    let no_group = [0_u32];
    vec![
        in_child("setresuid to root", || call(libc::SYS_setresuid, &[0, 0, 0])),
        in_child("setresgid to root", || call(libc::SYS_setresgid, &[0, 0, 0])),
        in_child("setgroups", || call(libc::SYS_setgroups, &[1, address(&no_group)])),
        in_child("capset to administration", raise_administration),
        in_child("prctl to allow new privileges", || {
            call(libc::SYS_prctl, &[libc::PR_SET_NO_NEW_PRIVS as isize, 0])
        }),
    ]
}

/// Sets both values of a limit above what they are.
fn raised(resource: isize) -> Answer {
    let mut limit = [0_u64; 2];
    call(libc::SYS_prlimit64, &[0, resource, 0, address_mut(&mut limit)])?;
    let more = limit[1].saturating_add(1);
    call(libc::SYS_prlimit64, &[0, resource, address(&[more, more])])
}

pub(crate) fn own_limits() -> Results {
    vec![in_child("raise the size of cores", || raised(word(libc::RLIMIT_CORE)))]
}

pub(crate) fn scheduling() -> Results {
    vec![
        in_child("run before everything else", || {
            call(libc::SYS_sched_setscheduler, &[0, libc::SCHED_FIFO as isize, address(&[1_i32])])
        }),
        in_child("be as unkind as possible", || call(libc::SYS_setpriority, &[0, 0, -20])),
        in_child("keep all memory", || call(libc::SYS_mlockall, &[libc::MCL_CURRENT as isize])),
    ]
}
