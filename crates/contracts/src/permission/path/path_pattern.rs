//! The pattern language of `fs.read` and `fs.write`.
//! It matches normal paths only and never touches a file.

use std::fmt;
use std::str::FromStr;

use super::always_denied::{denied_name, denied_place};
use super::component_glob::{ComponentGlob, GlobFault};
use super::{NormalPath, PathRoot};
use crate::permission::PatternError;

/// Longest pattern, in bytes; no path is longer.
const MAX_PATTERN_BYTES: usize = 4096;

/// Components between slashes, matched from the root of the path to its end.
///
/// * `*` is any text inside a component (a dot at its start is not special), `?` one character, `[abc]` and `[a-z]` one of
///   these, `[!abc]` one other. There is no escape: a literal `*` is `[*]`.
/// * `**` is a whole component and stands for any number of components, also none: `data/**` covers `data` itself.
/// * Without any of these, a pattern covers the path it names and everything below it, by component: `/data` covers `/data`
///   and `/data/a` but not `/data-evil`.
/// * The first component may name a root (`workspace`, `artifacts`, `plugin`); `/x` is absolute; anything else lies in the
///   workspace. `/` covers every absolute path, and no pattern covers two roots.
/// * Braces, backslashes, NUL, `.`, `..` and empty components (a slash at the end too) are refused, and so is a pattern that
///   names something no grant opens, such as `.git/**`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    text: String,
    root: PathRoot,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Glob(ComponentGlob),
    AnyDepth,
}

impl PathPattern {
    /// Whether the pattern covers the whole path.
    pub fn matches(&self, path: &NormalPath) -> bool {
        self.root == path.root() && matches_parts(&self.parts, &path.components().collect::<Vec<_>>())
    }

    /// The directory or file at which everything that the pattern covers begins: of `src/**/*.ts`, `workspace/src`.
    pub fn base(&self) -> NormalPath {
        let literals = self.parts.iter().map_while(|part| match part {
            Part::Literal(text) => Some(text.as_str()),
            Part::Glob(_) | Part::AnyDepth => None,
        });
        NormalPath::of_checked(self.root, literals)
    }

    /// Whether the pattern covers its [base](Self::base) and everything below it, so that it can be granted as a directory.
    pub fn covers_base(&self) -> bool {
        let literals = self.parts.iter().take_while(|part| matches!(part, Part::Literal(_))).count();
        self.parts[literals..] == [Part::AnyDepth]
    }

    /// A pattern that covers this path and nothing beside it but what lies below it.
    pub(in crate::permission) fn text_for(path: &NormalPath) -> String {
        let mut text = String::new();
        for c in path.to_string().chars() {
            match c {
                '*' | '?' | '[' | ']' | '{' | '}' => text.extend(['[', c, ']']),
                // No pattern can hold a backslash, so that the nearest one covers any character in its place.
                '\\' => text.push('?'),
                c => text.push(c),
            }
        }
        text
    }
}

/// As for a glob over characters: after a mismatch only the last `**` gives way, so that time is bounded by the product.
fn matches_parts(parts: &[Part], path: &[&str]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (parts.get(at), path.get(read)) {
            (Some(Part::AnyDepth), _) => {
                at += 1;
                retry = Some((at, read));
            }
            (None, None) => return true,
            (Some(part), Some(component)) if part.matches(component) => {
                at += 1;
                read += 1;
            }
            _ => match &mut retry {
                Some((after, from)) if *from < path.len() => {
                    *from += 1;
                    (at, read) = (*after, *from);
                }
                _ => return false,
            },
        }
    }
}

impl Part {
    fn matches(&self, component: &str) -> bool {
        match self {
            Self::Literal(text) => text == component,
            Self::Glob(glob) => glob.matches(component),
            // Any depth is taken care of before a component is read.
            Self::AnyDepth => false,
        }
    }

    fn parse(text: &str) -> Result<Self, GlobFault> {
        let fault = |problem, fix| Err(GlobFault { problem, fix });
        match text {
            "" => fault("has an empty component", "write one slash between components and none at the end"),
            "." => fault("has a `.` component", "leave it out; `workspace` is the workspace itself"),
            ".." => fault("has a `..` component", "write the path it leads to"),
            "**" => Ok(Self::AnyDepth),
            text => {
                let glob = ComponentGlob::parse(text)?;
                Ok(glob.literal().map_or(Self::Glob(glob), Self::Literal))
            }
        }
    }
}

impl FromStr for PathPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |problem: &str, fix: &str| PatternError::new(text, problem, fix);
        if text.is_empty() {
            return Err(error("is empty", "name a path, as in `workspace/data`"));
        }
        if text.len() > MAX_PATTERN_BYTES {
            return Err(error("is longer than 4096 bytes", "no path is that long"));
        }
        if text.contains('\0') {
            return Err(error("holds NUL", "no path can hold it"));
        }
        if text.contains('\\') {
            return Err(error(
                "holds a backslash",
                "separate components with `/`; to escape `*`, write `[*]`",
            ));
        }
        let (root, below) = split_root(text);
        let mut parts = Vec::new();
        for component in below.into_iter().flat_map(|below| below.split('/')) {
            let part = Part::parse(component).map_err(|fault| error(fault.problem, fault.fix))?;
            // `**/**` means what `**` means.
            if part != Part::AnyDepth || parts.last() != Some(&Part::AnyDepth) {
                parts.push(part);
            }
        }
        if parts.iter().all(|part| matches!(part, Part::Literal(_))) {
            parts.push(Part::AnyDepth);
        }
        check_reachable(text, root, &parts)?;
        Ok(Self { text: text.to_owned(), root, parts })
    }
}

/// The root, and what is below it if anything is.
fn split_root(text: &str) -> (PathRoot, Option<&str>) {
    if text == "/" {
        return (PathRoot::Absolute, None);
    }
    if let Some(below) = text.strip_prefix('/') {
        return (PathRoot::Absolute, Some(below));
    }
    let (first, rest) = text.split_once('/').map_or((text, None), |(first, rest)| (first, Some(rest)));
    match PathRoot::named(first) {
        Some(root) => (root, rest),
        None => (PathRoot::Workspace, Some(text)),
    }
}

/// A pattern that can never allow anything is a mistake of whoever wrote it, and is told at once.
fn check_reachable(text: &str, root: PathRoot, parts: &[Part]) -> Result<(), PatternError> {
    let literal = |part: &Part| if let Part::Literal(text) = part { Some(text.clone()) } else { None };
    let never = |what: String| {
        PatternError::new(text, format!("can never allow anything: {what} always denied"), "remove it")
    };
    for component in parts.iter().filter_map(literal) {
        if component.len() > 255 {
            return Err(PatternError::new(
                text,
                "has a component longer than 255 bytes",
                "no name is that long",
            ));
        }
        if let Some(name) = denied_name(&component) {
            return Err(never(format!("files named `{name}` are")));
        }
    }
    match parts.first().and_then(literal).and_then(|first| denied_place(&first)) {
        Some(place) if root == PathRoot::Absolute => Err(never(format!("everything under `/{place}` is"))),
        _ => Ok(()),
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}
