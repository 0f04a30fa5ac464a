//! A path inside a plugin's folder, as a manifest names it.
//! The check is of the words alone: that no symlink leads out is checked by the host when it opens the file.

use std::fmt;
use std::path::{Component, Path};
use std::str::FromStr;

use serde::Serialize;

use crate::document::{Cursor, FromNode};

/// Longest path accepted, in bytes: Linux opens none longer.
const MAX_BYTES: usize = 4095;

/// A relative path with `/` between its components and no `.` or `..` among them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct PackagePath(String);

/// Why a text is no path inside a plugin's folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no path inside the plugin: {reason}", text.escape_debug())]
pub struct PackagePathError {
    /// The refused text, shortened to 80 characters.
    pub text: String,
    /// Which rule it breaks.
    pub reason: &'static str,
}

impl PackagePath {
    /// The path, with `/` between its components.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as the standard library's type. It is relative; join it to the plugin's folder.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl FromStr for PackagePath {
    type Err = PackagePathError;

    fn from_str(text: &str) -> Result<Self, PackagePathError> {
        let fail = |reason| Err(PackagePathError { text: text.chars().take(80).collect(), reason });
        if text.len() > MAX_BYTES {
            return fail("it is longer than 4095 bytes");
        }
        if text.contains('\\') {
            return fail("components are separated by `/`, not `\\`");
        }
        if text.chars().any(char::is_control) {
            return fail("it holds a control character");
        }
        if text.starts_with('/') {
            return fail("it is absolute; write it relative to the plugin's folder");
        }
        let mut components = Vec::new();
        for component in Path::new(text).components() {
            match component {
                // The text is UTF-8, and so is every component of it.
                Component::Normal(name) => components.push(name.to_str().unwrap_or_default()),
                Component::CurDir => {}
                Component::ParentDir => return fail("`..` leads out of a folder"),
                Component::RootDir | Component::Prefix(_) => return fail("it is absolute"),
            }
        }
        if components.is_empty() || text.ends_with('/') {
            return fail("it names no file");
        }
        Ok(Self(components.join("/")))
    }
}

impl fmt::Display for PackagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromNode for PackagePath {
    fn from_node(at: &mut Cursor<'_, '_>) -> Option<Self> {
        at.parsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_inside_are_normalised() {
        for (text, path) in [
            ("bin/count", "bin/count"),
            ("./bin//./count", "bin/count"),
            ("a..b/c", "a..b/c"),
            (".hidden", ".hidden"),
        ] {
            assert_eq!(text.parse::<PackagePath>().unwrap().as_str(), path, "{text}");
        }
    }

    #[test]
    fn paths_that_lead_out_or_nowhere_are_refused() {
        for text in [
            "",
            ".",
            "./",
            "/bin/sh",
            "//x",
            "..",
            "../x",
            "a/../b",
            "a/..",
            "bin/",
            "a\\b",
            "a\0b",
            "a\nb",
            &"x".repeat(4096),
        ] {
            assert!(text.parse::<PackagePath>().is_err(), "{text:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_path_joined_to_a_folder_stays_below_it(text in "[./a\\\\]{0,12}") {
            if let Ok(path) = text.parse::<PackagePath>() {
                let mut components = path.as_path().components();
                prop_assert!(components.all(|component| matches!(component, Component::Normal(_))));
                prop_assert_eq!(path.as_str().parse::<PackagePath>().unwrap(), path);
            }
        }
    }
}
