//! Plugins on disk: a directory with a manifest, and a program if there is one.
//! The manifests grant everything the handlers ask for; a test that wants less says so in its request.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A plugin that is written to disk.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Package {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Its program and the program's arguments; none for a plugin linked into its host.
    pub entry: Option<(PathBuf, Vec<String>)>,
    /// Whether it may ask its host for files, variables, programs and requests too.
    pub machine: bool,
}

const GRANTS: &str = r#"
[permissions]
cache = true
state = true
storage = true
"events.publish" = [">"]
"events.subscribe" = [">"]
invoke = ["*"]
"service.mirror" = true

[config.defaults]
depth = 1
names = ["manifest"]
"#;

/// What may be granted of the machine. A plugin of its own has them, so that the others' sandboxes stay as narrow as they are.
const MACHINE_GRANTS: &str = r#"
[permissions]
"fs.read" = ["/", "workspace", "artifacts", "plugin"]
"fs.write" = ["/", "workspace", "artifacts", "plugin"]
"env.read" = ["CARGO_MANIFEST_DIR", "PLUGDOCK_NOBODY_SETS_*"]
"shell.exec" = ["*"]
"net.http" = ["https://*", "http://*"]
"#;

impl Package {
    /// A plugin without a program.
    pub fn new(id: &str, version: &str) -> Self {
        Self { id: id.to_owned(), version: version.to_owned(), entry: None, machine: false }
    }

    /// The same with a program that is copied into its directory.
    #[must_use]
    pub fn with_entry(mut self, program: &Path, args: &[&str]) -> Self {
        self.entry = Some((program.to_owned(), args.iter().map(ToString::to_string).collect()));
        self
    }

    /// The same with grants of the machine.
    #[must_use]
    pub fn with_the_machine(mut self) -> Self {
        self.machine = true;
        self
    }

    /// Writes it into a new directory.
    ///
    /// # Panics
    /// When the disk refuses.
    pub fn write(&self, dir: &Path) {
        fs::create_dir_all(dir.join("bin")).unwrap();
        let mut manifest =
            format!("manifest_version = 1\nid = \"{}\"\nversion = \"{}\"\n", self.id, self.version);
        if let Some((program, args)) = &self.entry {
            install_program(program, &dir.join("bin/program"));
            // The form of a list of plain words is the same in Rust and in TOML.
            writeln!(manifest, "entry = \"bin/program\"\nargs = {args:?}").unwrap();
        }
        manifest.push_str(if self.machine { MACHINE_GRANTS } else { GRANTS });
        fs::write(dir.join("plugin.toml"), manifest).unwrap();
    }
}

/// Puts a program at a path: a second name where that is possible, because a copy that was just written may still be open
/// in a process that another thread started at that moment.
///
/// # Panics
/// When the disk refuses.
pub fn install_program(program: &Path, path: &Path) {
    if fs::hard_link(program, path).is_err() {
        fs::copy(program, path).unwrap();
    }
}
