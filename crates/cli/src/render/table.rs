//! A plain table: aligned columns, two blanks between, cut to a width where there is one.
//! It knows cells as text only; control characters in them are escaped.

use super::paint::{Paint, printable};

/// Where a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A table that is filled row by row.
#[derive(Debug)]
pub(super) struct Table<const N: usize> {
    columns: [(&'static str, Align); N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(super) fn new(columns: [(&'static str, Align); N]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| printable(&cell).replace(['\n', '\t'], " ")));
    }

    /// The table in lines, its heading first.
    pub(super) fn lines(&self, paint: Paint, width: Option<usize>) -> Vec<String> {
        let widths: [usize; N] = std::array::from_fn(|at| {
            let cells = self.rows.iter().map(|row| row[at].chars().count());
            cells.chain([self.columns[at].0.chars().count()]).max().unwrap_or(0)
        });
        let line = |cells: [&str; N]| {
            let cells: Vec<String> = std::array::from_fn::<String, N, _>(|at| {
                let width = widths[at];
                match self.columns[at].1 {
                    Align::Left => format!("{:<width$}", cells[at]),
                    Align::Right => format!("{:>width$}", cells[at]),
                }
            })
            .into();
            cut(cells.join("  ").trim_end(), width)
        };
        let heading = paint.strong(&line(self.columns.map(|(name, _)| name)));
        let rows = self.rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
        std::iter::once(heading).chain(rows).collect()
    }
}

/// The text as far as it goes; a mark says that it goes further.
pub(super) fn cut(text: &str, width: Option<usize>) -> String {
    match width {
        Some(width) if text.chars().count() > width => {
            text.chars().take(width.saturating_sub(1)).chain(['…']).take(width).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_cut_to_the_width() {
        let mut table = Table::new([("NAME", Align::Left), ("N", Align::Right)]);
        table.row(["a\x1b".into(), "7".into()]);
        table.row(["longer".into(), "1234".into()]);
        let lines = table.lines(Paint(false), None);
        assert_eq!(lines, ["NAME        N", "a\\u{1b}     7", "longer   1234"]);
        assert_eq!(table.lines(Paint(false), Some(5))[2], "long…");
        assert_eq!(cut("abc", Some(0)), "");
        assert_eq!(cut("abc", Some(3)), "abc");
    }
}
