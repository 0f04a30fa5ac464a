//! A plugin's folder on disk: which manifest it holds, and whether what the manifest names is there.
//! It starts nothing; what the plugin's program says is the backend's to ask.

use std::path::{Path, PathBuf};

use plugdock_contracts::document::{Faults, Format};
use plugdock_contracts::manifest::{JSON_FILE_NAME, Manifest, PackagePath, TOML_FILE_NAME};

use crate::failure::Failure;
use crate::render::Frame;

/// A plugin's folder with its manifest read.
#[derive(Debug)]
pub(crate) struct PluginFolder {
    /// The folder, absolute and without links.
    pub(crate) root: PathBuf,
    /// The manifest's file.
    pub(crate) file: PathBuf,
    /// The manifest.
    pub(crate) manifest: Manifest,
}

impl PluginFolder {
    /// Reads the manifest in a folder, or the manifest itself when the path is a file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let file = manifest_file(path)?;
        let format = Format::of_path(&file).map_err(|error| {
            Failure::usage_with_help(
                error.to_string(),
                format!("a manifest is {TOML_FILE_NAME} or {JSON_FILE_NAME}"),
            )
        })?;
        let text = std::fs::read_to_string(&file).map_err(|error| {
            Failure::usage(format!("failed to read the manifest `{}`: {error}", file.display()))
        })?;
        let manifest = Manifest::parse(&text, &file.display().to_string(), format)
            .map_err(|faults: Faults| Failure::from(faults))?;
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let root = folder.canonicalize().map_err(|error| {
            Failure::usage(format!("failed to resolve the folder `{}`: {error}", folder.display()))
        })?;
        Ok(Self { root, file, manifest })
    }

    /// What the manifest names and the disk does not have as it should be.
    pub(crate) fn faults(&self) -> Vec<Frame> {
        let entry = self.manifest.entry.as_ref().and_then(|entry| self.fault("entry", entry, true));
        let schema = self
            .manifest
            .config
            .schema
            .as_ref()
            .and_then(|schema| self.fault("config.schema", schema, false));
        entry.into_iter().chain(schema).collect()
    }

    fn fault(&self, key: &str, named: &PackagePath, program: bool) -> Option<Frame> {
        let origin = self.file.display().to_string();
        let path = self.root.join(named.as_path());
        let frame = |message: String| Some(Frame::plain(origin.clone(), format!("{key}: {message}")));
        let real = match path.canonicalize() {
            Ok(real) => real,
            Err(error) => {
                let missing = frame(format!("failed to find `{}`: {error}", named.as_str()));
                return if program {
                    missing.map(|frame| frame.help("build the plugin first, or correct the path"))
                } else {
                    missing
                };
            }
        };
        if !real.starts_with(&self.root) {
            return frame(format!(
                "`{}` leads out of the plugin's folder, to `{}`",
                named.as_str(),
                real.display()
            ));
        }
        match std::fs::metadata(&real) {
            Err(error) => frame(format!("failed to look at `{}`: {error}", named.as_str())),
            Ok(found) if !found.is_file() => frame(format!("`{}` is no regular file", named.as_str())),
            Ok(found) if program && !is_executable(&found) => {
                frame(format!("`{}` is not executable", named.as_str()))
                    .map(|frame| frame.help(format!("chmod +x {}", path.display())))
            }
            Ok(_) => None,
        }
    }
}

fn is_executable(found: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    found.permissions().mode() & 0o111 != 0
}

fn manifest_file(path: &Path) -> Result<PathBuf, Failure> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    if !path.is_dir() {
        return Err(Failure::usage_with_help(
            format!("there is no plugin folder `{}`", path.display()),
            format!("name a folder that holds a {TOML_FILE_NAME}"),
        ));
    }
    let files: Vec<PathBuf> = [TOML_FILE_NAME, JSON_FILE_NAME]
        .iter()
        .map(|name| path.join(name))
        .filter(|file| file.is_file())
        .collect();
    match files.as_slice() {
        [first, ..] => Ok(first.clone()),
        [] => Err(Failure::usage_with_help(
            format!("there is no manifest in `{}`", path.display()),
            format!("a plugin's folder holds a {TOML_FILE_NAME} or a {JSON_FILE_NAME}"),
        )),
    }
}
