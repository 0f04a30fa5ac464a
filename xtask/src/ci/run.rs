//! Runs the gates, times them and sums them up.
//! Knows no gate by name.

use std::path::Path;
use std::time::{Duration, Instant};

use super::gate::{Gate, Step, gates};
use crate::failure::{ChoreError, chain};
use crate::{check_deps, tidy};

const USAGE: &str = "usage: cargo xtask ci [--keep-going]";

/// How a gate ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed(Duration),
    Failed(Duration),
    NotRun,
}

/// Runs `ci` with what follows it on the command line.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), ChoreError> {
    let keep_going = match arguments {
        [] => false,
        [flag] if flag == "--keep-going" => true,
        _ => return Err(ChoreError::Usage(USAGE.to_owned())),
    };
    let metadata = check_deps::read(root)?;
    let packages: Vec<String> =
        metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    let gates = gates(&packages);
    let verdicts = pass(&gates, keep_going, |gate| carry_out(root, gate));
    println!("\n{}", summary(&gates, &verdicts));
    match verdicts.iter().filter(|verdict| !matches!(verdict, Verdict::Passed(_))).count() {
        0 => Ok(()),
        n => Err(ChoreError::Violations { count: format!("{n} of {} gates not passed", gates.len()) }),
    }
}

/// Takes every gate, up to the first that fails unless told to keep going.
fn pass(
    gates: &[Gate],
    keep_going: bool,
    mut carry_out: impl FnMut(&Gate) -> Result<(), ChoreError>,
) -> Vec<Verdict> {
    let mut stopped = false;
    let mut verdicts = Vec::new();
    for gate in gates {
        if stopped {
            verdicts.push(Verdict::NotRun);
            continue;
        }
        println!("\n== {}", gate.name);
        let started = Instant::now();
        let result = carry_out(gate);
        let took = started.elapsed();
        if let Err(error) = &result {
            println!("{}: {}", gate.name, chain(error));
            stopped = !keep_going;
        }
        verdicts.push(if result.is_ok() { Verdict::Passed(took) } else { Verdict::Failed(took) });
    }
    verdicts
}

fn carry_out(root: &Path, gate: &Gate) -> Result<(), ChoreError> {
    gate.steps.iter().try_for_each(|step| take(root, step))
}

fn take(root: &Path, step: &Step) -> Result<(), ChoreError> {
    match step {
        Step::Chore(name) => {
            println!("$ cargo xtask {name}");
            if *name == "tidy" { tidy::run(root, &[]) } else { check_deps::run(root, &[]) }
        }
        Step::Run(line) => line.run(root),
        Step::Either { probe, wanted, otherwise } => {
            if probe.succeeds(root) {
                return wanted.run(root);
            }
            println!("`{probe}` does not answer; running the same tests without it");
            otherwise.run(root)
        }
        Step::Need { probe, remedy } => {
            if probe.succeeds(root) {
                return Ok(());
            }
            Err(ChoreError::Unmet {
                what: format!("`{probe}` does not answer"),
                remedy: (*remedy).to_owned(),
            })
        }
        Step::Free { line, word } => {
            let printed = line.output(root)?;
            match printed.lines().find(|printed| printed.split_whitespace().next() == Some(word)) {
                None => Ok(()),
                Some(found) => Err(ChoreError::Unmet {
                    what: format!("`{line}` names `{found}`"),
                    remedy: format!("take out what brings `{word}` in"),
                }),
            }
        }
    }
}

/// One row for each gate: seconds and verdict.
fn summary(gates: &[Gate], verdicts: &[Verdict]) -> String {
    let rows = gates.iter().zip(verdicts).map(|(gate, verdict)| {
        let (seconds, word) = match verdict {
            Verdict::Passed(took) => (format!("{:.1}", took.as_secs_f64()), "ok"),
            Verdict::Failed(took) => (format!("{:.1}", took.as_secs_f64()), "FAILED"),
            Verdict::NotRun => ("-".to_owned(), "not run"),
        };
        format!("{:<20} {seconds:>8}  {word}", gate.name)
    });
    let head = format!("{:<20} {:>8}  verdict", "gate", "seconds");
    std::iter::once(head).chain(rows).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::{Gate, Step, Verdict, pass, summary, take};
    use crate::command::Line;
    use crate::failure::ChoreError;

    fn three() -> Vec<Gate> {
        ["first", "second", "third"].map(|name| Gate { name, steps: Vec::new() }).into()
    }

    /// How each gate ends when the second fails.
    fn words(keep_going: bool) -> Vec<&'static str> {
        let fail_second = |gate: &Gate| match gate.name {
            "second" => Err(ChoreError::Usage("no".to_owned())),
            _ => Ok(()),
        };
        let word = |verdict| match verdict {
            Verdict::Passed(_) => "ok",
            Verdict::Failed(_) => "failed",
            Verdict::NotRun => "not run",
        };
        pass(&three(), keep_going, fail_second).into_iter().map(word).collect()
    }

    #[test]
    fn first_failure_stops_unless_told_to_keep_going() {
        assert_eq!(words(false), ["ok", "failed", "not run"]);
        assert_eq!(words(true), ["ok", "failed", "ok"]);
    }

    #[test]
    fn summary_has_a_row_for_each_gate() {
        let took = Duration::from_millis(1_250);
        expect_test::expect![[r"
            gate                  seconds  verdict
            first                     1.2  ok
            second                    1.2  FAILED
            third                       -  not run"]]
        .assert_eq(&summary(&three(), &[Verdict::Passed(took), Verdict::Failed(took), Verdict::NotRun]));
    }

    #[test]
    fn missing_tool_fails_its_gate_with_the_remedy() {
        let step = Step::Need { probe: Line::new("./no-such-tool", [""; 0]), remedy: "install it" };
        assert_eq!(
            take(Path::new("."), &step).unwrap_err().to_string(),
            "`./no-such-tool` does not answer; install it"
        );
    }

    #[test]
    fn missing_test_runner_falls_back() {
        let step = |otherwise: &str| Step::Either {
            probe: Line::new("./no-such-tool", [""; 0]),
            wanted: Line::new("./no-such-tool", [""; 0]),
            otherwise: Line::cargo(otherwise),
        };
        assert!(take(Path::new("."), &step("--version")).is_ok());
        assert!(take(Path::new("."), &step("no-such-command-here")).is_err());
    }

    #[test]
    fn word_that_must_not_be_printed_fails_its_gate() {
        let step = |word| Step::Free { line: Line::cargo("--version"), word };
        assert!(take(Path::new("."), &step("tokio")).is_ok());
        assert!(take(Path::new("."), &step("cargo")).is_err());
    }
}
