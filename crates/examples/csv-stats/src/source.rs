//! A file of the workspace by name, opened for reading. No name leads out of the workspace.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path};

use crate::fault::CsvError;

/// Opens a file of the workspace; answers its length too, as it is now.
pub(crate) fn open(workspace: &Path, name: &str) -> Result<(File, u64), CsvError> {
    check_name(name)?;
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => CsvError::Missing(name.to_owned()),
        _ => CsvError::Read(source),
    };
    let root = fs::canonicalize(workspace).map_err(failed)?;
    let path = fs::canonicalize(root.join(name)).map_err(failed)?;
    if !path.starts_with(&root) {
        return Err(CsvError::LeadsOut(name.to_owned()));
    }
    let facts = fs::metadata(&path).map_err(failed)?;
    // Asked before it is opened: opening a pipe would wait for a writer.
    if !facts.is_file() {
        return Err(CsvError::NoFile(name.to_owned()));
    }
    Ok((File::open(path).map_err(failed)?, facts.len()))
}

/// Refuses what is not plainly a name below the workspace.
fn check_name(name: &str) -> Result<(), CsvError> {
    let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    // `components` forgives doubled and trailing slashes, a name does not.
    let exact = name.split('/').all(|part| !part.is_empty() && part != ".");
    if plain && exact && !name.contains(['\\', '\0']) {
        Ok(())
    } else {
        Err(CsvError::BadName(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_or_nowhere_are_refused() {
        let workspace = tempfile::tempdir().unwrap();
        for name in [
            "",
            ".",
            "..",
            "../x.csv",
            "/etc/passwd",
            "a//b.csv",
            "a/",
            "./a.csv",
            "a/../b.csv",
            "a\\b",
            "a\0",
        ] {
            let opened = open(workspace.path(), name);
            assert!(matches!(opened, Err(CsvError::BadName(_))), "{name:?} was accepted");
        }
        fs::create_dir(workspace.path().join("folder")).unwrap();
        assert!(matches!(open(workspace.path(), "folder"), Err(CsvError::NoFile(_))));
        assert!(matches!(open(workspace.path(), "none.csv"), Err(CsvError::Missing(_))));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_out_is_refused() {
        let outside = tempfile::NamedTempFile::new().unwrap();
        let workspace = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), workspace.path().join("a.csv")).unwrap();
        assert!(matches!(open(workspace.path(), "a.csv"), Err(CsvError::LeadsOut(_))));
    }
}
