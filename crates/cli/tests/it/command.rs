//! Runs the built command in a home of its own.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A folder that is home, working folder and data folder of the commands run in it.
pub(crate) struct Home(tempfile::TempDir);

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) result: String,
    pub(crate) note: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for temporary files"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file and the folders to it.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a name below the home")).expect("a folder in the home");
        std::fs::write(&path, text).expect("a file in the home");
        path
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.run_with(args, &[], "")
    }

    /// Runs with variables and standard input. The environment is otherwise empty.
    pub(crate) fn run_with(&self, args: &[&str], variables: &[(&str, &str)], input: &str) -> Ended {
        let mut child = self.spawn(args, variables);
        // A command that reads no input may have closed it already.
        drop(child.stdin.take().expect("it is piped").write_all(input.as_bytes()));
        Ended::of(child.wait_with_output().expect("the command ends"))
    }

    /// Starts the command with all three streams piped.
    pub(crate) fn spawn(&self, args: &[&str], variables: &[(&str, &str)]) -> Child {
        let mut command = program(env!("CARGO_BIN_EXE_plugdock"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.path())
            .envs(variables.iter().copied())
            .current_dir(self.path());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts")
    }
}

/// A program to start from a test.
#[expect(clippy::disallowed_methods, reason = "the command is run as a person runs it, not as a worker")]
pub(crate) fn program(path: &str) -> Command {
    Command::new(path)
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("the command was not killed"),
            result: String::from_utf8(output.stdout).expect("text"),
            note: String::from_utf8(output.stderr).expect("text"),
        }
    }

    /// The one JSON document on standard output.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.result).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn failed(&self, code: i32, note: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.note.contains(note), "{}", self.note);
        assert!(
            !self.note.contains('\x1b') && !self.result.contains('\x1b'),
            "no colours without a terminal"
        );
    }
}
