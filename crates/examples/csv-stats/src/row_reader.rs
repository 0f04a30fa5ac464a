//! Reads a CSV row by row. A row that is not as it should be is told and passed by; one without an end stops the reading.

use std::io::{self, Read};

use csv::{ErrorKind, StringRecord};

use crate::budget::MAX_COLUMNS;
use crate::fault::CsvError;
use crate::output::MalformedRow;
use crate::range::shortened;

/// Longest row. A quote that is never closed would make the rest of the file one row, and that must not be held in memory.
pub(crate) const MAX_ROW_BYTES: u64 = 16 << 20;

/// Bytes read at a time: what a disk gives at once, and well below the longest row.
const BUFFER_BYTES: usize = 256 << 10;

/// A row.
#[derive(Debug, PartialEq)]
pub(crate) enum Row<'a> {
    /// As many fields as the first row has, all of them text.
    Good(&'a StringRecord),
    /// Something else.
    Malformed(MalformedRow),
}

/// A CSV whose first row is read.
pub(crate) struct RowReader<R> {
    reader: csv::Reader<Guarded<R>>,
    names: Vec<String>,
    row: StringRecord,
    /// The first row is no header: it is the first that is told.
    pending: bool,
}

/// Counts what is read for one row, and stops when that is too much.
struct Guarded<R> {
    source: R,
    since_row: u64,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row > MAX_ROW_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let n_bytes = self.source.read(buffer)?;
        self.since_row += n_bytes as u64;
        Ok(n_bytes)
    }
}

impl<R: Read> RowReader<R> {
    /// Reads the first row, which is the header or tells how many columns there are.
    pub(crate) fn open(source: R, delimiter: u8, has_header: bool) -> Result<Self, CsvError> {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(BUFFER_BYTES)
            .from_reader(Guarded { source, since_row: 0 });
        let mut row = StringRecord::new();
        match reader.read_record(&mut row) {
            Ok(true) => {}
            Ok(false) => return Err(CsvError::Empty),
            Err(error) if matches!(error.kind(), ErrorKind::Utf8 { .. }) => {
                return Err(CsvError::FirstRowNotUtf8);
            }
            Err(error) => return Err(broken(error, 1)),
        }
        if row.len() > MAX_COLUMNS {
            return Err(CsvError::TooManyColumns(row.len()));
        }
        reader.get_mut().since_row = 0;
        let names = if has_header {
            row.iter().map(|name| shortened(name.trim()).to_owned()).collect()
        } else {
            (1..=row.len()).map(|number| format!("column_{number}")).collect()
        };
        Ok(Self { reader, names, row, pending: !has_header })
    }

    /// Names of the columns.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Bytes of the rows so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.reader.position().byte()
    }

    /// The next row; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>, CsvError> {
        if std::mem::take(&mut self.pending) {
            return Ok(Some(Row::Good(&self.row)));
        }
        let line = self.reader.position().line();
        let read = self.reader.read_record(&mut self.row);
        let malformed = |reason| Ok(Some(Row::Malformed(MalformedRow { line, reason })));
        match read {
            Ok(false) => Ok(None),
            Ok(true) => {
                self.reader.get_mut().since_row = 0;
                if self.row.len() == self.names.len() {
                    return Ok(Some(Row::Good(&self.row)));
                }
                malformed(format!("{} instead of {} fields", self.row.len(), self.names.len()))
            }
            Err(error) => match error.kind() {
                ErrorKind::Utf8 { err, .. } => {
                    self.reader.get_mut().since_row = 0;
                    malformed(format!("field {} is not UTF-8", err.field() + 1))
                }
                _ => Err(broken(error, line)),
            },
        }
    }
}

fn broken(error: csv::Error, line: u64) -> CsvError {
    match error.into_kind() {
        ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => CsvError::RowTooLong { line },
        ErrorKind::Io(error) => CsvError::Read(error),
        // A flexible reader of records without seeking has no other errors.
        other => CsvError::Read(io::Error::other(format!("{other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &[u8], has_header: bool) -> Vec<String> {
        let mut reader = RowReader::open(text, b',', has_header).unwrap();
        let mut rows = vec![reader.names().join("+")];
        while let Some(row) = reader.next().unwrap() {
            rows.push(match row {
                Row::Good(fields) => fields.iter().collect::<Vec<_>>().join("+"),
                Row::Malformed(MalformedRow { line, reason }) => format!("line {line}: {reason}"),
            });
        }
        rows
    }

    #[test]
    fn quotes_line_ends_and_marks_are_understood() {
        let text = b"\xef\xbb\xbfa, b \r\n\"1,\r\n\"\"x\"\"\",2\n\n3,\n4,5";
        assert_eq!(told(text, true), ["a+b", "1,\r\n\"x\"+2", "3+", "4+5"]);
    }

    #[test]
    fn without_a_header_the_first_row_counts() {
        assert_eq!(told(b"1,2\n3,4\n", false), ["column_1+column_2", "1+2", "3+4"]);
    }

    #[test]
    fn malformed_rows_are_told_with_their_line_and_passed_by() {
        let text = b"a,b\n1,2\n3\n\"x\ny\",4\n5,\xff\n6,7,8\n9,10\n";
        assert_eq!(
            told(text, true),
            [
                "a+b",
                "1+2",
                "line 3: 1 instead of 2 fields",
                "x\ny+4",
                "line 6: field 2 is not UTF-8",
                "line 7: 3 instead of 2 fields",
                "9+10"
            ]
        );
    }

    #[test]
    fn what_is_no_csv_is_refused() {
        let refused = |text: &[u8]| RowReader::open(text, b',', true).err().map(|error| error.to_string());
        assert_eq!(refused(b"").as_deref(), Some("the file is empty"));
        assert_eq!(refused(b"\n\r\n").as_deref(), Some("the file is empty"));
        assert_eq!(refused(b"a,\xff\n").as_deref(), Some("the first row is not UTF-8"));
        assert!(refused(&b",".repeat(MAX_COLUMNS)).is_some_and(|text| text.contains("10001 fields")));
        assert_eq!(refused(&b",".repeat(MAX_COLUMNS - 1)), None);
    }

    #[test]
    fn a_quote_that_is_never_closed_does_not_fill_the_memory() {
        let endless = b"a,b\n1,2\n\"".chain(io::repeat(b'x'));
        let mut reader = RowReader::open(endless, b',', true).unwrap();
        assert!(matches!(reader.next(), Ok(Some(Row::Good(_)))));
        assert!(matches!(reader.next(), Err(CsvError::RowTooLong { line: 3 })));
    }
}
