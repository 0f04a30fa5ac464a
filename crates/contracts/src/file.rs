//! Files of the host that a plugin may use by grant: the granted path, what is there, and the service that does it.
//! Nothing here opens a file; that a path on disk is what it says is the service's to hold.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::permission::NormalPath;
use crate::service::{ServiceResult, ServiceScope};

/// A path that a grant covers, and the place at which that grant begins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GrantedPath {
    path: NormalPath,
    base: NormalPath,
}

impl GrantedPath {
    /// A path with the [base](crate::permission::PathPattern::base) of the pattern that covers it. A base that the path does not
    /// lie below is of no use and the path itself takes its place.
    pub fn new(path: NormalPath, base: NormalPath) -> Self {
        let n_base = base.components().count();
        let is_below = path.root() == base.root()
            && path.components().count() >= n_base
            && path.components().zip(base.components()).all(|(of_path, of_base)| of_path == of_base);
        let base = if is_below { base } else { path.clone() };
        Self { path, base }
    }

    /// The path.
    pub fn path(&self) -> &NormalPath {
        &self.path
    }

    /// Where the grant begins: the path itself or something above it.
    pub fn base(&self) -> &NormalPath {
        &self.base
    }
}

/// What sort of thing is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, a pipe, a socket or a device: nothing that can be used.
    Other,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileStat {
    /// Its sort.
    pub kind: FileKind,
    /// Its length in bytes; of what is no regular file, 0.
    pub size: u64,
    /// When its contents were changed, in milliseconds since 1970.
    pub modified_ms: i64,
}

impl FileStat {
    /// Something of a sort, a length and a time of change.
    pub fn new(kind: FileKind, size: u64, modified_ms: i64) -> Self {
        Self { kind, size, modified_ms }
    }
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DirEntry {
    /// The name, without the directory.
    pub name: String,
    /// What has it.
    pub kind: FileKind,
}

impl DirEntry {
    /// A name and what has it.
    pub fn new(name: String, kind: FileKind) -> Self {
        Self { name, kind }
    }
}

/// Files of the host's file system. Its paths are granted already; it holds that nothing on disk leads elsewhere: it follows no
/// symbolic link, opens regular files only, and answers [`ServiceError::Denied`](crate::service::ServiceError::Denied) for what
/// would lead out.
pub trait FsService: Send + Sync {
    /// Reads a regular file whole.
    fn read<'a>(&'a self, scope: &'a ServiceScope, path: &'a GrantedPath) -> ServiceResult<'a, Bytes>;
    /// Writes a file whole: the old contents or the new are there, never a part.
    fn write<'a>(
        &'a self,
        scope: &'a ServiceScope,
        path: &'a GrantedPath,
        contents: Bytes,
    ) -> ServiceResult<'a, ()>;
    /// Names in a directory, in order. What has a name that is no text is left out.
    fn list<'a>(&'a self, scope: &'a ServiceScope, path: &'a GrantedPath)
    -> ServiceResult<'a, Vec<DirEntry>>;
    /// What is there; `None` if there is nothing.
    fn stat<'a>(
        &'a self,
        scope: &'a ServiceScope,
        path: &'a GrantedPath,
    ) -> ServiceResult<'a, Option<FileStat>>;
    /// Makes a directory and those above it, up to where the grant begins; whether it was made.
    fn create_dir<'a>(&'a self, scope: &'a ServiceScope, path: &'a GrantedPath) -> ServiceResult<'a, bool>;
    /// Removes a file or an empty directory; whether it was there.
    fn remove<'a>(&'a self, scope: &'a ServiceScope, path: &'a GrantedPath) -> ServiceResult<'a, bool>;
    /// Gives a regular file another name, in the place of a file that has it.
    fn rename<'a>(
        &'a self,
        scope: &'a ServiceScope,
        from: &'a GrantedPath,
        to: &'a GrantedPath,
    ) -> ServiceResult<'a, ()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_that_the_path_is_not_below_is_not_taken() {
        let path = |text: &str| NormalPath::parse(text).unwrap();
        for (of, base, taken) in [
            ("/data/a/b", "/data", "/data"),
            ("/data", "/data", "/data"),
            ("/data-evil/a", "/data", "/data-evil/a"),
            ("/data", "/data/a", "/data"),
            ("workspace/data", "/data", "workspace/data"),
        ] {
            assert_eq!(GrantedPath::new(path(of), path(base)).base(), &path(taken), "{of} {base}");
        }
    }
}
