//! Using things up: disk, processes, descriptors, memory. Every bomb is bounded and runs in a child, where it is not asked to end
//! the plugin itself. What it made is gone when it is over.

use std::path::Path;

use super::call::{Answer, HERE, address, call, closed, open, start, text, unlink, word};
use super::child::{End, answer_of, code, end_of, fork, run, wait};
use super::name::of_error;
use super::stage::{Results, Stage, found};

const MIB: usize = 1 << 20;

/// How far each goes where nothing stops it.
const DISK: usize = 64 * MIB;
const FILES: usize = 20_000;
const CHILDREN: usize = 64;
const DESCRIPTORS: usize = 2048;
const MEMORY: usize = 512 * MIB;

/// Writes so much to a descriptor.
fn fill(descriptor: isize) -> Answer {
    let chunk = vec![1_u8; MIB];
    let mut left = DISK;
    while left > 0 {
        let written = call(libc::SYS_write, &[descriptor, address(&chunk[..]), left.min(MIB).cast_signed()])?;
        left = left.saturating_sub(written.unsigned_abs());
    }
    Ok(0)
}

fn filled(path: &Path) -> Answer {
    let descriptor = open(path, libc::O_WRONLY | libc::O_CREAT)?;
    let answer = fill(descriptor);
    closed(Ok(descriptor))?;
    answer
}

fn many_files(dir: &Path) -> Answer {
    let name = |number: usize| text(dir.join(format!("inode-{number}")));
    let mode = libc::S_IFREG | 0o600;
    let mode = word(mode);
    (0..FILES).try_fold(0, |_, number| call(libc::SYS_mknodat, &[HERE, start(&name(number)), mode]))
}

pub(crate) fn disk(stage: &Stage) -> Results {
    let large = stage.own("large");
    let size = answer_of(|| filled(&large));
    // It may never have been made.
    let _absent = unlink(&large);
    let number = answer_of(|| many_files(&stage.workspace));
    for number in 0..FILES {
        if unlink(stage.own(&format!("inode-{number}"))).is_err() {
            break;
        }
    }
    vec![found("write 64 MiB", size), found("make 20000 files", number)]
}

pub(crate) fn forks() -> Results {
    let mut children = Vec::new();
    let mut refused = None;
    // A child that ended counts until it is waited for.
    while children.len() < CHILDREN && refused.is_none() {
        match fork(|| 0) {
            Ok(child) => children.push(child),
            Err(error) => refused = Some(error),
        }
    }
    for child in children {
        // It ended by itself.
        let _ended: End = wait(child);
    }
    vec![found("64 children", refused.map_or_else(|| "ok".to_owned(), of_error))]
}

pub(crate) fn descriptors() -> Results {
    let many = || (0..DESCRIPTORS).try_fold(0, |_, _| call(libc::SYS_dup, &[1]));
    vec![found("2048 descriptors", answer_of(many))]
}

/// Takes memory and touches every page of it.
fn take_memory() -> i32 {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE;
    let protection = (libc::PROT_READ | libc::PROT_WRITE) as isize;
    let take = |_, _| call(libc::SYS_mmap, &[0, MIB.cast_signed(), protection, flags as isize, -1]);
    code((0..MEMORY / MIB).try_fold(0, take))
}

fn fill_nameless() -> i32 {
    let flags = word(libc::MFD_NOEXEC_SEAL);
    code(call(libc::SYS_memfd_create, &[start(c"filled"), flags]).and_then(fill))
}

fn abort() -> i32 {
    std::process::abort()
}

/// The attempts that may end the process.
pub(crate) fn deadly(what: &str) -> Option<fn() -> i32> {
    match what {
        "512 MiB of memory" => Some(take_memory),
        "64 MiB in a memfd" => Some(fill_nameless),
        "abort" => Some(abort),
        _ => None,
    }
}

/// An end whose code is an error.
fn end_with_error(attempt: fn() -> i32) -> String {
    match run(attempt) {
        End::Exit(error) if error != 0 => of_error(error),
        other => super::child::end(other),
    }
}

pub(crate) fn memory() -> Results {
    vec![found("512 MiB of memory", end_with_error(take_memory))]
}

pub(crate) fn nameless_files() -> Results {
    vec![found("64 MiB in a memfd", end_with_error(fill_nameless))]
}

pub(crate) fn cores() -> Results {
    vec![found("abort", end_of(abort))]
}
