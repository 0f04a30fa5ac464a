//! What crosses between the suite and the hostile plugin: which row to try, what it may know, and what came of it.
//! It says nothing about what should come of it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The id of the hostile plugin.
pub const PLUGIN: &str = "acme/escape";

/// Its version.
pub const VERSION: &str = "1.0.0";

/// Its one handler.
pub const HANDLER: &str = "attempt";

/// A variable of the host's environment that no worker may see.
pub const SECRET_VARIABLE: &str = "ESCAPE_SECRET";

/// What an attacker knows about the host. All of it is true, so that an attempt fails for no other reason than the sandbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "the host program makes it and the plugin reads it")]
pub struct Facts {
    /// The number of the host's process.
    pub host: i32,
    /// A local socket on which the host listens.
    pub socket: PathBuf,
    /// The same with an abstract name.
    pub abstract_name: String,
    /// A file of the host's, outside every workspace.
    pub bait: PathBuf,
    /// What that file holds, and a variable of the host's environment.
    pub secret: String,
}

/// What to try.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "the host program makes it and the plugin reads it")]
pub struct Attempt {
    /// The row of the list, as `E01`.
    pub id: String,
    /// What the attacker knows.
    pub facts: Facts,
    /// The one attempt of the row that is made in the plugin's own process, which it may end; without, every attempt of the
    /// row is made, the deadly ones in a child.
    #[serde(default)]
    pub in_own_process: Option<String>,
}

/// What came of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "the plugin makes it and the host program reads it")]
pub struct Attempted {
    /// What was tried.
    pub what: String,
    /// `ok`, the name of an error or signal, or what was found.
    pub result: String,
    /// More for whoever reads a failure; nothing is compared with it.
    #[serde(default)]
    pub detail: String,
}

/// What a host heard of one execution, as the line it prints.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "the host program makes it and the suite reads it")]
pub struct Heard {
    /// The row.
    pub id: String,
    /// The attempt that was made in the plugin's own process, if it was one.
    pub in_own_process: Option<String>,
    /// What the plugin answered, or what the host says of its end.
    pub attempted: Vec<Attempted>,
    /// The error of an execution that should have answered.
    pub error: Option<String>,
}
