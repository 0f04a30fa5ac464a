//! What the handlers answer: the summary of `stats`, the lines of its stream, and what `columns` tells.

use schemars::JsonSchema;
use serde::Serialize;

use crate::column::ColumnReport;
use crate::value::{ColumnType, TypeCounts};

/// The result of `stats`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Summary {
    /// The file in the workspace.
    pub(crate) file: String,
    /// Rows that the statistics are of: neither the header nor malformed ones.
    pub(crate) rows: u64,
    /// Columns.
    pub(crate) columns: usize,
    /// Bytes that were read.
    pub(crate) bytes: u64,
    /// Rows that were left out.
    pub(crate) malformed_rows: MalformedRows,
    /// Rows drawn from the whole file, if some were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) sample: Vec<Vec<String>>,
}

/// Rows that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct MalformedRows {
    /// How many.
    pub(crate) count: u64,
    /// The first of them.
    pub(crate) first: Vec<MalformedRow>,
}

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct MalformedRow {
    /// The line that it starts in, from 1.
    pub(crate) line: u64,
    /// What is wrong with it.
    pub(crate) reason: String,
}

/// A line of the stream of `stats`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum StreamLine {
    /// How far it is.
    Interim(Interim),
    /// A column, when the file is read.
    Column(Box<ColumnReport>),
}

/// What is known when a part of the file is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Interim {
    /// Rows so far, malformed ones left out.
    pub(crate) rows: u64,
    /// Malformed rows so far.
    pub(crate) malformed_rows: u64,
    /// Bytes so far.
    pub(crate) bytes: u64,
    /// Types of the columns so far.
    pub(crate) types: Vec<ColumnType>,
}

/// The result of `columns`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Outline {
    /// The file in the workspace.
    pub(crate) file: String,
    /// Rows that were looked at.
    pub(crate) rows: u64,
    /// The columns.
    pub(crate) columns: Vec<ColumnOutline>,
}

/// A column in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct ColumnOutline {
    /// Its place, from 1.
    pub(crate) number: usize,
    /// Its name in the header, or `column_1` and so on without one.
    pub(crate) name: String,
    /// What the values that were looked at are.
    #[serde(rename = "type")]
    pub(crate) column_type: ColumnType,
    /// How many are of which type.
    pub(crate) types: TypeCounts,
}

impl From<ColumnReport> for ColumnOutline {
    fn from(report: ColumnReport) -> Self {
        let ColumnReport { number, name, column_type, types, .. } = report;
        Self { number, name, column_type, types }
    }
}
