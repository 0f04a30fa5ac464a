//! Says why the kernel would not run a program, by looking at the file it was given.
//! It guesses nothing: what the file does not show stays "other", with the kernel's error number beside it.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::super::environment::SEARCH_PATH;
use super::super::failure::ExecProblem;

/// Enough for an interpreter line (the kernel reads 256 bytes) and for an ELF header with its program headers.
const HEAD: usize = 4096;

/// The kind of segment that names the dynamic loader.
const PT_INTERP: u32 = 3;

/// What is wrong with `program`, for which `execve` answered `errno`.
pub(super) fn explain(program: &Path, errno: Errno) -> ExecProblem {
    match errno {
        Errno::ETXTBSY => ExecProblem::TextBusy,
        Errno::E2BIG => ExecProblem::TooLong,
        Errno::ENOENT | Errno::ENOTDIR => missing(program),
        Errno::EACCES | Errno::EPERM => forbidden(program),
        Errno::ENOEXEC | Errno::EINVAL | Errno::ELIBBAD => unusable(program),
        _ => ExecProblem::Other,
    }
}

/// Files looked at to find what runs a program: a script, `env`, the interpreter, and the loaders of these.
const MAX_RUNNERS: usize = 8;

/// The program and everything that the kernel, or `env` on a script's behalf, runs in order to run it.
pub(crate) fn runners(program: &Path) -> Vec<PathBuf> {
    let mut found = vec![program.to_owned()];
    let mut looked = 0;
    while let Some(file) = found.get(looked).cloned() {
        looked += 1;
        let Some(bytes) = head(&file) else { continue };
        let named = interpreter(&bytes).into_iter().chain(searched(&bytes));
        for runner in named.filter(|runner| runner.is_absolute()) {
            if found.len() < MAX_RUNNERS && !found.contains(&runner) {
                found.push(runner);
            }
        }
    }
    found
}

/// What `env` finds for a script that begins with `#!/usr/bin/env <name>`, where every worker searches for programs.
fn searched(head: &[u8]) -> Option<PathBuf> {
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let name = words
        .next()
        .filter(|first| first.ends_with("/env"))
        .and_then(|_env| words.find(|word| !word.starts_with('-') && !word.contains('=')))?;
    SEARCH_PATH.split(':').map(|dir| Path::new(dir).join(name)).find(|candidate| candidate.is_file())
}

fn missing(program: &Path) -> ExecProblem {
    if !program.exists() {
        return ExecProblem::Missing;
    }
    // The file is there, so what is missing is what should run it.
    match head(program).as_deref().and_then(interpreter) {
        Some(interpreter) => {
            ExecProblem::InterpreterMissing { interpreter: interpreter.to_string_lossy().into_owned() }
        }
        None => ExecProblem::Other,
    }
}

fn forbidden(program: &Path) -> ExecProblem {
    const ANY_EXECUTE: u32 = 0o111;
    match std::fs::metadata(program) {
        Ok(data) if !data.is_file() => ExecProblem::NotAFile,
        Ok(data) => {
            use nix::unistd::{AccessFlags, access};
            let mode = data.mode() & 0o7777;
            if mode & ANY_EXECUTE == 0 || access(program, AccessFlags::X_OK) == Err(Errno::EACCES) {
                ExecProblem::NotExecutable { mode }
            } else {
                ExecProblem::Forbidden
            }
        }
        Err(_) => ExecProblem::Forbidden,
    }
}

fn unusable(program: &Path) -> ExecProblem {
    match head(program).as_deref().map(Elf::parse) {
        Some(Some(elf)) if elf.machine_name() != std::env::consts::ARCH => ExecProblem::WrongArchitecture {
            found: elf.machine_name(),
            expected: std::env::consts::ARCH.to_owned(),
        },
        // An ELF file for this machine that is damaged.
        Some(Some(_)) | None => ExecProblem::Other,
        Some(None) => ExecProblem::NotAProgram,
    }
}

/// The first bytes of a file; a named pipe does not make this wait.
fn head(program: &Path) -> Option<Vec<u8>> {
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(program).ok()?;
    let mut bytes = Vec::new();
    file.take(HEAD as u64).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// What should run the file: the path of its `#!` line or its dynamic loader.
fn interpreter(head: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt as _;
    let path = if let Some(line) = head.strip_prefix(b"#!") {
        line.split(|byte| *byte == b'\n').next()?.trim_ascii().split(u8::is_ascii_whitespace).next()?
    } else {
        Elf::parse(head)?.loader()?
    };
    (!path.is_empty()).then(|| PathBuf::from(std::ffi::OsStr::from_bytes(path)))
}

/// The few fields of an ELF file that explain a refusal.
struct Elf<'a> {
    bytes: &'a [u8],
    wide: bool,
    big_endian: bool,
}

impl<'a> Elf<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        if !bytes.starts_with(b"\x7fELF") {
            return None;
        }
        Some(Self { bytes, wide: bytes.get(4) == Some(&2), big_endian: bytes.get(5) == Some(&2) })
    }

    /// Rust's name of the machine where it has one, so that it can be compared with [`std::env::consts::ARCH`].
    fn machine_name(&self) -> String {
        let name = match self.half(18) {
            Some(3) => "x86",
            Some(8) => "mips",
            Some(20) => "powerpc",
            Some(21) => "powerpc64",
            Some(22) => "s390x",
            Some(40) => "arm",
            Some(62) => "x86_64",
            Some(183) => "aarch64",
            Some(243) => "riscv64",
            Some(258) => "loongarch64",
            Some(other) => return format!("ELF machine {other}"),
            None => "a cut-off ELF header",
        };
        name.to_owned()
    }

    fn loader(&self) -> Option<&'a [u8]> {
        let (table, size_at, count_at) =
            if self.wide { (self.word(32)?, 54, 56) } else { (self.word(28)?, 42, 44) };
        let size = usize::from(self.half(size_at)?);
        let count = usize::from(self.half(count_at)?);
        (0..count).find_map(|index| self.loader_in(table.checked_add(index.checked_mul(size)?)?))
    }

    fn loader_in(&self, segment: usize) -> Option<&'a [u8]> {
        if self.four(segment)? != PT_INTERP {
            return None;
        }
        let (offset_at, length_at) = if self.wide { (8, 32) } else { (4, 16) };
        let start = self.word(segment.checked_add(offset_at)?)?;
        let length = self.word(segment.checked_add(length_at)?)?;
        let text = self.bytes.get(start..start.checked_add(length)?)?;
        text.split(|byte| *byte == 0).next()
    }

    /// An address-sized field.
    fn word(&self, offset: usize) -> Option<usize> {
        if !self.wide {
            return self.four(offset).and_then(|value| usize::try_from(value).ok());
        }
        let field: [u8; 8] = self.bytes.get(offset..offset.checked_add(8)?)?.try_into().ok()?;
        let value = if self.big_endian { u64::from_be_bytes(field) } else { u64::from_le_bytes(field) };
        usize::try_from(value).ok()
    }

    fn four(&self, offset: usize) -> Option<u32> {
        let field: [u8; 4] = self.bytes.get(offset..offset.checked_add(4)?)?.try_into().ok()?;
        Some(if self.big_endian { u32::from_be_bytes(field) } else { u32::from_le_bytes(field) })
    }

    fn half(&self, offset: usize) -> Option<u16> {
        let field: [u8; 2] = self.bytes.get(offset..offset.checked_add(2)?)?.try_into().ok()?;
        Some(if self.big_endian { u16::from_be_bytes(field) } else { u16::from_le_bytes(field) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interpreter_line_is_read_as_the_kernel_reads_it() {
        let found = |text: &str| interpreter(text.as_bytes()).map(|path| path.display().to_string());
        assert_eq!(found("#!/bin/sh\necho"), Some("/bin/sh".into()));
        assert_eq!(found("#! \t/usr/bin/env node -x\n"), Some("/usr/bin/env".into()));
        assert_eq!(found("#!\n"), None);
        assert_eq!(found("echo"), None);
    }

    #[test]
    fn the_loader_of_an_own_program_is_found_or_it_is_static() {
        let own = std::env::current_exe().unwrap();
        let bytes = head(&own).unwrap();
        let elf = Elf::parse(&bytes).unwrap();
        assert_eq!(elf.machine_name(), std::env::consts::ARCH);
        assert!(interpreter(&bytes).is_none_or(|loader| loader.is_absolute()));
    }

    #[test]
    fn what_runs_a_script_is_its_interpreter_what_env_finds_and_their_loaders() {
        let dir = tempfile::tempdir().unwrap();
        let script = |name: &str, line: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, line).unwrap();
            path
        };
        let plain = script("plain", "#!/bin/sh -e\n");
        let found = runners(&plain);
        assert_eq!(found[..2], [plain, PathBuf::from("/bin/sh")]);
        let shell = std::fs::read("/bin/sh").unwrap();
        assert_eq!(found.get(2).cloned(), interpreter(&shell), "the loader of a shell that has one");
        let through_env = script("through-env", "#!/usr/bin/env -S A=1 sh\n");
        let names: Vec<_> = runners(&through_env)
            .iter()
            .filter_map(|path| path.file_name()?.to_str().map(str::to_owned))
            .collect();
        assert_eq!(names[..3], ["through-env", "env", "sh"]);
        let itself = dir.path().join("itself");
        std::fs::write(&itself, format!("#!{}\n", itself.display())).unwrap();
        assert_eq!(runners(&itself), [itself]);
        let missing = dir.path().join("missing");
        assert_eq!(runners(&missing), [missing]);
    }

    proptest::proptest! {
        #[test]
        fn no_file_makes_the_reader_panic(mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..256)) {
            if let Some(front) = bytes.get_mut(..4) {
                front.copy_from_slice(b"\x7fELF");
            }
            if let Some(elf) = Elf::parse(&bytes) {
                elf.machine_name();
                elf.loader();
            }
        }
    }
}
