//! The domain as plain data: which rules, for which version of Landlock.
//! It opens nothing: whether a path exists is found out when the domain is put in force.

use std::fmt::Write as _;
use std::path::PathBuf;

use plugdock_contracts::permission::{Grant, PathPattern, PathRoot, PermissionKind, Permissions};
use serde::{Deserialize, Serialize};

use super::rule::{FileAccess, FileRule, RuleOrigin};

/// The first version that closes all that a worker could leave by: files (1 to 3), devices (5), TCP (4), abstract
/// sockets and signals (6). It came with Linux 6.12.
pub const MIN_LANDLOCK_ABI: u32 = 6;

/// The last version whose additions are known here and used where the machine has them.
const LAST_KNOWN_ABI: u32 = 9;

/// What a dynamically linked program reads before its `main`. What is not there is left out.
const RUNTIME_READ: [&str; 12] = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/usr/share/zoneinfo",
    "/usr/share/locale",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/localtime",
];

/// Devices without which ordinary programs do not run, and through which nothing leaves.
const RUNTIME_DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// What a worker may reach by its own system calls, as Landlock holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DomainPlan {
    /// The version whose rights are all handled, so that what it knows and no rule opens is closed.
    pub abi: u32,
    /// What is open, in order and each once.
    pub rules: Vec<FileRule>,
}

impl DomainPlan {
    /// The domain for permissions on a machine with this version of Landlock.
    ///
    /// A grant becomes a rule when it covers a directory as a whole; a narrower pattern (`src/**/*.ts`) is answered by the
    /// host's file service alone. Rules for the worker's own directories and program are added with [`DomainPlan::allow`].
    pub fn compute(permissions: &Permissions, abi: u32) -> Self {
        let mut plan = Self { abi: abi.min(LAST_KNOWN_ABI), rules: Vec::new() };
        for path in RUNTIME_READ {
            plan.allow(FileRule::new(path, FileAccess::Read, RuleOrigin::Runtime));
        }
        for path in RUNTIME_DEVICES {
            plan.allow(FileRule::new(path, FileAccess::Device, RuleOrigin::Runtime));
        }
        for (kind, access) in
            [(PermissionKind::FsRead, FileAccess::Read), (PermissionKind::FsWrite, FileAccess::Write)]
        {
            for path in directories(permissions, &kind) {
                plan.allow(FileRule::new(path, access, RuleOrigin::Grant));
            }
        }
        plan
    }

    /// Adds a rule, once.
    pub fn allow(&mut self, rule: FileRule) {
        if let Err(place) = self.rules.binary_search(&rule) {
            self.rules.insert(place, rule);
        }
    }

    /// One line that is equal for domains which open the same, the worker's own directories aside.
    pub(crate) fn identity(&self) -> String {
        let mut text = format!("landlock={}", self.abi);
        for rule in self.rules.iter().filter(|rule| rule.origin != RuleOrigin::Own) {
            write!(text, ",{}:{}", rule.access.as_str(), rule.path.to_string_lossy().escape_debug())
                .expect("writing to a String cannot fail");
        }
        text
    }

    /// Whether a rule opens this directory for listing.
    pub(crate) fn opens_root(&self) -> bool {
        self.rules.iter().any(|rule| rule.path == std::path::Path::new("/"))
    }
}

/// The absolute directories that are granted whole: by every list of grants, since each must allow.
fn directories(permissions: &Permissions, kind: &PermissionKind) -> Vec<PathBuf> {
    let lists: Vec<Vec<PathPattern>> = permissions.all_of().map(|grants| whole(grants, kind)).collect();
    let covered_by_all = |pattern: &PathPattern| {
        lists.iter().all(|list| list.iter().any(|other| other.matches(&pattern.base())))
    };
    let mut found: Vec<PathBuf> = lists
        .iter()
        .flatten()
        .filter(|pattern| covered_by_all(pattern))
        .map(|pattern| PathBuf::from(pattern.base().to_string()))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The patterns of a list that cover a directory as a whole.
fn whole(grants: &[Grant], kind: &PermissionKind) -> Vec<PathPattern> {
    grants
        .iter()
        .filter(|grant| grant.kind == *kind)
        .flat_map(|grant| &grant.scope)
        // Every pattern was compiled when the permissions were made.
        .filter_map(|text| text.parse::<PathPattern>().ok())
        .filter(|pattern| pattern.covers_base() && pattern.base().root() == PathRoot::Absolute)
        .collect()
}
