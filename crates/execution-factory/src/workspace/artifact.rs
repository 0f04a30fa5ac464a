//! What a collection of artifacts is bound by: its limits, the reasons to skip an entry, and which names are allowed.
//! Plain data; looking at files is the collector's job.

use std::ffi::CStr;
use std::fmt;

use plugdock_contracts::ByteSize;

use crate::workspace::directory::shown;

/// What a collection takes at most. What is over is skipped with its reason, the rest is collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactLimits {
    /// How many files are collected.
    pub max_files: u32,
    /// The largest file, by its length (a sparse file counts with its holes).
    pub max_file_size: ByteSize,
    /// All files together, by length.
    pub max_total_size: ByteSize,
    /// How many directories a file may lie below the artifact directory. Each level holds two descriptors.
    pub max_depth: u32,
}

impl Default for ArtifactLimits {
    /// Generous for reports and pages, small against a disk: 1000 files, 256 MiB each, 1 GiB together, 16 levels.
    fn default() -> Self {
        Self {
            max_files: 1000,
            max_file_size: ByteSize::from_mib(256),
            max_total_size: ByteSize::from_mib(1024),
            max_depth: 16,
        }
    }
}

/// Why an entry is not collected.
#[derive(Debug)]
pub(crate) enum SkipReason {
    /// It is a symbolic link, FIFO, socket or device.
    NotAFile {
        /// Which, in words.
        kind: &'static str,
    },
    /// The file has further names, so its contents may come from outside the artifact directory.
    HardLinked {
        /// How many names.
        links: libc::nlink_t,
    },
    /// The name is not UTF-8.
    NameNotUtf8,
    /// The name holds a control character, a newline or a mark that reverses the direction of text.
    NameNotPrintable,
    /// The file is longer than a single one may be.
    TooLarge {
        /// Its length.
        size: ByteSize,
        /// The longest allowed.
        limit: ByteSize,
    },
    /// With this file all together would be larger than allowed.
    TotalTooLarge {
        /// What all may have together.
        limit: ByteSize,
    },
    /// As many files as allowed were collected before.
    TooManyFiles {
        /// How many are allowed.
        limit: u32,
    },
    /// The directory lies deeper than files are looked for.
    TooDeep {
        /// How many levels are looked at.
        limit: u32,
    },
    /// Its length changed while it was copied: something still writes.
    Changed,
    /// It could not be opened or read; the operating system's reason.
    Unreadable {
        /// The reason.
        reason: String,
    },
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAFile { kind } => write!(f, "it is a {kind}, and only regular files are collected"),
            Self::HardLinked { links } => {
                write!(f, "it has {links} names (hard links), so it may not be the plugin's own file")
            }
            Self::NameNotUtf8 => f.write_str("its name is not UTF-8"),
            Self::NameNotPrintable => f.write_str("its name holds characters that are not printable"),
            Self::TooLarge { size, limit } => {
                write!(f, "its size {size} is over the limit of {limit} for one artifact")
            }
            Self::TotalTooLarge { limit } => {
                write!(f, "with it the artifacts are over their limit of {limit} together")
            }
            Self::TooManyFiles { limit } => write!(f, "the limit of {limit} artifacts is reached"),
            Self::TooDeep { limit } => write!(f, "it lies more than {limit} directories deep"),
            Self::Changed => f.write_str("it changed while it was copied"),
            Self::Unreadable { reason } => write!(f, "it cannot be read: {reason}"),
        }
    }
}

/// The name of an entry as text, when it is fit to be shown, logged and created elsewhere.
pub(crate) fn plain_name(name: &CStr) -> Result<&str, SkipReason> {
    // Overrides, isolates and marks of direction make a listing show something else than the name.
    let reorders =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let text = name.to_str().map_err(|_not_utf8| SkipReason::NameNotUtf8)?;
    if text.chars().any(|c| c.is_control() || reorders(c) || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(SkipReason::NameNotPrintable);
    }
    Ok(text)
}

/// The path of an entry for a skip report, whatever bytes its name holds.
pub(crate) fn reported_path(prefix: &str, name: &CStr) -> String {
    match plain_name(name) {
        Ok(plain) => format!("{prefix}{plain}"),
        Err(_) => format!("{prefix}{}", shown(name)),
    }
}
