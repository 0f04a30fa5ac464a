//! `cargo xtask stage`: builds the command and the example plugins, and lays each plugin out as a package.
//! A package is a directory of `plugin.toml` and `bin/<name>`, below `plugins/` in the target directory.

use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, Package, TargetKind};

use crate::check_deps;
use crate::command::Line;
use crate::failure::ChoreError;
use crate::file;

const EXAMPLES: &str = "crates/examples/";
const COMMAND_PACKAGE: &str = "plugdock-cli";
const MANIFEST: &str = "plugin.toml";

/// Where the built things lie.
#[derive(Debug)]
pub(crate) struct Stage {
    /// The `plugdock` program.
    pub(crate) command: PathBuf,
    /// The directory of the staged packages.
    pub(crate) plugins: PathBuf,
    /// Cargo's target directory.
    pub(crate) target: PathBuf,
}

/// An example plugin as the workspace has it.
#[derive(Debug, PartialEq, Eq)]
struct Example {
    /// Its folder's name, which is the plugin's.
    name: String,
    package: String,
    program: String,
    manifest: PathBuf,
}

/// Runs `stage` with what follows it on the command line.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), ChoreError> {
    if !arguments.is_empty() {
        return Err(ChoreError::Usage("usage: cargo xtask stage".to_owned()));
    }
    stage(root).map(|_| ())
}

/// Builds everything and stages every example plugin.
pub(crate) fn stage(root: &Path) -> Result<Stage, ChoreError> {
    let metadata = check_deps::read(root)?;
    let examples = examples(&metadata);
    let packages = examples.iter().map(|example| example.package.as_str()).chain([COMMAND_PACKAGE]);
    let flags: Vec<&str> = packages.flat_map(|package| ["-p", package]).collect();
    Line::new("cargo", [&["build", "--quiet"], flags.as_slice()].concat()).run(root)?;
    let target = metadata.target_directory.as_std_path().to_owned();
    let built = target.join("debug");
    let plugins = target.join("plugins");
    for example in &examples {
        let package = plugins.join(&example.name);
        lay_out(example, &built, &package)?;
        println!("staged {}", shown(&package, root));
    }
    Ok(Stage { command: program(&built, "plugdock"), plugins, target })
}

/// `path` below `root` where it lies there, so that a shown command can be typed again.
pub(crate) fn shown(path: &Path, root: &Path) -> String {
    check_deps::relative(path, root)
}

fn examples(metadata: &Metadata) -> Vec<Example> {
    let root = metadata.workspace_root.as_std_path();
    let mut found: Vec<Example> =
        metadata.workspace_packages().into_iter().filter_map(|package| example(package, root)).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn example(package: &Package, root: &Path) -> Option<Example> {
    let directory = package.manifest_path.parent()?.as_std_path();
    let relative = check_deps::relative(directory, root);
    let name = relative.strip_prefix(EXAMPLES)?;
    let program = package.targets.iter().find(|target| target.kind.contains(&TargetKind::Bin))?;
    Some(Example {
        name: name.to_owned(),
        package: package.name.to_string(),
        program: program.name.clone(),
        manifest: directory.join(MANIFEST),
    })
}

fn lay_out(example: &Example, built: &Path, package: &Path) -> Result<(), ChoreError> {
    let programs = package.join("bin");
    fs::create_dir_all(&programs).map_err(|source| ChoreError::Write { path: programs.clone(), source })?;
    file::write(&package.join(MANIFEST), &file::read(&example.manifest)?)?;
    replace(&program(built, &example.program), &program(&programs, &example.name))
}

/// Copies `from` beside `to` and renames it there: a program that still runs cannot be written over.
fn replace(from: &Path, to: &Path) -> Result<(), ChoreError> {
    let beside = to.with_extension("new");
    fs::copy(from, &beside).map_err(|source| ChoreError::Read { path: from.to_owned(), source })?;
    fs::rename(&beside, to).map_err(|source| ChoreError::Write { path: to.to_owned(), source })
}

fn program(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Example, examples, lay_out, program};
    use crate::check_deps;

    #[test]
    fn package_is_its_manifest_and_its_program() {
        let root = tempfile::tempdir().unwrap();
        let (built, package) = (root.path().join("debug"), root.path().join("plugins/one"));
        let example = Example {
            name: "one".to_owned(),
            package: "plugdock-example-one".to_owned(),
            program: "plugdock-example-one".to_owned(),
            manifest: root.path().join("plugin.toml"),
        };
        fs::create_dir(&built).unwrap();
        fs::write(&example.manifest, "id = \"x/one\"\n").unwrap();
        for contents in ["first", "second"] {
            fs::write(program(&built, &example.program), contents).unwrap();
            lay_out(&example, &built, &package).unwrap();
            assert_eq!(fs::read_to_string(program(&package.join("bin"), "one")).unwrap(), contents);
        }
        assert_eq!(fs::read_to_string(package.join("plugin.toml")).unwrap(), "id = \"x/one\"\n");
        assert_eq!(fs::read_dir(package.join("bin")).unwrap().count(), 1);
    }

    #[test]
    fn every_example_of_this_workspace_is_found() {
        let root = crate::root();
        let found = examples(&check_deps::read(&root).unwrap());
        let folders = fs::read_dir(root.join("crates/examples")).unwrap().count();
        assert_eq!(found.len(), folders);
        assert!(found.iter().all(|example| example.package == format!("plugdock-example-{}", example.name)));
    }
}
