//! What is remembered of plugins that were found, and when it has to be looked at again. A plugin whose files are as they
//! were is not read again; the program's digest tells whether a changed file is another program.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use plugdock_contracts::error::{ErrorCode, ExecutionError, Fault};
use plugdock_contracts::manifest;
use sha2::{Digest as _, Sha256};

use super::source::{PluginOrigin, Program, ResolvedPlugin};

/// Origins that are remembered: a host that names a new directory with each request must not grow without bound.
const MAX_ORIGINS: usize = 1024;

/// What a file looked like: another content has another of these, unless somebody takes pains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileStamp {
    /// The stamp of the file that a path leads to; `None` when there is none.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        Some(Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

impl FileStamp {
    /// Whether it is still the file that it was, by all that a new link to it does not change.
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        Self { changed: other.changed, ..*self } == *other
    }
}

type Stamps = Vec<(PathBuf, Option<FileStamp>)>;

#[derive(Debug)]
struct Remembered {
    plugin: Arc<ResolvedPlugin>,
    files: Stamps,
    looked: Instant,
}

/// Plugins that were found.
#[derive(Debug)]
pub(crate) struct PluginMemory {
    /// How long what was looked at counts as it was.
    fresh_for: Duration,
    /// The program that serves linked plugins, when it is not the host's own.
    worker_program: Option<PathBuf>,
    found: Mutex<HashMap<PluginOrigin, Remembered>>,
}

impl PluginMemory {
    pub(crate) fn new(fresh_for: Duration, worker_program: Option<PathBuf>) -> Self {
        Self { fresh_for, worker_program, found: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PluginOrigin, Remembered>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered and was looked at a short time ago.
    pub(crate) fn fresh(&self, origin: &PluginOrigin, now: Instant) -> Option<Arc<ResolvedPlugin>> {
        let found = self.lock();
        let known = found.get(origin)?;
        (now.saturating_duration_since(known.looked) < self.fresh_for).then(|| Arc::clone(&known.plugin))
    }

    /// Whether the program of a plugin is the one that was found last.
    pub(crate) fn is_current(&self, plugin: &ResolvedPlugin) -> bool {
        self.lock().get(&plugin.origin).is_none_or(|known| known.plugin.digest == plugin.digest)
    }

    /// All that is remembered.
    pub(crate) fn all(&self) -> Vec<Arc<ResolvedPlugin>> {
        self.lock().values().map(|known| Arc::clone(&known.plugin)).collect()
    }

    /// Looks whether the files are as they were, and finds the plugin again if not.
    pub(crate) fn look(
        &self,
        origin: &PluginOrigin,
        now: Instant,
        find: impl FnOnce() -> Result<ResolvedPlugin, ExecutionError>,
    ) -> Result<Arc<ResolvedPlugin>, ExecutionError> {
        let known = self.lock().get(origin).map(|known| (Arc::clone(&known.plugin), known.files.clone()));
        if let Some((plugin, files)) = known
            && files.iter().all(|(path, stamp)| FileStamp::of(path) == *stamp)
        {
            if let Some(known) = self.lock().get_mut(origin) {
                known.looked = now;
            }
            return Ok(plugin);
        }
        // The stamps are of before the reading: a change meanwhile is seen at the next look.
        let mut files: Stamps = Vec::new();
        if let Some(root) = &origin.root {
            let names = [manifest::TOML_FILE_NAME, manifest::JSON_FILE_NAME];
            files.extend(names.map(|name| stamped(root.join(name))));
        }
        let found = find().and_then(|mut plugin| {
            files.extend(self.program_file(&plugin).map(stamped));
            plugin.digest = self.digest(&plugin)?;
            Ok(Arc::new(plugin))
        });
        let mut all = self.lock();
        let plugin = found.inspect_err(|_gone| drop(all.remove(origin)))?;
        if all.len() >= MAX_ORIGINS
            && let Some(oldest) = all.iter().min_by_key(|(_, known)| known.looked).map(|(key, _)| key.clone())
        {
            all.remove(&oldest);
        }
        let remembered = Remembered { plugin: Arc::clone(&plugin), files, looked: now };
        all.insert(origin.clone(), remembered);
        Ok(plugin)
    }

    /// The file whose change makes another program of the plugin: as it is named, so that a link led elsewhere is seen.
    fn program_file(&self, plugin: &ResolvedPlugin) -> Option<PathBuf> {
        match (&plugin.program, &plugin.manifest.entry, &plugin.origin.root) {
            (Program::Entry { .. }, Some(entry), Some(root)) => Some(root.join(entry.as_str())),
            (Program::Entry { path, .. }, ..) => Some(path.clone()),
            (Program::Linked(_), ..) => self.worker_program.clone(),
        }
    }

    /// The digest of the program, and of the arguments the manifest gives it. What is linked into the host changes only
    /// with the host.
    fn digest(&self, plugin: &ResolvedPlugin) -> Result<String, ExecutionError> {
        let (path, args) = match (&plugin.program, &self.worker_program) {
            (Program::Entry { path, args }, _) => (path, args.as_slice()),
            (Program::Linked(_), Some(path)) => (path, [].as_slice()),
            (Program::Linked(_), None) => return Ok("linked".to_owned()),
        };
        let mut hasher = Sha256::new();
        File::open(path).and_then(|mut file| io::copy(&mut file, &mut hasher)).map_err(|source| {
            let message = format!("could not read the program `{}`", path.display());
            ExecutionError::new(ErrorCode::SpawnFailed, message)
                .with_chain(vec![source.to_string()])
                .with_fault(Fault::Plugin)
                .with_help("check that the plugin's entry exists and that this user may read it")
        })?;
        for arg in args {
            hasher.update([0]);
            hasher.update(arg);
        }
        Ok(hasher.finalize().iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _written = write!(text, "{byte:02x}");
            text
        }))
    }
}

fn stamped(path: PathBuf) -> (PathBuf, Option<FileStamp>) {
    let stamp = FileStamp::of(&path);
    (path, stamp)
}

#[cfg(test)]
mod tests {
    use plugdock_contracts::PluginId;

    use super::super::{Catalog, PluginSource};
    use super::*;

    const MANIFEST: &str = "manifest_version = 1\nid = \"acme/x\"\nversion = \"1.0.0\"\nentry = \"x\"\n";

    fn source(fresh_for: Duration) -> (tempfile::TempDir, PluginSource, PluginOrigin) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("plugin.toml"), MANIFEST).unwrap();
        std::fs::write(dir.path().join("x"), "one").unwrap();
        let memory = Some(PluginMemory::new(fresh_for, None));
        let source = PluginSource { memory, catalog: Catalog::default(), ..PluginSource::default() };
        let origin =
            PluginOrigin { id: Some(PluginId::new("acme/x").unwrap()), root: Some(dir.path().to_owned()) };
        (dir, source, origin)
    }

    #[test]
    fn a_plugin_whose_files_are_as_they_were_is_not_read_again() {
        let (_dir, source, origin) = source(Duration::ZERO);
        let first = source.look_at(&origin).unwrap();
        assert!(Arc::ptr_eq(&first, &source.look_at(&origin).unwrap()));
        assert_eq!(first.digest.len(), 64);
    }

    #[test]
    fn a_program_that_was_replaced_has_another_digest() {
        let (dir, source, origin) = source(Duration::ZERO);
        let first = source.look_at(&origin).unwrap();
        std::fs::write(dir.path().join("new"), "two").unwrap();
        std::fs::rename(dir.path().join("new"), dir.path().join("x")).unwrap();
        let second = source.look_at(&origin).unwrap();
        assert_ne!(first.digest, second.digest);
    }

    #[test]
    fn a_manifest_that_became_another_is_read_again() {
        let (dir, source, origin) = source(Duration::ZERO);
        let first = source.look_at(&origin).unwrap();
        std::fs::write(dir.path().join("plugin.toml"), MANIFEST.replace("1.0.0", "1.0.1")).unwrap();
        let second = source.look_at(&origin).unwrap();
        assert_eq!(second.manifest.version.to_string(), "1.0.1");
        assert_eq!(first.digest, second.digest, "the program is the same");
    }

    #[test]
    fn a_plugin_that_is_gone_is_forgotten() {
        let (dir, source, origin) = source(Duration::ZERO);
        source.look_at(&origin).unwrap();
        std::fs::remove_file(dir.path().join("plugin.toml")).unwrap();
        assert!(source.look_at(&origin).is_err());
        assert!(source.memory.unwrap().all().is_empty());
    }

    #[test]
    fn what_was_looked_at_a_short_time_ago_counts() {
        let (_dir, source, origin) = source(Duration::from_secs(1));
        let memory = source.memory.as_ref().unwrap();
        source.look_at(&origin).unwrap();
        let now = Instant::now();
        assert!(memory.fresh(&origin, now).is_some());
        assert!(memory.fresh(&origin, now + Duration::from_secs(2)).is_none());
    }
}
