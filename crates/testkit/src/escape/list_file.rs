//! What is tried on files, devices and mounts: E01 to E16 and E20.
//! The results under `trusted` are those of an unconfined process, for root and for any other user.

use super::expected::{Cell, Expected, by, either, if_there, is, unchecked};
use super::row::{Row, Trial, trial, tried};

const DEVICE: &str = "which devices there are, and whose, is the machine's";

/// The first process may hold more capabilities than root's others, and then tells them nothing.
const FIRST: Cell = Cell::split(Expected::OneOf(&["ok", "EACCES"]), Expected::Exactly("EACCES"));

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    tried("E01", "read files of the machine", &[
        trial("read /etc/passwd", is("ok"), is("EACCES"), is("ENOENT")),
        trial("read /etc/shadow", by("ok", "EACCES"), is("EACCES"), is("ENOENT")),
        trial("list /root", by("ok", "EACCES"), is("EACCES"), is("ENOENT")),
        trial("list /tmp", is("ok"), is("EACCES"), is("ENOENT")),
    ]),
    tried("E02", "climb out of the workspace", &[
        trial("read <workspace>/../etc/passwd", is("ok"), is("EACCES"), is("ENOENT")),
        trial("read /proc/self/root/../etc/passwd", is("ok"), is("EACCES"), is("ENOENT")),
        trial("read /proc/self/cwd/../etc/shadow", by("ok", "EACCES"), is("EACCES"), is("ENOENT")),
    ]),
    tried("E03", "leave through a symbolic link", &[
        trial("read a link to /etc/passwd", is("ok"), is("EACCES"), is("ENOENT")),
        trial("read a link to /etc/shadow", by("ok", "EACCES"), is("EACCES"), is("ENOENT")),
    ]),
    tried("E04", "take a program by a hard link", &[
        trial("link /usr/bin/true", unchecked("the file systems and the protection of links are the machine's"), by("EXDEV", "EPERM"), is("EXDEV")),
    ]),
    tried("E05", "make files of the machine", &[
        trial("make /usr/bin/x", by("ok", "EACCES"), is("EACCES"), is("EROFS")),
        trial("make /x", by("ok", "EACCES"), is("EACCES"), is("EROFS")),
    ]),
    tried("E06", "overwrite own code", &[
        trial("write own manifest", is("ok"), is("EACCES"), is("EACCES")),
        trial("make a file beside own program", is("ok"), is("EACCES"), is("EROFS")),
        trial("rename own program", is("ok"), is("EACCES"), is("EROFS")),
    ]),
    tried("E07", "list the root", &[trial("list /", is("ok"), is("EACCES"), is("EACCES"))]),
    tried("E08", "read what the kernel tells of others", &[
        trial("read /proc/1/environ", FIRST, is("EACCES"), is("ENOENT")),
        trial("read /proc/1/mem", FIRST, is("EACCES"), is("ENOENT")),
        trial("read /proc/1/maps", FIRST, is("EACCES"), is("ENOENT")),
        trial("list /proc/1/root", FIRST, is("EACCES"), is("ENOENT")),
        trial("read /proc/kallsyms", either(&["ok", "ENOENT"]), if_there("/proc/kallsyms", "EACCES"), is("ENOENT")),
        trial("read /proc/cmdline", is("ok"), is("EACCES"), is("ENOENT")),
        trial("read /proc/sys/kernel/core_pattern", is("ok"), is("EACCES"), is("ENOENT")),
        trial("read /proc/net/tcp", is("ok"), is("EACCES"), is("ENOENT")),
        trial("read /proc/<host>/environ", is("ok"), is("EACCES"), is("ENOENT")),
        trial("read /proc/<host>/maps", is("ok"), is("EACCES"), is("ENOENT")),
        trial("read /proc/<host>/mem", is("ok"), is("EACCES"), is("ENOENT")),
    ]),
    tried("E09", "open devices", &[
        trial("open /dev/kvm", unchecked(DEVICE), if_there("/dev/kvm", "EACCES"), is("ENOENT")),
        trial("open /dev/vsock", unchecked(DEVICE), if_there("/dev/vsock", "EACCES"), is("ENOENT")),
        trial("open /dev/vda", unchecked(DEVICE), if_there("/dev/vda", "EACCES"), is("ENOENT")),
        trial("open /dev/mem", unchecked(DEVICE), if_there("/dev/mem", "EACCES"), is("ENOENT")),
        trial("open /dev/kmsg", unchecked(DEVICE), if_there("/dev/kmsg", "EACCES"), is("ENOENT")),
        trial("open /dev/tty", unchecked(DEVICE), if_there("/dev/tty", "EACCES"), is("ENOENT")),
        trial("open /dev/ptmx", unchecked(DEVICE), if_there("/dev/ptmx", "EACCES"), is("ENOENT")),
        trial("open /dev/net/tun", unchecked(DEVICE), if_there("/dev/net/tun", "EACCES"), is("ENOENT")),
        trial("open /dev/fuse", unchecked(DEVICE), if_there("/dev/fuse", "EACCES"), is("ENOENT")),
        trial("list /dev/shm", either(&["ok", "ENOENT"]), if_there("/dev/shm", "EACCES"), is("ENOENT")),
    ]),
    tried("E10", "reach the system's trees and services", &[
        trial("list /sys/fs/cgroup", is("ok"), is("EACCES"), is("ENOENT")),
        trial("list /sys/class/net", is("ok"), is("EACCES"), is("ENOENT")),
        trial("list /run", is("ok"), is("EACCES"), is("ENOENT")),
        trial("open the host's socket", is("ENXIO"), is("EACCES"), is("ENOENT")),
        trial("connect to the host's socket", is("ok"), is("EAFNOSUPPORT"), is("EAFNOSUPPORT")),
        trial("connect to /run/docker.sock", unchecked("whether the service runs is the machine's"), is("EAFNOSUPPORT"), is("EAFNOSUPPORT")),
        trial("read the host's file", is("ok"), is("EACCES"), is("ENOENT")),
    ]),
    tried("E11", "write settings of the kernel", &[
        trial("write /proc/self/uid_map", is("ok"), is("EACCES"), is("EACCES")),
        trial("write /proc/self/oom_score_adj", is("ok"), is("EACCES"), is("EACCES")),
        trial("write /proc/sys/kernel/hostname", by("ok", "EACCES"), is("EACCES"), is("ENOENT")),
        trial("write /proc/sys/kernel/core_pattern", by("ok", "EACCES"), is("EACCES"), is("ENOENT")),
    ]),
    // A pipe can be opened again under Landlock, which does not bound files that have no path; it holds nobody else's log.
    tried("E12", "open standard error again", &[
        trial("standard error", is("pipe"), is("pipe"), is("pipe")),
        trial("open standard error again for reading", is("ok"), is("ok"), is("ok")),
        trial("open standard error again and empty it", is("ok"), is("ok"), is("ok")),
    ]),
    tried("E13", "mount", MOUNTS),
    tried("E14", "make devices", &[
        trial("make a character device", by("ok", "EPERM"), is("EPERM"), is("EPERM")),
        trial("make a block device", by("ok", "EPERM"), is("EPERM"), is("EPERM")),
    ]),
    tried("E15", "change what is known about files elsewhere", &[
        trial("chmod the host's file", is("ok"), is("EPERM"), is("ENOENT")),
        trial("touch the host's file", is("ok"), is("EPERM"), is("ENOENT")),
        trial("setxattr on the host's file", either(&["ok", "EOPNOTSUPP"]), is("EPERM"), is("ENOENT")),
    ]),
    tried("E16", "open files by handle", &[
        trial("name_to_handle_at", is("EFAULT"), is("EPERM"), is("EPERM")),
        trial("open_by_handle_at", is("EFAULT"), is("EPERM"), is("EPERM")),
    ]),
    tried("E20", "paths longer than a path may be", &[
        trial("make directories deeper than a path can name", is("ok"), is("ok"), is("ok")),
        trial("open the deepest by its path", is("ENAMETOOLONG"), is("ENAMETOOLONG"), is("ENAMETOOLONG")),
        trial("its path in bytes", is("more than 4096"), is("more than 4096"), is("more than 4096")),
    ]),
];

#[rustfmt::skip]
const MOUNTS: &[Trial] = &[
    trial("mount", is("EFAULT"), is("EPERM"), is("EPERM")),
    trial("mount again, writable", is("ENOENT"), is("EPERM"), is("EPERM")),
    trial("umount", is("ENOENT"), is("EPERM"), is("EPERM")),
    trial("pivot_root", by("EFAULT", "EPERM"), is("EPERM"), is("EPERM")),
    trial("chroot", is("EFAULT"), is("EPERM"), is("EPERM")),
    trial("open_tree", is("EINVAL"), is("EPERM"), is("EPERM")),
    trial("fsopen", by("EFAULT", "EPERM"), is("EPERM"), is("EPERM")),
    trial("fsmount", by("EINVAL", "EPERM"), is("EPERM"), is("EPERM")),
    trial("move_mount", by("EFAULT", "EPERM"), is("EPERM"), is("EPERM")),
    trial("mount_setattr", is("EINVAL"), is("EPERM"), is("EPERM")),
];
