//! The server's socket in the file system: made without a moment in which others could connect, and removed at the end.
//!
//! It is bound in a folder that only this user may enter, made unusable for others, and moved to its place. A lock beside
//! it is held for life, so that two servers never fight for one path. It knows nothing of what is said on the socket.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

use plugdock_contracts::ExecutionId;
use tokio::net::{UnixListener, UnixStream};

use super::peer::own_uid;

/// Pause after an accept that failed: it fails at once and again as long as there are no descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Tries to get the lock while servers that end remove its file. Each failure means that one of them ended meanwhile.
const LOCK_TRIES: usize = 16;

/// A socket that listens. Dropping it removes the socket.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: UnixListener,
    path: PathBuf,
    /// Device and inode of our socket, so that another's is never removed.
    identity: (u64, u64),
    lock: Lock,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// A server listens there.
    #[error("a server listens at `{path}` already{}", pid.map(|pid| format!(", process {pid}")).unwrap_or_default())]
    Alive {
        /// The socket.
        path: PathBuf,
        /// Its process, where the kernel tells.
        pid: Option<i32>,
    },
    /// Something that is no socket is there.
    #[error("`{path}` exists and is no socket")]
    NoSocket {
        /// What was found.
        path: PathBuf,
    },
    /// The folder is open to others.
    #[error("others may enter the folder `{path}` (mode {mode:o}, user {uid})")]
    OpenFolder {
        /// The folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// Whose it is.
        uid: u32,
    },
    /// The system refused a step.
    #[error("failed to {step} `{path}`")]
    System {
        /// What was tried.
        step: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl Listener {
    /// Makes the socket at a path of the caller's choice, whose folder exists.
    pub(crate) async fn bind(path: &Path) -> Result<Self, ListenError> {
        let path = std::path::absolute(path).map_err(system("resolve", path))?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let lock = match Lock::take(&path) {
            Ok(lock) => lock,
            Err(ListenError::Alive { path, .. }) => {
                let pid = living(&path).await.flatten();
                return Err(ListenError::Alive { path, pid });
            }
            Err(error) => return Err(error),
        };
        clear(&path).await?;
        let staged = Staged::new(folder)?;
        let at = staged.folder.join("s");
        let socket = UnixListener::bind(&at).map_err(system("make the socket", &at))?;
        std::fs::set_permissions(&at, Permissions::from_mode(0o600))
            .map_err(system("close to others", &at))?;
        std::fs::rename(&at, &path).map_err(system("move the socket to", &path))?;
        let found = std::fs::symlink_metadata(&path).map_err(system("look at", &path))?;
        Ok(Self { socket, identity: (found.dev(), found.ino()), path, lock })
    }

    /// The same in the user's own folder, which is made where it is missing and refused where others may enter it.
    pub(crate) async fn bind_in_own_folder(path: &Path) -> Result<Self, ListenError> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        if let Some(above) = folder.parent() {
            std::fs::create_dir_all(above).map_err(system("make the folder", above))?;
        }
        match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(system("make the folder", folder)(error)),
        }
        let found = std::fs::symlink_metadata(folder).map_err(system("look at", folder))?;
        let own = own_uid().map_err(system("find the user of", path))?;
        let mode = found.mode() & 0o7777;
        if !found.is_dir() || found.uid() != own || mode & 0o077 != 0 {
            return Err(ListenError::OpenFolder { path: folder.to_owned(), mode, uid: found.uid() });
        }
        Self::bind(path).await
    }

    /// The next connection. Cancel safe.
    pub(crate) async fn accept(&self) -> UnixStream {
        loop {
            match self.socket.accept().await {
                Ok((stream, _address)) => return stream,
                Err(_no_descriptors) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let ours = std::fs::symlink_metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == self.identity);
        if ours {
            // One that cannot be removed refuses connections, and the next server removes it.
            std::fs::remove_file(&self.path).ok();
        }
        self.lock.release();
    }
}

/// Removes what a server that is gone left behind.
async fn clear(path: &Path) -> Result<(), ListenError> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(system("look at", path)(error)),
        Ok(found) if !found.file_type().is_socket() => Err(ListenError::NoSocket { path: path.to_owned() }),
        Ok(_socket) => match living(path).await {
            Some(pid) => Err(ListenError::Alive { path: path.to_owned(), pid }),
            None => std::fs::remove_file(path).map_err(system("remove the stale socket", path)),
        },
    }
}

/// Whether somebody listens, and who. A socket that cannot be asked counts as alive: it is not ours to remove.
async fn living(path: &Path) -> Option<Option<i32>> {
    match UnixStream::connect(path).await {
        Ok(stream) => Some(stream.peer_cred().ok().and_then(|peer| peer.pid())),
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => None,
        Err(_unknown) => Some(None),
    }
}

/// A folder of our own in which the socket is made.
struct Staged {
    folder: PathBuf,
}

impl Staged {
    fn new(beside: &Path) -> Result<Self, ListenError> {
        // The name is short because the path of a socket is: the system allows a hundred bytes or so.
        let unique = ExecutionId::generate();
        let (_prefix, unique) = unique.as_str().split_at(unique.as_str().len().saturating_sub(8));
        let folder = beside.join(format!(".pd-{unique}"));
        DirBuilder::new().mode(0o700).create(&folder).map_err(system("make the folder", &folder))?;
        Ok(Self { folder })
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Empty when all went well; otherwise it holds one socket that nobody listens at.
        std::fs::remove_file(self.folder.join("s")).ok();
        std::fs::remove_dir(&self.folder).ok();
    }
}

/// The lock of a path, held as long as its server lives.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    fn take(socket: &Path) -> Result<Self, ListenError> {
        let mut name = socket.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        for _try in 0..LOCK_TRIES {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
                .map_err(system("open the lock", &path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(ListenError::Alive { path: socket.to_owned(), pid: None });
                }
                Err(TryLockError::Error(error)) => return Err(system("lock", &path)(error)),
            }
            let same = |found: std::fs::Metadata| {
                file.metadata().is_ok_and(|ours| (ours.dev(), ours.ino()) == (found.dev(), found.ino()))
            };
            // A server that ended between our opening and our locking removed the file: then the lock is nobody's.
            if std::fs::symlink_metadata(&path).is_ok_and(same) {
                return Ok(Self { path, file });
            }
        }
        Err(ListenError::Alive { path: socket.to_owned(), pid: None })
    }

    /// Removes the file while it is locked still; whoever opened it meanwhile sees that it is gone.
    fn release(&self) {
        std::fs::remove_file(&self.path).ok();
        self.file.unlock().ok();
    }
}

fn system(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ListenError {
    let path = path.to_owned();
    move |source| ListenError::System { step, path, source }
}
