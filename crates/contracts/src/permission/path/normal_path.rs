//! A path in normal form: the only thing a path pattern can be matched with.
//! It is lexical and knows no file: open it beneath its root with symlinks refused, or the answer is about another file.

use std::fmt;
use std::str::FromStr;

use crate::permission::fault::excerpt;

/// Longest path, in bytes: the kernel's `PATH_MAX`, so that what is allowed can also be opened.
const MAX_PATH_BYTES: usize = 4096;

/// Longest component, in bytes: the kernel's `NAME_MAX`.
const MAX_COMPONENT_BYTES: usize = 255;

/// Where a path starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PathRoot {
    /// The root of the file system: `/data/x`.
    Absolute,
    /// The execution's workspace: `workspace/x`, or any relative path.
    Workspace,
    /// The execution's artifact directory: `artifacts/x`.
    Artifacts,
    /// The directory of the plugin's package: `plugin/x`.
    Plugin,
}

impl PathRoot {
    /// The root that a first component names.
    pub(super) fn named(component: &str) -> Option<Self> {
        match component {
            "workspace" => Some(Self::Workspace),
            "artifacts" => Some(Self::Artifacts),
            "plugin" => Some(Self::Plugin),
            _ => None,
        }
    }

    /// The root as it is written in a path: `/`, `workspace`, `artifacts` or `plugin`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absolute => "/",
            Self::Workspace => "workspace",
            Self::Artifacts => "artifacts",
            Self::Plugin => "plugin",
        }
    }
}

/// A root and the components below it, without `.`, `..`, empty components and NUL.
///
/// * `.`, doubled slashes and a slash at the end mean nothing: `a//./b/` is `a/b`.
/// * `..` takes the component before it away, lexically, and is refused above the root: `workspace/../x` and `/..` are errors.
/// * Bytes are kept as they are: no case folding, no Unicode normalisation, and a backslash is an ordinary character, as for the kernel.
/// * A relative path lies in the workspace, unless its first component names a root. A directory of the workspace that has
///   the name of a root is written `workspace/plugin`, or made with [`NormalPath::inside`].
///
/// Open what this says (root and components), never the text it was parsed from: with a symlink on the way, `a/../b` means
/// something else to the kernel. A path that is not UTF-8 has no normal form and is therefore never allowed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NormalPath {
    root: PathRoot,
    /// The components, joined by `/`; empty for the root itself.
    below: String,
}

impl NormalPath {
    /// The normal form of a text.
    ///
    /// # Errors
    /// [`NormalPathError`] if it is empty, holds NUL, is too long or climbs above its root.
    pub fn parse(text: &str) -> Result<Self, NormalPathError> {
        if text.is_empty() {
            return Err(NormalPathError::Empty);
        }
        if text.starts_with('/') {
            return Self::build(PathRoot::Absolute, text, text.split('/'));
        }
        let mut components = text.split('/').filter(|c| is_significant(c)).peekable();
        let named = components.peek().and_then(|first| PathRoot::named(first));
        if named.is_some() {
            components.next();
        }
        Self::build(named.unwrap_or(PathRoot::Workspace), text, components)
    }

    /// The normal form of a path below `root`; its first component never names another root, and empty text is the root itself.
    ///
    /// # Errors
    /// [`NormalPathError`] as for [`NormalPath::parse`], and if `below` is absolute.
    pub fn inside(root: PathRoot, below: &str) -> Result<Self, NormalPathError> {
        if below.starts_with('/') {
            return Err(NormalPathError::Absolute { path: excerpt(below) });
        }
        Self::build(root, below, below.split('/'))
    }

    fn build<'a>(
        root: PathRoot,
        text: &str,
        components: impl Iterator<Item = &'a str>,
    ) -> Result<Self, NormalPathError> {
        if text.contains('\0') {
            return Err(NormalPathError::Nul { path: excerpt(text) });
        }
        if text.len() > MAX_PATH_BYTES {
            return Err(NormalPathError::TooLong { path: excerpt(text) });
        }
        let mut kept: Vec<&str> = Vec::new();
        for component in components.filter(|c| is_significant(c)) {
            if component.len() > MAX_COMPONENT_BYTES {
                return Err(NormalPathError::ComponentTooLong { path: excerpt(text) });
            }
            if component != ".." {
                kept.push(component);
            } else if kept.pop().is_none() {
                return Err(NormalPathError::AboveRoot { path: excerpt(text) });
            }
        }
        Ok(Self { root, below: kept.join("/") })
    }

    /// A path of components that are known to be in normal form.
    pub(super) fn of_checked<'a>(root: PathRoot, components: impl Iterator<Item = &'a str>) -> Self {
        Self { root, below: components.collect::<Vec<_>>().join("/") }
    }

    /// Where the path starts.
    pub fn root(&self) -> PathRoot {
        self.root
    }

    /// The components below the root, joined by `/`; empty for the root itself.
    pub fn below(&self) -> &str {
        &self.below
    }

    /// The components below the root.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.below.split('/').filter(|component| !component.is_empty())
    }
}

fn is_significant(component: &str) -> bool {
    !component.is_empty() && component != "."
}

/// The path with its root, as [`NormalPath::parse`] reads it back: `workspace/a/b`, `/a/b`.
impl fmt::Display for NormalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.root == PathRoot::Absolute || self.below.is_empty() { "" } else { "/" };
        write!(f, "{}{slash}{}", self.root.as_str(), self.below)
    }
}

impl FromStr for NormalPath {
    type Err = NormalPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Why a text has no normal form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NormalPathError {
    /// The text is empty.
    #[error("an empty text is no path")]
    Empty,
    /// The text holds NUL, where the kernel would cut it.
    #[error("path {path:?} holds NUL")]
    Nul {
        /// The path, shortened if it is long.
        path: String,
    },
    /// The text is longer than a path can be.
    #[error("path {path:?} is longer than {MAX_PATH_BYTES} bytes")]
    TooLong {
        /// The path, shortened.
        path: String,
    },
    /// A component is longer than a name can be.
    #[error("path {path:?} has a component longer than {MAX_COMPONENT_BYTES} bytes")]
    ComponentTooLong {
        /// The path, shortened if it is long.
        path: String,
    },
    /// A `..` climbs above the root.
    #[error("path {path:?} climbs above its root")]
    AboveRoot {
        /// The path, shortened if it is long.
        path: String,
    },
    /// The path is absolute where one below a root was wanted.
    #[error("path {path:?} is absolute")]
    Absolute {
        /// The path, shortened if it is long.
        path: String,
    },
}
