//! What a worker sees and may do, for a host that is root and for one that is nobody.
//! The errors asserted are those of the root alone: Landlock and the filter of system calls come on top.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, execve};

use super::harness::{
    HOSTS, as_host, can_run, grant, memory_workspace, outcome, plan, programs, run, start_prepared, view,
};
use crate::namespace::{IdentityMap, MountGrant, NamespacePlan, NamespaceView, UserNamespaces};

fn unshare(flag: libc::c_int) -> String {
    #[expect(unsafe_code, reason = "unshare has no safe wrapper here")]
    // SAFETY: the call takes an integer; this process has one thread.
    let result = unsafe { libc::unshare(flag) };
    outcome(if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) })
}

/// A directory of the host that everybody may read, with a file, a secret and a hidden directory.
fn shared_directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    for (name, text) in [("data", "data"), (".env", "secret")] {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    std::fs::create_dir(directory.path().join(".git")).unwrap();
    std::fs::write(directory.path().join(".git/config"), "secret").unwrap();
    directory
}

#[test]
fn a_worker_sees_exactly_what_was_planned() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let plan = plan(host, programs(), vec![memory_workspace()]);
        let view = view(host, &plan);
        assert_eq!(view.differences(&plan), [], "{host:?}: {view:#?}");
        assert_eq!(view.root_entries, plan.root_entries());
        assert_eq!((view.pid, view.shared.len(), view.namespaces.len()), (2, 0, 7));
        let outside = if let IdentityMap::Own { id } = plan.identity_map { id } else { 65534 };
        assert_eq!(view.uid_map, format!("0 {outside} 1"));
        assert_eq!((view.hostname.as_str(), view.user_namespaces), ("worker", UserNamespaces::Closed));
    }
}

#[test]
fn without_capabilities_init_works_and_the_view_is_complete() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let plan = plan(host, programs(), vec![memory_workspace()]);
        let text = as_host(host, || {
            let give_up = || crate::sys::clear_capabilities().unwrap();
            let running = start_prepared(&plan, None, give_up, |out, witness| {
                let text = match NamespaceView::observe(&plan, witness) {
                    Ok(view) => format!("{:?}", view.differences(&plan)),
                    Err(fault) => fault.to_string(),
                };
                let write = outcome(std::fs::write("/ws/file", "x"));
                out.write_all(format!("{text} {write} {}", unshare(libc::CLONE_NEWNS)).as_bytes()).unwrap();
                // Left for init to end.
                if crate::namespace::sys::fork().unwrap().is_none() {
                    loop {
                        nix::unistd::pause();
                    }
                }
            });
            let ended = running.unwrap().finish();
            let end = ended.end.unwrap();
            format!("{} {:?} {} {}", ended.text, end.status, end.n_left, end.is_empty)
        });
        assert_eq!(text, "[] ok EPERM Code(0) 1 true", "{host:?}");
    }
}

#[test]
fn nothing_of_the_machine_is_there_and_nothing_leads_out() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let plan = plan(host, programs(), vec![memory_workspace()]);
        let text = run(host, &plan, |_witness| {
            let open = |path: &str| outcome(File::open(path));
            std::os::unix::fs::symlink("/etc/shadow", "/ws/link").unwrap();
            let rows = [
                ("passwd", open("/etc/passwd")),
                ("tmp", open("/tmp")),
                ("climb", open("/ws/../../etc/passwd")),
                ("root-link", open("/proc/self/root/../etc/passwd")),
                ("cwd-link", open("/proc/self/cwd/../../etc/shadow")),
                ("symlink", open("/ws/link")),
                ("hard-link", outcome(std::fs::hard_link("/usr/bin/true", "/ws/true"))),
                ("write-clone", outcome(File::create("/usr/bin/x"))),
                ("write-root", outcome(File::create("/x"))),
                ("write-dev", outcome(File::create("/dev/x"))),
                (
                    "chmod-clone",
                    outcome(std::fs::set_permissions("/usr/bin/true", std::fs::Permissions::from_mode(0o0))),
                ),
                ("init-environ", open("/proc/1/environ")),
                ("proc-sys", open("/proc/sys")),
                ("kallsyms", open("/proc/kallsyms")),
                ("cmdline", open("/proc/cmdline")),
                ("sys", open("/sys")),
                ("run", open("/run")),
                ("vsock", open("/dev/vsock")),
                ("shm", open("/dev/shm")),
                ("null", outcome(std::fs::write("/dev/null", "x"))),
                ("zero", outcome(File::open("/dev/urandom"))),
                ("connect", outcome(TcpStream::connect("127.0.0.1:9"))),
                ("userns", unshare(libc::CLONE_NEWUSER)),
            ];
            rows.map(|(name, found)| format!("{name}={found}")).join(" ")
        });
        assert_eq!(
            text,
            "passwd=ENOENT tmp=ENOENT climb=ENOENT root-link=ENOENT cwd-link=ENOENT symlink=ENOENT hard-link=EXDEV \
             write-clone=EROFS write-root=EROFS write-dev=EROFS chmod-clone=EROFS init-environ=ENOENT \
             proc-sys=ENOENT kallsyms=ENOENT cmdline=ENOENT sys=ENOENT run=ENOENT vsock=ENOENT shm=ENOENT null=ok \
             zero=ok connect=ENETUNREACH userns=ENOSPC",
            "{host:?}"
        );
    }
}

#[test]
fn init_cannot_be_signalled_or_seen_from_inside() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let plan = plan(host, Vec::new(), Vec::new());
        let text = run(host, &plan, |_witness| {
            let init = Pid::from_raw(1);
            let sent: Vec<_> =
                [Signal::SIGKILL, Signal::SIGSTOP, Signal::SIGINT].map(|signal| kill(init, signal)).into();
            let alive = kill(init, None);
            let stat = outcome(std::fs::metadata("/proc/1/stat"));
            format!("{sent:?} {alive:?} {stat} {}", std::process::id())
        });
        // With capabilities still held init would be seen if it could be traced; it belongs to the host's namespace.
        assert_eq!(text, "[Ok(()), Ok(()), Ok(())] Ok(()) ENOENT 2", "{host:?}");
    }
}

#[test]
fn programs_run_from_a_grant_that_says_so_and_from_nowhere_else() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let mut grants = programs();
        grants.push(MountGrant { target: "/data".into(), ..grant("/usr/bin", |_| ()) });
        let plan = plan(host, grants, vec![memory_workspace()]);
        let text = run(host, &plan, |_witness| {
            std::fs::copy("/usr/bin/true", "/ws/true").unwrap();
            let run = |path: &str| {
                let path = CString::new(path).unwrap();
                let Err(errno) = execve::<CString, CString>(&path, &[], &[]);
                errno
            };
            format!("{} {}", run("/ws/true"), run("/data/true"))
        });
        assert_eq!(text, "EACCES: Permission denied EACCES: Permission denied", "{host:?}");
        let end = super::harness::run_to_end(host, &plan, || {
            let program = CString::new("/usr/bin/false").unwrap();
            let Err(errno) = execve::<CString, CString>(&program, std::slice::from_ref(&program), &[]);
            panic!("{errno}");
        });
        assert_eq!(end.status, crate::namespace::EndStatus::Code(1), "{host:?}");
    }
}

#[test]
fn a_masked_path_is_there_and_empty() {
    if !can_run() {
        return;
    }
    let directory = shared_directory();
    for host in HOSTS {
        let masks = [".env", ".git", "missing"].map(|name| directory.path().join(name));
        let grants = vec![grant(directory.path(), |grant| grant.writable = true)];
        let plan = NamespacePlan::compute(host.map(), "worker", grants, Vec::new(), &masks).unwrap();
        let found = view(host, &plan);
        assert_eq!(found.differences(&plan), [], "{host:?}");
        let text = run(host, &plan, |_witness| {
            let read = |name: &str| std::fs::read_to_string(directory.path().join(name));
            let listed = std::fs::read_dir(directory.path().join(".git")).unwrap().count();
            format!(
                "{:?} {:?} {listed} {} {}",
                read("data").unwrap(),
                read(".env").unwrap(),
                outcome(std::fs::write(directory.path().join(".env"), "x")),
                outcome(File::create(directory.path().join(".git/x"))),
            )
        });
        assert_eq!(text, r#""data" "" 0 EROFS EROFS"#, "{host:?}");
    }
    assert_eq!(std::fs::read_to_string(directory.path().join(".env")).unwrap(), "secret");
}

#[test]
fn what_is_not_there_is_left_out_only_if_the_grant_says_so() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let missing = |optional| grant("/no/such/place", |grant| grant.optional = optional);
        let without =
            run(host, &plan(host, vec![missing(true)], Vec::new()), |_witness| outcome(File::open("/no")));
        assert_eq!(without, "ENOENT");
        let refused = run(host, &plan(host, vec![missing(false)], Vec::new()), |_witness| "ran".to_owned());
        assert!(
            refused.starts_with("fault")
                && refused.contains(r#"{"clone_tree":{"path":"/no/such/place"}},"errno":2"#),
            "{refused}"
        );
    }
}

#[test]
fn no_mount_point_is_made_in_the_hosts_files() {
    if !can_run() {
        return;
    }
    let directory = shared_directory();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    for host in HOSTS {
        let inside = directory.path().join("made");
        let grants = vec![
            grant(directory.path(), |grant| grant.writable = true),
            MountGrant { target: inside.clone(), ..grant("/usr", |_| ()) },
        ];
        let text = run(host, &plan(host, grants, Vec::new()), |_witness| "ran".to_owned());
        assert!(
            text.starts_with("fault") && text.contains("mount_point") && text.contains(r#""errno":2}"#),
            "{text}"
        );
        assert!(!inside.exists());
    }
}

#[test]
fn a_link_on_the_way_to_a_mount_point_is_not_followed() {
    if !can_run() {
        return;
    }
    let directory = shared_directory();
    std::os::unix::fs::symlink("/proc", directory.path().join("link")).unwrap();
    for host in HOSTS {
        let target = directory.path().join("link/self");
        let grants = vec![grant(directory.path(), |_| ()), MountGrant { target, ..grant("/usr", |_| ()) }];
        let text = run(host, &plan(host, grants, Vec::new()), |_witness| "ran".to_owned());
        assert!(
            text.starts_with("fault")
                && text.contains("mount_point")
                && text.contains(&format!(r#""errno":{}}}"#, libc::ELOOP)),
            "{text}"
        );
    }
}

#[test]
fn the_hosts_mounts_and_host_name_are_as_before() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let text = as_host(host, || {
            let mounts = || std::fs::read_to_string("/proc/self/mountinfo").unwrap();
            let before = (mounts(), nix::sys::utsname::uname().unwrap().nodename().to_owned());
            let plan = plan(host, programs(), vec![memory_workspace()]);
            let running = super::harness::start(&plan, None, |_out, _witness| ()).unwrap();
            let during = mounts();
            drop(running.finish());
            let after = (mounts(), nix::sys::utsname::uname().unwrap().nodename().to_owned());
            format!("{} {}", before == after, before.0 == during)
        });
        assert_eq!(text, "true true", "{host:?}");
    }
}

#[test]
fn files_of_a_private_directory_can_be_granted_by_root() {
    if !can_run() {
        return;
    }
    // Only root may pass through the outer directory; what is granted lies below.
    let private = tempfile::tempdir().unwrap();
    std::fs::set_permissions(private.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let inner = private.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    std::fs::set_permissions(&inner, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(inner.join("file"), "text").unwrap();
    let target = PathBuf::from("/granted");
    let host = super::harness::Host::Root;
    let grants = vec![MountGrant { target: target.clone(), ..grant(&inner, |_| ()) }];
    let text = run(host, &plan(host, grants, Vec::new()), |_witness| {
        std::fs::read_to_string(target.join("file")).unwrap_or_else(|error| error.to_string())
    });
    assert_eq!(text, "text");
    assert!(Path::new("/granted").symlink_metadata().is_err());
}

#[test]
fn shared_mounts_of_the_host_are_private_inside() {
    if !can_run() {
        return;
    }
    let host = super::harness::Host::Root;
    let plan = plan(host, programs(), Vec::new());
    let text = as_host(host, || {
        assert_eq!(unshare(libc::CLONE_NEWNS), "ok");
        let none = std::ptr::null();
        #[expect(unsafe_code, reason = "mount has no safe wrapper here")]
        // SAFETY: the path is a C string; a change of propagation takes neither source, type nor data. It is made in a
        // mount namespace of this process alone.
        let shared =
            unsafe { libc::mount(none, c"/".as_ptr(), none, libc::MS_REC | libc::MS_SHARED, none.cast()) };
        assert_eq!(shared, 0);
        assert!(std::fs::read_to_string("/proc/self/mountinfo").unwrap().contains(" shared:"));
        let running = start_prepared(
            &plan,
            None,
            || (),
            |out, witness| {
                let view = NamespaceView::observe(&plan, witness).unwrap();
                out.write_all(format!("{:?}", view.differences(&plan)).as_bytes()).unwrap();
            },
        );
        running.unwrap().finish().text
    });
    assert_eq!(text, "[]");
}
