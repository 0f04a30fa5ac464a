//! A stand-in for the spawner: a forked, single-threaded process that makes one worker and tells what came of it.
//! Texts come back over pipes, because nothing else is left of the process afterwards.

use std::fs::File;
use std::io::{IoSlice, IoSliceMut, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg,
    socketpair,
};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Gid, Pid, Uid, pipe2, setgroups, setresgid, setresuid};

use crate::namespace::link::wait_readable;
use crate::namespace::{
    Cloned, IdentityMap, InitOptions, MountGrant, NamespaceFault, NamespacePlan, WorkerEnd, WorkspaceMount,
    WorkspaceStore, create, enter, supervise, sys,
};
use crate::namespace::{NamespaceView, Witness};

/// A ceiling that means "hung".
const HUNG: Duration = Duration::from_secs(30);

/// How long each side of a set-up may wait for the other.
pub(super) const SETUP_WITHIN: Duration = Duration::from_millis(1500);

/// Who the stand-in is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Root,
    Nobody,
}

pub(super) const HOSTS: [Host; 2] = [Host::Root, Host::Nobody];

const NOBODY: u32 = 65534;

impl Host {
    pub(super) fn map(self) -> IdentityMap {
        IdentityMap::for_host(if self == Self::Root { 0 } else { NOBODY }, 7)
    }

    fn become_it(self) {
        match self {
            // Groups that a worker must not keep.
            Self::Root => setgroups(&[Gid::from_raw(4), Gid::from_raw(27)]).unwrap(),
            Self::Nobody => {
                let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
                setgroups(&[]).unwrap();
                setresgid(group, group, group).unwrap();
                setresuid(user, user, user).unwrap();
            }
        }
    }
}

/// Whether the machine can run these tests. Where it must (`CI` is set), what is missing fails the test.
pub(super) fn can_run() -> bool {
    let root = Uid::effective().is_root();
    let namespaces =
        std::fs::read_to_string("/proc/sys/user/max_user_namespaces").is_ok_and(|max| max.trim() != "0");
    if root && namespaces {
        return true;
    }
    println!("not run: needs root (is {root}) and user namespaces (are {namespaces})");
    assert!(std::env::var_os("CI").is_none(), "the machine that decides must run these tests");
    false
}

/// Runs `body` in a forked process as `host`, and returns its text. Dies with a panic if it hangs.
pub(super) fn as_host(host: Host, body: impl FnOnce() -> String) -> String {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    let Some(child) = sys::fork().unwrap() else {
        // Pipes of tests that run beside this one must not stay open here.
        sys::close_all_but(&[writer.as_fd(), std::io::stderr().as_fd()]).unwrap();
        let text = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            host.become_it();
            body()
        }));
        let text = text.unwrap_or_else(|_panic| "the stand-in panicked".to_owned());
        File::from(writer).write_all(text.as_bytes()).unwrap();
        sys::exit_now(0);
    };
    drop(writer);
    let text = read_all(reader);
    if text.is_err() {
        let _ = nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL);
    }
    waitpid(child, None).unwrap();
    text.expect("the stand-in ends in time")
}

/// Reads to the end, with a ceiling.
pub(super) fn read_all(pipe: OwnedFd) -> Result<String, Errno> {
    let deadline = Instant::now() + HUNG;
    let mut file = File::from(pipe);
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        wait_readable(file.as_fd(), deadline)?;
        match file.read(&mut chunk).map_err(|error| crate::sys::errno_of(&error))? {
            0 => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
            n => bytes.extend_from_slice(&chunk[..n]),
        }
    }
}

/// A started worker, as the stand-in has it.
pub(super) struct Running {
    pub(super) pid: Pid,
    pub(super) process: OwnedFd,
    pub(super) workspaces: Vec<OwnedFd>,
    out: OwnedFd,
    report: OwnedFd,
}

/// What came of a worker.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) text: String,
    pub(super) end: Option<WorkerEnd>,
    pub(super) status: WaitStatus,
    pub(super) workspaces: Vec<OwnedFd>,
}

/// Starts a worker that may write. It still has every capability over its namespaces, which only makes it harder to hold.
pub(super) fn start(
    plan: &NamespacePlan,
    kill_after: Option<Duration>,
    worker: impl FnOnce(&mut File, &Witness),
) -> Result<Running, NamespaceFault> {
    start_prepared(plan, kill_after, || (), worker)
}

/// As [`start`], with what init does when its root is there and before it forks.
pub(super) fn start_prepared(
    plan: &NamespacePlan,
    kill_after: Option<Duration>,
    prepare: impl FnOnce(),
    worker: impl FnOnce(&mut File, &Witness),
) -> Result<Running, NamespaceFault> {
    let (out, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    let (report, end_writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    let (ours, theirs) =
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
    let link = match create(plan.identity_map, Instant::now() + SETUP_WITHIN)? {
        Cloned::Parent(created) => {
            drop((writer, end_writer, theirs));
            let confirmed = created.confirm();
            return match confirmed {
                Ok((pid, process)) => {
                    let workspaces = receive(&ours);
                    Ok(Running { pid, process, workspaces, out, report })
                }
                // What the child said is nearer to the cause.
                Err(fault) => Err(read_all(out)
                    .ok()
                    .and_then(|text| serde_json::from_str(text.trim_start_matches("fault ")).ok())
                    .unwrap_or(fault)),
            };
        }
        Cloned::Child(link) => link,
    };
    drop((ours, out, report));
    let mut writer = File::from(writer);
    let finish = || -> Result<std::convert::Infallible, NamespaceFault> {
        let entered = enter(plan, &link)?;
        send(&theirs, &entered.workspaces.iter().map(|(_, top)| top.as_raw_fd()).collect::<Vec<_>>());
        drop((theirs, entered.workspaces));
        let mut writer = writer.try_clone().unwrap();
        prepare();
        supervise(InitOptions { report: end_writer, kill_after }, move || {
            worker(&mut writer, &entered.witness);
            0
        })
    };
    let Err(fault) = finish();
    writer.write_all(format!("fault {}", serde_json::to_string(&fault).unwrap()).as_bytes()).unwrap();
    sys::exit_now(125)
}

impl Running {
    /// Waits for the end of init.
    pub(super) fn finish(self) -> Ended {
        let text = read_all(self.out).expect("the worker ends in time");
        let report = read_all(self.report).expect("init ends in time");
        let status = waitpid(self.pid, None).unwrap();
        let end = serde_json::from_str(&report).ok();
        Ended { text, end, status, workspaces: self.workspaces }
    }

    /// The next bytes that the worker writes.
    pub(super) fn hear(&self) -> String {
        wait_readable(self.out.as_fd(), Instant::now() + HUNG).expect("the worker says something in time");
        let mut bytes = [0; 256];
        let length = nix::unistd::read(&self.out, &mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    pub(super) fn signal(&self, signal: i32) {
        sys::pidfd_signal(self.process.as_fd(), signal).unwrap();
    }
}

/// Runs a worker that writes what `worker` returns, as `host`. A fault is a text that begins with `fault`.
pub(super) fn run(host: Host, plan: &NamespacePlan, worker: impl FnOnce(&Witness) -> String) -> String {
    as_host(host, || {
        let started = start(plan, None, |out, witness| {
            out.write_all(worker(witness).as_bytes()).unwrap();
        });
        match started {
            Ok(running) => running.finish().text,
            Err(fault) => format!("fault {}", serde_json::to_string(&fault).unwrap()),
        }
    })
}

/// Runs a worker and returns what it wrote with its end.
pub(super) fn run_to_end(host: Host, plan: &NamespacePlan, worker: impl FnOnce()) -> WorkerEnd {
    let text = as_host(host, || {
        let ended = start(plan, None, |_out, _witness| worker()).map(Running::finish);
        serde_json::to_string(&ended.unwrap().end.unwrap()).unwrap()
    });
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The view of a worker.
pub(super) fn view(host: Host, plan: &NamespacePlan) -> NamespaceView {
    let text = run(host, plan, |witness| match NamespaceView::observe(plan, witness) {
        Ok(view) => serde_json::to_string(&view).unwrap(),
        Err(fault) => fault.to_string(),
    });
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn send(socket: &OwnedFd, descriptors: &[RawFd]) {
    let rights = [ControlMessage::ScmRights(descriptors)];
    let messages = if descriptors.is_empty() { &[][..] } else { &rights[..] };
    sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(b"w")], messages, MsgFlags::MSG_NOSIGNAL, None).unwrap();
}

/// The descriptors a child sends when its root is there; none if it ended instead.
fn receive(socket: &OwnedFd) -> Vec<OwnedFd> {
    wait_readable(socket.as_fd(), Instant::now() + HUNG).unwrap();
    let mut space = nix::cmsg_space!([RawFd; 8]);
    let mut byte = [0];
    let mut slices = [IoSliceMut::new(&mut byte)];
    let message =
        recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC).unwrap();
    let mut found = Vec::new();
    for part in message.cmsgs().unwrap() {
        if let ControlMessageOwned::ScmRights(numbers) = part {
            #[expect(unsafe_code, reason = "descriptors arrive as numbers")]
            // SAFETY: the kernel just installed them, and nobody else knows the numbers.
            found.extend(numbers.into_iter().map(|number| unsafe { OwnedFd::from_raw_fd(number) }));
        }
    }
    found
}

/// Read and run what dynamically linked programs of the machine need.
pub(super) fn programs() -> Vec<MountGrant> {
    ["/usr", "/lib", "/lib64", "/bin"]
        .into_iter()
        .map(|path| grant(path, |grant| grant.executable = true))
        .collect()
}

pub(super) fn grant(path: impl AsRef<Path>, set: impl FnOnce(&mut MountGrant)) -> MountGrant {
    let path = path.as_ref().to_path_buf();
    let mut grant =
        MountGrant { source: path.clone(), target: path, executable: false, writable: false, optional: true };
    set(&mut grant);
    grant
}

/// A workspace of 1 MiB and 16 files at `/ws`.
pub(super) fn memory_workspace() -> WorkspaceMount {
    WorkspaceMount {
        target: PathBuf::from("/ws"),
        store: WorkspaceStore::Memory { bytes: 1 << 20, inodes: 16 },
    }
}

pub(super) fn plan(host: Host, grants: Vec<MountGrant>, workspaces: Vec<WorkspaceMount>) -> NamespacePlan {
    NamespacePlan::compute(host.map(), "worker", grants, workspaces, &[]).unwrap()
}

/// `ok` or the name of the error.
pub(super) fn outcome<T>(result: std::io::Result<T>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("{:?}", crate::sys::errno_of(&error)),
    }
}
