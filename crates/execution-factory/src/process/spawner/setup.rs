//! What the forked child does until it is the worker's program: group, streams, signals, sandbox, receipt, exec.
//! It runs in a copy of the single-threaded spawner, never returns, and says over a pipe how far it came.

use std::convert::Infallible;
use std::ffi::{CString, NulError};
use std::fs::File;
use std::io::Write as _;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::errno::Errno;
use nix::poll::{PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::unistd::{Pid, chdir, execve, getppid, setsid};
use plugdock_sandbox::group::GroupReceipt;
use plugdock_sandbox::{Observer, ReceiptError, SandboxPlan, apply, verify};

use super::super::failure::{ExecProblem, SpawnFailure, SpawnStep};
use super::super::message::{SetupReport, SpawnRequest};
use super::super::sys;
use super::control_group::ControlGroup;
use super::diagnosis;

/// Where the child writes its report: the first number after the worker's own descriptors.
const REPORT: RawFd = 4;

/// Numbers from here on are free of any fixed meaning while descriptors are being placed.
const ABOVE_FIXED: RawFd = 10;

/// How often a program that is still open for writing is tried again. Another process that forks while it has
/// just written the file holds it open for a moment.
const BUSY_TRIES: u32 = 10;

/// The pause before the next try, in milliseconds.
const BUSY_PAUSE_MS: u8 = 20;

/// Exit code of a child that did not become the worker. Nobody sees it but a tracer: the report says why.
const SETUP_FAILED: i32 = 125;

/// Everything of a request in the form that the kernel wants, made before the fork.
#[derive(Debug)]
pub(super) struct Prepared {
    program: CString,
    args: Vec<CString>,
    env: Vec<CString>,
    dir: CString,
    pub(super) plan: SandboxPlan,
}

impl Prepared {
    pub(super) fn new(request: SpawnRequest) -> Result<Self, SpawnFailure> {
        let refuse = |error: NulError| SpawnFailure::new(SpawnStep::Request, error.to_string());
        let mut args = vec![CString::new(request.program.clone()).map_err(refuse)?];
        for arg in request.args {
            args.push(CString::new(arg).map_err(refuse)?);
        }
        let env = request.env.into_iter().map(|(key, value)| CString::new(format!("{key}={value}")));
        Ok(Self {
            program: CString::new(request.program).map_err(refuse)?,
            args,
            env: env.collect::<Result<_, _>>().map_err(refuse)?,
            dir: CString::new(request.dir).map_err(refuse)?,
            plan: request.plan,
        })
    }
}

/// The descriptors of a child, by what they become.
#[derive(Debug)]
pub(super) struct Streams<'a> {
    pub(super) input: &'a OwnedFd,
    pub(super) output: &'a OwnedFd,
    pub(super) errors: &'a OwnedFd,
    pub(super) channel: &'a OwnedFd,
    pub(super) report: &'a OwnedFd,
}

/// Becomes the worker, or reports why not and ends.
pub(super) fn become_worker(
    prepared: &Prepared,
    group: Option<&ControlGroup>,
    streams: &Streams<'_>,
    spawner: Pid,
) -> ! {
    if let Err(early) = join_family(spawner) {
        // The report still has the number it had in the spawner.
        give_up(streams.report.as_raw_fd(), early);
    }
    if let Err(early) = place(streams) {
        give_up(streams.report.as_raw_fd(), early);
    }
    match finish(prepared, group) {
        Err(failure) => give_up(REPORT, failure),
        Ok(never) => match never {},
    }
}

fn give_up(report: RawFd, failure: SpawnFailure) -> ! {
    // Untold, the end of the pipe says that something failed.
    tell(&mut File::from(sys::own(report)), &SetupReport::Failed(failure));
    sys::exit_now(SETUP_FAILED)
}

fn at(step: SpawnStep) -> impl FnOnce(Errno) -> SpawnFailure {
    move |errno| SpawnFailure::errno(step, errno)
}

/// Leads an own session and group, and dies with the spawner. The session keeps workers from joining each other's
/// groups and takes the host's terminal away.
fn join_family(spawner: Pid) -> Result<(), SpawnFailure> {
    setsid().map_err(at(SpawnStep::ProcessGroup))?;
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(at(SpawnStep::ParentLink))?;
    // The signal is only sent for a death after it was armed.
    if getppid() == spawner {
        Ok(())
    } else {
        Err(SpawnFailure::new(SpawnStep::ParentLink, "the spawner ended meanwhile"))
    }
}

/// Puts the descriptors where the worker expects them and closes all others.
fn place(streams: &Streams<'_>) -> Result<(), SpawnFailure> {
    let sources = [streams.input, streams.output, streams.errors, streams.channel, streams.report];
    let mut lifted = [0; 5];
    // First away from the low numbers, so that no target overwrites a source.
    for (lifted, source) in lifted.iter_mut().zip(sources) {
        *lifted = sys::copy_above(source.as_raw_fd(), ABOVE_FIXED).map_err(at(SpawnStep::Descriptors))?;
    }
    // The report first: the spawner's own socket and signals had the low numbers, which end here.
    sys::place(lifted[4], REPORT, true).map_err(at(SpawnStep::Descriptors))?;
    for (target, lifted) in (0..REPORT).zip(lifted) {
        sys::place(lifted, target, false).map_err(at(SpawnStep::Descriptors))?;
    }
    let first_closed = u32::try_from(REPORT + 1).expect("a small positive number fits");
    sys::close_from(first_closed).map_err(at(SpawnStep::Descriptors))
}

fn finish(prepared: &Prepared, group: Option<&ControlGroup>) -> Result<Infallible, SpawnFailure> {
    // While the hierarchies can be written: the plan may close them.
    let joined = join_group(&prepared.plan, group)?;
    sys::reset_signals().map_err(at(SpawnStep::Signals))?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None).map_err(at(SpawnStep::Signals))?;
    chdir(prepared.dir.as_c_str()).map_err(at(SpawnStep::Directory))?;
    // While it can be opened: the plan may close it.
    let observer = Observer::open().map_err(|error| unread(&error))?;
    let applied = apply(&prepared.plan).map_err(|fault| SpawnFailure::sandbox(&fault))?;
    let mut receipt = observer.observe(&applied).map_err(|error| unread(&error))?;
    receipt.group = joined;
    if let Err(wrong) = verify(&prepared.plan, &receipt) {
        let texts: Vec<_> = wrong.iter().map(ToString::to_string).collect();
        return Err(SpawnFailure::new(SpawnStep::Receipt, texts.join("; ")));
    }
    // `give_up` writes through the same descriptor, so it must outlive this function.
    let mut report = ManuallyDrop::new(File::from(sys::own(REPORT)));
    if !tell(&mut report, &SetupReport::Ready(Box::new(receipt))) {
        // No program runs whose receipt nobody has.
        return Err(SpawnFailure::new(SpawnStep::Receipt, "the receipt could not be sent"));
    }
    let errno = execute(prepared);
    Err(explain(prepared, errno))
}

/// Enters the control group that was made for this child. One that is planned and not there shows in the receipt.
fn join_group(
    plan: &SandboxPlan,
    group: Option<&ControlGroup>,
) -> Result<Option<GroupReceipt>, SpawnFailure> {
    match (group, &plan.group) {
        (Some(group), Some(planned)) => group.join(planned).map(Some),
        _ => Ok(None),
    }
}

fn unread(error: &ReceiptError) -> SpawnFailure {
    SpawnFailure::new(SpawnStep::Receipt, format!("{error}: {}", error.source))
}

/// Runs the program; comes back only with the reason why not.
fn execute(prepared: &Prepared) -> Errno {
    let mut tries = 0;
    loop {
        let Err(errno) = execve(&prepared.program, &prepared.args, &prepared.env);
        tries += 1;
        if errno != Errno::ETXTBSY || tries == BUSY_TRIES {
            return errno;
        }
        // Waiting for nothing is a pause that needs no clock; this process serves nobody else.
        let _ = poll(&mut [], PollTimeout::from(BUSY_PAUSE_MS));
    }
}

fn explain(prepared: &Prepared, errno: Errno) -> SpawnFailure {
    let problem = prepared
        .program
        .to_str()
        .map_or(ExecProblem::Other, |program| diagnosis::explain(Path::new(program), errno));
    SpawnFailure { problem: Some(problem), ..SpawnFailure::errno(SpawnStep::Exec, errno) }
}

fn tell(pipe: &mut File, report: &SetupReport) -> bool {
    serde_json::to_vec(report).is_ok_and(|mut line| {
        line.push(b'\n');
        pipe.write_all(&line).is_ok()
    })
}
