//! Reading and writing text files with the path in the error, and walking a tree in a fixed order.
//! Knows nothing of what the files mean.

use std::path::{Path, PathBuf};

use crate::failure::ChoreError;

/// The file's text.
pub(crate) fn read(path: &Path) -> Result<String, ChoreError> {
    std::fs::read_to_string(path).map_err(|source| ChoreError::Read { path: path.to_owned(), source })
}

/// Replaces the file's text.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), ChoreError> {
    std::fs::write(path, text).map_err(|source| ChoreError::Write { path: path.to_owned(), source })
}

/// The names in a directory, sorted; nothing where there is no directory.
pub(crate) fn entries(directory: &Path) -> Result<Vec<PathBuf>, ChoreError> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let failed = |source| ChoreError::Read { path: directory.to_owned(), source };
    let mut found = std::fs::read_dir(directory)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    found.sort();
    Ok(found)
}

/// Every file below `directory` with one of the extensions, sorted; build output and dot-directories
/// are not entered, and links are not followed.
pub(crate) fn below(directory: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>, ChoreError> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(here) = waiting.pop() {
        for path in entries(&here)? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_symlink() || name.starts_with('.') || name == "target" {
                continue;
            }
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().and_then(|it| it.to_str()).is_some_and(|it| extensions.contains(&it)) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
