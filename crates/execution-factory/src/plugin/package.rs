//! A plugin on disk: a directory with a manifest, and the program the manifest names. Nothing leads out of the directory.

use std::path::{Path, PathBuf};

use plugdock_contracts::document::Format;
use plugdock_contracts::manifest::{self, Manifest};

use super::PluginError;

/// Largest manifest that is read: some thousand lines, far above what a person writes.
const MAX_MANIFEST_BYTES: u64 = 1024 * 1024;

/// A directory with a manifest.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Package {
    /// The directory.
    pub root: PathBuf,
    /// The manifest's file.
    pub manifest_path: PathBuf,
    /// What it says.
    pub manifest: Manifest,
}

impl Package {
    /// Reads the manifest of a directory.
    ///
    /// # Errors
    /// [`PluginError`] when there is none, it cannot be read, or it is faulty.
    pub fn open(root: &Path) -> Result<Self, PluginError> {
        for name in [manifest::TOML_FILE_NAME, manifest::JSON_FILE_NAME] {
            let path = root.join(name);
            match read_bounded(&path) {
                Ok(text) => return Self::parse(root, path, &text),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => return Err(PluginError::Read { path, source }),
            }
        }
        Err(PluginError::NoManifest { root: root.to_owned() })
    }

    fn parse(root: &Path, path: PathBuf, text: &str) -> Result<Self, PluginError> {
        let format =
            if path.extension().is_some_and(|end| end == "json") { Format::Json } else { Format::Toml };
        let shown = path.display().to_string();
        let manifest = Manifest::parse(text, &shown, format)
            .map_err(|source| PluginError::Manifest { path: path.clone(), source: Box::new(source) })?;
        Ok(Self { root: root.to_owned(), manifest_path: path, manifest })
    }

    /// The program, with every link resolved; `None` when the plugin is linked into its host.
    ///
    /// # Errors
    /// [`PluginError`] when it is missing, no file, or leads out of the directory.
    pub fn program(&self) -> Result<Option<PathBuf>, PluginError> {
        let Some(entry) = &self.manifest.entry else { return Ok(None) };
        let id = || self.manifest.id.clone();
        let named = self.root.join(entry.as_str());
        let missing = |source| PluginError::NoEntry { id: id(), path: named.clone(), source };
        let root = self.root.canonicalize().map_err(missing)?;
        let path = named.canonicalize().map_err(missing)?;
        if !path.starts_with(&root) {
            return Err(PluginError::BadEntry {
                id: id(),
                path,
                problem: "leads out of the plugin's directory",
            });
        }
        if !path.is_file() {
            return Err(PluginError::BadEntry { id: id(), path, problem: "is no regular file" });
        }
        Ok(Some(path))
    }
}

fn read_bounded(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    // A pipe of that name must not hold the host up before it is seen to be one.
    let file = std::fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    let mut text = String::new();
    file.take(MAX_MANIFEST_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_MANIFEST_BYTES {
        return Err(std::io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "manifest_version = 1\nid = \"acme/x\"\nversion = \"1.0.0\"\nentry = \"bin/x\"\n";

    fn package(text: &str) -> (tempfile::TempDir, Package) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("plugin.toml"), text).unwrap();
        std::fs::create_dir(dir.path().join("bin")).unwrap();
        let package = Package::open(dir.path()).unwrap();
        (dir, package)
    }

    #[test]
    fn the_program_is_below_the_directory() {
        let (dir, package) = package(TEXT);
        assert!(matches!(package.program(), Err(PluginError::NoEntry { .. })));
        std::fs::write(dir.path().join("bin/x"), "").unwrap();
        assert_eq!(package.program().unwrap(), Some(dir.path().canonicalize().unwrap().join("bin/x")));
    }

    #[test]
    fn a_link_out_of_the_directory_is_refused() {
        let (dir, package) = package(TEXT);
        std::os::unix::fs::symlink("/bin/sh", dir.path().join("bin/x")).unwrap();
        let error = package.program().unwrap_err();
        assert!(
            matches!(error, PluginError::BadEntry { problem: "leads out of the plugin's directory", .. }),
            "{error}"
        );
    }

    #[test]
    fn a_faulty_manifest_becomes_an_error_with_each_line() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("plugin.toml"), TEXT.replace("entry", "entri")).unwrap();
        let error = Package::open(dir.path()).unwrap_err().into_execution_error();
        assert_eq!(error.code(), &plugdock_contracts::ErrorCode::ValidationError);
        assert!(error.chain()[0].contains("plugin.toml:4"), "{:?}", error.chain());
    }

    #[test]
    fn a_directory_without_a_manifest_is_named() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Package::open(dir.path()), Err(PluginError::NoManifest { .. })));
    }
}
