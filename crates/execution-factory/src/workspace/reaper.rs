//! The thread that removes leases nobody released, and the manager's directory when everything is over.
//! It never decides that a lease has ended: it empties the trash, into which others moved what has.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use nix::errno::Errno;

use crate::workspace::directory::shown;
use crate::workspace::host_directory::HostDirectory;
use crate::workspace::tree_remover::TreeRemover;

/// What the name of a dropped lease starts with in the trash. Others are being removed by their own release.
pub(crate) const DROPPED_PREFIX: &str = "dropped-";

/// Any message makes the reaper look through the whole trash, so one that waits stands for all later ones;
/// the rest is room for those who want an answer.
const MAX_WAITING: usize = 16;

enum Message {
    Pass,
    /// Pass, then answer.
    Flush(SyncSender<()>),
}

/// The handle of the thread. Dropping it ends the thread when its work is done, without waiting for that.
#[derive(Debug)]
pub(crate) struct Reaper {
    messages: SyncSender<Message>,
    thread: JoinHandle<()>,
}

impl Reaper {
    pub(crate) fn start(host: Arc<HostDirectory>) -> std::io::Result<Self> {
        let (messages, inbox) = sync_channel(MAX_WAITING);
        let thread = std::thread::Builder::new()
            .name("plugdock-reaper".to_owned())
            .spawn(move || run(&host, &inbox))?;
        Ok(Self { messages, thread })
    }

    /// Asks for a pass, soon. Never blocks.
    pub(crate) fn wake(&self) {
        match self.messages.try_send(Message::Pass) {
            // Full: a pass that has not begun yet is waiting already.
            Ok(()) | Err(TrySendError::Full(_)) => {}
            Err(TrySendError::Disconnected(_)) => {
                tracing::warn!(
                    "the thread that removes dropped workspaces is gone; the next start removes them"
                );
            }
        }
    }

    /// Waits for a pass that begins after this call. Blocks.
    pub(crate) fn flush(&self) {
        let (done, finished) = sync_channel(1);
        // An error of either means that the thread is gone, and with it whatever could be waited for.
        if self.messages.send(Message::Flush(done)).is_ok() && finished.recv().is_err() {
            tracing::warn!("the thread that removes dropped workspaces ended while it was waited for");
        }
    }

    /// Ends the thread and waits for it. Blocks.
    pub(crate) fn finish(self) {
        drop(self.messages);
        if self.thread.join().is_err() {
            tracing::warn!("the thread that removes dropped workspaces panicked");
        }
    }
}

fn run(host: &HostDirectory, inbox: &Receiver<Message>) {
    let remover = TreeRemover::new();
    // Ends when the manager and every lease are gone.
    while let Ok(message) = inbox.recv() {
        empty_trash(host, &remover);
        if let Message::Flush(done) = message
            && done.send(()).is_err()
        {
            tracing::debug!("nobody waits for the removal of dropped workspaces any more");
        }
    }
    empty_trash(host, &remover);
    match host.remove_if_empty() {
        // Kept workspaces, or what could not be removed. Gone: an operator removed the root.
        Ok(()) | Err(Errno::ENOTEMPTY | Errno::EEXIST | Errno::ENOENT) => {}
        Err(errno) => {
            tracing::warn!(error = %errno, "the directory of the workspace host stays until the next start");
        }
    }
}

fn empty_trash(host: &HostDirectory, remover: &TreeRemover) {
    let entries = match host.trash.entries() {
        // An operator removed the root.
        Err(Errno::ENOENT) => return,
        Err(errno) => {
            tracing::warn!(error = %errno, "the trash of workspaces cannot be listed");
            return;
        }
        Ok(entries) => entries,
    };
    for entry in entries
        .map_while(Result::ok)
        .filter(|entry| entry.name.to_bytes().starts_with(DROPPED_PREFIX.as_bytes()))
    {
        if let Err(error) = remover.remove_entry(&host.trash, &*entry.name) {
            let name = shown(&entry.name);
            tracing::warn!(
                name,
                error = &error as &dyn std::error::Error,
                "a workspace stays in the trash and is tried again later"
            );
        }
    }
}
