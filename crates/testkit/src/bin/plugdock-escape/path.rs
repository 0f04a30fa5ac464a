//! Files that are none of the plugin's, by every kind of path. They are opened and not read; what is made is removed at once.
//! Devices and the system's own trees stand in `device`.

use std::path::Path;

use super::call::{Answer, HERE, call, closed, open, start, text, try_open, unlink};
use super::stage::{Results, Stage, found, tried};

const READ: i32 = libc::O_RDONLY;
const WRITE: i32 = libc::O_WRONLY;
const LIST: i32 = libc::O_RDONLY | libc::O_DIRECTORY;
const MAKE: i32 = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL;

/// More directories below each other than a path of the longest names may name.
const DEPTH: usize = 20;
const LONGEST_NAME: usize = 255;

/// Makes a file that cannot have been there, and removes it.
fn make(dir: impl AsRef<Path>) -> Answer {
    let path = dir.as_ref().join(format!("x-plugdock-escape-{}", std::process::id()));
    let made = try_open(&path, MAKE);
    if made.is_ok() {
        unlink(&path)?;
    }
    made
}

pub(crate) fn machine() -> Results {
    vec![
        tried("read /etc/passwd", try_open("/etc/passwd", READ)),
        tried("read /etc/shadow", try_open("/etc/shadow", READ)),
        tried("list /root", try_open("/root", LIST)),
        tried("list /tmp", try_open("/tmp", LIST)),
    ]
}

pub(crate) fn parents(stage: &Stage) -> Results {
    let up = "../".repeat(stage.workspace.components().count());
    let from_workspace = stage.own(&format!("{up}etc/passwd"));
    vec![
        tried("read <workspace>/../etc/passwd", try_open(from_workspace, READ)),
        tried("read /proc/self/root/../etc/passwd", try_open("/proc/self/root/../etc/passwd", READ)),
        tried("read /proc/self/cwd/../etc/shadow", try_open(format!("/proc/self/cwd/{up}etc/shadow"), READ)),
    ]
}

pub(crate) fn symlink(stage: &Stage) -> Results {
    let followed = |name: &str, target: &str| {
        let link = stage.own(name);
        std::os::unix::fs::symlink(target, &link).map_err(|error| error.raw_os_error().unwrap_or(0))?;
        try_open(link, READ)
    };
    vec![
        tried("read a link to /etc/passwd", followed("link-to-passwd", "/etc/passwd")),
        tried("read a link to /etc/shadow", followed("link-to-shadow", "/etc/shadow")),
    ]
}

pub(crate) fn hard_link(stage: &Stage) -> Results {
    let (from, to) = (text("/usr/bin/true"), text(stage.own("hard-link")));
    vec![tried("link /usr/bin/true", call(libc::SYS_linkat, &[HERE, start(&from), HERE, start(&to)]))]
}

pub(crate) fn creation() -> Results {
    vec![tried("make /usr/bin/x", make("/usr/bin")), tried("make /x", make("/"))]
}

pub(crate) fn own_code(stage: &Stage) -> Results {
    let program = text(stage.package.join("bin/program"));
    vec![
        tried("write own manifest", try_open(stage.package.join("plugin.toml"), WRITE)),
        tried("make a file beside own program", make(stage.package.join("bin"))),
        // To its own name: where it is permitted, nothing changes. A program that runs cannot be opened for writing, by anybody.
        tried(
            "rename own program",
            call(libc::SYS_renameat2, &[HERE, start(&program), HERE, start(&program)]),
        ),
    ]
}

pub(crate) fn root() -> Results {
    vec![tried("list /", try_open("/", LIST))]
}

pub(crate) fn proc(stage: &Stage) -> Results {
    let host = |name: &str| format!("/proc/{}/{name}", stage.facts.host);
    let fixed = ["1/environ", "1/mem", "1/maps", "kallsyms", "cmdline", "sys/kernel/core_pattern", "net/tcp"];
    let mut results: Results = fixed
        .iter()
        .map(|name| tried(format!("read /proc/{name}"), try_open(format!("/proc/{name}"), READ)))
        .collect();
    results.push(tried("list /proc/1/root", try_open("/proc/1/root", LIST)));
    results.extend(
        ["environ", "maps", "mem"]
            .map(|name| tried(format!("read /proc/<host>/{name}"), try_open(host(name), READ))),
    );
    results
}

pub(crate) fn proc_writing() -> Results {
    [
        "/proc/self/uid_map",
        "/proc/self/oom_score_adj",
        "/proc/sys/kernel/hostname",
        "/proc/sys/kernel/core_pattern",
    ]
    .map(|path| tried(format!("write {path}"), try_open(path, WRITE)))
    .into()
}

/// The tree stays: whoever cleans the workspace must be able to remove it.
pub(crate) fn depth(stage: &Stage) -> Results {
    let name = text("d".repeat(LONGEST_NAME));
    let mut whole = stage.workspace.clone();
    let mut descend = || -> Answer {
        let mut at = open(&stage.workspace, LIST)?;
        for _ in 0..DEPTH {
            let next = call(libc::SYS_mkdirat, &[at, start(&name), 0o700])
                .and_then(|_| call(libc::SYS_openat, &[at, start(&name), LIST as isize]));
            closed(Ok(at))?;
            at = next?;
            whole.push("d".repeat(LONGEST_NAME));
        }
        closed(Ok(at))
    };
    let descended = descend();
    vec![
        tried("make directories deeper than a path can name", descended),
        tried("open the deepest by its path", try_open(&whole, LIST)),
        found("its path in bytes", if whole.as_os_str().len() > 4096 { "more than 4096" } else { "too few" }),
    ]
}
