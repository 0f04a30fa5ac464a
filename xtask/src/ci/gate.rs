//! The gates, in order: quick and telling ones first.
//! Says what a gate runs; it does not run it.

use crate::command::Line;

/// How long the pool is attacked: some hundred kills, and short enough that nobody leaves it out.
const SOAK: &str = "60s";

/// One gate.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) name: &'static str,
    pub(crate) steps: Vec<Step>,
}

/// One command of a gate.
#[derive(Debug)]
pub(crate) enum Step {
    /// A chore of this program, by its command.
    Chore(&'static str),
    /// A program that has to end well.
    Run(Line),
    /// The first line where it is there at all, otherwise the second.
    Either { probe: Line, wanted: Line, otherwise: Line },
    /// A program that has to be there, and what to do when it is not.
    Need { probe: Line, remedy: &'static str },
    /// A program that must not print this word.
    Free { line: Line, word: &'static str },
}

/// Every gate for a workspace of these packages.
pub(crate) fn gates(packages: &[String]) -> Vec<Gate> {
    let cargo = |arguments| Step::Run(Line::cargo(arguments));
    vec![
        gate("format", [cargo("fmt --all --check")]),
        gate("layers", [Step::Chore("check-deps")]),
        gate("tidy", [Step::Chore("tidy")]),
        gate("clippy", [cargo("clippy --workspace --all-targets --all-features -- -D warnings")]),
        gate("each layer alone", alone(packages)),
        // Before the tests, because tests start programs of other packages.
        gate("build", [cargo("build --workspace --all-targets")]),
        gate("tests", [tests()]),
        gate(
            "soak",
            [Step::Run(
                Line::cargo("run --quiet -p plugdock-testkit --bin chaos").with("PLUGDOCK_SOAK", SOAK),
            )],
        ),
        gate("doctests", [cargo("test --doc --workspace")]),
        gate("documentation", [documentation()]),
        gate("licences and bans", deny()),
    ]
}

fn gate(name: &'static str, steps: impl IntoIterator<Item = Step>) -> Gate {
    Gate { name, steps: steps.into_iter().collect() }
}

/// A crate that downstream picks alone must not lean on features that its siblings switch on.
fn alone(packages: &[String]) -> Vec<Step> {
    let mut steps: Vec<Step> = packages
        .iter()
        .map(|package| Step::Run(Line::cargo(&format!("check --quiet -p {package}"))))
        .collect();
    steps.push(Step::Free {
        line: Line::cargo("tree -p plugdock-contracts --edges normal,build --target all --prefix none"),
        word: "tokio",
    });
    steps
}

fn tests() -> Step {
    Step::Either {
        probe: Line::cargo("nextest --version"),
        wanted: Line::cargo("nextest run --workspace"),
        // Without benches, which plain `cargo test --all-targets` would run, and doctests, which have a gate.
        otherwise: Line::cargo("test --workspace --lib --bins --tests --examples"),
    }
}

fn documentation() -> Step {
    Step::Run(
        Line::cargo("doc --workspace --no-deps --document-private-items").with("RUSTDOCFLAGS", "-Dwarnings"),
    )
}

fn deny() -> [Step; 2] {
    [
        Step::Need {
            probe: Line::cargo("deny --version"),
            remedy: "install it: cargo install cargo-deny --locked",
        },
        Step::Run(Line::cargo("deny check bans licenses sources -D unused-wrapper")),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Step, gates};

    #[test]
    fn gates_are_in_order_and_check_each_package_alone() {
        let gates = gates(&["plugdock-a".to_owned(), "plugdock-b".to_owned()]);
        let names: Vec<_> = gates.iter().map(|gate| gate.name).collect();
        assert_eq!(
            names,
            [
                "format",
                "layers",
                "tidy",
                "clippy",
                "each layer alone",
                "build",
                "tests",
                "soak",
                "doctests",
                "documentation",
                "licences and bans"
            ]
        );
        let lines: Vec<String> = gates[4]
            .steps
            .iter()
            .filter_map(|step| if let Step::Run(line) = step { Some(line.to_string()) } else { None })
            .collect();
        assert_eq!(lines, ["cargo check --quiet -p plugdock-a", "cargo check --quiet -p plugdock-b"]);
    }
}
