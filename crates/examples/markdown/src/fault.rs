//! What can be wrong with the files that a caller names, and how it is told: each is `VALIDATION_ERROR` with help.

use std::io;

use plugdock_plugin_runtime::HandlerError;

use crate::source::MAX_SOURCE_BYTES;

/// A file cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("no file is named")]
    NoFiles,
    #[error("`{}` is no name of a file in the workspace", .0.escape_debug())]
    BadName(String),
    #[error("`{0}` is named twice")]
    Twice(String),
    #[error("`{first}` and `{second}` would both become `{artifact}`")]
    SameArtifact { first: String, second: String, artifact: String },
    #[error("`{0}` is not in the workspace")]
    Missing(String),
    #[error("`{0}` leads out of the workspace")]
    LeadsOut(String),
    #[error("`{0}` is no regular file")]
    NoFile(String),
    #[error("`{0}` is larger than {limit} MiB", limit = MAX_SOURCE_BYTES >> 20)]
    TooLarge(String),
    #[error("`{0}` is not UTF-8")]
    NotUtf8(String),
    #[error("failed to read `{name}`")]
    Read {
        name: String,
        #[source]
        source: io::Error,
    },
}

impl SourceError {
    /// What the caller can do.
    fn help(&self) -> &'static str {
        match self {
            Self::NoFiles => r#"name at least one, for example {"files": ["README.md"]}"#,
            Self::BadName(_) => {
                "a name is relative to the workspace, with `/`, without `.` and `..`: docs/guide.md"
            }
            Self::Twice(_) => "name each file once",
            Self::SameArtifact { .. } => "render them in two calls, or rename one",
            Self::Missing(_) => "names are relative to the workspace, not to the directory of the command",
            Self::LeadsOut(_) => "replace the link with the file that it leads to",
            Self::NoFile(_) => "name the files in a directory one by one",
            Self::TooLarge(_) => "split it into chapters",
            Self::NotUtf8(_) => "convert it, for example with `iconv -t UTF-8`",
            Self::Read { .. } => "see that the plugin is granted to read the workspace",
        }
    }
}

/// Not by `From`: that one is every error's, and would lose the help.
pub(crate) fn refused(error: &SourceError) -> HandlerError {
    let refused = HandlerError::invalid(error.to_string()).help(error.help());
    match error {
        SourceError::Read { source, .. } => refused.source(source),
        _ => refused,
    }
}
