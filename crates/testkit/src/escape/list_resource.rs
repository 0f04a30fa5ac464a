//! What is tried to use things up: E90 to E95, and what is tried in the plugin's own process, which it ends.
//! Confined profiles run these rows under the limits of the host program; `trusted` has none, so that the bombs come to their own end.

use super::expected::{by, either, is, unchecked};
use super::row::{Row, trial, tried};

const HOSTS: &str = "the host's own limit decides";

pub(super) const ROWS: &[Row] = &[
    tried(
        "E90",
        "fill the disk",
        &[
            // On the host's own file system each file is bounded, and the whole is measured.
            trial("write 64 MiB", is("ok"), is("SIGXFSZ"), is("ENOSPC")),
            trial("make 20000 files", is("ok"), is("ok"), is("ENOSPC")),
        ],
    ),
    // Only a group counts the processes of one worker, and only root is given one here.
    tried("E91", "fork without end", &[trial("64 children", is("ok"), by("EAGAIN", "ok"), is("EAGAIN"))]),
    tried(
        "E92",
        "open without end",
        &[trial("2048 descriptors", unchecked(HOSTS), is("EMFILE"), is("EMFILE"))],
    ),
    // Without a group of its own, the limit is on the memory of one process, and answers.
    tried(
        "E93",
        "take memory without end",
        &[trial("512 MiB of memory", is("exit 0"), by("SIGKILL", "ENOMEM"), by("SIGKILL", "ENOMEM"))],
    ),
    tried(
        "E94",
        "fill files without a path",
        &[trial("64 MiB in a memfd", is("exit 0"), is("SIGXFSZ"), is("SIGXFSZ"))],
    ),
    tried("E95", "leave a core", &[trial("abort", is("SIGABRT"), is("SIGABRT"), is("SIGABRT"))]),
];

const VIOLATION: &str = "WORKER_CRASHED SandboxViolation";
const ABORTED: &str = "WORKER_CRASHED Signal { signal: 6, core: false }";
const TOO_LARGE: &str = "WORKER_CRASHED FileSizeLimit";

/// What is tried in the plugin's own process, and what the host must say of its end.
pub(super) const DEATHS: &[Row] = &[
    #[cfg(target_arch = "x86_64")]
    tried(
        "E50",
        "call by other conventions, in its own process",
        &[
            trial(
                "int 0x80",
                either(&["exit 0", "WORKER_CRASHED Signal { signal: 11, core: false }"]),
                is(VIOLATION),
                is(VIOLATION),
            ),
            trial("an x32 number", either(&["exit 0", "exit 38"]), is(VIOLATION), is(VIOLATION)),
        ],
    ),
    tried(
        "E93",
        "take memory without end, in its own process",
        &[trial(
            "512 MiB of memory",
            is("exit 0"),
            by("RESOURCE_EXHAUSTED OutOfMemory", "exit 12"),
            by("RESOURCE_EXHAUSTED OutOfMemory", "exit 12"),
        )],
    ),
    tried(
        "E94",
        "fill files without a path, in its own process",
        &[trial("64 MiB in a memfd", is("exit 0"), is(TOO_LARGE), is(TOO_LARGE))],
    ),
    tried(
        "E95",
        "leave a core, of its own process",
        &[trial("abort", is(ABORTED), is(ABORTED), is(ABORTED))],
    ),
];
