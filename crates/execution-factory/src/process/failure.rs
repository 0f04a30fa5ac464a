//! Why a worker's program did not start, as data that crosses from the spawner to the host.
//! It is the diagnosis only; the error that callers see is `SpawnError`.

use std::fmt;

use nix::errno::Errno;
use plugdock_sandbox::{SandboxFault, SandboxStep};
use serde::{Deserialize, Serialize};

/// The step at which a start failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SpawnStep {
    /// The spawner could not use the request.
    Request,
    /// The descriptors did not arrive or could not be placed.
    Descriptors,
    /// Making the child process.
    Fork,
    /// Opening a descriptor for the child process.
    ProcessDescriptor,
    /// Making the child's own process group.
    ProcessGroup,
    /// Arming the parent-death signal, or finding the parent gone.
    ParentLink,
    /// Resetting signals.
    Signals,
    /// Entering the working directory.
    Directory,
    /// Applying the sandbox plan, or making or joining its control group.
    Sandbox(SandboxStep),
    /// Reading back what is in force, or finding it different from the plan.
    Receipt,
    /// Running the program.
    Exec,
    /// The set-up took longer than allowed.
    Deadline,
    /// The child ended during set-up without saying why.
    Died,
    /// It was killed on request before it had started.
    Cancelled,
}

impl fmt::Display for SpawnStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Request => "read the request",
            Self::Descriptors => "pass the descriptors",
            Self::Fork => "make a process",
            Self::ProcessDescriptor => "open a process descriptor",
            Self::ProcessGroup => "make a process group",
            Self::ParentLink => "tie the worker to the spawner",
            Self::Signals => "reset signals",
            Self::Directory => "enter the working directory",
            Self::Sandbox(step) => return step.fmt(f),
            Self::Receipt => "verify the sandbox",
            Self::Exec => "run the program",
            Self::Deadline => "finish the set-up in time",
            Self::Died => "survive the set-up",
            Self::Cancelled => "start before it was cancelled",
        };
        f.write_str(text)
    }
}

/// Why the kernel would not run a program, found by looking at the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExecProblem {
    /// There is no such file.
    Missing,
    /// The file is there; what should run it (a script's interpreter or the dynamic loader) is not.
    InterpreterMissing {
        /// The path that is missing.
        interpreter: String,
    },
    /// A directory or device was named.
    NotAFile,
    /// The file has no execute permission for this user.
    NotExecutable {
        /// Its permission bits.
        mode: u32,
    },
    /// The mode allows it; the mount (`noexec`), a directory on the way or a policy does not.
    Forbidden,
    /// It is a program for another machine.
    WrongArchitecture {
        /// The machine the file is for.
        found: String,
        /// The machine this is.
        expected: String,
    },
    /// It is no program: neither an ELF file nor a script with an interpreter line.
    NotAProgram,
    /// Someone has it open for writing.
    TextBusy,
    /// Arguments and environment exceed what the kernel takes.
    TooLong,
    /// Something else; the error number says what.
    Other,
}

impl fmt::Display for ExecProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the file does not exist"),
            Self::InterpreterMissing { interpreter } => {
                write!(f, "its interpreter `{}` does not exist", interpreter.escape_debug())
            }
            Self::NotAFile => f.write_str("it is not a regular file"),
            Self::NotExecutable { mode } => {
                write!(f, "it is not executable for this user (mode {mode:03o}); `chmod +x` it")
            }
            Self::Forbidden => {
                f.write_str("the kernel forbids it: a directory on the way, a noexec mount or a policy")
            }
            Self::WrongArchitecture { found, expected } => {
                write!(f, "it is built for {found}, this machine is {expected}")
            }
            Self::NotAProgram => f.write_str("it is neither an ELF program nor a script with `#!`"),
            Self::TextBusy => f.write_str("it is still being written by someone"),
            Self::TooLong => f.write_str("arguments and environment are too long"),
            Self::Other => f.write_str("the kernel refused"),
        }
    }
}

/// A start that failed, with all that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SpawnFailure {
    /// Where.
    pub step: SpawnStep,
    /// The kernel's error number, if there was one.
    pub errno: Option<i32>,
    /// The reason in words; may be empty.
    pub detail: String,
    /// For [`SpawnStep::Exec`]: what is wrong with the program.
    pub problem: Option<ExecProblem>,
}

impl SpawnFailure {
    pub(crate) fn new(step: SpawnStep, detail: impl Into<String>) -> Self {
        Self { step, errno: None, detail: detail.into(), problem: None }
    }

    pub(crate) fn errno(step: SpawnStep, errno: Errno) -> Self {
        Self { step, errno: Some(errno as i32), detail: errno.desc().to_owned(), problem: None }
    }

    pub(crate) fn sandbox(fault: &SandboxFault) -> Self {
        Self::errno(SpawnStep::Sandbox(fault.step.clone()), Errno::from_raw(fault.errno))
    }
}

impl fmt::Display for SpawnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.step)?;
        if let Some(problem) = &self.problem {
            write!(f, ": {problem}")?;
        }
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        Ok(())
    }
}
