//! Goes over a CSV once and finds out what is in its columns. It knows rows and columns, and neither files nor hosts.

use std::io::Read;

use crate::budget::Budget;
use crate::column::{Column, ColumnReport};
use crate::fault::CsvError;
use crate::input::Options;
use crate::output::{Interim, MalformedRows};
use crate::reservoir::Reservoir;
use crate::row_reader::{Row, RowReader};

/// Rows between two interim lines.
const INTERIM_ROWS: u64 = 100_000;

/// Rows after which it is asked whether to stop: a thousand take about a millisecond.
const CHECK_ROWS: u64 = 1000;

/// Bytes after which the same is asked, for files whose rows are long.
const CHECK_BYTES: u64 = 1 << 20;

/// Malformed rows that are told one by one: enough to see what is wrong with them.
const MAX_MALFORMED_TOLD: usize = 5;

/// Who wants to know how far it is, and may stop it.
pub(crate) trait Watcher {
    /// Whether to stop. Asked often.
    fn is_stopped(&mut self) -> bool;

    /// Rows and bytes so far. Told whenever it is asked whether to stop.
    fn is_at(&mut self, rows: u64, bytes: u64);

    /// What is known by now. May wait until it can be taken.
    fn interim(&mut self, interim: Interim);
}

/// What was found out.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) malformed: MalformedRows,
    pub(crate) sample: Vec<Vec<String>>,
    pub(crate) columns: Vec<ColumnReport>,
}

/// What is known so far.
struct Scan {
    rows: u64,
    malformed: MalformedRows,
    reservoir: Reservoir,
    columns: Vec<Column>,
}

/// Reads everything, or as many rows as the options allow.
pub(crate) fn scan<R: Read>(
    source: R,
    options: &Options,
    watcher: &mut dyn Watcher,
) -> Result<Findings, CsvError> {
    let mut reader = RowReader::open(source, options.delimiter, options.has_header)?;
    let budget = Budget::for_each_of(reader.names().len());
    let columns = reader.names().iter().map(|name| Column::new(name.clone(), budget)).collect();
    let malformed = MalformedRows::default();
    let mut scan = Scan { rows: 0, malformed, reservoir: Reservoir::new(options.sample), columns };
    let mut checked_bytes = 0;
    while scan.seen() < options.max_rows
        && let Some(row) = reader.next()?
    {
        scan.take(row);
        let (seen, bytes) = (scan.seen(), reader.bytes());
        if seen.is_multiple_of(CHECK_ROWS) || bytes - checked_bytes >= CHECK_BYTES {
            checked_bytes = bytes;
            if watcher.is_stopped() {
                return Err(CsvError::Stopped);
            }
            watcher.is_at(scan.rows, bytes);
        }
        if seen.is_multiple_of(INTERIM_ROWS) {
            watcher.interim(scan.interim(bytes));
        }
    }
    Ok(scan.finish(reader.bytes(), options.top))
}

impl Scan {
    fn seen(&self) -> u64 {
        self.rows + self.malformed.count
    }

    fn take(&mut self, row: Row<'_>) {
        match row {
            Row::Good(fields) => {
                self.rows += 1;
                for (column, field) in self.columns.iter_mut().zip(fields) {
                    column.add(field);
                }
                self.reservoir.offer(fields);
            }
            Row::Malformed(row) => {
                self.malformed.count += 1;
                if self.malformed.first.len() < MAX_MALFORMED_TOLD {
                    self.malformed.first.push(row);
                }
            }
        }
    }

    fn interim(&self, bytes: u64) -> Interim {
        let types = self.columns.iter().map(Column::column_type).collect();
        Interim { rows: self.rows, malformed_rows: self.malformed.count, bytes, types }
    }

    fn finish(self, bytes: u64, top: usize) -> Findings {
        let reports = self.columns.into_iter().zip(1..).map(|(column, number)| column.report(number, top));
        Findings {
            rows: self.rows,
            bytes,
            malformed: self.malformed,
            sample: self.reservoir.into_rows(),
            columns: reports.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::value::ColumnType;

    const OPTIONS: Options =
        Options { delimiter: b',', has_header: true, sample: 0, top: 5, max_rows: u64::MAX };

    /// Keeps what it is told, and stops after so many questions.
    #[derive(Default)]
    struct Told {
        interims: Vec<Interim>,
        last: (u64, u64),
        questions: u64,
        stop_after: Option<u64>,
    }

    impl Watcher for Told {
        fn is_stopped(&mut self) -> bool {
            self.questions += 1;
            self.stop_after.is_some_and(|questions| self.questions > questions)
        }

        fn is_at(&mut self, rows: u64, bytes: u64) {
            self.last = (rows, bytes);
        }

        fn interim(&mut self, interim: Interim) {
            self.interims.push(interim);
        }
    }

    #[test]
    fn a_small_file_is_read_whole() {
        let text = "id,name,when\n1,Ada,2024-01-01\n2,,2024-01-02\nbroken\n3,Bob,\n";
        let findings = scan(text.as_bytes(), &OPTIONS, &mut Told::default()).unwrap();
        assert_eq!((findings.rows, findings.bytes, findings.malformed.count), (3, text.len() as u64, 1));
        assert_eq!(findings.malformed.first[0].line, 4);
        let types: Vec<_> = findings.columns.iter().map(|column| column.column_type).collect();
        assert_eq!(types, [ColumnType::Integer, ColumnType::Text, ColumnType::Date]);
        assert_eq!(findings.columns[1].types.empty, 1);
        assert_eq!(findings.columns[1].number, 2);
    }

    #[test]
    fn a_header_alone_has_columns_and_no_rows() {
        let findings = scan("a,b\n".as_bytes(), &OPTIONS, &mut Told::default()).unwrap();
        assert_eq!((findings.rows, findings.columns.len()), (0, 2));
        assert_eq!(findings.columns[0].column_type, ColumnType::Empty);
    }

    #[test]
    fn only_the_first_malformed_rows_are_told() {
        let text = format!("a,b\n{}", "x\n".repeat(20));
        let findings = scan(text.as_bytes(), &OPTIONS, &mut Told::default()).unwrap();
        let lines: Vec<_> = findings.malformed.first.iter().map(|row| row.line).collect();
        assert_eq!((findings.malformed.count, lines), (20, vec![2, 3, 4, 5, 6]));
    }

    #[test]
    fn interim_lines_come_every_hundred_thousand_rows() {
        let rows = 250_000;
        let text = io::Cursor::new(b"n\n").chain(io::Cursor::new(b"7\n".repeat(rows)));
        let mut told = Told::default();
        let findings = scan(text, &OPTIONS, &mut told).unwrap();
        let at: Vec<_> = told.interims.iter().map(|interim| (interim.rows, interim.bytes)).collect();
        assert_eq!(at, [(100_000, 200_002), (200_000, 400_002)]);
        assert_eq!(told.last, (250_000, 500_002));
        assert_eq!(findings.columns[0].top[0].count, 250_000);
    }

    #[test]
    fn it_stops_within_a_thousand_rows_of_being_told() {
        let endless = b"n\n".chain(io::repeat(b'\n')).take(2).chain(Digits);
        let mut told = Told { stop_after: Some(3), ..Told::default() };
        assert!(matches!(scan(endless, &OPTIONS, &mut told), Err(CsvError::Stopped)));
        assert_eq!(told.last.0, 3000);
    }

    /// `1\n1\n1\n` for ever.
    struct Digits;

    impl Read for Digits {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n_bytes = buffer.len() / 2 * 2;
            buffer[..n_bytes].chunks_exact_mut(2).for_each(|pair| pair.copy_from_slice(b"1\n"));
            Ok(n_bytes)
        }
    }

    #[test]
    fn long_rows_are_asked_for_more_often() {
        let row = format!("{}\n", "x".repeat(300_000));
        let mut told = Told::default();
        scan(format!("n\n{}", row.repeat(20)).as_bytes(), &OPTIONS, &mut told).unwrap();
        assert_eq!(told.questions, 5);
    }

    #[test]
    fn a_look_at_the_first_rows_leaves_the_rest_unread() {
        let options = Options { max_rows: 1000, ..OPTIONS };
        let findings = scan(b"n\n".chain(Digits), &options, &mut Told::default()).unwrap();
        assert_eq!((findings.rows, findings.bytes), (1000, 2002));
    }
}
