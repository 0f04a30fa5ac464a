//! Programs that a chore starts: a line that can be shown, and its run in the foreground.
//! The one file of this crate that makes a process.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::ChoreError;

/// A program with its arguments and what it finds in its environment besides this process's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(&'static str, &'static str)>,
}

impl Line {
    /// `program` with `arguments`.
    pub(crate) fn new(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: Vec::new(),
        }
    }

    /// `cargo` with arguments that hold no blank.
    pub(crate) fn cargo(arguments: &str) -> Self {
        Self::new("cargo", arguments.split_whitespace())
    }

    /// The same with a variable set.
    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    /// Shows the line, then runs it in `directory` with this process's own terminal.
    pub(crate) fn run(&self, directory: &Path) -> Result<(), ChoreError> {
        println!("$ {self}");
        let status = self.command(directory).status().map_err(|source| self.not_started(source))?;
        if status.success() { Ok(()) } else { Err(ChoreError::Command { line: self.to_string(), status }) }
    }

    /// Shows the line, runs it in `directory` and returns what it prints.
    pub(crate) fn output(&self, directory: &Path) -> Result<String, ChoreError> {
        println!("$ {self}");
        let output = self
            .command(directory)
            .stderr(Stdio::inherit())
            .output()
            .map_err(|source| self.not_started(source))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(ChoreError::Command { line: self.to_string(), status: output.status })
        }
    }

    /// Whether the program is there and ends well, silently.
    pub(crate) fn succeeds(&self, directory: &Path) -> bool {
        let status = self.command(directory).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "chores run cargo and the demo in the foreground, one at a time"
    )]
    fn command(&self, directory: &Path) -> Command {
        let program = if self.program == Path::new("cargo") { cargo() } else { self.program.clone().into() };
        let mut command = Command::new(program);
        command.args(&self.arguments).envs(self.environment.iter().copied()).current_dir(directory);
        // Cargo set these for this program; a program started in turn would take this package for its own.
        let ours = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(ours)) {
            command.env_remove(name);
        }
        command
    }

    fn not_started(&self, source: std::io::Error) -> ChoreError {
        ChoreError::Start { line: self.to_string(), source }
    }
}

impl fmt::Display for Line {
    /// As a shell would take it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={} ", quoted(value))?;
        }
        write!(f, "{}", quoted(&self.program.to_string_lossy()))?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

/// The Cargo that runs this chore, so that a chosen toolchain stays chosen.
fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Line;

    #[test]
    fn line_is_shown_as_a_shell_would_take_it() {
        let line = Line::new("a/b", ["--input", r#"{"x":"it's"}"#, ""]).with("FLAGS", "-D warnings");
        assert_eq!(line.to_string(), r#"FLAGS='-D warnings' a/b --input '{"x":"it'\''s"}' ''"#);
    }

    #[test]
    fn failing_program_is_told_apart_from_a_missing_one() {
        let here = Path::new(".");
        assert!(Line::cargo("--version").succeeds(here));
        let failed =
            Line::cargo("no-such-command-here").with("CARGO_TERM_QUIET", "true").run(here).unwrap_err();
        assert!(
            failed.to_string().starts_with("`CARGO_TERM_QUIET=true cargo no-such-command-here` ended with")
        );
        let missing = Line::new("./no-such-program", [""; 0]).run(here).unwrap_err();
        assert_eq!(missing.to_string(), "failed to start `./no-such-program`");
    }
}
