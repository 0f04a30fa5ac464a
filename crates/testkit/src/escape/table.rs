//! The whole list, in order. What a row is stands in `row`; the rows stand in the `list_` files.
//! Nothing is left out here: a row that is not tried says who proves it.

use super::row::{Proof, Row};
use super::{list_elsewhere, list_file, list_kernel, list_machine, list_process, list_resource};

/// Every row of the list.
pub fn rows() -> Vec<Row> {
    let lists = [
        list_file::ROWS,
        list_process::ROWS,
        list_kernel::ROWS,
        list_machine::ROWS,
        list_resource::ROWS,
        list_elsewhere::ROWS,
    ];
    let mut rows = lists.concat();
    rows.sort_by_key(|row| row.id);
    rows
}

/// Those that the hostile program tries.
pub fn tried_rows() -> Vec<Row> {
    rows().into_iter().filter(|row| matches!(row.proof, Proof::Tried(_))).collect()
}

/// What is tried in the plugin's own process, and what its host must say then. Each trial is an execution of its own.
pub fn deaths() -> &'static [Row] {
    list_resource::DEATHS
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::ops::RangeInclusive;

    use super::super::column::{Host, Profile};
    use super::super::expected::Expected;
    use super::*;

    /// The numbers of the list; it leaves room between its parts.
    const NUMBERS: [RangeInclusive<u32>; 5] = [1..=20, 24..=52, 60..=72, 80..=85, 90..=96];

    #[test]
    fn every_row_of_the_list_is_there_once() {
        let ids: Vec<String> = rows().iter().map(|row| row.id.to_owned()).collect();
        let all: Vec<String> = NUMBERS.into_iter().flatten().map(|number| format!("E{number:02}")).collect();
        assert_eq!(ids, all);
    }

    #[test]
    fn every_row_has_a_proof_and_names_nothing_twice() {
        for row in rows() {
            let names: Vec<&str> = match row.proof {
                Proof::Tried(trials) => trials.iter().map(|trial| trial.what).collect(),
                Proof::Elsewhere(tests) | Proof::Planned(tests) => tests.to_vec(),
                Proof::Partly(tests, missing) => [tests, missing].concat(),
            };
            assert!(!names.is_empty(), "{} has no proof", row.id);
            let different: BTreeSet<&str> = names.iter().copied().collect();
            assert_eq!(different.len(), names.len(), "{}: {names:?}", row.id);
        }
    }

    #[test]
    fn a_confined_profile_expects_exactly_one_result() {
        for row in tried_rows().iter().chain(deaths()) {
            let Proof::Tried(trials) = row.proof else { continue };
            for trial in trials {
                for profile in [Profile::Restricted, Profile::Untrusted] {
                    for host in [Host::Root, Host::User] {
                        let expected = trial.expected(profile, host);
                        let exact = matches!(expected, Expected::Exactly(_) | Expected::IfThere(..));
                        assert!(exact, "{} `{}` under {profile}: {expected:?}", row.id, trial.what);
                    }
                }
            }
        }
    }

    /// The attempts that tell `restricted` from nothing at all by no result: what both allow, what the kernel refuses to everybody,
    /// and what is so in every worker.
    const SAME_FOR_ALL: &[&str] = &[
        "E12 standard error",
        "E12 open standard error again for reading",
        "E12 open standard error again and empty it",
        "E20 make directories deeper than a path can name",
        "E20 open the deepest by its path",
        "E20 its path in bytes",
        "E25 make a sealed memfd",
        "E25 run a sealed memfd by its path",
        "E26 the loader with a copy of the program",
        "E27 map a file of the workspace as code",
        "E28 map memory that is written and run",
        "E29 no new privileges",
        "E30 variables",
        "E30 the secret in a variable",
        "E30 the secret in an argument",
        "E30 standard input",
        "E30 standard output",
        "E30 standard error",
        "E30 inherited files",
        "E33 prctl to allow new privileges",
        "E42 leave a process behind",
        "E42 survivors",
        "E52 the call 1000",
        "E52 the call 100000",
        "E64 a pair of local streams",
        "E90 make 20000 files",
        "E95 abort",
        "E95 abort",
    ];

    #[test]
    fn an_attempt_that_is_refused_can_succeed_unconfined() {
        let may_be = |expected: Expected, result: &str| match expected {
            Expected::Exactly(other) | Expected::IfThere(_, other) => other == result,
            Expected::OneOf(others) => others == [result],
            Expected::Unchecked(_) => false,
        };
        let mut same = Vec::new();
        for row in tried_rows().iter().chain(deaths()) {
            let Proof::Tried(trials) = row.proof else { continue };
            for trial in trials {
                let Expected::Exactly(confined) = trial.expected(Profile::Restricted, Host::Root) else {
                    continue;
                };
                let unconfined = [Host::Root, Host::User].map(|host| trial.expected(Profile::Trusted, host));
                if unconfined.into_iter().all(|expected| may_be(expected, confined)) {
                    same.push(format!("{} {}", row.id, trial.what));
                }
            }
        }
        // It stands for the two conventions where the architecture has none.
        same.retain(|name| name != "E50 no other convention");
        assert_eq!(same, SAME_FOR_ALL);
    }
}
