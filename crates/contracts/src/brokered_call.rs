//! Calls for things of the machine that the host does in the plugin's place: files, requests, variables and programs.
//! They are part of [`HostCall`](crate::host_call::HostCall); what each needs to be granted is decided where they arrive.

use serde::{Deserialize, Serialize};

/// Calls about files of the host's file system. Contents are the body.
///
/// A path is absolute, or begins with `workspace`, `artifacts` or `plugin`; any other relative path lies in the workspace. No
/// symbolic link is followed on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", content = "args", rename_all = "snake_case", deny_unknown_fields)]
pub enum FsCall {
    /// Reads a regular file whole; answers the contents as body.
    Read {
        /// The path.
        path: String,
    },
    /// Writes a file whole: the old contents or the new are there, never a part.
    Write {
        /// The path.
        path: String,
    },
    /// Lists a directory; answers a list of [`DirEntry`](crate::file::DirEntry), in order, of what may be read.
    List {
        /// The path.
        path: String,
    },
    /// Says what is there; answers a [`FileStat`](crate::file::FileStat), or `null` if there is nothing.
    Stat {
        /// The path.
        path: String,
    },
    /// Makes a directory, and those above it as far as the grant reaches; answers whether it was made.
    CreateDir {
        /// The path.
        path: String,
    },
    /// Removes a file or an empty directory; answers whether it was there.
    Remove {
        /// The path.
        path: String,
    },
    /// Gives a regular file another name, in the place of a file that has it.
    Rename {
        /// Its path.
        from: String,
        /// Its new path.
        to: String,
    },
}

/// Requests that the host makes. The request's body is the body, and so is the answer's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", content = "args", rename_all = "snake_case", deny_unknown_fields)]
pub enum HttpCall {
    /// Makes a request; answers `{status, headers, url, redirects}` and the body, whatever the status is.
    Send {
        /// The method; `GET` when absent.
        #[serde(default = "get")]
        method: String,
        /// The URL.
        url: String,
        /// Names and values, in order.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// At most so long, in milliseconds; never more than what the execution has left.
        #[serde(default)]
        timeout_ms: Option<u64>,
        /// The largest answer that is wanted, in bytes; the host's bound holds beside it.
        #[serde(default)]
        max_bytes: Option<u64>,
    },
}

fn get() -> String {
    "GET".to_owned()
}

/// Calls about the host's environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", content = "args", rename_all = "snake_case", deny_unknown_fields)]
pub enum EnvCall {
    /// Reads a variable as it is now; answers its text, or `null` if it is not set.
    Get {
        /// The name.
        name: String,
    },
}

/// Programs that the host runs. What the program is to read is the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", content = "args", rename_all = "snake_case", deny_unknown_fields)]
pub enum ShellCall {
    /// Runs a program, without a shell, and waits for it; answers `{code, signal, stdout_bytes}` and, as body, what it printed: so
    /// many bytes of its output, and then its errors.
    Exec {
        /// A bare name or an absolute path.
        program: String,
        /// Its arguments, as they are.
        #[serde(default)]
        args: Vec<String>,
        /// At most so long, in milliseconds; never more than what the execution has left.
        #[serde(default)]
        timeout_ms: Option<u64>,
    },
}
