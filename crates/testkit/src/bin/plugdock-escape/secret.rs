//! What a plugin may find without asking: variables, arguments, descriptors.
//! It looks for a secret that its host holds, and says what else is there.

use super::call::{closed, mode_of, open};
use super::name::of_error;
use super::stage::{Results, Stage, found, tried};

/// Descriptors a host may have leaked; those of a test are few.
const DESCRIPTORS: i32 = 1024;

fn kind(mode: u32) -> &'static str {
    match mode & libc::S_IFMT {
        libc::S_IFREG => "file",
        libc::S_IFDIR => "directory",
        libc::S_IFIFO => "pipe",
        libc::S_IFSOCK => "socket",
        libc::S_IFCHR => "device",
        libc::S_IFBLK => "block device",
        // Event queues and timers have no kind.
        _ => "anonymous",
    }
}

fn none_or(found: &[String]) -> String {
    if found.is_empty() { "none".to_owned() } else { found.join(" ") }
}

pub(crate) fn secrets(stage: &Stage) -> Results {
    let secret = stage.facts.secret.as_str();
    let mut names: Vec<String> =
        std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    names.sort();
    let has_secret = |text: std::ffi::OsString| text.to_string_lossy().contains(secret);
    let in_environment = std::env::vars_os().any(|(name, value)| has_secret(name) || has_secret(value));
    let in_arguments = std::env::args_os().any(has_secret);
    let standing = |descriptor| mode_of(descriptor).map_or("closed", kind);
    // What the kernel keeps of the start, which clearing the environment does not change.
    let initial = std::fs::read("/proc/self/environ");
    let initial = initial.map_or_else(
        |error| of_error(error.raw_os_error().unwrap_or(0)),
        |bytes| yes(String::from_utf8_lossy(&bytes).contains(secret)).to_owned(),
    );
    let files: Vec<String> = (0..DESCRIPTORS)
        .filter_map(|descriptor| Some((descriptor, kind(mode_of(descriptor)?))))
        .filter(|(_, kind)| ["file", "directory", "block device"].contains(kind))
        .map(|(descriptor, kind)| format!("{descriptor}: {kind}"))
        .collect();
    vec![
        found("variables", names.join(" ")),
        found("the secret in a variable", yes(in_environment)),
        found("the secret in the first environment", initial),
        found("the secret in an argument", yes(in_arguments)),
        found("standard input", standing(0)),
        found("standard output", standing(1)),
        found("standard error", standing(2)),
        found("inherited files", none_or(&files)),
    ]
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

pub(crate) fn standard_error() -> Results {
    let again = |flags| closed(open("/proc/self/fd/2", flags));
    vec![
        found("standard error", mode_of(2).map_or("closed", kind)),
        tried("open standard error again for reading", again(libc::O_RDONLY)),
        tried("open standard error again and empty it", again(libc::O_WRONLY | libc::O_TRUNC)),
    ]
}
