//! What init does: ends everything, passes on the request to end, keeps the deadline, and tells what was used.
//! Survivors are looked for by a descriptor they hold: its pipe ends only when all of them are gone.

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, sigaction};
use nix::sys::wait::WaitStatus;
use nix::unistd::{Pid, pause, pipe2, setsid};

use super::harness::{HOSTS, Host, Running, as_host, can_run, plan, read_all, run_to_end, start};
use crate::namespace::{EndStatus, sys};

/// Processes that leave their parent, their group and their session, and never end.
fn leave_daemons(count: u32) {
    for _ in 0..count {
        if sys::fork().unwrap().is_none() {
            setsid().unwrap();
            if sys::fork().unwrap().is_none() {
                ignore_sigterm();
                loop {
                    pause();
                }
            }
            sys::exit_now(0);
        }
    }
}

fn ignore_sigterm() {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    #[expect(unsafe_code, reason = "installing signal actions is unsafe")]
    // SAFETY: ignoring runs no handler.
    unsafe {
        sigaction(Signal::SIGTERM, &ignore).unwrap();
    }
}

/// Runs `scenario` with a worker whose descendants all hold a pipe; the text has when the pipe ended.
fn with_daemons(host: Host, stay: bool, scenario: impl FnOnce(Running) -> String) -> String {
    let plan = plan(host, Vec::new(), Vec::new());
    as_host(host, || {
        let (alive, held) = pipe2(OFlag::O_CLOEXEC).unwrap();
        let running = start(&plan, None, |out, _witness| {
            leave_daemons(30);
            out.write_all(b"left").unwrap();
            if stay {
                loop {
                    pause();
                }
            }
        });
        drop(held);
        let running = running.unwrap();
        assert_eq!(running.hear(), "left");
        let said = scenario(running);
        let began = Instant::now();
        assert_eq!(read_all(alive).unwrap(), "");
        format!("{said} {}", began.elapsed() < Duration::from_secs(2))
    })
}

#[test]
fn daemons_end_with_the_worker_and_are_counted() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let text = with_daemons(host, false, |running| {
            let end = running.finish().end.unwrap();
            format!("{:?} {} {}", end.status, end.n_left, end.is_empty)
        });
        // A parent of a daemon may be killed before it ended itself, so the count has a lower bound only.
        let fields: Vec<_> = text.split(' ').collect();
        assert_eq!((fields[0], fields[2], fields[3]), ("Code(0)", "true", "true"), "{host:?}: {text}");
        assert!((30..=60).contains(&fields[1].parse::<u32>().unwrap()), "{text}");
    }
}

#[test]
fn daemons_end_when_init_is_killed() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let text = with_daemons(host, true, |running| {
            running.signal(libc::SIGKILL);
            let ended = running.finish();
            format!(
                "{:?} {}",
                matches!(ended.status, WaitStatus::Signaled(_, Signal::SIGKILL, _)),
                ended.end.is_none()
            )
        });
        assert_eq!(text, "true true true", "{host:?}");
    }
}

#[test]
fn everything_ends_when_the_spawner_is_killed() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let plan = plan(host, Vec::new(), Vec::new());
        let text = as_host(host, || {
            let (alive, held): (OwnedFd, OwnedFd) = pipe2(OFlag::O_CLOEXEC).unwrap();
            let Some(spawner) = sys::fork().unwrap() else {
                let running = start(&plan, None, |out, _witness| {
                    leave_daemons(30);
                    out.write_all(b"left").unwrap();
                    loop {
                        pause();
                    }
                });
                assert_eq!(running.unwrap().hear(), "left");
                kill(nix::unistd::getpid(), Signal::SIGKILL).unwrap();
                sys::exit_now(1);
            };
            drop(held);
            nix::sys::wait::waitpid(spawner, None).unwrap();
            let began = Instant::now();
            assert_eq!(read_all(alive).unwrap(), "");
            format!("{}", began.elapsed() < Duration::from_secs(2))
        });
        assert_eq!(text, "true", "{host:?}");
    }
}

#[test]
fn a_request_to_end_reaches_the_worker() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let plan = plan(host, Vec::new(), Vec::new());
        let text = as_host(host, || {
            let running = start(&plan, None, |out, _witness| {
                out.write_all(b"up").unwrap();
                loop {
                    pause();
                }
            });
            let running = running.unwrap();
            assert_eq!(running.hear(), "up");
            running.signal(libc::SIGTERM);
            let ended = running.finish();
            format!("{:?} {:?}", ended.end.unwrap().status, matches!(ended.status, WaitStatus::Exited(_, 0)))
        });
        assert_eq!(text, "Signal(15) true", "{host:?}");
    }
}

#[test]
fn init_ends_a_worker_at_its_own_deadline() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let plan = plan(host, Vec::new(), Vec::new());
        let text = as_host(host, || {
            let running = start(&plan, Some(Duration::from_millis(50)), |_out, _witness| {
                ignore_sigterm();
                loop {
                    pause();
                }
            });
            let end = running.unwrap().finish().end.unwrap();
            format!("{:?} {}", end.status, end.timed_out)
        });
        assert_eq!(text, "Signal(9) true", "{host:?}");
    }
}

#[test]
fn the_end_has_the_status_and_what_was_used() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let plan = plan(host, Vec::new(), Vec::new());
        let end = run_to_end(host, &plan, || {
            let began = Instant::now();
            // An orphan works as long as the worker: the tree used both.
            if sys::fork().unwrap().is_none() {
                while began.elapsed() < Duration::from_millis(60) {}
                sys::exit_now(0);
            }
            let mut block = vec![0_u8; 24 << 20];
            block.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
            while began.elapsed() < Duration::from_millis(60) {}
            nix::sys::wait::wait().unwrap();
            kill(Pid::this(), Signal::SIGABRT).unwrap();
        });
        assert_eq!(
            (end.status, end.timed_out, end.n_left, end.is_empty),
            (EndStatus::Signal(6), false, 0, true)
        );
        assert!(end.usage.max_rss_bytes > 24 << 20, "{end:?}");
        assert!(end.usage.cpu_user + end.usage.cpu_system > Duration::from_millis(5), "{end:?}");
        assert!(end.tree.cpu_user >= end.usage.cpu_user, "{end:?}");
    }
}

#[test]
fn a_panic_of_the_set_up_ends_the_worker_only() {
    if !can_run() {
        return;
    }
    let host = Host::Nobody;
    let end = run_to_end(host, &plan(host, Vec::new(), Vec::new()), || panic!("on purpose"));
    assert_eq!(end.status, EndStatus::Code(125));
}

#[test]
fn init_holds_nothing_but_its_signals_and_its_report() {
    if !can_run() {
        return;
    }
    let plan = plan(Host::Root, Vec::new(), Vec::new());
    let text = as_host(Host::Root, || {
        let running = start(&plan, None, |out, _witness| {
            out.write_all(b"up").unwrap();
            loop {
                pause();
            }
        })
        .unwrap();
        assert_eq!(running.hear(), "up");
        let open = || std::fs::read_dir(format!("/proc/{}/fd", running.pid)).unwrap().count();
        // The worker may speak before init has closed the rest.
        let deadline = Instant::now() + Duration::from_secs(10);
        while open() != 2 && Instant::now() < deadline {
            std::thread::yield_now();
        }
        let held = open();
        running.signal(libc::SIGKILL);
        drop(running.finish());
        held.to_string()
    });
    assert_eq!(text, "2");
}

#[test]
fn a_worker_cannot_write_inits_report() {
    if !can_run() {
        return;
    }
    let plan = plan(Host::Root, Vec::new(), Vec::new());
    let text = super::harness::run(Host::Root, &plan, |_witness| {
        let mut pipes = Vec::new();
        for entry in std::fs::read_dir("/proc/self/fd").unwrap() {
            let entry = entry.unwrap();
            let target = std::fs::read_link(entry.path()).unwrap_or_default();
            let target = target.to_string_lossy().into_owned();
            // The standard error output may be a pipe of whoever runs the tests.
            if entry.file_name() != "2" && target.starts_with("pipe:") {
                pipes.push(target);
            }
        }
        pipes.sort_unstable();
        pipes.dedup();
        pipes.len().to_string()
    });
    // The stand-in's own pipe and the worker's output.
    assert_eq!(text, "2");
}
