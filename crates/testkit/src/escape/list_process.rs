//! What is tried with programs, privileges and other processes: E24 to E42.
//! What a variant does stands in the hostile program, under the same words.

use super::expected::{by, either, is, unchecked};
use super::row::{Row, trial, tried};

/// Why some results of an unconfined process are not checked.
const LIMIT: &str = "the machine's limits and capabilities decide";

/// The variables that every worker has; the one that names its channel is gone before the plugin's code runs.
const VARIABLES: &str = "HOME LANG PATH TMPDIR";

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    tried("E24", "run a program of its own making", &[
        trial("execve of a program of its own", is("exit 0"), is("EACCES"), is("EACCES")),
        trial("execveat of a program of its own", is("exit 0"), is("EACCES"), is("EACCES")),
    ]),
    tried("E25", "run a program without a path", &[
        trial("run a memfd", is("exit 0"), is("EPERM"), is("EPERM")),
        trial("run a memfd that says it is executable", is("exit 0"), is("EPERM"), is("EPERM")),
        trial("run a sealed memfd", is("EACCES"), is("EPERM"), is("EPERM")),
        trial("make a sealed memfd", is("ok"), is("ok"), is("ok")),
        trial("run a sealed memfd by its path", is("EACCES"), is("EACCES"), is("EACCES")),
    ]),
    // Landlock does not bound what is mapped: without a mount of its own, the loader runs what it can read. It is the same
    // worker under the same rules.
    tried("E26", "run a program through the loader", &[
        trial("the loader with a copy of the program", is("exit 0"), is("exit 0"), is("exit 127")),
    ]),
    tried("E27", "map a file as code", &[
        trial("map a file of the workspace as code", is("ok"), is("ok"), is("EPERM")),
    ]),
    tried("E28", "generate code", &[
        trial("map memory that is written and run", is("ok"), is("ok"), is("ok")),
    ]),
    tried("E29", "gain by a set-user-id program", &[
        trial("run a set-user-id program", either(&["exit 0", "ENOENT"]), is("EACCES"), is("ENOENT")),
        trial("no new privileges", is("1"), is("1"), is("1")),
    ]),
    tried("E30", "find secrets", &[
        trial("variables", is(VARIABLES), is(VARIABLES), is(VARIABLES)),
        trial("the secret in a variable", is("no"), is("no"), is("no")),
        trial("the secret in the first environment", is("no"), is("EACCES"), is("EACCES")),
        trial("the secret in an argument", is("no"), is("no"), is("no")),
        trial("standard input", is("device"), is("device"), is("device")),
        trial("standard output", is("pipe"), is("pipe"), is("pipe")),
        trial("standard error", is("pipe"), is("pipe"), is("pipe")),
        trial("inherited files", is("none"), is("none"), is("none")),
    ]),
    tried("E31", "make or enter namespaces", &[
        trial("unshare of the user namespace", either(&["ok", "EPERM", "ENOSPC"]), is("EPERM"), is("EPERM")),
        trial("unshare of the network namespace", by("ok", "EPERM"), is("EPERM"), is("EPERM")),
        trial("unshare of both", either(&["ok", "EPERM", "ENOSPC"]), is("EPERM"), is("EPERM")),
        trial("clone with a user namespace", either(&["ok", "EPERM", "ENOSPC"]), is("EPERM"), is("EPERM")),
        trial("clone with a process namespace", by("ok", "EPERM"), is("EPERM"), is("EPERM")),
        trial("setns", is("EBADF"), is("EPERM"), is("EPERM")),
    ]),
    tried("E32", "clone3", &[trial("clone3", is("EINVAL"), is("ENOSYS"), is("ENOSYS"))]),
    tried("E33", "become somebody else", &[
        trial("setresuid to root", by("ok", "EPERM"), is("EPERM"), is("EPERM")),
        trial("setresgid to root", by("ok", "EPERM"), is("EPERM"), is("EPERM")),
        trial("setgroups", by("ok", "EPERM"), is("EPERM"), is("EPERM")),
        trial("capset to administration", by("ok", "EPERM"), is("EPERM"), is("EPERM")),
        trial("prctl to allow new privileges", is("EINVAL"), is("EINVAL"), is("EINVAL")),
    ]),
    tried("E34", "signal the first process", &[
        trial("signal the first process", by("ok", "EPERM"), is("EPERM"), is("EPERM")),
    ]),
    tried("E35", "signal everybody", &[
        trial("whom a signal reaches", is("others"), is("nobody"), is("nobody")),
    ]),
    tried("E36", "signal the host", &[
        trial("kill the host", is("ok"), is("EPERM"), is("ESRCH")),
        trial("tgkill the host", is("ok"), is("EPERM"), is("ESRCH")),
        trial("kill the host's group", is("ok"), is("EPERM"), is("ESRCH")),
    ]),
    tried("E37", "reach into processes", &[
        trial("ptrace the host", is("EIO"), is("EPERM"), is("EPERM")),
        trial("be traced", is("ok"), is("EPERM"), is("EPERM")),
        trial("read the host's memory", is("EFAULT"), is("EPERM"), is("EPERM")),
        trial("write the host's memory", is("EFAULT"), is("EPERM"), is("EPERM")),
        trial("take a descriptor of the host", is("ok"), is("EPERM"), is("ESRCH")),
        trial("pidfd_getfd", is("EBADF"), is("EPERM"), is("EPERM")),
        trial("compare descriptors with the host", either(&["ok", "ENOSYS"]), is("EPERM"), is("EPERM")),
    ]),
    tried("E38", "change limits of others", &[
        trial("limits of the host", is("ok"), is("EPERM"), is("EPERM")),
        trial("limits of the first process", unchecked(LIMIT), is("EPERM"), is("EPERM")),
    ]),
    tried("E39", "raise own limits", &[
        trial("raise the size of cores", unchecked(LIMIT), is("EPERM"), is("EPERM")),
    ]),
    tried("E40", "take the processor and the memory", &[
        trial("run before everything else", unchecked(LIMIT), is("EPERM"), is("EPERM")),
        trial("be as unkind as possible", unchecked(LIMIT), is("EPERM"), is("EPERM")),
        trial("keep all memory", unchecked(LIMIT), is("EPERM"), is("EPERM")),
    ]),
    // The filter allows neither, in both profiles; in a process namespace it would do no harm.
    tried("E41", "outlive the parent", &[
        trial("outlive the parent", is("ok"), is("EPERM"), is("EPERM")),
        trial("become a reaper", is("ok"), is("EPERM"), is("EPERM")),
    ]),
    tried("E42", "leave processes behind", &[
        trial("setsid", is("ok"), is("EPERM"), is("ok")),
        trial("setpgid", is("ok"), is("EPERM"), is("ok")),
        trial("leave a process behind", is("ok"), is("ok"), is("ok")),
        trial("survivors", is("none"), is("none"), is("none")),
    ]),
];
