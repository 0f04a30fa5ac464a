//! Ordinary programs run under each policy: a shell with tools, an interpreter, and a Rust program with threads.
//! The Rust program is the tests' own, which starts one test of this file.

use std::ffi::{CStr, CString};

use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use nix::unistd::execve;

use super::super::filter::SyscallFilter;
use super::POLICIES;
use super::child::{Ended, User, as_output, under};

/// Set for the tests' own program when another test starts it.
const INSIDE: &CStr = c"PLUGDOCK_TEST_UNDER_SECCOMP=1";

const PYTHON: &CStr = c"/usr/bin/python3";

/// What an interpreter does in an ordinary life: threads, children, sockets among itself, files, time.
const SCRIPT: &CStr = c"
import asyncio, json, os, random, socket, subprocess, tempfile, threading, time
assert subprocess.run(['/bin/echo', 'child'], capture_output=True).stdout == b'child\\n'
found = []
thread = threading.Thread(target=lambda: found.append(1)); thread.start(); thread.join()
async def tasks():
    process = await asyncio.create_subprocess_exec('/bin/true')
    return await process.wait()
assert asyncio.run(tasks()) == 0 and found == [1]
one, other = socket.socketpair(); one.send(b'x'); assert other.recv(1) == b'x'
with tempfile.TemporaryFile() as file: file.write(b'x')
time.sleep(0.001); random.random()
try: socket.socket(); print('socket')
except OSError as error: print(json.dumps({'socket': error.errno}))
";

fn run(user: User, filter: &SyscallFilter, program: &[&CStr]) -> Ended {
    let args: Vec<CString> = program.iter().map(|arg| CString::from(*arg)).collect();
    let env = [c"PATH=/usr/bin:/bin", INSIDE, c"RUST_BACKTRACE=0", c"TMPDIR=/tmp"];
    under(user, Some(filter), |to| {
        if as_output(to).is_ok() {
            // It comes back only if it failed, and then nothing was said.
            let _ = execve(&args[0], &args, &env);
        }
    })
}

fn check(program: &[&CStr], expected: impl Fn(&str) -> bool) {
    for policy in &POLICIES {
        let filter = SyscallFilter::compile(policy);
        for user in User::all() {
            let ended = run(user, &filter, program);
            let said = String::from_utf8_lossy(&ended.said);
            assert!(matches!(ended.status, WaitStatus::Exited(_, 0)), "{ended:?} {said} {user:?} {policy:?}");
            assert!(expected(&said), "{said} {user:?} {policy:?}");
        }
    }
}

#[test]
fn a_shell_runs_tools() {
    let script = c"cd /; for i in 1 2; do echo $i | cat; done; ls / | wc -l >/dev/null; (exit 0) & wait; date >/dev/null";
    check(&[c"/bin/sh", c"-c", script], |said| said == "1\n2\n");
}

#[test]
fn an_interpreter_runs() {
    if !std::path::Path::new("/usr/bin/python3").exists() {
        println!("there is no /usr/bin/python3");
        assert!(std::env::var_os("CI").is_none(), "in CI there is one");
        return;
    }
    check(&[PYTHON, c"-I", c"-c", SCRIPT], |said| {
        said == format!("{{\"socket\": {}}}\n", libc::EAFNOSUPPORT) || said == "socket\n"
    });
}

fn own_program() -> CString {
    use std::os::unix::ffi::OsStrExt as _;
    CString::new(std::env::current_exe().unwrap().as_os_str().as_bytes()).unwrap()
}

fn own_test(name: &CStr) -> Vec<Ended> {
    let program = own_program();
    let run_as = |policy| {
        let filter = SyscallFilter::compile(policy);
        // Its own user, who can surely read the program.
        run(User::Same, &filter, &[&program, c"--exact", name, c"--nocapture"])
    };
    POLICIES.iter().map(run_as).collect()
}

#[test]
fn a_rust_program_with_threads_runs() {
    for ended in own_test(c"seccomp::tests::program_run::a_test_that_uses_threads_and_children") {
        let said = String::from_utf8_lossy(&ended.said);
        assert!(matches!(ended.status, WaitStatus::Exited(_, 0)), "{ended:?} {said}");
        assert!(said.contains("1 passed"), "{said}");
    }
}

#[test]
fn a_panic_ends_as_a_panic() {
    for ended in own_test(c"seccomp::tests::program_run::a_test_that_panics_when_started_by_another") {
        assert!(matches!(ended.status, WaitStatus::Exited(_, 101)), "{ended:?}");
        assert!(String::from_utf8_lossy(&ended.said).contains("1 failed"), "{ended:?}");
    }
}

#[test]
fn an_abort_ends_as_an_abort() {
    for policy in &POLICIES {
        let filter = SyscallFilter::compile(policy);
        let ended = under(User::Same, Some(&filter), |_| std::process::abort());
        assert!(matches!(ended.status, WaitStatus::Signaled(_, Signal::SIGABRT, _)), "{ended:?}");
    }
}

#[test]
fn a_test_that_panics_when_started_by_another() {
    assert!(std::env::var_os("PLUGDOCK_TEST_UNDER_SECCOMP").is_none(), "as asked");
}

#[test]
fn a_test_that_uses_threads_and_children() {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;
    let (mut one, mut other) = UnixStream::pair().unwrap();
    let writer = std::thread::spawn(move || one.write_all(b"over"));
    let mut heard = String::new();
    other.read_to_string(&mut heard).unwrap();
    writer.join().unwrap().unwrap();
    assert_eq!(heard, "over");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::copy("/proc/self/status", file.path()).unwrap();
    std::fs::rename(file.path(), file.path().with_extension("moved")).unwrap();
    std::fs::remove_file(file.path().with_extension("moved")).unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "the test is about a child that the program starts by itself"
    )]
    let child = std::process::Command::new("/bin/echo").arg("child").output().unwrap();
    assert_eq!(child.stdout, b"child\n");
    if std::env::var_os("PLUGDOCK_TEST_UNDER_SECCOMP").is_some() {
        assert!(std::fs::read_to_string("/proc/self/status").unwrap().contains("Seccomp:\t2"));
    }
}
