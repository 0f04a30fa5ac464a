//! What the workspace tests share: directories, hostile trees, and this binary run again as another process.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, mkdirat};
use plugdock_contracts::ExecutionId;
use plugdock_contracts::workspace::{WorkspaceLease, WorkspaceManager, WorkspaceSpec};
use plugdock_execution_factory::workspace::LocalWorkspaceManager;

/// Set in a re-executed test: the directory it works in.
const CHILD_DIR: &str = "PLUGDOCK_TEST_CHILD_DIR";

/// A user without rights, for the tests that a privileged user cannot fail.
pub(super) const NOBODY: u32 = 65_534;

pub(super) fn temporary() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("plugdock-test-").tempdir().unwrap()
}

/// A directory in memory where the machine has one: thousands of directories take some disks milliseconds each to remove.
pub(super) fn temporary_in_memory() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("plugdock-test-")
        .tempdir_in("/dev/shm")
        .unwrap_or_else(|_no_memory| temporary())
}

/// A root for managers inside `dir`.
pub(super) fn root_in(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("root")
}

pub(super) fn id(text: &str) -> ExecutionId {
    ExecutionId::new(text).unwrap()
}

pub(super) async fn acquire(manager: &LocalWorkspaceManager, text: &str) -> Box<dyn WorkspaceLease> {
    manager.acquire(&id(text), &WorkspaceSpec::default()).await.unwrap()
}

/// The names in a directory, sorted.
pub(super) fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The directory of the only host that has one below the root.
pub(super) fn only_host(root: &Path) -> PathBuf {
    let hosts: Vec<_> = names(root).into_iter().filter(|name| root.join(name).is_dir()).collect();
    let [host] = &hosts[..] else { panic!("{hosts:?}") };
    root.join(host)
}

fn open_dir(path: &Path) -> OwnedFd {
    open(path, OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).unwrap()
}

/// Builds a chain of directories, far deeper than a path can name.
pub(super) fn dig(top: &Path, depth: usize, mode: Mode) {
    let mut here = open_dir(top);
    for _ in 0..depth {
        mkdirat(&here, "d", Mode::S_IRWXU).unwrap();
        let below = openat(&here, "d", OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).unwrap();
        // After the next level is open, since the mode may forbid that.
        nix::sys::stat::fchmod(&here, mode).unwrap();
        here = below;
    }
}

/// The directory given to a re-executed test; `None` in the test that starts it.
pub(super) fn child_dir() -> Option<PathBuf> {
    std::env::var_os(CHILD_DIR).map(PathBuf::from)
}

/// This binary again, running the one test `name` below `dir`, with a shell's `prefix` before it (`ulimit …;`).
pub(super) fn again(name: &str, dir: &Path, prefix: &str) -> Command {
    // Through /proc, so that a user without access to the build directory can run it too.
    let script = format!("{prefix} exec /proc/self/fd/9 --exact {name} --nocapture 9<\"$0\"");
    let binary = std::env::current_exe().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the test is a process of its own, not a plugin's worker")]
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(script)
        .arg(binary)
        .env(CHILD_DIR, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// Runs the test again as a user whom modes bind; as it is when this user is such a one.
pub(super) fn again_unprivileged(name: &str, dir: &Path) {
    let mut command = again(name, dir, "");
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(dir, Some(NOBODY), Some(NOBODY)).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    passes(command);
}

/// Runs a re-executed test to its end and expects it to pass.
pub(super) fn passes(mut command: Command) {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "the test was not found again: {text}");
}
