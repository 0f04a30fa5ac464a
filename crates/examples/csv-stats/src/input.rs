//! What the handlers are given. An unknown key is an error, so that a misspelt option is not silently left out.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::fault::CsvError;

/// Most values or rows that are shown: they are read by people.
const MAX_SHOWN: usize = 1000;

/// The input of `stats`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatsInput {
    /// A CSV file, relative to the workspace and without `..`.
    pub(crate) file: String,
    /// What stands between fields: one ASCII character, a comma unless told otherwise.
    #[serde(default = "comma")]
    pub(crate) delimiter: char,
    /// Whether the first row names the columns. It does unless told otherwise.
    #[serde(default = "yes")]
    pub(crate) has_header: bool,
    /// How many rows to show in the summary, drawn from the whole file, the same each time: 0 to 1000.
    #[serde(default)]
    pub(crate) sample: usize,
    /// How many of the most frequent values to tell for each column: 0 to 1000.
    #[serde(default = "five")]
    pub(crate) top: usize,
}

/// The input of `columns`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ColumnsInput {
    /// A CSV file, relative to the workspace and without `..`.
    pub(crate) file: String,
    /// What stands between fields: one ASCII character, a comma unless told otherwise.
    #[serde(default = "comma")]
    pub(crate) delimiter: char,
    /// Whether the first row names the columns. It does unless told otherwise.
    #[serde(default = "yes")]
    pub(crate) has_header: bool,
}

/// How a file is written, and what is wanted of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) delimiter: u8,
    pub(crate) has_header: bool,
    pub(crate) sample: usize,
    pub(crate) top: usize,
    /// Rows after which reading stops.
    pub(crate) max_rows: u64,
}

impl StatsInput {
    pub(crate) fn options(&self) -> Result<Options, CsvError> {
        for (field, number) in [("sample", self.sample), ("top", self.top)] {
            if number > MAX_SHOWN {
                return Err(CsvError::TooMany { field, number, max: MAX_SHOWN });
            }
        }
        Ok(Options {
            delimiter: delimiter(self.delimiter)?,
            has_header: self.has_header,
            sample: self.sample,
            top: self.top,
            max_rows: u64::MAX,
        })
    }
}

impl ColumnsInput {
    pub(crate) fn options(&self, max_rows: u64) -> Result<Options, CsvError> {
        Ok(Options {
            delimiter: delimiter(self.delimiter)?,
            has_header: self.has_header,
            sample: 0,
            top: 0,
            max_rows,
        })
    }
}

fn delimiter(delimiter: char) -> Result<u8, CsvError> {
    match u8::try_from(delimiter) {
        Ok(byte) if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n' | 0) => Ok(byte),
        _ => Err(CsvError::Delimiter(delimiter)),
    }
}

const fn comma() -> char {
    ','
}

const fn yes() -> bool {
    true
}

const fn five() -> usize {
    5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(json: &str) -> Result<Options, String> {
        let input: StatsInput = serde_json::from_str(json).map_err(|error| error.to_string())?;
        input.options().map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_alone_is_enough() {
        let expected = Options { delimiter: b',', has_header: true, sample: 0, top: 5, max_rows: u64::MAX };
        assert_eq!(options(r#"{"file": "a.csv"}"#), Ok(expected));
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let rows = [
            (r#"{"file": "a", "delimiter": "\""}"#, "delimiter"),
            (r#"{"file": "a", "delimiter": "€"}"#, "delimiter"),
            (r#"{"file": "a", "delimiter": ""}"#, "expected"),
            (r#"{"file": "a", "top": 1001}"#, "`top`"),
            (r#"{"file": "a", "sample": 1001}"#, "`sample`"),
            (r#"{"file": "a", "header": true}"#, "unknown field `header`"),
        ];
        for (json, part) in rows {
            let error = options(json).unwrap_err();
            assert!(error.contains(part), "{part:?} is missing in {error:?}");
        }
        assert_eq!(
            options(r#"{"file": "a", "delimiter": "\t"}"#).map(|options| options.delimiter),
            Ok(b'\t')
        );
    }
}
