//! What is tried with the kernel's own calls: E43 to E52.
//! Where a call is permitted its arguments make it fail for another reason, which is the result under `trusted`.

use super::expected::{Cell, Expected, by, either, is};
use super::row::{Row, Trial, trial, tried};

/// Refused under both profiles.
const fn refused(what: &'static str, trusted: Cell) -> Trial {
    trial(what, trusted, is("EPERM"), is("EPERM"))
}

/// What root's process gets, where the kernel has the call, and what another user's does.
const fn built(root: &'static [&'static str], user: &'static [&'static str]) -> Cell {
    Cell::split(Expected::OneOf(root), Expected::OneOf(user))
}

pub(super) const ROWS: &[Row] = &[
    tried("E43", "rings", &[refused("io_uring_setup", either(&["EFAULT", "EPERM", "ENOSYS"]))]),
    tried(
        "E44",
        "trace and watch",
        &[
            refused("bpf", either(&["EINVAL", "ENOSYS"])),
            refused("perf_event_open", either(&["EINVAL", "ENOSYS"])),
            refused("userfaultfd", either(&["EINVAL", "ENOSYS"])),
            refused("fanotify_init", either(&["EINVAL", "ENOSYS"])),
        ],
    ),
    tried(
        "E45",
        "keys",
        &[
            refused("add_key", either(&["EFAULT", "ENOSYS"])),
            refused("request_key", either(&["EFAULT", "ENOSYS"])),
            refused("keyctl", either(&["EOPNOTSUPP", "ENOSYS"])),
        ],
    ),
    tried("E46", "administer the machine", ADMINISTRATION),
    tried(
        "E47",
        "change settings",
        &[
            refused("clock_settime", is("EFAULT")),
            refused("settimeofday", is("EFAULT")),
            refused("sethostname", by("EINVAL", "EPERM")),
            refused("setdomainname", by("EINVAL", "EPERM")),
            refused("personality", is("ok")),
        ],
    ),
    tried(
        "E48",
        "share memory with others",
        &[
            refused("shmget", either(&["ok", "ENOSYS"])),
            refused("mq_open", either(&["ok", "ENOSYS"])),
            refused("vmsplice", is("EBADF")),
            refused("memfd_secret", either(&["ok", "ENOSYS"])),
        ],
    ),
    tried(
        "E49",
        "type into a terminal",
        &[refused("TIOCSTI", is("ENOTTY")), refused("TIOCLINUX", is("ENOTTY"))],
    ),
    tried("E50", "call by other conventions", FOREIGN),
    tried(
        "E51",
        "stack layers of its own",
        &[
            refused("a filter of its own", is("ok")),
            refused("a filter of its own by prctl", is("ok")),
            refused("landlock_create_ruleset", either(&["ok", "ENOSYS", "EOPNOTSUPP"])),
        ],
    ),
    tried(
        "E52",
        "call what does not exist",
        &[
            trial("the call 1000", is("ENOSYS"), is("ENOSYS"), is("ENOSYS")),
            trial("the call 100000", is("ENOSYS"), is("ENOSYS"), is("ENOSYS")),
        ],
    ),
];

const ADMINISTRATION: &[Trial] = &[
    refused("kexec_load", built(&["EINVAL", "ENOSYS"], &["EPERM", "ENOSYS"])),
    refused("init_module", built(&["EFAULT", "ENOSYS"], &["EPERM", "ENOSYS"])),
    refused("finit_module", built(&["EBADF", "ENOSYS"], &["EPERM", "ENOSYS"])),
    refused("reboot", by("EINVAL", "EPERM")),
    refused("swapon", built(&["EFAULT", "ENOSYS"], &["EPERM", "ENOSYS"])),
    refused("acct", built(&["EFAULT", "ENOSYS"], &["EPERM", "ENOSYS"])),
    refused("quotactl", either(&["EINVAL", "ENOSYS"])),
    refused("syslog", by("EINVAL", "EPERM")),
    #[cfg(target_arch = "x86_64")]
    refused("iopl", either(&["EINVAL", "ENOSYS"])),
    #[cfg(target_arch = "x86_64")]
    refused("ioperm", either(&["EINVAL", "ENOSYS"])),
    #[cfg(target_arch = "x86_64")]
    refused("modify_ldt", either(&["ok", "ENOSYS"])),
];

/// Other architectures have no other conventions.
const FOREIGN: &[Trial] = &[
    // Without the emulation of 32-bit programs the gate itself faults.
    #[cfg(target_arch = "x86_64")]
    trial("int 0x80", either(&["exit 0", "SIGSEGV"]), is("SIGSYS"), is("SIGSYS")),
    // Its code is the error that says that there is no such call, or none where the kernel knows the convention.
    #[cfg(target_arch = "x86_64")]
    trial("an x32 number", either(&["exit 0", "exit 38"]), is("SIGSYS"), is("SIGSYS")),
    #[cfg(not(target_arch = "x86_64"))]
    trial("no other convention", is("ok"), is("ok"), is("ok")),
];
