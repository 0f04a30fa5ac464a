//! What happens to each system call under a policy: the rules, as decisions.
//! The plain allowed ones are listed in `allowed`; what neither file names is refused with `EPERM`.
//!
//! A filter sees arguments as 64 bits in two halves. The kernel truncates most of those asked about here to an `int`, an
//! `unsigned int` (families, types, protocols, flags, commands, process numbers, policies) or a `umode_t` of 16 bits
//! (modes), so the lower half says all, and bits above it must not make a difference. `clone` takes an `unsigned long` and
//! drops its upper half itself. One argument is a pointer and asked about in both halves: the path of `utimensat`.
//!
//! A set-user-id or set-group-id bit is refused wherever a mode is given: a worker may run as the host's user, and such a
//! file would outlive it and run as that user for anyone. `openat2` takes its mode in memory; a file made by it is empty,
//! and the kernel clears both bits when a process without `CAP_FSETID` first writes to it or changes its size.

use nix::errno::Errno;

use super::allowed::ALLOWED;
use super::arch::Arch;
use super::decision::{Decision, Word};
use super::policy::{SocketRule, SyscallPolicy};

const ALL_BITS: u32 = u32::MAX;
const REFUSE: Decision = Decision::refuse(Errno::EPERM);
/// The answer of a kernel that lacks the call, which makes callers fall back.
const UNKNOWN: Decision = Decision::refuse(Errno::ENOSYS);
const NO_FAMILY: Decision = Decision::refuse(Errno::EAFNOSUPPORT);

/// The first number with the mark of the x32 convention, which shares the architecture with the native one.
const X32: u32 = 0x4000_0000;

/// The number a tracer sets to skip a call. The kernel has no call of this number.
const SKIPPED: u32 = u32::MAX;

/// `CLONE_NEWNS`, `CGROUP`, `UTS`, `IPC`, `USER`, `PID`, `NET`, and `CLONE_PARENT`, which would make a child of whoever
/// started the worker. A time namespace cannot be made by `clone`: its bit is part of the exit signal there.
const CLONE_REFUSED: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_PARENT)
    .cast_unsigned();

/// Options of `prctl` that change or tell nothing but the caller's own name, memory and registers, sorted. Not among them
/// are the parent-death signal, becoming a reaper of orphans, and stacking a filter.
#[rustfmt::skip]
pub(super) const PRCTL_ALLOWED: [i32; 33] = [
    libc::PR_GET_PDEATHSIG, libc::PR_GET_DUMPABLE, libc::PR_SET_DUMPABLE, libc::PR_GET_KEEPCAPS, libc::PR_GET_TIMING,
    libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_GET_SECCOMP, libc::PR_CAPBSET_READ, libc::PR_GET_TSC,
    libc::PR_GET_SECUREBITS, libc::PR_SET_TIMERSLACK, libc::PR_GET_TIMERSLACK, libc::PR_GET_CHILD_SUBREAPER,
    libc::PR_SET_NO_NEW_PRIVS, libc::PR_GET_NO_NEW_PRIVS, libc::PR_GET_TID_ADDRESS, libc::PR_SET_THP_DISABLE,
    libc::PR_GET_THP_DISABLE, libc::PR_CAP_AMBIENT,
    // The vector registers and the pointer authentication and tags of aarch64 (`PR_SVE_…`, `PR_GET_SPECULATION_CTRL`,
    // `PR_PAC_…`, `PR_…_TAGGED_ADDR_CTRL`, `PR_SME_…`), of which libc has no names everywhere.
    50, 51, 52, 54, 55, 56, 60, 61, 63, 64,
    libc::PR_SET_MDWE, libc::PR_GET_MDWE,
    libc::PR_SET_VMA,
];

/// `TIOCSTI` and `TIOCLINUX` type into a terminal that others read.
const TERMINAL_INPUT: [u32; 2] = [0x5412, 0x541c];

/// `SIOCGIFNAME` and all behind it: what network devices are there and how they are set. Any socket answers these, a local
/// pair too.
const NETWORK_DEVICES: std::ops::RangeInclusive<u32> = 0x8910..=0x89ff;

/// What the kernel does with any call.
pub(super) fn decide(policy: &SyscallPolicy, arch: Arch) -> Decision {
    let mut allowed: Vec<&str> = ALLOWED.iter().copied().flatten().copied().collect();
    allowed.sort_unstable();
    let known = arch.table().iter().map(|(number, name)| {
        let ruling =
            if allowed.binary_search(name).is_ok() { Decision::ALLOW } else { conditional(policy, name) };
        (*number..=*number, ruling)
    });
    let foreign = (arch == Arch::X86_64).then_some((X32..=SKIPPED - 1, Decision::KILL));
    let native = Decision::pick(Word::Number, ALL_BITS, known.chain(foreign), &UNKNOWN);
    Decision::one_of(Word::Arch, ALL_BITS, &[arch.audit()], &native, &Decision::KILL)
}

/// The rules of calls that are not allowed with any arguments.
fn conditional(policy: &SyscallPolicy, name: &str) -> Decision {
    match name {
        "clone" => Decision::none_set(Word::Low(0), CLONE_REFUSED, &Decision::ALLOW, &REFUSE),
        // Its flags are in memory.
        "clone3" => UNKNOWN,
        "socket" | "socketpair" | "connect" | "bind" | "listen" | "accept" | "accept4" | "sendto"
        | "sendmsg" | "sendmmsg" => socket_call(policy.sockets, name),
        "setsid" | "setpgid" if !policy.deny_session => Decision::ALLOW,
        "prctl" => {
            let options = PRCTL_ALLOWED.map(i32::cast_unsigned);
            Decision::one_of(Word::Low(0), ALL_BITS, &options, &Decision::ALLOW, &REFUSE)
        }
        "ioctl" => ioctl(),
        "open" | "openat" | "creat" | "chmod" | "fchmod" | "fchmodat" | "fchmodat2" | "mknod" | "mknodat"
        | "chown" | "lchown" | "fchownat" | "setxattr" | "lsetxattr" | "setxattrat" | "removexattr"
        | "lremovexattr" | "removexattrat" | "utime" | "utimes" | "futimesat" | "utimensat" => {
            file_call(policy, name)
        }
        // The kernel refuses both flags together.
        "memfd_create" => Decision::none_set(Word::Low(1), libc::MFD_NOEXEC_SEAL, &REFUSE, &Decision::ALLOW),
        "execveat" => {
            let empty_path = libc::AT_EMPTY_PATH.cast_unsigned();
            Decision::none_set(Word::Low(4), empty_path, &Decision::ALLOW, &REFUSE)
        }
        "personality" => {
            // The usual one, and asking.
            Decision::one_of(Word::Low(0), ALL_BITS, &[0, u32::MAX], &Decision::ALLOW, &REFUSE)
        }
        // Another process may be the host, under the same user.
        "prlimit64" | "sched_setaffinity" | "sched_setparam" => own_process(0, &Decision::ALLOW),
        "sched_setscheduler" => own_process(0, &ordinary_scheduler()),
        "setpriority" => {
            // Own process only, and no lower than the usual.
            let nicer = Decision::pick(Word::Low(2), ALL_BITS, [(0..=19, Decision::ALLOW)], &REFUSE);
            own_process(0, &own_process(1, &nicer))
        }
        _ => REFUSE,
    }
}

/// Zero means the caller, as `PRIO_PROCESS` and as a process number.
fn own_process(argument: u8, then: &Decision) -> Decision {
    Decision::one_of(Word::Low(argument), ALL_BITS, &[0], then, &REFUSE)
}

fn ordinary_scheduler() -> Decision {
    let ordinary = [libc::SCHED_OTHER, libc::SCHED_BATCH, libc::SCHED_IDLE].map(i32::cast_unsigned);
    let mask = !libc::SCHED_RESET_ON_FORK.cast_unsigned();
    Decision::one_of(Word::Low(1), mask, &ordinary, &Decision::ALLOW, &REFUSE)
}

fn ioctl() -> Decision {
    let refused = TERMINAL_INPUT.map(|command| command..=command);
    let refused = refused.into_iter().chain([NETWORK_DEVICES]);
    Decision::pick(Word::Low(1), ALL_BITS, refused.map(|range| (range, REFUSE)), &Decision::ALLOW)
}

fn socket_call(rule: SocketRule, name: &str) -> Decision {
    /// Flags beside the type.
    const KIND: u32 = !(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK).cast_unsigned();
    let kinds = |kinds: &[i32], yes: &Decision, no: &Decision| {
        let kinds: Vec<u32> = kinds.iter().copied().map(i32::cast_unsigned).collect();
        Decision::one_of(Word::Low(1), KIND, &kinds, yes, no)
    };
    let families = |families: &[i32], yes: &Decision| {
        let families: Vec<u32> = families.iter().copied().map(i32::cast_unsigned).collect();
        Decision::one_of(Word::Low(0), ALL_BITS, &families, yes, &NO_FAMILY)
    };
    match (name, rule) {
        // Datagram pairs can be sent to and connected to any local socket with a path; stream and seqpacket pairs cannot.
        ("socketpair", _) => {
            let connected = kinds(&[libc::SOCK_STREAM, libc::SOCK_SEQPACKET], &Decision::ALLOW, &REFUSE);
            families(&[libc::AF_UNIX], &connected)
        }
        // TCP's fast open connects without the kernel asking Landlock.
        ("sendto" | "sendmmsg", _) => fast_open(3),
        ("sendmsg", _) => fast_open(2),
        ("socket", SocketRule::None) => NO_FAMILY,
        ("socket", SocketRule::Families) => {
            let protocols = [0, libc::IPPROTO_TCP.cast_unsigned()];
            let tcp = Decision::one_of(Word::Low(2), ALL_BITS, &protocols, &Decision::ALLOW, &NO_FAMILY);
            families(&[libc::AF_INET, libc::AF_INET6], &kinds(&[libc::SOCK_STREAM], &tcp, &NO_FAMILY))
        }
        // A connected socket that the host handed over could be disconnected, and then connected to somewhere else.
        (_, SocketRule::None) => REFUSE,
        (_, SocketRule::Families) => Decision::ALLOW,
    }
}

fn fast_open(flags: u8) -> Decision {
    Decision::none_set(Word::Low(flags), libc::MSG_FASTOPEN.cast_unsigned(), &Decision::ALLOW, &REFUSE)
}

fn file_call(policy: &SyscallPolicy, name: &str) -> Decision {
    match name {
        "open" => opening(1),
        "openat" => opening(2),
        "creat" | "fchmod" => plain_mode(1, &Decision::ALLOW),
        "mknod" => plain_mode(1, &no_device(1)),
        "mknodat" => plain_mode(2, &no_device(2)),
        // Without a path it is for a descriptor.
        "utimensat" if policy.deny_path_metadata => {
            let lower = Decision::one_of(Word::Low(1), ALL_BITS, &[0], &Decision::ALLOW, &REFUSE);
            Decision::one_of(Word::High(1), ALL_BITS, &[0], &lower, &REFUSE)
        }
        _ if policy.deny_path_metadata => REFUSE,
        "chmod" => plain_mode(1, &Decision::ALLOW),
        "fchmodat" | "fchmodat2" => plain_mode(2, &Decision::ALLOW),
        _ => Decision::ALLOW,
    }
}

/// `open` with these flags makes a file, so that its mode counts; without, the place of the mode holds anything.
fn opening(flags: u8) -> Decision {
    /// `__O_TMPFILE`, without the bit for directories that `O_TMPFILE` has too.
    const UNNAMED: u32 = 0x0040_0000;
    let making = libc::O_CREAT.cast_unsigned() | UNNAMED;
    Decision::none_set(Word::Low(flags), making, &Decision::ALLOW, &plain_mode(flags + 1, &Decision::ALLOW))
}

fn plain_mode(mode: u8, then: &Decision) -> Decision {
    Decision::none_set(Word::Low(mode), libc::S_ISUID | libc::S_ISGID, then, &REFUSE)
}

fn no_device(mode: u8) -> Decision {
    Decision::one_of(
        Word::Low(mode),
        libc::S_IFMT,
        &[libc::S_IFCHR, libc::S_IFBLK],
        &REFUSE,
        &Decision::ALLOW,
    )
}
