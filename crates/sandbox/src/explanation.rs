//! What a plan means, in words: what a plugin may, what holds the rest, and what nothing holds here.
//! It is computed from the same inputs as the plan, and from the plan; it looks at nothing.

use plugdock_contracts::limits::Limits;
use plugdock_contracts::permission::{Grant, PathPattern, PathRoot, PermissionKind, Permissions};
use serde::Serialize;

use crate::capability::HostCapabilities;
use crate::plan::{InsufficientMachine, SandboxPlan, SandboxProfile, Unenforced};

/// What a plugin may, and by what each thing is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The profile.
    pub profile: SandboxProfile,
    /// What was granted.
    pub grants: Vec<ExplainedGrant>,
    /// What is closed, or would be under a stronger profile.
    pub walls: Vec<Wall>,
    /// Limits that are not held as asked.
    pub unenforced: Vec<Unenforced>,
    /// Resource limits of the worker's processes.
    pub rlimits: Vec<String>,
    /// Limits of the worker as a whole, with what holds each.
    pub groups: Vec<String>,
}

/// One pattern of one grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExplainedGrant {
    /// The permission.
    pub permission: PermissionKind,
    /// The same in words that follow "may".
    pub may: String,
    /// Of what: one pattern.
    pub scope: String,
    /// What holds the bound of what the worker does by its own system calls.
    pub direct: String,
    /// The call of a handler by which the host does it, and checks it; `None` where there is no such call.
    pub through: Option<&'static str>,
    /// What the author says it is for.
    pub why: Option<String>,
}

/// Something that a plugin should not do without a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Wall {
    /// What it is.
    pub what: &'static str,
    /// What holds it; `None` when nothing does under this profile.
    pub by: Option<&'static str>,
}

/// Explains what a worker with these permissions and limits would be under.
///
/// # Errors
/// As [`SandboxPlan::compute`].
pub fn explain(
    permissions: &Permissions,
    limits: &Limits,
    profile: SandboxProfile,
    capabilities: &HostCapabilities,
) -> Result<Explanation, InsufficientMachine> {
    let plan = SandboxPlan::compute(permissions, limits, profile, capabilities)?;
    let mut grants = Vec::new();
    for grant in permissions.grants() {
        grants.extend(grant.scope.iter().map(|scope| explained(grant, scope, &plan)));
    }
    Ok(Explanation {
        profile,
        grants,
        walls: walls(&plan),
        rlimits: plan.rlimits.iter().map(ToString::to_string).collect(),
        groups: plan.group.iter().flat_map(|group| group.plan.in_words()).collect(),
        unenforced: plan.unenforced,
    })
}

fn explained(grant: &Grant, scope: &str, plan: &SandboxPlan) -> ExplainedGrant {
    ExplainedGrant {
        permission: grant.kind.clone(),
        may: grant.kind.in_words(),
        scope: scope.to_owned(),
        direct: direct(&grant.kind, scope, plan),
        through: through(&grant.kind),
        why: grant.why.clone(),
    }
}

/// What a worker can do by itself of what is granted.
fn direct(kind: &PermissionKind, scope: &str, plan: &SandboxPlan) -> String {
    let confined = plan.domain.is_some();
    let text = match kind {
        PermissionKind::FsRead | PermissionKind::FsWrite if confined => return files(scope),
        PermissionKind::FsRead | PermissionKind::FsWrite => {
            "not held: every file that the host's user can use"
        }
        PermissionKind::NetHttp if confined => "no sockets of its own",
        PermissionKind::NetHttp => "not held: every address that the host's user can reach",
        PermissionKind::ShellExec if confined => "no program but its own, by Landlock",
        PermissionKind::ShellExec => "not held: every program that the host's user can run",
        PermissionKind::EnvRead => "its environment is made from scratch, with what is granted",
        _ => "only the host can do it",
    };
    text.to_owned()
}

fn files(scope: &str) -> String {
    let text = match scope.parse::<PathPattern>() {
        Ok(pattern) if pattern.base().root() != PathRoot::Absolute => {
            "its own directories are open in any case, by Landlock"
        }
        Ok(pattern) if pattern.covers_base() => "the whole directory, by Landlock",
        _ => "nothing: a pattern is narrower than a directory, so only the host can open it",
    };
    text.to_owned()
}

const fn through(kind: &PermissionKind) -> Option<&'static str> {
    Some(match kind {
        PermissionKind::FsRead | PermissionKind::FsWrite => "ctx.fs()",
        PermissionKind::NetHttp => "ctx.http()",
        PermissionKind::EnvRead => "ctx.env()",
        PermissionKind::ShellExec => "ctx.shell()",
        PermissionKind::Invoke => "ctx.invoke()",
        PermissionKind::Cache => "ctx.cache()",
        PermissionKind::State => "ctx.state()",
        PermissionKind::Storage => "ctx.storage()",
        PermissionKind::EventsPublish | PermissionKind::EventsSubscribe => "ctx.events()",
        PermissionKind::Service(_) => "ctx.service()",
        _ => return None,
    })
}

fn walls(plan: &SandboxPlan) -> Vec<Wall> {
    let domain = |by: &'static str| plan.domain.is_some().then_some(by);
    let filter = |by: &'static str| plan.syscalls.is_some().then_some(by);
    vec![
        Wall { what: "the host's memory and descriptors", by: Some("a process of its own, started clean") },
        Wall { what: "the host's environment", by: Some("made from scratch") },
        Wall {
            what: "new privileges by set-user-id programs",
            by: plan.no_new_privs.then_some("no-new-privileges"),
        },
        Wall {
            what: "root's capabilities",
            by: plan.drop_privileges.then_some("all five sets emptied and locked"),
        },
        Wall { what: "files that are not granted", by: domain("Landlock") },
        Wall { what: "running programs that are not its own", by: domain("Landlock") },
        Wall {
            what: "modes, owners and times of foreign files",
            by: filter("seccomp: only through a descriptor that it may open"),
        },
        Wall {
            what: "sockets of every family",
            by: filter("seccomp, and Landlock for TCP and abstract sockets"),
        },
        Wall { what: "signals to processes outside", by: domain("Landlock") },
        Wall { what: "tracing and memory of other processes", by: filter("seccomp") },
        Wall {
            what: "leaving its process group",
            by: filter("seccomp, so that killing the group is complete"),
        },
        Wall { what: "name spaces, mounts, keys, bpf, io_uring, modules", by: filter("seccomp") },
        Wall {
            what: "names and metadata of files that are not granted (stat)",
            // Landlock mediates opening, not asking whether a file is there.
            by: None,
        },
        Wall {
            what: "seeing other processes' numbers",
            by: domain("Landlock closes /proc; kill tells existing from not"),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Fact;

    fn machine() -> HostCapabilities {
        let mut machine = HostCapabilities::probe();
        machine.no_new_privs = Fact::Known(true);
        machine.landlock_abi = Fact::Known(7);
        machine.seccomp_actions = Fact::Known(["kill_process", "errno", "allow"].map(str::to_owned).to_vec());
        machine
    }

    fn explained_for(profile: SandboxProfile) -> Explanation {
        let grants = [
            Grant::new(PermissionKind::FsRead, ["/data", "/src/*.rs", "workspace"]),
            Grant::new(PermissionKind::NetHttp, ["https://api.example.com"]).why("rates"),
        ];
        let permissions = Permissions::from_grants(grants).unwrap();
        explain(&permissions, &Limits::default(), profile, &machine()).unwrap()
    }

    #[test]
    fn each_pattern_says_what_holds_it() {
        let explained = explained_for(SandboxProfile::Restricted);
        let direct: Vec<(&str, &str)> =
            explained.grants.iter().map(|grant| (grant.scope.as_str(), grant.direct.as_str())).collect();
        assert_eq!(
            direct,
            [
                ("/data", "the whole directory, by Landlock"),
                (
                    "/src/*.rs",
                    "nothing: a pattern is narrower than a directory, so only the host can open it"
                ),
                ("workspace", "its own directories are open in any case, by Landlock"),
                ("https://api.example.com", "no sockets of its own"),
            ]
        );
        assert_eq!(explained.grants[3].through, Some("ctx.http()"));
        assert_eq!(explained.grants[3].why.as_deref(), Some("rates"));
    }

    #[test]
    fn what_a_weaker_profile_leaves_open_is_said() {
        let open = |profile| {
            let explained: Explanation = explained_for(profile);
            explained.walls.iter().filter(|wall| wall.by.is_none()).map(|wall| wall.what).collect::<Vec<_>>()
        };
        assert!(open(SandboxProfile::Trusted).contains(&"files that are not granted"));
        assert_eq!(
            open(SandboxProfile::Restricted),
            ["names and metadata of files that are not granted (stat)"]
        );
        let trusted = explained_for(SandboxProfile::Trusted);
        assert!(trusted.grants[0].direct.starts_with("not held"), "{:?}", trusted.grants[0]);
    }
}
