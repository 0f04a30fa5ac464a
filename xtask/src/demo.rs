//! `cargo xtask demo [plugin]`: stages the example plugins and runs one with the command, showing the line.
//! What the line means is the command's business.

use std::path::Path;

use crate::command::Line;
use crate::failure::ChoreError;
use crate::stage::{Stage, shown, stage};

/// What each plugin is shown with: the arguments of `plugdock`, with `{plugins}` and `{target}` for where
/// things lie.
const DEMOS: &[(&str, &[&str])] = &[
    (
        "markdown",
        &[
            "run",
            "{plugins}/markdown",
            "render",
            "--file",
            "README.md",
            "--input",
            r#"{"files":["README.md"]}"#,
            "--artifacts",
            "{target}/demo",
            "--explain",
        ],
    ),
    (
        "csv-stats",
        &[
            "run",
            "{plugins}/csv-stats",
            "stats",
            "--file",
            "crates/examples/csv-stats/sample.csv",
            "--input",
            r#"{"file":"sample.csv"}"#,
            "--explain",
        ],
    ),
];

/// Runs `demo` with what follows it on the command line.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), ChoreError> {
    let name = match arguments {
        [] => DEMOS[0].0,
        [name] => name.as_str(),
        _ => return Err(ChoreError::Usage(usage())),
    };
    let Some((_, template)) = DEMOS.iter().find(|(plugin, _)| *plugin == name) else {
        return Err(ChoreError::Usage(usage()));
    };
    let stage = stage(root)?;
    line(template, &stage, root).run(root)
}

fn usage() -> String {
    let names: Vec<&str> = DEMOS.iter().map(|(name, _)| *name).collect();
    format!("usage: cargo xtask demo [{}]", names.join(" | "))
}

fn line(template: &[&str], stage: &Stage, root: &Path) -> Line {
    let (plugins, target) = (shown(&stage.plugins, root), shown(&stage.target, root));
    let arguments =
        template.iter().map(|part| part.replace("{plugins}", &plugins).replace("{target}", &target));
    Line::new(shown(&stage.command, root), arguments)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{DEMOS, line};
    use crate::stage::Stage;

    #[test]
    fn line_can_be_typed_at_the_root() {
        let stage = Stage {
            command: "/repository/target/debug/plugdock".into(),
            plugins: "/repository/target/plugins".into(),
            target: "/repository/target".into(),
        };
        assert_eq!(
            line(DEMOS[0].1, &stage, Path::new("/repository")).to_string(),
            "target/debug/plugdock run target/plugins/markdown render --file README.md \
             --input '{\"files\":[\"README.md\"]}' --artifacts target/demo --explain"
        );
    }
}
