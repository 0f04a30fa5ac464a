//! Each rule that depends on arguments or on the policy, with arguments that pass and each one that does not.
//! Calls whose arguments do not count are in `ruling`.

use std::collections::BTreeSet;

use nix::errno::Errno;
use nix::errno::Errno::{EAFNOSUPPORT, ENOSYS, EPERM};

use super::super::policy::SyscallPolicy;
use super::super::ruling::PRCTL_ALLOWED;
use super::interpreter::{Call, run};
use super::ruling::{number, shown};
use super::{COMPILED, Compiled, POLICIES, PROXIED};

const RESTRICTED: SyscallPolicy = SyscallPolicy::restricted();
const UNTRUSTED: SyscallPolicy = SyscallPolicy::untrusted();

/// Bits the kernel does not look at, in a word that it truncates to an `int`.
const ABOVE: u64 = 0xdead_beef_0000_0000;
/// A pointer whose lower half is zero.
const HIGH_POINTER: u64 = 0x7fff_0000_0000;

/// A call by name under a policy, on each architecture that has it: `None` means that it is allowed.
fn check(policy: &SyscallPolicy, name: &str, args: &[u64], expected: Option<Errno>) {
    let mut all = [0x5a5a_5a5a_5a5a_5a5a; 6];
    all[..args.len()].copy_from_slice(args);
    let expected = expected.map_or_else(|| "allowed".to_owned(), |errno| errno.to_string());
    let mut seen = 0;
    for Compiled { arch, program, .. } in COMPILED.iter().filter(|compiled| compiled.policy == policy) {
        if let Some(number) = number(*arch, name) {
            let found = run(program, &Call::of(*arch, number, all)).0;
            assert_eq!(shown(found), expected, "{name} {all:#x?} on {arch:?} under {policy:?}");
            seen += 1;
        }
    }
    assert!(seen > 0, "no architecture has {name}");
}

fn everywhere(name: &str, args: &[u64], expected: Option<Errno>) {
    for policy in &POLICIES {
        check(policy, name, args, expected);
    }
}

fn bits(flags: i32) -> u64 {
    u64::from(flags.cast_unsigned())
}

#[test]
fn new_name_spaces_and_foreign_parents_are_refused_and_threads_are_not() {
    const THREAD: u64 = 0x003d_0f00;
    const FORK: u64 = 0x0120_0011;
    const VFORK: u64 = 0x4111;
    for flags in [THREAD, FORK, VFORK, 0x11, ABOVE | FORK, 1 << 32] {
        everywhere("clone", &[flags], None);
    }
    for bit in [15, 17, 25, 26, 27, 28, 29, 30] {
        everywhere("clone", &[1 << bit], Some(EPERM));
        everywhere("clone", &[ABOVE | FORK | 1 << bit], Some(EPERM));
    }
    everywhere("clone3", &[0], Some(ENOSYS));
}

#[test]
fn sockets_follow_the_rule() {
    let families = [0, 1, 2, 3, 10, 15, 16, 17, 26, 38, 40, 43, 44, ABOVE | 2, bits(-1)];
    for policy in [&RESTRICTED, &UNTRUSTED] {
        for family in families {
            check(policy, "socket", &[family, 1, 0], Some(EAFNOSUPPORT));
        }
        for name in ["connect", "bind", "listen", "accept", "accept4"] {
            check(policy, name, &[3], Some(EPERM));
        }
    }
    for family in families {
        let tcp = matches!(family, 2 | 10) || family == ABOVE | 2;
        check(&PROXIED, "socket", &[family, 1, 0], (!tcp).then_some(EAFNOSUPPORT));
    }
    for family in [2, 10] {
        for kind in [1, 0x8_0001, 0x801, 0x8_0801, ABOVE | 1] {
            for protocol in [0, 6, ABOVE | 6] {
                check(&PROXIED, "socket", &[family, kind, protocol], None);
            }
            // ICMP, UDP, SCTP, SMC, MPTCP, raw, none.
            for protocol in [1, 17, 132, 256, 262, 255, 7, bits(-1)] {
                check(&PROXIED, "socket", &[family, kind, protocol], Some(EAFNOSUPPORT));
            }
        }
        // Datagram, raw, seqpacket, packet, and flags that no kernel knows.
        for kind in [2, 3, 5, 10, 0x11, 0x8_0002] {
            check(&PROXIED, "socket", &[family, kind, 0], Some(EAFNOSUPPORT));
        }
    }
    for name in ["connect", "bind", "listen", "accept", "accept4"] {
        check(&PROXIED, name, &[3], None);
    }
}

#[test]
fn local_pairs_are_connected_ones() {
    for kind in [1, 5, 0x8_0001, 0x8_0805, ABOVE | 1] {
        everywhere("socketpair", &[1, kind, 0], None);
        everywhere("socketpair", &[ABOVE | 1, kind, 0], None);
        for family in [0, 2, 10, 16, 40] {
            everywhere("socketpair", &[family, kind, 0], Some(EAFNOSUPPORT));
        }
    }
    for kind in [2, 3, 0x8_0002] {
        everywhere("socketpair", &[1, kind, 0], Some(EPERM));
    }
}

#[test]
fn nothing_is_connected_by_sending() {
    const FAST_OPEN: u64 = 0x2000_0000;
    for (name, before) in [("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)] {
        let with = |flags: u64| [vec![7; before], vec![flags]].concat();
        for flags in [0, 0x4040, ABOVE, 1 << 61] {
            everywhere(name, &with(flags), None);
        }
        for flags in [FAST_OPEN, FAST_OPEN | 0x4000, ABOVE | FAST_OPEN] {
            everywhere(name, &with(flags), Some(EPERM));
        }
    }
}

#[test]
fn a_session_is_kept_where_nothing_else_holds_the_tree() {
    for name in ["setsid", "setpgid"] {
        check(&RESTRICTED, name, &[0, 0], Some(EPERM));
        check(&UNTRUSTED, name, &[0, 0], None);
    }
}

#[test]
fn process_options_are_the_harmless_ones() {
    assert!(PRCTL_ALLOWED.is_sorted());
    for option in (0..100).chain([libc::PR_SET_VMA, libc::PR_SET_PTRACER, -1]) {
        let expected = if PRCTL_ALLOWED.contains(&option) { None } else { Some(EPERM) };
        everywhere("prctl", &[bits(option), 1], expected);
        everywhere("prctl", &[ABOVE | bits(option), 1], expected);
    }
    // Death signal, seccomp, dropping from the bounding set, secure bits, memory map, reaper, core scheduling.
    for option in [1, 22, 24, 28, 35, 36, 62] {
        everywhere("prctl", &[option, 1], Some(EPERM));
    }
    // Keeping the name and giving up privileges (E33: taking them back is the kernel's to refuse).
    for option in [15, 38] {
        everywhere("prctl", &[option, 0], None);
    }
}

#[test]
fn terminals_are_not_typed_into_and_network_devices_not_listed() {
    // TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX, FICLONE, and neighbours of what is refused.
    for command in [0x5401, 0x5413, 0x541b, 0x5421, 0x5451, 0x4004_9409, 0x5411, 0x541d, 0x890f, 0x8a00] {
        everywhere("ioctl", &[0, command], None);
    }
    for command in [0x5412, 0x541c, 0x8910, 0x8912, 0x8927, 0x89e0, 0x89ff] {
        everywhere("ioctl", &[0, command], Some(EPERM));
        everywhere("ioctl", &[0, ABOVE | command], Some(EPERM));
    }
}

#[test]
fn no_file_gets_a_set_user_id_bit() {
    let makes = [0o100, 0o1101, 0x0040_0000, 0x0041_0002, ABOVE | 0o101];
    for (name, before) in [("open", 1), ("openat", 2)] {
        let with = |flags: u64, mode: u64| [vec![7; before], vec![flags, mode]].concat();
        for mode in [0o4755, 0o2755, 0o6000, ABOVE | 0o4000] {
            everywhere(name, &with(0, mode), None);
            for flags in makes {
                everywhere(name, &with(flags, mode), Some(EPERM));
            }
        }
        for flags in makes {
            everywhere(name, &with(flags, 0o1777), None);
        }
    }
    for name in ["creat", "fchmod"] {
        everywhere(name, &[7, 0o1777], None);
        for mode in [0o4755, 0o2755, ABOVE | 0o4000] {
            everywhere(name, &[7, mode], Some(EPERM));
        }
    }
    for (name, before) in [("chmod", 1), ("fchmodat", 2), ("fchmodat2", 2)] {
        let with = |mode: u64| [vec![7; before], vec![mode]].concat();
        for policy in [&UNTRUSTED, &PROXIED] {
            check(policy, name, &with(0o755), None);
            check(policy, name, &with(0o4755), Some(EPERM));
            check(policy, name, &with(0o2755), Some(EPERM));
        }
        check(&RESTRICTED, name, &with(0o755), Some(EPERM));
    }
}

#[test]
fn devices_are_not_made() {
    for (name, before) in [("mknod", 1), ("mknodat", 2)] {
        let with = |mode: u64| [vec![7; before], vec![mode]].concat();
        for kind in [0, 0o10_0000, 0o01_0000, 0o14_0000] {
            everywhere(name, &with(kind | 0o644), None);
            everywhere(name, &with(kind | 0o4644), Some(EPERM));
        }
        for kind in [0o02_0000, 0o06_0000, 0o02_0644, ABOVE | 0o06_0600] {
            everywhere(name, &with(kind), Some(EPERM));
        }
    }
}

#[test]
fn metadata_by_path_is_kept_where_foreign_files_have_one() {
    let by_path = [
        "chown",
        "lchown",
        "fchownat",
        "setxattr",
        "lsetxattr",
        "setxattrat",
        "removexattr",
        "lremovexattr",
        "removexattrat",
        "utime",
        "utimes",
        "futimesat",
    ];
    for name in by_path {
        check(&RESTRICTED, name, &[], Some(EPERM));
        check(&UNTRUSTED, name, &[], None);
    }
    check(&RESTRICTED, "utimensat", &[3, 0, 0, 0], None);
    for path in [1, HIGH_POINTER, HIGH_POINTER | 1, u64::MAX] {
        check(&RESTRICTED, "utimensat", &[3, path, 0, 0], Some(EPERM));
        check(&UNTRUSTED, "utimensat", &[3, path, 0, 0], None);
    }
    for name in ["fchown", "fsetxattr", "fremovexattr"] {
        everywhere(name, &[3], None);
    }
}

#[test]
fn nothing_is_run_from_memory() {
    everywhere("memfd_create", &[7, 8], None);
    everywhere("memfd_create", &[7, 0xb], None);
    for flags in [0, 1, 2, 0x10, 0x13, ABOVE, bits(-9)] {
        everywhere("memfd_create", &[7, flags], Some(EPERM));
    }
    everywhere("execveat", &[7, 7, 7, 7, 0], None);
    everywhere("execveat", &[7, 7, 7, 7, 0x100], None);
    for flags in [0x1000, 0x1100, ABOVE | 0x1000] {
        everywhere("execveat", &[7, 7, 7, 7, flags], Some(EPERM));
    }
}

#[test]
fn other_processes_and_priorities_are_left_alone() {
    for name in ["prlimit64", "sched_setaffinity", "sched_setparam"] {
        everywhere(name, &[0], None);
        everywhere(name, &[ABOVE], None);
        everywhere(name, &[1], Some(EPERM));
        everywhere(name, &[bits(-1)], Some(EPERM));
    }
    for policy in [0, 3, 5, 0x4000_0000, 0x4000_0005, ABOVE] {
        everywhere("sched_setscheduler", &[0, policy], None);
        everywhere("sched_setscheduler", &[1, policy], Some(EPERM));
    }
    for policy in [1, 2, 4, 6, 7, 0x4000_0001, bits(-1)] {
        everywhere("sched_setscheduler", &[0, policy], Some(EPERM));
    }
    for nice in [0, 19, ABOVE | 5] {
        everywhere("setpriority", &[0, 0, nice], None);
        everywhere("setpriority", &[1, 0, nice], Some(EPERM));
        everywhere("setpriority", &[2, 0, nice], Some(EPERM));
        everywhere("setpriority", &[0, 1, nice], Some(EPERM));
    }
    for nice in [bits(-1), bits(-20), 20] {
        everywhere("setpriority", &[0, 0, nice], Some(EPERM));
    }
}

#[test]
fn a_personality_can_be_asked_for_and_reset() {
    for persona in [0, 0xffff_ffff, u64::MAX, ABOVE] {
        everywhere("personality", &[persona], None);
    }
    // ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC, PER_LINUX32.
    for persona in [0x004_0000, 0x040_0000, 8, 0xffff_fffe] {
        everywhere("personality", &[persona], Some(EPERM));
    }
}

#[test]
fn policies_that_allow_the_same_have_equal_lines() {
    let lines: BTreeSet<String> = POLICIES.iter().map(SyscallPolicy::identity).collect();
    assert_eq!(lines.len(), POLICIES.len());
    assert_eq!(RESTRICTED.identity(), "seccomp=sockets:none,session:0,path-metadata:0");
}
