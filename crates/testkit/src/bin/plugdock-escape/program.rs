//! Running what the plugin was not given: programs of its own making, and the machine's.
//! What is run does nothing: it ends with the code 0.

use std::path::{Path, PathBuf};

use super::NOTHING;
use super::call::{Answer, address, call, closed, open, start, text, word};
use super::child::{program, program_at, program_here};
use super::name::of_error;
use super::stage::{Results, Stage, found, tried};

const PAGE: isize = 4096;

/// A whole program: the headers, and `exit(0)`.
fn tiny() -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    const HEADERS: u64 = 64 + 56;
    #[cfg(target_arch = "x86_64")]
    // mov eax, 60; xor edi, edi; syscall
    let (machine, code): (u16, &[u8]) = (62, &[0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05]);
    #[cfg(target_arch = "aarch64")]
    // mov x8, 93; mov x0, 0; svc 0
    let (machine, code): (u16, &[u8]) =
        (183, &[0xa8, 0x0b, 0x80, 0xd2, 0x00, 0x00, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4]);
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let push = |bytes: &mut Vec<u8>, number: u64, length: usize| {
        bytes.extend(&number.to_le_bytes()[..length]);
    };
    for (number, length) in [
        (2, 2),
        (u64::from(machine), 2),
        (1, 4),
        (BASE + HEADERS, 8),
        (64, 8),
        (0, 8),
        (0, 4),
        (64, 2),
        (56, 2),
        (1, 2),
        (0, 2),
        (0, 2),
        (0, 2),
    ] {
        push(&mut bytes, number, length);
    }
    let whole = HEADERS + code.len() as u64;
    for (number, length) in
        [(1, 4), (5, 4), (0, 8), (BASE, 8), (BASE, 8), (whole, 8), (whole, 8), (0x1000, 8)]
    {
        push(&mut bytes, number, length);
    }
    bytes.extend(code);
    bytes
}

/// Writes a program into the workspace.
fn written(path: &Path, bytes: &[u8]) -> Answer {
    let descriptor = open(path, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL)?;
    let answer = call(libc::SYS_write, &[descriptor, address(bytes), bytes.len().cast_signed()]);
    closed(Ok(descriptor))?;
    answer
}

pub(crate) fn copied(stage: &Stage) -> Results {
    let path = stage.own("tiny");
    if let Err(error) = written(&path, &tiny()) {
        return vec![found("write a program", of_error(error))];
    }
    let at = text(&path);
    vec![
        found("execve of a program of its own", program(&at, &[])),
        found("execveat of a program of its own", program_here(&at)),
    ]
}

/// A program without a path.
fn memfd(flags: u32) -> Answer {
    let descriptor = call(libc::SYS_memfd_create, &[start(c"tiny"), word(flags)])?;
    let bytes = tiny();
    call(libc::SYS_write, &[descriptor, address(&bytes[..]), bytes.len().cast_signed()])?;
    Ok(descriptor)
}

fn run_memfd(flags: u32) -> String {
    match memfd(flags | libc::MFD_CLOEXEC) {
        Ok(descriptor) => {
            let end = program_at(descriptor);
            // It was just opened.
            let _closed = closed(Ok(descriptor));
            end
        }
        Err(error) => of_error(error),
    }
}

/// `MFD_EXEC`, which not every version of the C library names.
const MFD_EXEC: u32 = 0x10;

pub(crate) fn nameless() -> Results {
    let sealed = memfd(libc::MFD_CLOEXEC | libc::MFD_NOEXEC_SEAL);
    let by_path =
        sealed.map_or_else(of_error, |descriptor| program(&text(format!("/proc/self/fd/{descriptor}")), &[]));
    let sealed = closed(sealed);
    vec![
        found("run a memfd", run_memfd(0)),
        found("run a memfd that says it is executable", run_memfd(MFD_EXEC)),
        found("run a sealed memfd", run_memfd(libc::MFD_NOEXEC_SEAL)),
        tried("make a sealed memfd", sealed),
        found("run a sealed memfd by its path", by_path),
    ]
}

/// The loader of shared libraries, where it lies by the architecture's convention.
const LOADER: &str =
    if cfg!(target_arch = "x86_64") { "/lib64/ld-linux-x86-64.so.2" } else { "/lib/ld-linux-aarch64.so.1" };

pub(crate) fn loaded(stage: &Stage) -> Results {
    let copy: PathBuf = stage.own("copy");
    let copied = std::fs::copy(stage.package.join("bin/program"), &copy);
    if let Err(error) = copied {
        return vec![found(
            "the loader with a copy of the program",
            of_error(error.raw_os_error().unwrap_or(0)),
        )];
    }
    let end = program(&text(LOADER), &[&text(&copy), &text(NOTHING)]);
    vec![found("the loader with a copy of the program", end)]
}

fn mapping(descriptor: isize, protection: i32, flags: i32) -> Answer {
    let at = call(libc::SYS_mmap, &[0, PAGE, protection as isize, flags as isize, descriptor, 0])?;
    call(libc::SYS_munmap, &[at, PAGE])
}

pub(crate) fn mapped(stage: &Stage) -> Results {
    let path = stage.own("mapped");
    let map = || -> Answer {
        written(&path, &tiny())?;
        let descriptor = open(&path, libc::O_RDONLY)?;
        let answer = mapping(descriptor, libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE);
        closed(Ok(descriptor))?;
        answer
    };
    vec![tried("map a file of the workspace as code", map())]
}

pub(crate) fn generated() -> Results {
    let protection = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    vec![tried(
        "map memory that is written and run",
        mapping(-1, protection, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS),
    )]
}

pub(crate) fn privileged() -> Results {
    let bound = call(libc::SYS_prctl, &[libc::PR_GET_NO_NEW_PRIVS as isize, 0, 0, 0, 0]);
    let bound = bound.map_or_else(of_error, |value| value.to_string());
    vec![
        found("run a set-user-id program", program(c"/bin/su", &[c"--version"])),
        found("no new privileges", bound),
    ]
}
