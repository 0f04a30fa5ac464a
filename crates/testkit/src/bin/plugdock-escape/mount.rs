//! Mounts, special files, and what is known about files elsewhere.
//! Every mount call is given an argument that fails for another reason when it is permitted; none can succeed.

use super::call::{Answer, HERE, NOWHERE, address, address_mut, call, start, text, unlink, word};
use super::child::answer_of;
use super::stage::{Results, Stage, found, tried};

/// A flag that no call has.
const NO_FLAG: isize = 1 << 30;

const NO_DESCRIPTOR: isize = -1;

pub(crate) fn mounts() -> Results {
    let missing = start(c"/plugdock-escape-is-not-here");
    let remount = isize::try_from(libc::MS_REMOUNT | libc::MS_BIND).expect("flags of a mount are low bits");
    vec![
        tried("mount", call(libc::SYS_mount, &[start(c"none"), NOWHERE, NOWHERE])),
        tried("mount again, writable", call(libc::SYS_mount, &[0, missing, 0, remount])),
        tried("umount", call(libc::SYS_umount2, &[missing])),
        tried("pivot_root", call(libc::SYS_pivot_root, &[NOWHERE, NOWHERE])),
        found("chroot", answer_of(|| call(libc::SYS_chroot, &[NOWHERE]))),
        tried("open_tree", call(libc::SYS_open_tree, &[NO_DESCRIPTOR, NOWHERE, NO_FLAG])),
        tried("fsopen", call(libc::SYS_fsopen, &[NOWHERE])),
        tried("fsmount", call(libc::SYS_fsmount, &[NO_DESCRIPTOR, NO_FLAG])),
        tried("move_mount", call(libc::SYS_move_mount, &[NO_DESCRIPTOR, NOWHERE, NO_DESCRIPTOR, NOWHERE])),
        tried("mount_setattr", call(libc::SYS_mount_setattr, &[NO_DESCRIPTOR, NOWHERE, 0, NOWHERE, 0])),
    ]
}

pub(crate) fn nodes(stage: &Stage) -> Results {
    let made = |name: &str, mode: u32| -> Answer {
        let path = stage.own(name);
        let at = text(&path);
        // The first device of the first kind is the machine's memory.
        let memory = 1 << 8 | 1;
        let mode = word(mode | 0o600);
        let answer = call(libc::SYS_mknodat, &[HERE, start(&at), mode, memory]);
        if answer.is_ok() {
            unlink(&path)?;
        }
        answer
    };
    vec![
        tried("make a character device", made("character", libc::S_IFCHR)),
        tried("make a block device", made("block", libc::S_IFBLK)),
    ]
}

pub(crate) fn metadata(stage: &Stage) -> Results {
    let bait = text(&stage.facts.bait);
    let at = start(&bait);
    let value = [1_u8];
    vec![
        tried("chmod the host's file", call(libc::SYS_fchmodat, &[HERE, at, 0o644])),
        tried("touch the host's file", call(libc::SYS_utimensat, &[HERE, at])),
        tried(
            "setxattr on the host's file",
            call(libc::SYS_setxattr, &[at, start(c"user.escape"), address(&value), 1]),
        ),
    ]
}

pub(crate) fn handles() -> Results {
    let mut mount = 0_i32;
    vec![
        tried(
            "name_to_handle_at",
            call(libc::SYS_name_to_handle_at, &[HERE, start(c"/"), NOWHERE, address_mut(&mut mount)]),
        ),
        tried("open_by_handle_at", call(libc::SYS_open_by_handle_at, &[NO_DESCRIPTOR, NOWHERE])),
    ]
}
