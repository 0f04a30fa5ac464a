//! What keeps a file from being read, and how it is told. A malformed row does not: it is counted.

use std::io;

use plugdock_plugin_runtime::HandlerError;

use crate::budget::MAX_COLUMNS;
use crate::row_reader::MAX_ROW_BYTES;

/// A file cannot be read as CSV.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CsvError {
    #[error("`{}` is no name of a file in the workspace", .0.escape_debug())]
    BadName(String),
    #[error("`{0}` is not in the workspace")]
    Missing(String),
    #[error("`{0}` leads out of the workspace")]
    LeadsOut(String),
    #[error("`{0}` is no regular file")]
    NoFile(String),
    #[error("{0:?} is no delimiter")]
    Delimiter(char),
    #[error("`{field}` is {number}, and {max} is the most")]
    TooMany { field: &'static str, number: usize, max: usize },
    #[error("the file is empty")]
    Empty,
    #[error("the first row is not UTF-8")]
    FirstRowNotUtf8,
    #[error("the first row has {0} fields, and {MAX_COLUMNS} columns are the most")]
    TooManyColumns(usize),
    #[error("the row that starts in line {line} is longer than {limit} MiB", limit = MAX_ROW_BYTES >> 20)]
    RowTooLong { line: u64 },
    #[error("reading was stopped")]
    Stopped,
    #[error("failed to read the file")]
    Read(#[source] io::Error),
}

impl CsvError {
    /// What the caller can do.
    fn help(&self) -> &'static str {
        match self {
            Self::BadName(_) => {
                "a name is relative to the workspace, with `/`, without `.` and `..`: data/2024.csv"
            }
            Self::Missing(_) => "names are relative to the workspace, not to the directory of the command",
            Self::LeadsOut(_) => "replace the link with the file that it leads to",
            Self::NoFile(_) => "name a file",
            Self::Delimiter(_) => {
                r#"it is one ASCII character and no quote or line end, for example ";" or "\t""#
            }
            Self::TooMany { .. } => "ask for fewer",
            Self::Empty => "a header at least says what the columns are",
            Self::FirstRowNotUtf8 => "convert the file, for example with `iconv -t UTF-8`",
            Self::TooManyColumns(_) => "see whether the delimiter is the right one",
            Self::RowTooLong { .. } => "a quote that is opened there is probably never closed",
            Self::Stopped => "run it again",
            Self::Read(_) => "see that the plugin is granted to read the workspace",
        }
    }
}

/// Not by `From`: that one is every error's, and would lose the help.
pub(crate) fn refused(error: &CsvError) -> HandlerError {
    let text = error.to_string();
    match error {
        CsvError::Read(source) => HandlerError::message(text).source(source),
        CsvError::Stopped => HandlerError::new("ABORTED", text),
        _ => HandlerError::invalid(text),
    }
    .help(error.help())
}
