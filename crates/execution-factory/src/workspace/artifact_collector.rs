//! Collection of the files a plugin left in its artifact directory, as if an enemy had named and arranged them.
//! It runs after the plugin's processes are dead; while one lives it is still confined, but may report a file as changed.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::stat::{Mode, SFlag, fstat};
use plugdock_contracts::ByteSize;
use plugdock_contracts::workspace::{Artifact, CollectedArtifacts, SkippedArtifact, WorkspaceError};

use crate::workspace::artifact::{ArtifactLimits, SkipReason, plain_name, reported_path};
use crate::workspace::directory::{Directory, Entry, kind_of};
use crate::workspace::failure::io_failure;
use crate::workspace::placement::place;

/// Entries looked at in one collection, skipped ones included. A directory's names are held in memory to be sorted.
const MAX_SCANNED: u64 = 100_000;

/// What the umask leaves of this is the mode of a directory made in the output directory.
const OUTPUT_DIRECTORY_MODE: Mode = Mode::S_IRWXU.union(Mode::S_IRWXG).union(Mode::S_IRWXO);

/// Skipped entries named with their reason; the rest is counted. A million FIFOs must not make the host remember a million reasons.
const MAX_SKIPPED_LISTED: usize = 100;

/// Lists the regular files below `artifacts_dir` and, when `outdir` is given, copies them there.
///
/// Links are never followed, FIFOs and devices never opened for long, and a file shows up under `outdir` whole or not at all.
/// A file of the same name is replaced. This blocks on the file system; async code calls it through a blocking task.
///
/// # Errors
/// [`WorkspaceError`] when a directory cannot be opened, or a copy fails (a full disk); what was copied before stays.
pub fn collect_artifacts(
    artifacts_dir: &Path,
    outdir: Option<&Path>,
    limits: &ArtifactLimits,
) -> Result<CollectedArtifacts, WorkspaceError> {
    let source = Directory::open(artifacts_dir).map_err(|errno| io_failure("open", artifacts_dir, errno))?;
    collect_from(source, artifacts_dir, outdir, limits)
}

/// The same for a directory held open, whose path is for messages only.
pub(crate) fn collect_from(
    source: Directory,
    artifacts_dir: &Path,
    outdir: Option<&Path>,
    limits: &ArtifactLimits,
) -> Result<CollectedArtifacts, WorkspaceError> {
    let target = outdir.map(open_output).transpose()?;
    let top = Level { source, target, name: String::new(), prefix: String::new(), entries: Vec::new() };
    let mut collector = Collector {
        artifacts_dir,
        outdir,
        limits,
        scanned: 0,
        total: 0,
        unlisted: 0,
        found: CollectedArtifacts::default(),
        levels: vec![top],
    };
    collector.list_last()?;
    collector.run()?;
    Ok(collector.finish())
}

fn open_output(path: &Path) -> Result<Directory, WorkspaceError> {
    std::fs::create_dir_all(path).map_err(|source| io_failure("create", path, source))?;
    // The output directory is the caller's own, so a link to it is followed; what lies below it is not trusted.
    Directory::open_followed(path).map_err(|errno| io_failure("open", path, errno))
}

/// One directory on the way down.
struct Level {
    source: Directory,
    /// The directory of the same name in the output, made when the first file goes there.
    target: Option<Directory>,
    name: String,
    /// The path below the artifact directory, with a `/` at its end; empty at the top.
    prefix: String,
    /// What is still to look at, last first.
    entries: Vec<Entry>,
}

struct Collector<'a> {
    artifacts_dir: &'a Path,
    outdir: Option<&'a Path>,
    limits: &'a ArtifactLimits,
    scanned: u64,
    total: u64,
    unlisted: u64,
    found: CollectedArtifacts,
    levels: Vec<Level>,
}

impl Collector<'_> {
    fn run(&mut self) -> Result<(), WorkspaceError> {
        while let Some(level) = self.levels.last_mut() {
            let Some(entry) = level.entries.pop() else {
                self.levels.pop();
                continue;
            };
            let path = reported_path(&level.prefix, &entry.name);
            if let Err(reason) = self.entry(&entry)? {
                self.skip(path, &reason);
            }
        }
        Ok(())
    }

    fn skip(&mut self, name: String, reason: &SkipReason) {
        if self.found.skipped.len() < MAX_SKIPPED_LISTED {
            self.found.skipped.push(SkippedArtifact { name, reason: reason.to_string() });
        } else {
            self.unlisted += 1;
        }
    }

    /// What was not looked at or not listed gets a line of its own, so that no reader takes the list for complete.
    fn finish(mut self) -> CollectedArtifacts {
        let mut say = |reason| self.found.skipped.push(SkippedArtifact { name: "…".to_owned(), reason });
        if self.unlisted > 0 {
            say(format!("{} more entries were skipped", self.unlisted));
        }
        if self.scanned == MAX_SCANNED {
            say(format!("no more than {MAX_SCANNED} entries are looked at"));
        }
        self.found
    }

    /// Handles one entry of the deepest level. The inner error is a reason to skip it.
    fn entry(&mut self, entry: &Entry) -> Result<Result<(), SkipReason>, WorkspaceError> {
        let name = match plain_name(&entry.name) {
            Ok(name) => name,
            Err(reason) => return Ok(Err(reason)),
        };
        let here = self.here();
        let status = match here.source.status(name) {
            Ok(status) => status,
            Err(errno) => return Ok(Err(unreadable(errno))),
        };
        match kind_of(&status) {
            SFlag::S_IFDIR => self.descend(name),
            // Opening is left to the kind that needs it: opening a device can have effects.
            SFlag::S_IFREG => match here.source.read(name) {
                Ok(file) => self.file(&file, name),
                Err(errno) => Ok(Err(unreadable(errno))),
            },
            other => Ok(Err(SkipReason::NotAFile { kind: in_words(other) })),
        }
    }

    fn descend(&mut self, name: &str) -> Result<Result<(), SkipReason>, WorkspaceError> {
        // The first level is the artifact directory itself.
        if u32::try_from(self.levels.len()).is_ok_and(|depth| depth > self.limits.max_depth) {
            return Ok(Err(SkipReason::TooDeep { limit: self.limits.max_depth }));
        }
        let here = self.here();
        let source = match here.source.child(name) {
            Ok(source) => source,
            Err(errno) => return Ok(Err(unreadable(errno))),
        };
        let prefix = format!("{}{name}/", here.prefix);
        self.levels.push(Level { source, target: None, name: name.to_owned(), prefix, entries: Vec::new() });
        self.list_last()?;
        Ok(Ok(()))
    }

    /// Decides by what the open descriptor says, since the name may have been given to something else meanwhile.
    fn file(&mut self, file: &File, name: &str) -> Result<Result<(), SkipReason>, WorkspaceError> {
        let status = match fstat(file) {
            Ok(status) => status,
            Err(errno) => return Ok(Err(unreadable(errno))),
        };
        let kind = kind_of(&status);
        if kind != SFlag::S_IFREG {
            return Ok(Err(SkipReason::NotAFile { kind: in_words(kind) }));
        }
        if status.st_nlink > 1 {
            return Ok(Err(SkipReason::HardLinked { links: status.st_nlink }));
        }
        let size = u64::try_from(status.st_size).unwrap_or(u64::MAX);
        if let Err(reason) = self.within_limits(size) {
            return Ok(Err(reason));
        }
        if self.outdir.is_some()
            && let Err(reason) = self.copy(file, name, size)?
        {
            return Ok(Err(reason));
        }
        self.total += size;
        let name = format!("{}{name}", self.here().prefix);
        let path = self.outdir.map(|outdir| outdir.join(&name));
        self.found.taken.push(Artifact { name, size, path });
        Ok(Ok(()))
    }

    fn within_limits(&self, size: u64) -> Result<(), SkipReason> {
        let ArtifactLimits { max_files, max_file_size, max_total_size, .. } = *self.limits;
        if u32::try_from(self.found.taken.len()).map_or(true, |taken| taken >= max_files) {
            return Err(SkipReason::TooManyFiles { limit: max_files });
        }
        if size > max_file_size.bytes() {
            return Err(SkipReason::TooLarge { size: ByteSize::from_bytes(size), limit: max_file_size });
        }
        if self.total.checked_add(size).is_none_or(|total| total > max_total_size.bytes()) {
            return Err(SkipReason::TotalTooLarge { limit: max_total_size });
        }
        Ok(())
    }

    fn copy(&mut self, file: &File, name: &str, size: u64) -> Result<Result<(), SkipReason>, WorkspaceError> {
        let path = self.outdir.unwrap_or(self.artifacts_dir).join(format!("{}{name}", self.here().prefix));
        let target = self.target().map_err(|errno| io_failure("create the directory of", &path, errno))?;
        match place(target, name, |temporary| copy_exactly(file, temporary, size)) {
            Ok(()) => Ok(Ok(())),
            Err(error) if is_length_change(&error) => Ok(Err(SkipReason::Changed)),
            Err(error) => Err(io_failure("write", &path, error)),
        }
    }

    /// The output directory of the deepest level, made with those above it.
    fn target(&mut self) -> nix::Result<&Directory> {
        for below in 1..self.levels.len() {
            let (upper, lower) = self.levels.split_at_mut(below);
            let (above, level) = (&upper[below - 1], &mut lower[0]);
            if level.target.is_none() {
                let parent = above.target.as_ref().ok_or(Errno::ENOENT)?;
                level.target = Some(parent.child_or_make(level.name.as_str(), OUTPUT_DIRECTORY_MODE)?);
            }
        }
        self.here().target.as_ref().ok_or(Errno::ENOENT)
    }

    /// Reads the names of the deepest level, in the order that makes `pop` yield them sorted.
    fn list_last(&mut self) -> Result<(), WorkspaceError> {
        let path = self.artifacts_dir;
        let unlistable = |errno: Errno| io_failure("list", path, errno);
        let mut entries = Vec::new();
        for entry in self.here().source.entries().map_err(unlistable)? {
            if self.scanned == MAX_SCANNED {
                break;
            }
            self.scanned += 1;
            entries.push(entry.map_err(unlistable)?);
        }
        entries.sort_unstable_by(|a, b| b.name.cmp(&a.name));
        self.levels.last_mut().expect("a level was pushed before it is listed").entries = entries;
        Ok(())
    }

    fn here(&self) -> &Level {
        self.levels.last().expect("the loop ends with the last level")
    }
}

/// The file did not have the length it had when it was opened.
#[derive(Debug, thiserror::Error)]
#[error("the file changed while it was copied")]
struct LengthChanged;

/// Copies a file that must have `size` bytes; reads one more at most, so that a growing file cannot fill the disk.
fn copy_exactly(source: &File, target: &mut File, size: u64) -> io::Result<()> {
    let copied = io::copy(&mut source.take(size.saturating_add(1)), target)?;
    if copied == size { Ok(()) } else { Err(io::Error::other(LengthChanged)) }
}

fn is_length_change(error: &io::Error) -> bool {
    error.get_ref().and_then(|inner| inner.downcast_ref::<LengthChanged>()).is_some()
}

fn unreadable(errno: Errno) -> SkipReason {
    SkipReason::Unreadable { reason: errno.desc().to_owned() }
}

fn in_words(kind: SFlag) -> &'static str {
    match kind {
        SFlag::S_IFLNK => "symbolic link",
        SFlag::S_IFIFO => "FIFO",
        SFlag::S_IFSOCK => "socket",
        SFlag::S_IFBLK | SFlag::S_IFCHR => "device",
        SFlag::S_IFDIR => "directory",
        _ => "special file",
    }
}
