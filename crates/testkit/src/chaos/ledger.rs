//! The counts of a soak by kind and end, and what went wrong. It is told what happened, and decides nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Wrong things that are kept with their text; more are counted.
const KEPT: usize = 40;

/// How an execution ended, as it is counted.
pub(super) const OK: &str = "ok";

/// Counted for an execution whose handle was dropped.
pub(super) const UNSEEN: &str = "unseen";

/// What happened to the calls of one kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    pub(super) started: u64,
    pub(super) ends: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
struct Book {
    kinds: BTreeMap<&'static str, Counts>,
    deeds: BTreeMap<&'static str, u64>,
    wrong: Vec<String>,
    n_wrong: u64,
}

/// What happened so far.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Book>);

impl Ledger {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call of that kind is made.
    pub(super) fn started(&self, kind: &'static str) {
        self.book().kinds.entry(kind).or_default().started += 1;
    }

    /// A call of that kind is over.
    pub(super) fn ended(&self, kind: &'static str, end: &str) {
        let mut book = self.book();
        *book.kinds.entry(kind).or_default().ends.entry(end.to_owned()).or_default() += 1;
    }

    /// Something was done to the pool.
    pub(super) fn did(&self, deed: &'static str) {
        *self.book().deeds.entry(deed).or_default() += 1;
    }

    /// Something is not as it must be.
    pub(super) fn wrong(&self, what: String) {
        let mut book = self.book();
        book.n_wrong += 1;
        if book.wrong.len() < KEPT {
            book.wrong.push(what);
        }
    }

    pub(super) fn kinds(&self) -> BTreeMap<&'static str, Counts> {
        self.book().kinds.clone()
    }

    pub(super) fn deeds(&self) -> BTreeMap<&'static str, u64> {
        self.book().deeds.clone()
    }

    /// What went wrong, with the count of all of it at the end when not all is listed.
    pub(super) fn all_wrong(&self) -> Vec<String> {
        let book = self.book();
        let mut wrong = book.wrong.clone();
        if book.n_wrong > wrong.len() as u64 {
            wrong.push(format!("{} in all", book.n_wrong));
        }
        wrong
    }
}
