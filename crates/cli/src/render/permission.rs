//! What a plugin asks for, in plain words.
//! It shows what the manifest says; what a machine enforces of it is in the sandbox report.

use plugdock_contracts::Permissions;
use plugdock_contracts::permission::Grant;

use super::paint::{Paint, printable};

/// One line for each grant: `may read files: workspace, data/** (why)`.
pub(crate) fn permissions(permissions: &Permissions, paint: Paint) -> Vec<String> {
    if permissions.is_empty() {
        return vec![paint.faint("asks for nothing beyond its workspace")];
    }
    permissions.grants().iter().map(|grant| line(grant, paint)).collect()
}

fn line(grant: &Grant, paint: Paint) -> String {
    let scope = grant.scope.join(", ");
    let optional = if grant.required { "" } else { ", can do without" };
    let why =
        grant.why.as_deref().map(|why| paint.faint(&format!(" ({})", printable(why)))).unwrap_or_default();
    format!("may {}: {}{optional}{why}", grant.kind.in_words(), printable(&scope))
}

#[cfg(test)]
mod tests {
    use plugdock_contracts::permission::PermissionKind;

    use super::*;

    #[test]
    fn grants_are_said_in_words() {
        let grants = [
            Grant::new(PermissionKind::FsRead, ["workspace"]).why("read the files you name"),
            Grant::new(PermissionKind::NetHttp, ["https://api.example.com"]).optional(),
        ];
        let shown = permissions(&Permissions::from_grants(grants).unwrap(), Paint(false));
        assert_eq!(
            shown,
            [
                "may read files: workspace (read the files you name)",
                "may make HTTP requests: https://api.example.com, can do without"
            ]
        );
        assert_eq!(
            permissions(&Permissions::deny_all(), Paint(false)),
            ["asks for nothing beyond its workspace"]
        );
    }
}
