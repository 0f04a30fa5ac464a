//! Compares what came of a row with what must. Pure but for one look whether a path of the machine is there.
//! An attempt that was not made, or that nobody expects, is as wrong as a wrong result.

use std::fmt;
use std::path::Path;

use super::attempt::Attempted;
use super::column::{Host, Profile};
use super::expected::Expected;
use super::row::{Proof, Row};

/// One line of the table.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verdict {
    /// The row.
    pub id: String,
    /// The attempt.
    pub what: String,
    /// What must come of it, in words.
    pub expected: String,
    /// What came of it.
    pub got: String,
    /// Whether that is what must come.
    pub is_right: bool,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_right { "" } else { " <-- WRONG" };
        write!(f, "{} | {} | {} | {}{mark}", self.id, self.what, self.expected, self.got)
    }
}

/// Every attempt of a row, judged.
pub fn judge(row: &Row, profile: Profile, host: Host, attempted: &[Attempted]) -> Vec<Verdict> {
    let Proof::Tried(trials) = row.proof else { return Vec::new() };
    let verdict = |what: &str, expected: String, got: String, is_right| Verdict {
        id: row.id.to_owned(),
        what: what.to_owned(),
        expected,
        got,
        is_right,
    };
    let mut verdicts: Vec<Verdict> = trials
        .iter()
        .map(|trial| {
            let expected = trial.expected(profile, host);
            let mut made = attempted.iter().filter(|attempted| attempted.what == trial.what);
            match (made.next(), made.next()) {
                (Some(one), None) => {
                    let is_right = agrees(expected, &one.result);
                    let detail =
                        if one.detail.is_empty() { String::new() } else { format!(" ({})", one.detail) };
                    verdict(trial.what, words(expected), format!("{}{detail}", one.result), is_right)
                }
                (None, _) => verdict(trial.what, words(expected), "not tried".to_owned(), false),
                (Some(_), Some(_)) => verdict(trial.what, words(expected), "tried twice".to_owned(), false),
            }
        })
        .collect();
    let unknown = attempted.iter().filter(|one| trials.iter().all(|trial| trial.what != one.what));
    verdicts.extend(
        unknown.map(|one| {
            verdict(&one.what, "no such attempt in the list".to_owned(), one.result.clone(), false)
        }),
    );
    verdicts
}

fn agrees(expected: Expected, got: &str) -> bool {
    match expected {
        Expected::Exactly(result) => got == result,
        Expected::OneOf(results) => results.contains(&got),
        Expected::IfThere(path, result) => got == there(path, result),
        Expected::Unchecked(_) => true,
    }
}

fn there(path: &str, result: &'static str) -> &'static str {
    if Path::new(path).symlink_metadata().is_ok() { result } else { "ENOENT" }
}

fn words(expected: Expected) -> String {
    match expected {
        Expected::Exactly(result) => result.to_owned(),
        Expected::OneOf(results) => results.join(" or "),
        Expected::IfThere(path, result) => there(path, result).to_owned(),
        Expected::Unchecked(reason) => format!("unchecked: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::expected::{by, either, if_there, is, unchecked};
    use super::super::row::{Trial, trial, tried};
    use super::*;

    const TRIALS: &[Trial] = &[
        trial("a", by("ok", "EACCES"), is("EPERM"), is("ENOENT")),
        trial("b", either(&["ok", "ENOSYS"]), if_there("/nothing-is-here", "EPERM"), if_there("/", "EPERM")),
        trial("c", unchecked("a reason"), is("EPERM"), is("EPERM")),
    ];

    fn wrong(profile: Profile, host: Host, results: &[(&str, &str)]) -> Vec<String> {
        let attempted: Vec<Attempted> = results
            .iter()
            .map(|(what, result)| Attempted {
                what: (*what).to_owned(),
                result: (*result).to_owned(),
                detail: String::new(),
            })
            .collect();
        let verdicts = judge(&tried("E00", "three", TRIALS), profile, host, &attempted);
        verdicts.into_iter().filter(|verdict| !verdict.is_right).map(|verdict| verdict.what).collect()
    }

    #[test]
    fn each_column_is_compared_by_itself() {
        let none: [&str; 0] = [];
        assert_eq!(wrong(Profile::Trusted, Host::Root, &[("a", "ok"), ("b", "ENOSYS"), ("c", "x")]), none);
        assert_eq!(
            wrong(Profile::Trusted, Host::User, &[("a", "ok"), ("b", "EPERM"), ("c", "x")]),
            ["a", "b"]
        );
        assert_eq!(
            wrong(Profile::Restricted, Host::User, &[("a", "EPERM"), ("b", "ENOENT"), ("c", "EPERM")]),
            none
        );
        assert_eq!(
            wrong(Profile::Untrusted, Host::Root, &[("a", "ENOENT"), ("b", "ENOENT"), ("c", "ok")]),
            ["b", "c"]
        );
    }

    #[test]
    fn what_is_missing_twice_or_unknown_is_wrong() {
        let results = [("a", "ok"), ("a", "ok"), ("b", "ok"), ("d", "ok")];
        assert_eq!(wrong(Profile::Trusted, Host::Root, &results), ["a", "c", "d"]);
    }
}
