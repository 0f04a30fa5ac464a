//! A kernel that lacks or refuses a call, played by a filter of system calls: a typed fault, no worker, no waiting.
//! The filter answers every occurrence of one call; the number of an occurrence cannot be chosen.

use std::io;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use super::harness::{HOSTS, Host, SETUP_WITHIN, as_host, can_run, memory_workspace, plan, programs, start};
use crate::namespace::link::wait_readable;
use crate::namespace::{Cloned, NamespaceFault, NamespaceStep, create, sys};

/// Answers a call with an error from now on.
fn refuse(call: libc::c_long, errno: Errno) {
    let statement = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter {
        code: u16::try_from(code).unwrap(),
        jt,
        jf,
        k,
    };
    let number = u32::try_from(call).unwrap();
    let answer = libc::SECCOMP_RET_ERRNO | u32::try_from(errno as i32).unwrap();
    let mut program = [
        // The first word of what a filter sees is the number of the call.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, answer),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: 4, filter: program.as_mut_ptr() };
    nix::sys::prctl::set_no_new_privs().unwrap();
    #[expect(unsafe_code, reason = "installing a filter has no safe wrapper here")]
    // SAFETY: the program and its description live through the call, which copies them.
    let result =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter, 0, 0) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// What comes of a start while `call` is refused, and whether it took its time.
fn start_without(host: Host, call: libc::c_long, errno: Errno) -> String {
    let plan = plan(host, programs(), vec![memory_workspace()]);
    as_host(host, || {
        refuse(call, errno);
        let began = Instant::now();
        let text = match start(&plan, None, |out, _witness| out.write_all(b"RAN").unwrap()) {
            Err(fault) => fault.to_string(),
            Ok(running) => {
                let ended = running.finish();
                let fault = ended.text.strip_prefix("fault ").map(serde_json::from_str::<NamespaceFault>);
                fault.map_or_else(
                    || format!("{} {:?}", ended.text, ended.status),
                    |fault| fault.unwrap().to_string(),
                )
            }
        };
        let left = waitpid(None, Some(WaitPidFlag::WNOHANG));
        format!("{text}; left {left:?}; slow {}", began.elapsed() > Duration::from_secs(2))
    })
}

#[test]
fn a_refused_call_is_a_typed_fault_and_no_worker_runs() {
    if !can_run() {
        return;
    }
    let rows = [
        (libc::SYS_clone3, Errno::ENOSYS, "make the namespaces (clone3, Linux 5.3)"),
        (libc::SYS_clone3, Errno::ENOSPC, "make the namespaces (clone3, Linux 5.3)"),
        (libc::SYS_mount_setattr, Errno::ENOSYS, "make mounts private (mount_setattr, Linux 5.12)"),
        (libc::SYS_open_tree, Errno::EPERM, "clone the mount at `/dev/full` (open_tree)"),
        (libc::SYS_fsopen, Errno::ENOSYS, "make a tmpfs file system (fsopen, Linux 5.2)"),
        (libc::SYS_fsconfig, Errno::EPERM, "make a tmpfs file system (fsopen, Linux 5.2)"),
        (libc::SYS_fsmount, Errno::ENOMEM, "make a tmpfs file system (fsopen, Linux 5.2)"),
        (libc::SYS_move_mount, Errno::EPERM, "mount `/` (move_mount)"),
        (libc::SYS_openat2, Errno::EMFILE, "make the mount point `/dev/full`"),
        (libc::SYS_mkdirat, Errno::ENOSPC, "make the mount point `/dev/full`"),
        (libc::SYS_pivot_root, Errno::EPERM, "change the root (pivot_root)"),
        (libc::SYS_umount2, Errno::EBUSY, "detach the host's root"),
        (libc::SYS_sethostname, Errno::EPERM, "set the host name"),
        (libc::SYS_setresgid, Errno::EPERM, "become the mapped user and group"),
        (libc::SYS_setresuid, Errno::EAGAIN, "become the mapped user and group"),
        (libc::SYS_signalfd4, Errno::EMFILE, "prepare init's signals"),
        (libc::SYS_sendto, Errno::ENOBUFS, "hear from the other side of the handshake"),
        (libc::SYS_recvfrom, Errno::ENOMEM, "hear from the other side of the handshake"),
        (libc::SYS_prctl, Errno::EPERM, "become untraceable"),
        (libc::SYS_getsockopt, Errno::EPERM, ""),
    ];
    for (call, errno, step) in rows {
        for host in HOSTS {
            let text = start_without(host, call, errno);
            if step.is_empty() {
                // A call that the set-up does not make: the filter itself changes nothing.
                assert!(text.starts_with("RAN Exited"), "{text}");
                continue;
            }
            let expected = format!("could not {step} (errno {}); left Err(ECHILD); slow false", errno as i32);
            assert_eq!(text, expected, "{host:?} {call}");
        }
    }
}

#[test]
fn a_worker_that_cannot_be_forked_is_a_fault() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        // The C library forks by `clone`; the namespaces are made by `clone3`.
        let text = start_without(host, libc::SYS_clone, Errno::EAGAIN);
        assert!(text.starts_with("could not fork the worker (errno 11); left Err(ECHILD)"), "{text}");
    }
}

#[test]
fn init_that_cannot_close_descriptors_takes_the_worker_with_it() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let text = start_without(host, libc::SYS_close_range, Errno::EPERM);
        assert!(text.contains("Exited") && text.contains("125"), "{text}");
    }
}

#[test]
fn a_spawner_that_cannot_be_traced_stays_so() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let plan = plan(host, Vec::new(), Vec::new());
        let text = as_host(host, || {
            nix::sys::prctl::set_dumpable(false).unwrap();
            let running = start(&plan, None, |_out, _witness| ()).unwrap();
            let after_success = nix::sys::prctl::get_dumpable();
            drop(running.finish());
            refuse(libc::SYS_clone3, Errno::EPERM);
            let refused = start(&plan, None, |_out, _witness| ()).is_err();
            format!("{after_success:?} {refused} {:?}", nix::sys::prctl::get_dumpable())
        });
        assert_eq!(text, "Ok(false) true Ok(false)", "{host:?}");
    }
}

#[test]
fn a_child_that_says_nothing_is_killed_at_the_deadline() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let text = as_host(host, || {
            let began = Instant::now();
            let deadline = began + Duration::from_millis(200);
            let created = match create(host.map(), deadline).unwrap() {
                Cloned::Parent(created) => created,
                Cloned::Child(_link) => loop {
                    nix::unistd::pause();
                },
            };
            let fault = created.confirm().unwrap_err();
            let children = waitpid(None, Some(WaitPidFlag::WNOHANG));
            format!(
                "{:?} {} {children:?} {}",
                fault.step,
                fault.errno,
                began.elapsed() < Duration::from_secs(2)
            )
        });
        assert_eq!(text, format!("Handshake {} Err(ECHILD) true", libc::ETIMEDOUT), "{host:?}");
    }
}

#[test]
fn a_child_whose_parent_says_nothing_gives_up_at_the_deadline() {
    if !can_run() {
        return;
    }
    let host = Host::Nobody;
    let plan = plan(host, Vec::new(), Vec::new());
    let text = as_host(host, || {
        let began = Instant::now();
        match create(plan.identity_map, began + Duration::from_millis(200)).unwrap() {
            Cloned::Child(link) => {
                let fault = crate::namespace::enter(&plan, &link).unwrap_err();
                let expected = fault.step == NamespaceStep::Handshake && fault.errno == libc::ETIMEDOUT;
                sys::exit_now(if expected { 3 } else { 4 })
            }
            Cloned::Parent(created) => {
                let within = Instant::now() + SETUP_WITHIN;
                let pid = created.pid();
                // The parent lives and holds the link, and never answers.
                let process = created.process().as_fd();
                wait_readable(process, within).unwrap();
                format!("{:?}", matches!(waitpid(pid, None).unwrap(), WaitStatus::Exited(_, 3)))
            }
        }
    });
    assert_eq!(text, "true");
}
