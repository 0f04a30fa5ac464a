//! Workspaces: bounds, and what the host has of them when every process is gone.
//! The host is the stand-in, which holds only the descriptor that init sent.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::sys::statfs::fstatfs;

use super::harness::{HOSTS, Host, as_host, can_run, memory_workspace, outcome, plan, run, start};
use crate::namespace::{WorkspaceMount, WorkspaceStore};

#[test]
fn a_full_workspace_says_so() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let plan = plan(host, Vec::new(), vec![memory_workspace()]);
        let text = run(host, &plan, |_witness| {
            let made = (0..32).take_while(|n| File::create(format!("/ws/{n}")).is_ok()).count();
            let next = outcome(File::create("/ws/next"));
            let mut file = File::create("/ws/0").unwrap();
            let block = vec![1; 64 * 1024];
            let written = (0..32).take_while(|_| file.write_all(&block).is_ok()).count();
            format!("{made} {next} {written} {}", outcome(file.write_all(&block)))
        });
        assert_eq!(text, "16 ENOSPC 16 ENOSPC", "{host:?}");
    }
}

#[test]
fn files_are_read_after_every_process_is_dead_and_freed_by_one_close() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let plan = plan(host, Vec::new(), vec![memory_workspace()]);
        let text = as_host(host, || {
            let running = start(&plan, None, |_out, _witness| {
                std::fs::create_dir("/ws/deep").unwrap();
                std::fs::write("/ws/deep/result", "42").unwrap();
            });
            let mut ended = running.unwrap().finish();
            let workspace = ended.workspaces.pop().unwrap();
            assert!(ended.end.unwrap().is_empty);
            let file = openat(&workspace, "deep/result", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
            let mut text = String::new();
            File::from(file.unwrap()).read_to_string(&mut text).unwrap();
            let before = free_of_kind(&workspace);
            drop(workspace);
            format!("{text} {before}")
        });
        // One page of 256 and the top, the directory and the file of 17 were in use.
        assert_eq!(text, "42 255/256 14/17", "{host:?}");
    }
}

fn free_of_kind(workspace: &std::os::fd::OwnedFd) -> String {
    let top = openat(workspace, ".", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).unwrap();
    let facts = fstatfs(&top).unwrap();
    format!("{}/{} {}/{}", facts.blocks_free(), facts.blocks(), facts.files_free(), facts.files())
}

#[test]
fn closing_the_descriptor_gives_the_memory_back() {
    if !can_run() {
        return;
    }
    let big = WorkspaceMount {
        target: PathBuf::from("/ws"),
        store: WorkspaceStore::Memory { bytes: 128 << 20, inodes: 4 },
    };
    let host = Host::Root;
    let plan = plan(host, Vec::new(), vec![big]);
    let text = as_host(host, || {
        let running = start(&plan, None, |_out, _witness| {
            std::fs::write("/ws/big", vec![1; 96 << 20]).unwrap();
        });
        let mut ended = running.unwrap().finish();
        let workspace = ended.workspaces.pop().unwrap();
        let held = shared_memory_kib();
        drop(workspace);
        // What else happens on the machine is far smaller than the file.
        let freed = held - shared_memory_kib();
        format!("{}", freed > 64 << 10)
    });
    assert_eq!(text, "true");
}

/// What all files in memory of the machine take.
fn shared_memory_kib() -> i64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().find(|line| line.starts_with("Shmem:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_workspace_in_a_directory_of_the_host_keeps_its_files_and_runs_nothing() {
    if !can_run() {
        return;
    }
    for host in HOSTS {
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let store = WorkspaceStore::Host { source: directory.path().into() };
        let plan = plan(host, Vec::new(), vec![WorkspaceMount { target: "/ws".into(), store }]);
        let text = run(host, &plan, |_witness| {
            std::fs::write("/ws/out", "kept").unwrap();
            std::fs::set_permissions("/ws/out", std::fs::Permissions::from_mode(0o755)).unwrap();
            let program = std::ffi::CString::new("/ws/out").unwrap();
            let Err(errno) = nix::unistd::execve::<std::ffi::CString, std::ffi::CString>(&program, &[], &[]);
            format!("{errno:?}")
        });
        assert_eq!(text, "EACCES", "{host:?}");
        assert_eq!(std::fs::read_to_string(directory.path().join("out")).unwrap(), "kept");
    }
}
