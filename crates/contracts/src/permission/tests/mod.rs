//! The tests of the permissions: tables of cases by hand, and properties over generated ones.
//! Rows named `E…` are escape attempts of the project's list of them.

mod address;
mod path;
mod path_property;
mod pattern;
mod set;
mod set_property;
mod url;

use super::{Denial, Grant, NormalPath, PermissionKind, Permissions};

/// A set with one grant.
#[track_caller]
fn granting(kind: PermissionKind, scope: &[&str]) -> Permissions {
    Permissions::from_grants([Grant::new(kind, scope.iter().copied())])
        .expect("the scope of a test is well formed")
}

/// Whether a set with this one `fs.read` grant lets the path be read. A text without normal form cannot even be asked about.
#[track_caller]
fn readable(scope: &str, path: &str) -> bool {
    NormalPath::parse(path)
        .is_ok_and(|path| granting(PermissionKind::FsRead, &[scope]).fs_read(&path).is_allowed())
}

/// What the set would have to be given.
fn widened(set: &Permissions, denial: &Denial) -> Permissions {
    let grant = denial.missing_grant().expect("no fixed rule decided");
    let grants = set.grants().iter().cloned().chain([grant]);
    Permissions::from_grants(grants).expect("a suggested grant is well formed")
}
