//! What happens to each call of the tables, and to what is no call: three lists, by name. What is expected is written
//! here once more, so that a change of the rules is seen. Rows with arguments are in `argument`.

use std::collections::BTreeSet;

use nix::errno::Errno;
use nix::errno::Errno::{ENOSYS, EPERM};

use super::super::allowed::ALLOWED;
use super::super::arch::{Arch, LAST_KNOWN_SYSCALL, syscall_name};
use super::interpreter::{Call, run};
use super::{COMPILED, Compiled};

/// What is refused whatever the arguments, by any policy.
#[rustfmt::skip]
const REFUSED: &[&str] = &[
    // Name spaces and mounts (E13, E31).
    "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "open_tree", "open_tree_attr", "move_mount", "fsopen",
    "fsconfig", "fsmount", "fspick", "mount_setattr", "statmount", "listmount",
    // Files without a path (E16).
    "name_to_handle_at", "open_by_handle_at", "file_getattr", "file_setattr",
    // Other processes (E37, E40).
    "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "process_madvise", "process_mrelease",
    "migrate_pages", "move_pages", "sched_setattr", "ioprio_set", "mlockall", "get_robust_list",
    // Interfaces with a large inside (E43 to E45).
    "io_uring_setup", "io_uring_enter", "io_uring_register", "io_setup", "io_submit", "io_getevents", "io_destroy",
    "io_cancel", "bpf", "perf_event_open", "userfaultfd", "fanotify_init", "fanotify_mark", "inotify_init", "inotify_init1",
    "inotify_add_watch", "inotify_rm_watch", "add_key", "request_key", "keyctl",
    // The machine (E46, E47).
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "create_module", "reboot", "swapon",
    "swapoff", "acct", "quotactl", "quotactl_fd", "iopl", "ioperm", "modify_ldt", "syslog", "vhangup", "sync",
    "clock_settime", "settimeofday", "adjtimex", "clock_adjtime", "sethostname", "setdomainname", "uselib", "sysfs", "ustat",
    // Memory beside the file system (E48).
    "shmget", "shmat", "shmctl", "shmdt", "semget", "semop", "semctl", "semtimedop", "msgget", "msgsnd", "msgrcv", "msgctl",
    "mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify", "mq_getsetattr", "vmsplice", "memfd_secret",
    "remap_file_pages",
    // Narrowing what is narrow already (E51).
    "seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "lsm_get_self_attr",
    "lsm_set_self_attr", "lsm_list_modules",
    // Becoming somebody else (E33).
    "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups", "capset",
];

/// What depends on arguments or on the policy.
#[rustfmt::skip]
const CONDITIONAL: &[&str] = &[
    "clone", "clone3", "socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "sendto", "sendmsg",
    "sendmmsg", "setsid", "setpgid", "prctl", "ioctl", "open", "openat", "creat", "chmod", "fchmod", "fchmodat", "fchmodat2",
    "mknod", "mknodat", "chown", "lchown", "fchownat", "setxattr", "lsetxattr", "setxattrat", "removexattr", "lremovexattr",
    "removexattrat", "utime", "utimes", "futimesat", "utimensat", "memfd_create", "execveat", "personality", "prlimit64",
    "sched_setaffinity", "sched_setparam", "sched_setscheduler", "setpriority",
];

pub(super) fn number(arch: Arch, name: &str) -> Option<u32> {
    arch.table().iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
}

pub(super) fn shown(returned: u32) -> String {
    let errno = i32::try_from(returned & 0xffff).unwrap();
    match returned {
        libc::SECCOMP_RET_ALLOW => "allowed".to_owned(),
        libc::SECCOMP_RET_KILL_PROCESS => "killed".to_owned(),
        _ if returned & 0xffff_0000 == libc::SECCOMP_RET_ERRNO => Errno::from_raw(errno).to_string(),
        _ => format!("{returned:#x}"),
    }
}

#[test]
fn each_known_call_is_in_exactly_one_of_the_three_lists() {
    let known: BTreeSet<&str> =
        Arch::ALL.iter().flat_map(|arch| arch.table()).map(|(_, name)| *name).collect();
    let allowed: Vec<&str> = ALLOWED.iter().copied().flatten().copied().collect();
    let listed: Vec<&str> = allowed.iter().chain(REFUSED).chain(CONDITIONAL).copied().collect();
    let unique: BTreeSet<&str> = listed.iter().copied().collect();
    assert_eq!(unique.len(), listed.len(), "a call is listed twice");
    let unknown: Vec<_> = unique.difference(&known).collect();
    assert_eq!(unknown, Vec::<&&str>::new(), "no architecture has these");
    // What is neither: retired calls, and memory policies, which nobody was found to need.
    let rest: Vec<_> = known.difference(&unique).copied().collect();
    assert_eq!(
        rest,
        [
            "_sysctl",
            "afs_syscall",
            "cachestat",
            "epoll_ctl_old",
            "epoll_wait_old",
            "get_kernel_syms",
            "get_mempolicy",
            "get_thread_area",
            "getpmsg",
            "io_pgetevents",
            "ioprio_get",
            "lookup_dcookie",
            "mbind",
            "nfsservctl",
            "putpmsg",
            "query_module",
            "security",
            "set_mempolicy",
            "set_mempolicy_home_node",
            "set_thread_area",
            "tuxcall",
            "uprobe",
            "uretprobe",
            "vserver",
        ]
    );
}

#[test]
fn each_call_of_the_tables_has_the_action_of_its_list() {
    let allowed: BTreeSet<&str> = ALLOWED.iter().copied().flatten().copied().collect();
    for Compiled { arch, program, .. } in COMPILED.iter() {
        for (number, name) in arch.table().iter().filter(|(_, name)| !CONDITIONAL.contains(name)) {
            let expected = if allowed.contains(name) { "allowed".to_owned() } else { EPERM.to_string() };
            for arg in [0, 1, u64::MAX, 1 << 40] {
                let found = run(program, &Call::of(*arch, *number, [arg; 6])).0;
                assert_eq!(shown(found), expected, "{name} on {arch:?}");
            }
        }
    }
}

#[test]
fn a_number_without_a_call_is_answered_as_one_the_kernel_does_not_have() {
    for Compiled { arch, program, .. } in COMPILED.iter() {
        let holes = (0..2000).filter(|number| arch.name(*number).is_none());
        for number in holes.chain([0x3fff_ffff, u32::MAX]) {
            let found = run(program, &Call::of(*arch, number, [0; 6])).0;
            assert_eq!(shown(found), ENOSYS.to_string(), "{number} on {arch:?}");
        }
    }
}

#[test]
fn another_architecture_and_x32_are_killed() {
    /// `AUDIT_ARCH_I386`, `AUDIT_ARCH_ARM`, none.
    const FOREIGN: [u32; 3] = [0x4000_0003, 0x4000_0028, 0];
    for Compiled { arch, program, .. } in COMPILED.iter() {
        let other = Arch::ALL.into_iter().find(|other| other != arch).unwrap().audit();
        for number in 0..500 {
            for arch in FOREIGN.into_iter().chain([other]) {
                assert_eq!(shown(run(program, &Call { number, arch, args: [0; 6] }).0), "killed");
            }
        }
        if *arch == Arch::X86_64 {
            for number in [0, 39, 512, 520, 547, 0x3fff_fffe] {
                let x32 = Call::of(Arch::X86_64, 0x4000_0000 + number, [0; 6]);
                assert_eq!(shown(run(program, &x32).0), "killed");
            }
        }
    }
}

#[test]
fn tables_are_sorted_and_name_what_libc_names() {
    assert_eq!(Arch::ALL.map(Arch::audit), [0xc000_003e, 0xc000_00b7]);
    for arch in Arch::ALL {
        assert!(arch.table().is_sorted_by(|one, next| one.0 < next.0), "{arch:?}");
        assert_eq!(arch.table().last().unwrap().0, LAST_KNOWN_SYSCALL);
        let names: BTreeSet<&str> = arch.table().iter().map(|(_, name)| *name).collect();
        assert_eq!(names.len(), arch.table().len(), "a name twice");
    }
    let of_libc = [
        (libc::SYS_read, "read"),
        (libc::SYS_clone, "clone"),
        (libc::SYS_clone3, "clone3"),
        (libc::SYS_socket, "socket"),
        (libc::SYS_execveat, "execveat"),
        (libc::SYS_newfstatat, "newfstatat"),
        (libc::SYS_prlimit64, "prlimit64"),
        (libc::SYS_mseal, "mseal"),
        (libc::SYS_seccomp, "seccomp"),
        (libc::SYS_ptrace, "ptrace"),
        (libc::SYS_utimensat, "utimensat"),
        (libc::SYS_personality, "personality"),
        (libc::SYS_io_uring_setup, "io_uring_setup"),
    ];
    for (number, name) in of_libc {
        assert_eq!(syscall_name(u32::try_from(number).unwrap()), Some(name));
    }
    assert_eq!(syscall_name(LAST_KNOWN_SYSCALL + 1), None);
}
