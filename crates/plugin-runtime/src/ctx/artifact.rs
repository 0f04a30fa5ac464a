//! Artifacts: files a handler leaves for its caller, in a directory of their own. No name leads out of it.

use std::io;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

/// The artifact directory of an execution.
#[derive(Debug, Clone)]
pub struct Artifacts {
    dir: Option<PathBuf>,
}

/// An artifact could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// The name would lead out of the directory.
    #[error("`{0}` is no artifact name: it is relative, with `/`, without `.` and `..`")]
    BadName(String),
    /// The execution has no artifact directory.
    #[error("this execution has no artifact directory")]
    NoDirectory,
    /// A directory on the way is a link.
    #[error("`{0}` goes through a link")]
    ThroughLink(String),
    /// The file work failed.
    #[error("failed to {action} artifact `{name}`")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// Which artifact.
        name: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Artifacts {
    pub(crate) fn new(dir: Option<PathBuf>) -> Self {
        Self { dir }
    }

    /// Where an artifact of that name is, whether or not it exists: for code that writes files by path.
    ///
    /// # Errors
    /// [`ArtifactError::BadName`] and [`ArtifactError::NoDirectory`].
    pub fn path(&self, name: &str) -> Result<PathBuf, ArtifactError> {
        let dir = self.dir.as_ref().ok_or(ArtifactError::NoDirectory)?;
        let relative = Path::new(name);
        let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
        // `components` forgives doubled and trailing slashes, a name does not.
        let exact = name.split('/').all(|part| !part.is_empty() && part != ".");
        if !plain || !exact || name.contains('\0') {
            return Err(ArtifactError::BadName(name.escape_debug().to_string()));
        }
        Ok(dir.join(relative))
    }

    /// Writes an artifact whole; directories on the way are made.
    ///
    /// # Errors
    /// [`ArtifactError`]; a partly written file is not left behind.
    pub async fn write(&self, name: &str, contents: impl Into<Bytes>) -> Result<PathBuf, ArtifactError> {
        let path = self.path(name)?;
        let contents = contents.into();
        self.work("write", name, move |root| {
            let parent = path.parent().unwrap_or(&root);
            std::fs::create_dir_all(parent)?;
            refuse_links(&root, parent)?;
            let temporary = parent.join(format!(".{}.part", plugdock_contracts::ExecutionId::generate()));
            std::fs::write(&temporary, &contents)
                .and_then(|()| std::fs::rename(&temporary, &path))
                .inspect_err(|_error| drop(std::fs::remove_file(&temporary)))?;
            Ok(path)
        })
        .await
    }

    /// Reads an artifact.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub async fn read(&self, name: &str) -> Result<Bytes, ArtifactError> {
        let path = self.path(name)?;
        self.work("read", name, move |root| {
            refuse_links(&root, &path)?;
            std::fs::read(path).map(Bytes::from)
        })
        .await
    }

    /// The names of all artifacts, in order.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub async fn list(&self) -> Result<Vec<String>, ArtifactError> {
        self.work("list", "", |root| {
            let mut names = Vec::new();
            let mut open = vec![root.clone()];
            while let Some(dir) = open.pop() {
                for entry in std::fs::read_dir(dir)? {
                    let entry = entry?;
                    let kind = entry.file_type()?;
                    if kind.is_dir() {
                        open.push(entry.path());
                    } else if let (true, Ok(name)) = (kind.is_file(), entry.path().strip_prefix(&root)) {
                        names.push(name.to_string_lossy().into_owned());
                    }
                }
            }
            names.sort();
            Ok(names)
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        action: &'static str,
        name: &str,
        job: impl FnOnce(PathBuf) -> io::Result<T> + Send + 'static,
    ) -> Result<T, ArtifactError> {
        let root = self.dir.clone().ok_or(ArtifactError::NoDirectory)?;
        let joined = tokio::task::spawn_blocking(move || job(root)).await;
        let failed = |source| ArtifactError::Io { action, name: name.to_owned(), source };
        match joined.map_err(|error| failed(io::Error::other(error)))? {
            Ok(value) => Ok(value),
            Err(error) if error.kind() == io::ErrorKind::TooManyLinks => {
                Err(ArtifactError::ThroughLink(name.to_owned()))
            }
            Err(error) => Err(failed(error)),
        }
    }
}

/// Refuses a path below `root` that goes through a symbolic link.
fn refuse_links(root: &Path, path: &Path) -> io::Result<()> {
    let mut walked = root.to_owned();
    for part in path.strip_prefix(root).into_iter().flatten() {
        walked.push(part);
        if std::fs::symlink_metadata(&walked)?.file_type().is_symlink() {
            return Err(io::ErrorKind::TooManyLinks.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch() -> (PathBuf, Artifacts) {
        let dir = std::env::temp_dir().join(plugdock_contracts::ExecutionId::generate().as_str());
        std::fs::create_dir(&dir).unwrap();
        (dir.clone(), Artifacts::new(Some(dir)))
    }

    #[tokio::test]
    async fn artifacts_are_written_listed_and_read() {
        let (dir, artifacts) = scratch();
        artifacts.write("b.txt", "two").await.unwrap();
        artifacts.write("deep/a.txt", "one").await.unwrap();
        assert_eq!(artifacts.list().await.unwrap(), ["b.txt", "deep/a.txt"]);
        assert_eq!(artifacts.read("deep/a.txt").await.unwrap(), "one");
        for name in ["b.txt", "deep/a.txt"] {
            std::fs::remove_file(dir.join(name)).unwrap();
        }
        std::fs::remove_dir(dir.join("deep")).unwrap();
        std::fs::remove_dir(dir).unwrap();
    }

    #[tokio::test]
    async fn no_name_leads_out() {
        let (dir, artifacts) = scratch();
        for name in ["../x", "/etc/passwd", "a/../../x", "", ".", "a//b", "a/", "a/./b", "x\0"] {
            assert!(
                matches!(artifacts.write(name, "").await, Err(ArtifactError::BadName(_))),
                "{name:?} was accepted"
            );
        }
        std::fs::remove_dir(dir).unwrap();
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_is_not_followed() {
        let (dir, artifacts) = scratch();
        std::os::unix::fs::symlink("/", dir.join("out")).unwrap();
        assert!(matches!(artifacts.write("out/tmp", "").await, Err(ArtifactError::ThroughLink(_))));
        assert!(matches!(artifacts.read("out/etc/hostname").await, Err(ArtifactError::ThroughLink(_))));
        std::fs::remove_file(dir.join("out")).unwrap();
        std::fs::remove_dir(dir).unwrap();
    }
}
