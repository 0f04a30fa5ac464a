//! Other processes: signals, their memory, their limits, and leaving the own group.
//! Only the signal 0 is sent, which asks whether another would arrive; limits are set to what they are.

use super::call::{Answer, NOWHERE, address, address_mut, call, closed, word};
use super::child::{answer_of, fork};
use super::name::of_error;
use super::stage::{Results, Stage, found, tried};

const INIT: isize = 1;

/// Asks whether a signal would arrive.
fn reaches(process: isize) -> Answer {
    call(libc::SYS_kill, &[process, 0])
}

pub(crate) fn init() -> Results {
    vec![tried("signal the first process", reaches(INIT))]
}

/// Numbers of processes the kernel gives by default.
const NUMBERS: isize = 32_768;

pub(crate) fn everyone() -> Results {
    let own = isize::try_from(std::process::id()).unwrap_or(0);
    let is_thread = |number: isize| std::path::Path::new(&format!("/proc/self/task/{number}")).exists();
    let others =
        (2..=NUMBERS).filter(|number| *number != own && reaches(*number).is_ok() && !is_thread(*number));
    let result = if others.count() == 0 { "nobody" } else { "others" };
    vec![found("whom a signal reaches", result)]
}

pub(crate) fn host(stage: &Stage) -> Results {
    let host = stage.facts.host as isize;
    vec![
        tried("kill the host", reaches(host)),
        tried("tgkill the host", call(libc::SYS_tgkill, &[host, host, 0])),
        tried("kill the host's group", reaches(-host)),
    ]
}

pub(crate) fn memory(stage: &Stage) -> Results {
    let host = stage.facts.host as isize;
    let mut byte = [0_u8];
    let own = [address_mut(&mut byte), 1];
    let theirs = [NOWHERE, 1];
    let own_number = isize::try_from(std::process::id()).unwrap_or(0);
    vec![
        // An address makes it fail before it is asked who may; without a rule the answer is another.
        tried("ptrace the host", call(libc::SYS_ptrace, &[word(libc::PTRACE_SEIZE), host, NOWHERE, 0])),
        found("be traced", answer_of(|| call(libc::SYS_ptrace, &[word(libc::PTRACE_TRACEME)]))),
        tried(
            "read the host's memory",
            call(libc::SYS_process_vm_readv, &[host, address(&own), 1, address(&theirs), 1]),
        ),
        tried(
            "write the host's memory",
            call(libc::SYS_process_vm_writev, &[host, address(&own), 1, address(&theirs), 1]),
        ),
        tried("take a descriptor of the host", taken(host)),
        tried("pidfd_getfd", call(libc::SYS_pidfd_getfd, &[-1])),
        tried("compare descriptors with the host", call(libc::SYS_kcmp, &[host, own_number])),
    ]
}

fn taken(host: isize) -> Answer {
    let process = call(libc::SYS_pidfd_open, &[host])?;
    let answer = closed(call(libc::SYS_pidfd_getfd, &[process]));
    closed(Ok(process))?;
    answer
}

/// Reads a limit of a process and sets it to the same.
fn limited(process: isize) -> Answer {
    let mut limit = [0_u64; 2];
    let resource = word(libc::RLIMIT_NOFILE);
    call(libc::SYS_prlimit64, &[process, resource, 0, address_mut(&mut limit)])?;
    call(libc::SYS_prlimit64, &[process, resource, address(&limit)])
}

pub(crate) fn foreign_limits(stage: &Stage) -> Results {
    vec![
        tried("limits of the host", limited(stage.facts.host as isize)),
        tried("limits of the first process", limited(INIT)),
    ]
}

pub(crate) fn parentage() -> Results {
    let prctl = |option: i32, value: isize| move || call(libc::SYS_prctl, &[option as isize, value]);
    vec![
        found("outlive the parent", answer_of(prctl(libc::PR_SET_PDEATHSIG, 0))),
        found("become a reaper", answer_of(prctl(libc::PR_SET_CHILD_SUBREAPER, 1))),
    ]
}

/// Leaves a process that is in a session of its own, if it may, and asks not to be ended.
fn left_behind() -> String {
    let daemon = fork(|| {
        // Whichever is refused, the rest is tried.
        let _refused = call(libc::SYS_setsid, &[]);
        let _refused = call(libc::SYS_prctl, &[libc::PR_SET_PDEATHSIG as isize, 0]);
        ignore(&[libc::SIGTERM, libc::SIGHUP, libc::SIGINT]);
        loop {
            // It ends with a signal only, and those that can be are ignored.
            let _interrupted = call(libc::SYS_ppoll, &[]);
        }
    });
    daemon.map_or_else(of_error, |_| "ok".to_owned())
}

fn ignore(signals: &[i32]) {
    for signal in signals {
        #[expect(unsafe_code, reason = "the standard library sets no dispositions")]
        // SAFETY: ignoring a signal runs no code.
        unsafe {
            libc::signal(*signal, libc::SIG_IGN);
        }
    }
}

pub(crate) fn session() -> Results {
    vec![
        found("setsid", answer_of(|| call(libc::SYS_setsid, &[]))),
        found("setpgid", answer_of(|| call(libc::SYS_setpgid, &[]))),
        found("leave a process behind", left_behind()),
    ]
}
