//! Files of the workspace by name, and the artifacts they become. No name leads out of the workspace.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use crate::fault::SourceError;

/// Longest source that is read. A page is built in memory; a manual of a thousand pages has about 3 MiB.
pub(crate) const MAX_SOURCE_BYTES: u64 = 16 << 20;

/// Endings that are left out of an artifact's name.
const ENDINGS: [&str; 2] = [".md", ".markdown"];

/// The files of one call, each with the artifact it becomes, in the order they were named.
#[derive(Debug)]
pub(crate) struct Sources {
    files: Vec<(String, String)>,
}

impl Sources {
    /// Checks the names alone; the disk is not touched.
    pub(crate) fn named(files: Vec<String>) -> Result<Self, SourceError> {
        if files.is_empty() {
            return Err(SourceError::NoFiles);
        }
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        let mut named = Vec::with_capacity(files.len());
        for file in files {
            check_name(&file)?;
            let artifact = artifact_name(&file);
            match taken.insert(artifact.clone(), file.clone()) {
                Some(first) if first == file => return Err(SourceError::Twice(file)),
                Some(first) => return Err(SourceError::SameArtifact { first, second: file, artifact }),
                None => named.push((file, artifact)),
            }
        }
        Ok(Self { files: named })
    }

    /// How many there are: at least one.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// Each file with its artifact.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(file, artifact)| (file.as_str(), artifact.as_str()))
    }

    /// Whether `name` is among them.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.files.iter().any(|(file, _)| file == name)
    }
}

/// Refuses what is not plainly a name below the workspace.
pub(crate) fn check_name(name: &str) -> Result<(), SourceError> {
    let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    // `components` forgives doubled and trailing slashes, a name does not.
    let exact = name.split('/').all(|part| !part.is_empty() && part != ".");
    if plain && exact && !name.contains(['\\', '\0']) {
        Ok(())
    } else {
        Err(SourceError::BadName(name.to_owned()))
    }
}

/// `docs/guide.md` becomes `docs/guide.html`, and any other name gets `.html` at its end.
pub(crate) fn artifact_name(name: &str) -> String {
    let stem = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).filter(|stem| !stem.is_empty());
    // A file called `docs/.md` has no name without its ending.
    format!("{}.html", stem.filter(|stem| !stem.ends_with('/')).unwrap_or(name))
}

/// Reads a file of the workspace as text.
pub(crate) fn read(workspace: &Path, name: &str) -> Result<String, SourceError> {
    check_name(name)?;
    let path = resolve(workspace, name)?;
    let failed = |source| SourceError::Read { name: name.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_SOURCE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_SOURCE_BYTES {
        return Err(SourceError::TooLarge(name.to_owned()));
    }
    String::from_utf8(bytes).map_err(|_not_utf8| SourceError::NotUtf8(name.to_owned()))
}

/// Where the file is, links followed, if that is in the workspace.
fn resolve(workspace: &Path, name: &str) -> Result<PathBuf, SourceError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => SourceError::Missing(name.to_owned()),
        _ => SourceError::Read { name: name.to_owned(), source },
    };
    let root = fs::canonicalize(workspace).map_err(failed)?;
    let path = fs::canonicalize(root.join(name)).map_err(failed)?;
    if !path.starts_with(&root) {
        return Err(SourceError::LeadsOut(name.to_owned()));
    }
    // Asked before it is opened: opening a pipe would wait for a writer.
    if !fs::metadata(&path).map_err(failed)?.is_file() {
        return Err(SourceError::NoFile(name.to_owned()));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_keep_the_folders_of_their_sources() {
        let rows = [
            ("README.md", "README.html"),
            ("docs/guide.markdown", "docs/guide.html"),
            ("LICENSE", "LICENSE.html"),
            ("notes.txt", "notes.txt.html"),
            (".md", ".md.html"),
            ("docs/.md", "docs/.md.html"),
        ];
        for (source, artifact) in rows {
            assert_eq!(artifact_name(source), artifact);
        }
    }

    #[test]
    fn names_that_lead_out_or_nowhere_are_refused() {
        for name in [
            "",
            ".",
            "..",
            "../x.md",
            "/etc/passwd",
            "a//b.md",
            "a/",
            "./a.md",
            "a/../b.md",
            "a\\b.md",
            "a\0",
        ] {
            assert!(
                matches!(Sources::named(vec![name.into()]), Err(SourceError::BadName(_))),
                "{name:?} was accepted"
            );
        }
    }

    #[test]
    fn every_file_has_an_artifact_of_its_own() {
        let named = |files: &[&str]| Sources::named(files.iter().map(|&file| file.to_owned()).collect());
        assert!(matches!(named(&[]), Err(SourceError::NoFiles)));
        assert!(matches!(named(&["a.md", "a.md"]), Err(SourceError::Twice(_))));
        assert!(matches!(named(&["a.md", "a.markdown"]), Err(SourceError::SameArtifact { .. })));
        assert_eq!(named(&["a.md", "b/a.md"]).unwrap().iter().last(), Some(("b/a.md", "b/a.html")));
    }

    #[test]
    fn files_are_read_and_what_is_wrong_with_others_is_told() {
        let workspace = tempfile::tempdir().unwrap();
        let at = |name: &str| workspace.path().join(name);
        fs::create_dir(at("docs")).unwrap();
        fs::write(at("docs/a.md"), "# A").unwrap();
        fs::write(at("latin.md"), b"caf\xe9").unwrap();
        File::create(at("huge.md")).unwrap().set_len(MAX_SOURCE_BYTES + 1).unwrap();
        assert_eq!(read(workspace.path(), "docs/a.md").unwrap(), "# A");
        let told = |name| read(workspace.path(), name).unwrap_err().to_string();
        assert_eq!(told("b.md"), "`b.md` is not in the workspace");
        assert_eq!(told("docs/a.md/c.md"), "`docs/a.md/c.md` is not in the workspace");
        assert_eq!(told("docs"), "`docs` is no regular file");
        assert_eq!(told("latin.md"), "`latin.md` is not UTF-8");
        assert_eq!(told("huge.md"), "`huge.md` is larger than 16 MiB");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_inside_the_workspace_only() {
        let outside = tempfile::tempdir().unwrap();
        let workspace = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret.md"), "secret").unwrap();
        fs::write(workspace.path().join("a.md"), "inside").unwrap();
        std::os::unix::fs::symlink("a.md", workspace.path().join("b.md")).unwrap();
        std::os::unix::fs::symlink(outside.path(), workspace.path().join("out")).unwrap();
        assert_eq!(read(workspace.path(), "b.md").unwrap(), "inside");
        assert!(matches!(read(workspace.path(), "out/secret.md"), Err(SourceError::LeadsOut(_))));
    }
}
