//! The kernel under our filter: each row of the escape list that system calls are the answer to, really tried.
//! Every call has arguments that do no harm where no filter answers.

use std::ffi::CStr;

use libc::c_long;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;

use super::super::answers::SyscallAnswers;
use super::super::arch::Arch;
use super::super::filter::SyscallFilter;
use super::super::policy::SyscallPolicy;
use super::child::{Ended, User, heard, raw, say, under};
use super::{POLICIES, PROXIED};

const EPERM: i32 = libc::EPERM;
const NO_FAMILY: i32 = libc::EAFNOSUPPORT;

/// A call, and the answer under `restricted` and under `untrusted`.
struct Try {
    row: &'static str,
    number: c_long,
    args: [c_long; 6],
    restricted: i32,
    untrusted: i32,
}

/// A row with the same answer under both.
fn both(row: &'static str, number: c_long, args: &[c_long], expected: i32) -> Try {
    each(row, number, args, expected, expected)
}

fn each(row: &'static str, number: c_long, args: &[c_long], restricted: i32, untrusted: i32) -> Try {
    let mut all = [0; 6];
    all[..args.len()].copy_from_slice(args);
    Try { row, number, args: all, restricted, untrusted }
}

fn text(text: &'static CStr) -> c_long {
    address(text.as_ptr())
}

fn address<T>(pointer: *const T) -> c_long {
    c_long::try_from(pointer.expose_provenance()).unwrap()
}

/// Room for what a call writes, for the rest of the tests.
fn room() -> c_long {
    address(Box::leak(Box::new([0_u64; 32])).as_ptr())
}

fn zero() -> c_long {
    room()
}

fn processes() -> Vec<Try> {
    let parent = c_long::from(std::process::id().cast_signed());
    vec![
        both("E25", libc::SYS_memfd_create, &[text(c"x"), 0], EPERM),
        both("E25", libc::SYS_memfd_create, &[text(c"x"), 0x10], EPERM),
        both("E25", libc::SYS_memfd_create, &[text(c"x"), 8], 0),
        both("E25", libc::SYS_execveat, &[0, text(c""), 0, 0, libc::AT_EMPTY_PATH.into()], EPERM),
        both("E31", libc::SYS_unshare, &[libc::CLONE_NEWUSER.into()], EPERM),
        both("E31", libc::SYS_unshare, &[libc::CLONE_NEWNET.into()], EPERM),
        both("E31", libc::SYS_clone, &[c_long::from(libc::CLONE_NEWUSER | libc::SIGCHLD)], EPERM),
        both("E31", libc::SYS_setns, &[-1, 0], EPERM),
        both("E32", libc::SYS_clone3, &[0, 0], libc::ENOSYS),
        both("E33", libc::SYS_setresuid, &[-1, -1, -1], EPERM),
        both("E33", libc::SYS_setgroups, &[0, 0], EPERM),
        both("E33", libc::SYS_capset, &[0, 0], EPERM),
        both("E33", libc::SYS_prctl, &[libc::PR_SET_NO_NEW_PRIVS.into(), 0], libc::EINVAL),
        both("E37", libc::SYS_ptrace, &[libc::PTRACE_SEIZE.into(), parent], EPERM),
        both("E37", libc::SYS_ptrace, &[libc::PTRACE_TRACEME.into()], EPERM),
        both("E37", libc::SYS_process_vm_readv, &[parent, 0, 0, 0, 0], EPERM),
        both("E37", libc::SYS_process_vm_writev, &[parent, 0, 0, 0, 0], EPERM),
        both("E37", libc::SYS_pidfd_getfd, &[-1, 0, 0], EPERM),
        both("E37", libc::SYS_kcmp, &[parent, parent, 0, 0, 0], EPERM),
        both("E38", libc::SYS_prlimit64, &[parent, libc::RLIMIT_NOFILE.into(), 0, room()], EPERM),
        both("E38", libc::SYS_prlimit64, &[0, libc::RLIMIT_NOFILE.into(), 0, room()], 0),
        both("E40", libc::SYS_sched_setscheduler, &[0, libc::SCHED_FIFO.into(), zero()], EPERM),
        both("E40", libc::SYS_sched_setscheduler, &[0, libc::SCHED_BATCH.into(), zero()], 0),
        both("E40", libc::SYS_sched_setattr, &[0, 0, 0], EPERM),
        both("E40", libc::SYS_setpriority, &[0, 0, -20], EPERM),
        both("E40", libc::SYS_setpriority, &[0, parent, 19], EPERM),
        both("E40", libc::SYS_setpriority, &[0, 0, 19], 0),
        both("E40", libc::SYS_mlockall, &[0], EPERM),
        both("E41", libc::SYS_prctl, &[libc::PR_SET_PDEATHSIG.into(), 0], EPERM),
        both("E41", libc::SYS_prctl, &[libc::PR_SET_CHILD_SUBREAPER.into(), 1], EPERM),
        each("E42", libc::SYS_setpgid, &[0, -1], EPERM, libc::EINVAL),
        each("E42", libc::SYS_setsid, &[], EPERM, 0),
    ]
}

fn interfaces() -> Vec<Try> {
    vec![
        both("E43", libc::SYS_io_uring_setup, &[0, 0], EPERM),
        both("E43", libc::SYS_io_uring_enter, &[-1], EPERM),
        both("E43", libc::SYS_io_uring_register, &[-1], EPERM),
        both("E44", libc::SYS_bpf, &[-1, 0, 0], EPERM),
        both("E44", libc::SYS_perf_event_open, &[0, 0, 0, -1, 0], EPERM),
        both("E44", libc::SYS_userfaultfd, &[-1], EPERM),
        both("E44", libc::SYS_fanotify_init, &[-1, 0], EPERM),
        both("E44", libc::SYS_inotify_init1, &[-1], EPERM),
        both("E45", libc::SYS_add_key, &[0, 0, 0, 0, 0], EPERM),
        both("E45", libc::SYS_request_key, &[0, 0, 0, 0], EPERM),
        both("E45", libc::SYS_keyctl, &[-1], EPERM),
        both("E46", libc::SYS_kexec_load, &[0, 0, 0, -1], EPERM),
        #[cfg(target_arch = "x86_64")]
        both("E46", libc::SYS_kexec_file_load, &[-1, -1, 0, 0, -1], EPERM),
        both("E46", libc::SYS_init_module, &[0, 0, 0], EPERM),
        both("E46", libc::SYS_finit_module, &[-1, 0, 0], EPERM),
        both("E46", libc::SYS_delete_module, &[0, 0], EPERM),
        both("E46", libc::SYS_reboot, &[0, 0, 0], EPERM),
        both("E46", libc::SYS_swapon, &[0, -1], EPERM),
        both("E46", libc::SYS_swapoff, &[0], EPERM),
        both("E46", libc::SYS_acct, &[1], EPERM),
        both("E46", libc::SYS_quotactl, &[-1, 0, 0, 0], EPERM),
        #[cfg(target_arch = "x86_64")]
        both("E46", libc::SYS_iopl, &[0], EPERM),
        #[cfg(target_arch = "x86_64")]
        both("E46", libc::SYS_ioperm, &[0, 0, 0], EPERM),
        #[cfg(target_arch = "x86_64")]
        both("E46", libc::SYS_modify_ldt, &[-1], EPERM),
        both("E46", libc::SYS_syslog, &[-1], EPERM),
        both("E47", libc::SYS_clock_settime, &[0, 0], EPERM),
        both("E47", libc::SYS_settimeofday, &[0, 0], EPERM),
        both("E47", libc::SYS_adjtimex, &[0], EPERM),
        both("E47", libc::SYS_sethostname, &[0, -1], EPERM),
        both("E47", libc::SYS_personality, &[libc::ADDR_NO_RANDOMIZE.into()], EPERM),
        both("E47", libc::SYS_personality, &[0xffff_ffff], 0),
        both("E48", libc::SYS_shmget, &[0, 0, 0], EPERM),
        both("E48", libc::SYS_mq_open, &[0, 0, 0, 0], EPERM),
        both("E48", libc::SYS_vmsplice, &[-1, 0, 0, 0], EPERM),
        both("E48", libc::SYS_memfd_secret, &[-1], EPERM),
        both("E49", libc::SYS_ioctl, &[-1, 0x5412, 0], EPERM),
        both("E49", libc::SYS_ioctl, &[-1, 0x541c, 0], EPERM),
        both("E49", libc::SYS_ioctl, &[-1, 0x5401, 0], libc::EBADF),
        both("E51", libc::SYS_seccomp, &[1, 0, 0], EPERM),
        both("E51", libc::SYS_prctl, &[libc::PR_SET_SECCOMP.into(), 2, 0], EPERM),
        both("E51", libc::SYS_landlock_create_ruleset, &[0, 0, 1], EPERM),
        both("E51", libc::SYS_landlock_restrict_self, &[-1, 0], EPERM),
        both("E52", 470, &[], libc::ENOSYS),
        both("E52", 340, &[], libc::ENOSYS),
        // What a tracer sets to skip a call; it has the mark of the x32 convention, and is not killed.
        both("E52", -1, &[], libc::ENOSYS),
        both("E52", 99_999, &[], libc::ENOSYS),
    ]
}

fn files_and_sockets() -> Vec<Try> {
    let here: c_long = libc::AT_FDCWD.into();
    let (stream, datagram) = (c_long::from(libc::SOCK_STREAM), c_long::from(libc::SOCK_DGRAM));
    let socket = |row, family: i32, kind, protocol| {
        both(row, libc::SYS_socket, &[family.into(), kind, protocol], NO_FAMILY)
    };
    let pair = |family: i32, kind, expected| {
        both("E64", libc::SYS_socketpair, &[family.into(), kind, 0, room()], expected)
    };
    vec![
        both("E13", libc::SYS_mount, &[0, 0, 0, 0, 0], EPERM),
        both("E13", libc::SYS_umount2, &[0, -1], EPERM),
        both("E13", libc::SYS_pivot_root, &[0, 0], EPERM),
        both("E13", libc::SYS_chroot, &[0], EPERM),
        both("E13", libc::SYS_fsopen, &[0, -1], EPERM),
        both("E13", libc::SYS_open_tree, &[-1, 0, -1], EPERM),
        both("E14", libc::SYS_mknodat, &[here, 0, 0o02_0644, 0x101], EPERM),
        both("E14", libc::SYS_mknodat, &[here, 0, 0o01_0644, 0], libc::EFAULT),
        each("E15", libc::SYS_fchmodat, &[here, 0, 0o600], EPERM, libc::EFAULT),
        each("E15", libc::SYS_fchownat, &[here, 0, -1, -1, 0], EPERM, libc::EFAULT),
        each("E15", libc::SYS_setxattr, &[0, 0, 0, 0, 0], EPERM, libc::EFAULT),
        each("E15", libc::SYS_utimensat, &[here, text(c"/nowhere"), 0, 0], EPERM, libc::ENOENT),
        both("E15", libc::SYS_utimensat, &[-1, 0, 0, 0], libc::EBADF),
        both("E15", libc::SYS_fchmod, &[-1, 0o600], libc::EBADF),
        both("E15", libc::SYS_fchmod, &[-1, 0o4755], EPERM),
        both("E15", libc::SYS_openat, &[here, 0, libc::O_CREAT.into(), 0o4755], EPERM),
        both("E15", libc::SYS_openat, &[here, 0, libc::O_CREAT.into(), 0o755], libc::EFAULT),
        both("E16", libc::SYS_name_to_handle_at, &[-1, 0, 0, 0, 0], EPERM),
        both("E16", libc::SYS_open_by_handle_at, &[-1, 0, 0], EPERM),
        socket("E60", libc::AF_INET, stream, 0),
        socket("E60", libc::AF_INET6, stream, 0),
        socket("E60", libc::AF_INET, datagram, 0),
        socket("E60", libc::AF_INET, libc::SOCK_RAW.into(), 1),
        socket("E60", libc::AF_INET, datagram, 1),
        socket("E61", libc::AF_INET, stream, 262),
        socket("E61", libc::AF_INET, stream, 132),
        socket("E61", libc::AF_INET, stream, 256),
        socket("E62", libc::AF_VSOCK, stream, 0),
        socket("E62", libc::AF_NETLINK, libc::SOCK_RAW.into(), 0),
        socket("E62", libc::AF_PACKET, libc::SOCK_RAW.into(), 0),
        socket("E62", libc::AF_XDP, libc::SOCK_RAW.into(), 0),
        socket("E62", libc::AF_ALG, libc::SOCK_SEQPACKET.into(), 0),
        socket("E63", libc::AF_UNIX, stream, 0),
        both("E63", libc::SYS_connect, &[-1, 0, 0], EPERM),
        both("E63", libc::SYS_bind, &[-1, 0, 0], EPERM),
        pair(libc::AF_UNIX, stream, 0),
        pair(libc::AF_UNIX, libc::SOCK_SEQPACKET.into(), 0),
        pair(libc::AF_UNIX, datagram, EPERM),
        pair(libc::AF_INET, stream, NO_FAMILY),
        both("E28", libc::SYS_mmap, &[0, 4096, 7, 0x22, -1, 0], 0),
    ]
}

fn numbers(tries: &[Try], filter: Option<&SyscallFilter>, user: User) -> Vec<i32> {
    let mut answers = vec![0; tries.len()];
    let Ended { status, said } = under(user, filter, |to| {
        for (answer, tried) in answers.iter_mut().zip(tries) {
            *answer = raw(tried.number, tried.args).map_or_else(|errno| errno as i32, |_| 0);
        }
        say(to, &answers);
    });
    assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
    heard(&said)
}

fn check(tries: &[Try]) {
    let mut wrong = Vec::new();
    for policy in [SyscallPolicy::restricted(), SyscallPolicy::untrusted()] {
        let expected = |tried: &Try| if policy.deny_session { tried.restricted } else { tried.untrusted };
        let filter = SyscallFilter::compile(&policy);
        for user in User::all() {
            let found = numbers(tries, Some(&filter), user);
            assert_eq!(found.len(), tries.len());
            for (tried, found) in tries.iter().zip(found) {
                let expected = expected(tried);
                if found != expected {
                    let Try { row, number, args, .. } = tried;
                    wrong.push(format!(
                        "{row} call {number} {args:x?} as {user:?} under {policy:?}: {found}, not {expected}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{} wrong", wrong.join("\n"), wrong.len());
}

#[test]
fn attempts_on_processes_get_their_exact_answer() {
    check(&processes());
}

#[test]
fn attempts_on_kernel_interfaces_get_their_exact_answer() {
    check(&interfaces());
}

#[test]
fn attempts_by_files_and_sockets_get_their_exact_answer() {
    check(&files_and_sockets());
}

#[test]
fn without_a_filter_the_attempts_answer_otherwise() {
    // What is known to be harmless for whoever runs the tests: the rows would otherwise prove nothing.
    let tries = files_and_sockets();
    let sockets: Vec<Try> = tries.into_iter().filter(|t| matches!(t.row, "E15" | "E60" | "E63")).collect();
    let native = numbers(&sockets, None, User::Same);
    let same: Vec<_> = sockets
        .iter()
        .zip(&native)
        .filter(|(t, found)| t.restricted == **found)
        .map(|(t, _)| t.row)
        .collect();
    // A descriptor that is not there and a path that is null are told apart by the kernel alone; ping may be switched off.
    assert!(same.iter().filter(|row| **row == "E60" || **row == "E63").count() <= 2, "{same:?}");
    assert!(same.len() < sockets.len() / 2, "{same:?}");
}

#[test]
fn a_proxied_worker_gets_tcp_and_nothing_else() {
    let filter = SyscallFilter::compile(&PROXIED);
    let stream = c_long::from(libc::SOCK_STREAM);
    let tries = [
        each("E60", libc::SYS_socket, &[libc::AF_INET.into(), stream, 0], 0, 0),
        each("E60", libc::SYS_socket, &[libc::AF_INET.into(), stream, 6], 0, 0),
        each("E60", libc::SYS_socket, &[libc::AF_INET.into(), libc::SOCK_DGRAM.into(), 0], 0, NO_FAMILY),
        each("E61", libc::SYS_socket, &[libc::AF_INET.into(), stream, 262], 0, NO_FAMILY),
        each("E62", libc::SYS_socket, &[libc::AF_VSOCK.into(), stream, 0], 0, NO_FAMILY),
        each("E63", libc::SYS_socket, &[libc::AF_UNIX.into(), stream, 0], 0, NO_FAMILY),
        each("E63", libc::SYS_connect, &[-1, 0, 0], 0, libc::EBADF),
        each("E61", libc::SYS_sendto, &[-1, 0, 0, 0x2000_0000, 0, 0], 0, EPERM),
    ];
    let expected: Vec<i32> = tries.iter().map(|tried| tried.untrusted).collect();
    assert_eq!(numbers(&tries, Some(&filter), User::Same), expected);
}

fn killed_by_filter(body: impl FnOnce()) {
    let filter = SyscallFilter::compile(&SyscallPolicy::restricted());
    let ended = under(User::Same, Some(&filter), |_| body());
    assert!(matches!(ended.status, WaitStatus::Signaled(_, Signal::SIGSYS, _)), "{ended:?}");
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_32_bit_entry_is_killed() {
    killed_by_filter(|| {
        #[expect(unsafe_code, reason = "no wrapper enters the kernel this way")]
        // SAFETY: number 20 is `getpid` there; it takes nothing and changes the result register only.
        unsafe {
            std::arch::asm!("int 0x80", inlateout("eax") 20 => _, options(nostack));
        }
    });
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_x32_convention_is_killed() {
    killed_by_filter(|| {
        // `getpid`; the process is not there any more when it would be answered.
        let _ = raw(0x4000_0000 | libc::SYS_getpid, [0; 6]);
    });
}

#[test]
fn a_filter_of_another_architecture_kills_at_the_first_call() {
    let other = Arch::ALL.into_iter().find(|arch| *arch != Arch::NATIVE).unwrap();
    let filter = SyscallFilter::for_arch(&SyscallPolicy::restricted(), other);
    let ended = under(User::Same, Some(&filter), |to| say(to, &[1]));
    assert!(matches!(ended.status, WaitStatus::Signaled(_, Signal::SIGSYS, _)), "{ended:?}");
    assert!(ended.said.is_empty());
}

#[test]
fn a_filter_is_not_installed_without_no_new_privileges() {
    let filter = SyscallFilter::compile(&SyscallPolicy::restricted());
    // The tests' own process has not given them up, and the call does nothing then.
    if nix::sys::prctl::get_no_new_privs().unwrap() {
        println!("run with no-new-privileges, so there is nothing to see");
        assert!(std::env::var_os("CI").is_none(), "in CI these tests run without");
        return;
    }
    assert_eq!(filter.install(), Err(Errno::EACCES));
}

#[test]
fn the_kernel_says_that_a_filter_is_in_force() {
    assert_eq!(SyscallFilter::available(), Ok(()));
    let filter = SyscallFilter::compile(&SyscallPolicy::untrusted());
    let ended = under(User::Same, Some(&filter), |to| {
        use std::io::Write as _;
        let status = std::fs::read("/proc/self/status").unwrap_or_default();
        // Unsaid, the parent misses it.
        drop(to.write_all(&status));
    });
    let status = String::from_utf8(ended.said).unwrap();
    for line in ["Seccomp:\t2", "Seccomp_filters:\t1", "NoNewPrivs:\t1"] {
        assert!(status.lines().any(|found| found == line), "{line} is not in {status}");
    }
}

#[test]
fn the_answers_tell_which_policy_is_in_force() {
    for (place, policy) in POLICIES.iter().enumerate() {
        let filter = SyscallFilter::compile(policy);
        for user in User::all() {
            let answers = observed(Some(&filter), user);
            for (other, policy) in POLICIES.iter().enumerate() {
                let differs = answers.checks(policy).iter().any(|(_, planned, found)| planned != found);
                assert_eq!(differs, other != place, "{answers:?} as {user:?}, {policy:?}");
            }
        }
    }
    let base = SyscallPolicy::untrusted();
    let answers = observed(Some(&SyscallFilter::compile(&base)), User::Same);
    let flipped = [
        ("seccomp-connect", PROXIED),
        ("seccomp-process-group", SyscallPolicy { deny_session: true, ..base.clone() }),
        ("seccomp-mode", SyscallPolicy { deny_path_metadata: true, ..base.clone() }),
    ];
    for (name, policy) in &flipped {
        let differ = answers.checks(policy).into_iter().filter(|(_, planned, found)| planned != found);
        assert_eq!(differ.map(|(name, ..)| name).collect::<Vec<_>>(), [*name]);
    }
    let native = observed(None, User::Same);
    for policy in &POLICIES {
        let wrong = native.checks(policy).iter().filter(|(_, planned, found)| planned != found).count();
        assert!(wrong >= 3, "{native:?} passes for {policy:?}");
    }
}

fn observed(filter: Option<&SyscallFilter>, user: User) -> SyscallAnswers {
    let ended = under(user, filter, |to| {
        let SyscallAnswers { clone3, unshare, socket, connect, process_group, mode } =
            SyscallAnswers::observe();
        say(to, &[clone3, unshare, socket, connect, process_group, mode]);
    });
    let [clone3, unshare, socket, connect, process_group, mode] = heard(&ended.said)[..] else {
        panic!("{ended:?}")
    };
    SyscallAnswers { clone3, unshare, socket, connect, process_group, mode }
}
