//! Attempts in a child of the plugin: those that may end the process, and those that change it.
//! The child is a fork, so it runs nothing but the attempt and ends at once, without the plugin's destructors.

use std::ffi::CStr;

use super::call::{Answer, HERE, call, errno, start};
use super::name::{of_answer, of_error, of_signal};

/// How a child ended.
#[derive(Clone, Copy)]
pub(crate) enum End {
    Exit(i32),
    Signal {
        number: i32,
        core: bool,
    },
    /// There was no child.
    NoChild(i32),
}

/// Forks a child that ends with the code.
pub(crate) fn run(attempt: impl FnOnce() -> i32) -> End {
    match fork(attempt) {
        Ok(pid) => wait(pid),
        Err(error) => End::NoChild(error),
    }
}

/// Forks a child that ends with the code, and does not wait for it.
pub(crate) fn fork(attempt: impl FnOnce() -> i32) -> Result<i32, i32> {
    #[expect(unsafe_code, reason = "an attempt that may end or change the process is made in a child")]
    // SAFETY: the child runs the attempt, which makes system calls, and ends without returning from here.
    unsafe {
        match libc::fork() {
            -1 => Err(errno()),
            0 => libc::_exit(attempt()),
            pid => Ok(pid),
        }
    }
}

/// Waits for a child's end.
pub(crate) fn wait(pid: i32) -> End {
    let mut status = 0;
    loop {
        #[expect(unsafe_code, reason = "the child is none of the standard library's")]
        // SAFETY: the kernel writes one number to memory that is one.
        let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
        if waited == pid {
            break;
        }
        let error = errno();
        if error != libc::EINTR {
            return End::NoChild(error);
        }
    }
    if libc::WIFSIGNALED(status) {
        return End::Signal { number: libc::WTERMSIG(status), core: libc::WCOREDUMP(status) };
    }
    End::Exit(libc::WEXITSTATUS(status))
}

/// The code that carries an answer out of a child.
pub(crate) fn code(answer: Answer) -> i32 {
    answer.err().unwrap_or(0)
}

/// Makes a call in a child: `ok`, the error, or the signal that ended it.
pub(crate) fn answer_of(attempt: impl FnOnce() -> Answer) -> String {
    match run(|| code(attempt())) {
        End::Exit(0) => of_answer(Ok(0)),
        End::Exit(error) => of_error(error),
        other => end(other),
    }
}

/// The child's own end: `exit 0`, or the signal.
pub(crate) fn end_of(attempt: impl FnOnce() -> i32) -> String {
    end(run(attempt))
}

/// An end in words.
pub(crate) fn end(end: End) -> String {
    match end {
        End::Exit(code) => format!("exit {code}"),
        End::Signal { number, core: false } => of_signal(number),
        End::Signal { number, core: true } => format!("{} with a core", of_signal(number)),
        End::NoChild(error) => of_error(error),
    }
}

/// A program's own code that no error has: the loader of shared libraries ends with it when it cannot load.
const CANNOT_LOAD: i32 = 127;

/// Runs a program with arguments in a child: `exit 0` when it ran, else why it was not started, or what its loader said.
pub(crate) fn program(path: &CStr, arguments: &[&CStr]) -> String {
    executed(|arguments| call(libc::SYS_execve, &[start(path), arguments, NO_ENVIRONMENT]), path, arguments)
}

/// Runs what a descriptor leads to in the same way.
pub(crate) fn program_at(descriptor: isize) -> String {
    let empty = [AT_EMPTY_PATH];
    let start_it =
        |arguments| call(libc::SYS_execveat, &[descriptor, start(c""), arguments, NO_ENVIRONMENT, empty[0]]);
    executed(start_it, c"nameless", &[])
}

/// Runs a program with the call that names its directory.
pub(crate) fn program_here(path: &CStr) -> String {
    let start_it = |arguments| call(libc::SYS_execveat, &[HERE, start(path), arguments, NO_ENVIRONMENT]);
    executed(start_it, path, &[])
}

const AT_EMPTY_PATH: isize = libc::AT_EMPTY_PATH as isize;
const NO_ENVIRONMENT: isize = 0;

fn executed(start_it: impl FnOnce(isize) -> Answer, name: &CStr, arguments: &[&CStr]) -> String {
    let mut list: Vec<isize> = std::iter::once(&name).chain(arguments).map(|text| start(text)).collect();
    list.push(0);
    let end_of_child = run(|| {
        // What a program says about its failure is no output of the plugin.
        let _quiet = call(libc::SYS_close, &[2]);
        code(start_it(super::call::address(&list[..])))
    });
    match end_of_child {
        End::Exit(code) if code != 0 && code != CANNOT_LOAD => of_error(code),
        other => end(other),
    }
}
