//! A broken rule: which, what, where and what to do about it; and how a list of them is reported.
//! Finds nothing itself; the checks do.

use std::fmt;

/// One finding of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Stable name of the rule, as printed in brackets.
    pub(crate) rule: &'static str,
    /// What is wrong.
    pub(crate) what: String,
    /// The file that has to change, relative to the root, with a line where one is known.
    pub(crate) at: String,
    /// What to do.
    pub(crate) remedy: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}\n  --> {}\n  help: {}", self.rule, self.what, self.at, self.remedy)
    }
}

/// Every violation, then the count: a reader fixes all of them in one round.
pub(crate) fn report(violations: &[Violation]) -> String {
    let mut lines: Vec<String> = violations.iter().map(|violation| format!("{violation}\n")).collect();
    lines.push(count(violations.len()));
    lines.join("\n")
}

/// The count as a phrase.
pub(crate) fn count(n_violations: usize) -> String {
    match n_violations {
        1 => "1 violation".to_owned(),
        n => format!("{n} violations"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Violation, report};

    #[test]
    fn report_prints_every_violation_and_then_the_count() {
        let one = |what: &str| Violation {
            rule: "layer-edge",
            what: what.to_owned(),
            at: "crates/a/Cargo.toml".to_owned(),
            remedy: "remove it".to_owned(),
        };
        expect_test::expect![[r"
            error[layer-edge]: a uses b
              --> crates/a/Cargo.toml
              help: remove it

            error[layer-edge]: a uses c
              --> crates/a/Cargo.toml
              help: remove it

            2 violations"]]
        .assert_eq(&report(&[one("a uses b"), one("a uses c")]));
    }
}
