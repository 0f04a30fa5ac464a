//! The kernel's own calls: rings, tracing, keys, administration, settings, and numbers of other conventions.
//! Nothing here can change the machine: where a call is permitted, its arguments make it fail for another reason.

use super::call::{Answer, NOWHERE, address, call, closed, start, text};
use super::child::{answer_of, end_of};
use super::name::of_answer;
use super::stage::{Results, found, tried};

/// A command that no call has.
const NO_COMMAND: isize = 9999;

/// A flag that no call has.
const NO_FLAG: isize = 1 << 30;

pub(crate) fn rings() -> Results {
    vec![tried("io_uring_setup", call(libc::SYS_io_uring_setup, &[1, NOWHERE]))]
}

pub(crate) fn tracing() -> Results {
    /// `UFFD_USER_MODE_ONLY`, which anybody may ask for.
    const USER_MODE: isize = 1;
    /// `FAN_REPORT_FID`, which anybody may ask for.
    const BY_FILE: isize = 0x200;
    vec![
        tried("bpf", call(libc::SYS_bpf, &[NO_COMMAND])),
        tried("perf_event_open", call(libc::SYS_perf_event_open, &[NOWHERE, 0, -1, -1, NO_FLAG])),
        tried("userfaultfd", call(libc::SYS_userfaultfd, &[USER_MODE | NO_FLAG])),
        tried("fanotify_init", call(libc::SYS_fanotify_init, &[BY_FILE | NO_FLAG])),
    ]
}

pub(crate) fn keys() -> Results {
    vec![
        tried("add_key", call(libc::SYS_add_key, &[NOWHERE, NOWHERE])),
        tried("request_key", call(libc::SYS_request_key, &[NOWHERE, NOWHERE])),
        tried("keyctl", call(libc::SYS_keyctl, &[NO_COMMAND])),
    ]
}

pub(crate) fn administration() -> Results {
    let mut results = vec![
        tried("kexec_load", call(libc::SYS_kexec_load, &[0, 0, 0, 0xff00])),
        tried("init_module", call(libc::SYS_init_module, &[NOWHERE, 4096, NOWHERE])),
        tried("finit_module", call(libc::SYS_finit_module, &[-1, NOWHERE])),
        // The first number is not the one without which nothing happens.
        tried("reboot", call(libc::SYS_reboot, &[1, 1, 0])),
        tried("swapon", call(libc::SYS_swapon, &[NOWHERE])),
        tried("acct", call(libc::SYS_acct, &[NOWHERE])),
        tried("quotactl", call(libc::SYS_quotactl, &[0xff, NOWHERE])),
        tried("syslog", call(libc::SYS_syslog, &[99])),
    ];
    #[cfg(target_arch = "x86_64")]
    results.extend([
        tried("iopl", call(libc::SYS_iopl, &[4])),
        tried("ioperm", call(libc::SYS_ioperm, &[-1, 2, 1])),
        tried("modify_ldt", call(libc::SYS_modify_ldt, &[0])),
    ]);
    results
}

pub(crate) fn settings() -> Results {
    /// `ADDR_NO_RANDOMIZE`.
    const NO_RANDOMNESS: isize = 0x4_0000;
    vec![
        tried("clock_settime", call(libc::SYS_clock_settime, &[0, NOWHERE])),
        tried("settimeofday", call(libc::SYS_settimeofday, &[NOWHERE])),
        tried("sethostname", call(libc::SYS_sethostname, &[NOWHERE, -1])),
        tried("setdomainname", call(libc::SYS_setdomainname, &[NOWHERE, -1])),
        found("personality", answer_of(|| call(libc::SYS_personality, &[NO_RANDOMNESS]))),
    ]
}

/// Makes a shared segment and removes it.
fn segment() -> Answer {
    let segment = call(libc::SYS_shmget, &[libc::IPC_PRIVATE as isize, 4096, 0o600])?;
    call(libc::SYS_shmctl, &[segment, libc::IPC_RMID as isize])
}

/// Makes a message queue and removes it.
fn queue() -> Answer {
    let name = text(format!("plugdock-escape-{}", std::process::id()));
    let flags = (libc::O_CREAT | libc::O_EXCL | libc::O_RDWR) as isize;
    let made = closed(call(libc::SYS_mq_open, &[start(&name), flags, 0o600, 0]));
    if made.is_ok() {
        call(libc::SYS_mq_unlink, &[start(&name)])?;
    }
    made
}

pub(crate) fn memory() -> Results {
    vec![
        tried("shmget", segment()),
        tried("mq_open", queue()),
        tried("vmsplice", call(libc::SYS_vmsplice, &[-1])),
        tried("memfd_secret", closed(call(libc::SYS_memfd_secret, &[]))),
    ]
}

pub(crate) fn terminal() -> Results {
    /// `TIOCSTI` and `TIOCLINUX`.
    const INPUT: isize = 0x5412;
    const CONSOLE: isize = 0x541c;
    vec![
        tried("TIOCSTI", call(libc::SYS_ioctl, &[2, INPUT, NOWHERE])),
        tried("TIOCLINUX", call(libc::SYS_ioctl, &[2, CONSOLE, NOWHERE])),
    ]
}

/// `getpid` by the convention of 32-bit programs.
#[cfg(target_arch = "x86_64")]
fn old_gate() -> i32 {
    let number: i32;
    #[expect(unsafe_code, reason = "no library makes this call")]
    // SAFETY: the call reads and writes no memory; the gate changes the one register that is named.
    unsafe {
        std::arch::asm!("int 0x80", inlateout("eax") 20 => number);
    }
    i32::from(number <= 0)
}

/// `getpid` by the convention of 64-bit programs with short pointers.
#[cfg(target_arch = "x86_64")]
fn short_pointers() -> i32 {
    const MARK: libc::c_long = 0x4000_0000;
    super::child::code(call(MARK | libc::SYS_getpid, &[]))
}

/// The attempts that end the process where they are refused.
pub(crate) fn deadly(what: &str) -> Option<fn() -> i32> {
    match what {
        #[cfg(target_arch = "x86_64")]
        "int 0x80" => Some(old_gate),
        #[cfg(target_arch = "x86_64")]
        "an x32 number" => Some(short_pointers),
        _ => None,
    }
}

pub(crate) fn foreign_numbers() -> Results {
    let conventions = ["int 0x80", "an x32 number"];
    let results: Results =
        conventions.into_iter().filter_map(|what| Some(found(what, end_of(deadly(what)?)))).collect();
    if results.is_empty() { vec![found("no other convention", "ok")] } else { results }
}

pub(crate) fn own_layers() -> Results {
    /// `LANDLOCK_CREATE_RULESET_VERSION`, and the mode of `seccomp` that takes a filter.
    const VERSION: isize = 1;
    const FILTER: isize = 1;
    /// `ret ALLOW`.
    const ALLOW_ALL: [u32; 2] = [0x0000_0006, 0x7fff_0000];
    let filter = || {
        let program = [1, address(&ALLOW_ALL)];
        call(libc::SYS_seccomp, &[FILTER, 0, address(&program)])
    };
    let by_prctl = || {
        let program = [1, address(&ALLOW_ALL)];
        call(libc::SYS_prctl, &[libc::PR_SET_SECCOMP as isize, 2, address(&program)])
    };
    vec![
        found("a filter of its own", answer_of(filter)),
        found("a filter of its own by prctl", answer_of(by_prctl)),
        tried("landlock_create_ruleset", call(libc::SYS_landlock_create_ruleset, &[0, 0, VERSION])),
    ]
}

pub(crate) fn unknown_numbers() -> Results {
    const UNKNOWN: [libc::c_long; 2] = [1000, 100_000];
    UNKNOWN.map(|number| found(format!("the call {number}"), of_answer(call(number, &[])))).into()
}
