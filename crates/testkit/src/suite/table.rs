//! The table of behaviours and backends, from runs: every behaviour of the lists on every backend that is given.
//! It knows no result but those that it saw.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::run::{Verdict, names, pool_names, run};
use crate::harness::Subject;

/// What a cell of the table says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cell {
    Passed,
    /// As the number of a note below the table.
    NotApplicable(usize),
    Failed(usize),
}

/// Every behaviour on every backend, as it was just run. It is shown as Markdown.
#[derive(Debug)]
pub struct Table {
    backends: Vec<&'static str>,
    rows: Vec<(&'static str, &'static str, Vec<Cell>)>,
    notes: Vec<String>,
}

impl Table {
    /// Runs every behaviour on every backend.
    ///
    /// What a behaviour that fails says goes to standard error as it happens, and its first line below the table.
    pub fn of(backends: &[(&'static str, Subject)]) -> Self {
        let mut table = Self {
            backends: backends.iter().map(|(name, _)| *name).collect(),
            rows: Vec::new(),
            notes: Vec::new(),
        };
        for (topic, name) in names().chain(pool_names()) {
            let seen = |subject| catch_unwind(AssertUnwindSafe(|| run(topic, name, subject)));
            let cells = backends.iter().map(|(_, subject)| match seen(subject) {
                Ok(Verdict::Passed) => Cell::Passed,
                Ok(Verdict::NotApplicable(reason)) => Cell::NotApplicable(table.note(reason.to_owned())),
                Err(panic) => Cell::Failed(table.note(first_line(&*panic))),
            });
            let cells = cells.collect();
            table.rows.push((topic, name, cells));
        }
        table
    }

    /// How many runs failed.
    pub fn n_failed(&self) -> usize {
        let cells = self.rows.iter().flat_map(|(_, _, cells)| cells);
        cells.filter(|cell| matches!(cell, Cell::Failed(_))).count()
    }

    fn note(&mut self, text: String) -> usize {
        let known = self.notes.iter().position(|note| *note == text);
        known.unwrap_or_else(|| {
            self.notes.push(text);
            self.notes.len() - 1
        }) + 1
    }
}

fn first_line(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
    // A bar would end the cell.
    text.lines().next().unwrap_or_default().replace('|', "/")
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| about | behaviour | {} |", self.backends.join(" | "))?;
        writeln!(f, "|---|---|{}", "---|".repeat(self.backends.len()))?;
        for (topic, name, cells) in &self.rows {
            write!(f, "| {topic} | {} |", name.replace('_', " "))?;
            for cell in cells {
                match cell {
                    Cell::Passed => write!(f, " pass |")?,
                    Cell::NotApplicable(note) => write!(f, " – [{note}] |")?,
                    Cell::Failed(note) => write!(f, " **FAIL** [{note}] |")?,
                }
            }
            writeln!(f)?;
        }
        writeln!(f)?;
        for (number, note) in self.notes.iter().enumerate() {
            writeln!(f, "[{}] {note}  ", number + 1)?;
        }
        let n_cells = self.rows.iter().map(|(_, _, cells)| cells.len()).sum::<usize>();
        let n_passed =
            self.rows.iter().flat_map(|(_, _, cells)| cells).filter(|cell| **cell == Cell::Passed).count();
        let n_failed = self.n_failed();
        let n_rest = n_cells - n_passed - n_failed;
        writeln!(
            f,
            "\n{} behaviours: {n_passed} passed, {n_failed} failed, {n_rest} not applicable",
            self.rows.len()
        )
    }
}
