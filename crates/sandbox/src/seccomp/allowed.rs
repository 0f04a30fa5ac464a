//! The system calls that are allowed with any arguments, by what they are for.
//! Not here: those that depend on arguments or on the policy (`ruling`), and what nobody needs, which is refused.

/// By groups; a name is in one of them, and each exists on one of the architectures at least.
#[rustfmt::skip]
pub(super) const ALLOWED: &[&[&str]] = &[
    // Reading and writing through descriptors.
    &[
        "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "lseek",
        "close", "close_range", "dup", "dup2", "dup3", "fcntl", "flock", "pipe", "pipe2", "sendfile", "splice", "tee",
        "copy_file_range", "fsync", "fdatasync", "sync_file_range", "syncfs", "readahead", "fadvise64", "fallocate",
        "ftruncate",
    ],
    // Files by path: which ones is Landlock's part. `openat2` takes its mode in memory, where no filter sees it; see
    // `ruling` for why a set-user-id bit does not survive there.
    &[
        "openat2", "access", "faccessat", "faccessat2", "stat", "lstat", "fstat", "newfstatat", "statx", "statfs", "fstatfs",
        "readlink", "readlinkat", "getdents", "getdents64", "getcwd", "chdir", "fchdir", "umask", "truncate", "rename",
        "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir",
        "getxattr", "lgetxattr", "fgetxattr", "getxattrat", "listxattr", "llistxattr", "flistxattr", "listxattrat",
        "fsetxattr", "fremovexattr", "fchown",
    ],
    // Waiting for several things.
    &[
        "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
        "epoll_pwait2", "eventfd", "eventfd2", "signalfd", "signalfd4", "timerfd_create", "timerfd_settime",
        "timerfd_gettime",
    ],
    // Sockets that are there already; making, connecting and binding one depends on the policy.
    &[
        "recvfrom", "recvmsg", "recvmmsg", "shutdown", "getsockname", "getpeername", "getsockopt", "setsockopt",
    ],
    // Own memory. A just-in-time compiler may make code; the file system's part is that no foreign file becomes one.
    &[
        "brk", "mmap", "munmap", "mprotect", "mremap", "msync", "madvise", "mincore", "mlock", "mlock2", "munlock",
        "munlockall", "membarrier", "mseal", "map_shadow_stack", "pkey_alloc", "pkey_free", "pkey_mprotect",
    ],
    // Processes and threads. Landlock bounds whom a signal reaches, and which programs are run.
    &[
        "fork", "vfork", "execve", "exit", "exit_group", "wait4", "waitid", "kill", "tkill", "tgkill", "pidfd_open",
        "pidfd_send_signal", "getpid", "getppid", "gettid", "getpgid", "getpgrp", "getsid", "set_tid_address",
        "set_robust_list", "rseq", "arch_prctl", "futex", "futex_waitv", "futex_wake", "futex_wait", "futex_requeue",
        "restart_syscall",
    ],
    // Signals of its own.
    &[
        "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend", "rt_sigtimedwait",
        "rt_sigqueueinfo", "rt_tgsigqueueinfo", "sigaltstack", "pause",
    ],
    // Asking who and where it is, and how much it used.
    &[
        "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "capget", "uname", "sysinfo",
        "times", "getrusage", "getrlimit", "getcpu", "getrandom", "getpriority", "sched_yield", "sched_getaffinity",
        "sched_getparam", "sched_getscheduler", "sched_getattr", "sched_get_priority_max", "sched_get_priority_min",
        "sched_rr_get_interval",
    ],
    // Lowering its own limits; raising a ceiling needs a capability that no worker has.
    &["setrlimit"],
    // Clocks and timers.
    &[
        "time", "gettimeofday", "clock_gettime", "clock_getres", "nanosleep", "clock_nanosleep", "alarm", "getitimer",
        "setitimer", "timer_create", "timer_settime", "timer_gettime", "timer_getoverrun", "timer_delete",
    ],
];
