//! Puts a domain in force in the calling process. It cannot be taken back, and every process made later is inside.
//! Each right is a hard requirement: a kernel that knows less is an error, never a weaker domain.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};
use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::domain_plan::DomainPlan;
use super::rule::{FileAccess, FileRule};

/// The step that failed; it reads after "failed to".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DomainStep {
    /// Making the rule set: the kernel lacks a right that is required.
    Create,
    /// Opening what a rule is for.
    Open {
        /// Its path.
        path: String,
    },
    /// Adding a rule.
    Rule {
        /// Its path.
        path: String,
    },
    /// Entering the domain.
    Enter,
}

impl fmt::Display for DomainStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create => f.write_str("make a Landlock rule set with all required rights"),
            Self::Open { path } => write!(f, "open `{}` for a Landlock rule", path.escape_debug()),
            Self::Rule { path } => write!(f, "add the Landlock rule for `{}`", path.escape_debug()),
            Self::Enter => f.write_str("enter the Landlock domain"),
        }
    }
}

/// Enters the domain.
///
/// What a rule is for may be missing on this machine; then there is nothing to open. Whatever else goes wrong ends it.
pub(crate) fn restrict(plan: &DomainPlan) -> Result<(), (DomainStep, Errno)> {
    // The number was read from this kernel and bounded by what is known here, so it means what it says.
    let abi = ABI::from(i32::try_from(plan.abi).unwrap_or(0));
    let created = create(abi).map_err(|error| (DomainStep::Create, errno_in(&error)))?;
    let filled = plan.rules.iter().try_fold(created, |set, rule| add(set, abi, rule))?;
    let status = filled.restrict_self().map_err(|error| (DomainStep::Enter, errno_in(&error)))?;
    if status.ruleset == RulesetStatus::FullyEnforced {
        Ok(())
    } else {
        Err((DomainStep::Enter, Errno::EOPNOTSUPP))
    }
}

fn create(abi: ABI) -> Result<RulesetCreated, landlock::RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()
}

fn add(set: RulesetCreated, abi: ABI, rule: &FileRule) -> Result<RulesetCreated, (DomainStep, Errno)> {
    let shown = || rule.path.to_string_lossy().into_owned();
    let opened = File::options().read(true).custom_flags(libc::O_PATH | libc::O_CLOEXEC).open(&rule.path);
    let target = match opened {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(set),
        Err(error) => return Err((DomainStep::Open { path: shown() }, errno_of(&error))),
    };
    let is_dir =
        target.metadata().map_err(|error| (DomainStep::Open { path: shown() }, errno_of(&error)))?.is_dir();
    let rights = rights(rule.access, abi);
    // The kernel refuses rights of directories on a file.
    let rights = if is_dir { rights } else { rights & AccessFs::from_file(abi) };
    set.add_rule(PathBeneath::new(target, rights))
        .map_err(|error| (DomainStep::Rule { path: shown() }, errno_in(&error)))
}

fn rights(access: FileAccess, abi: ABI) -> BitFlags<AccessFs> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    match access {
        FileAccess::Read => read,
        FileAccess::Run => read | AccessFs::Execute,
        FileAccess::Device => AccessFs::ReadFile | AccessFs::WriteFile,
        // `IoctlDev` and `ResolveUnix` stay closed too: neither device nor foreign socket belongs into a workspace.
        FileAccess::Write => {
            let closed = AccessFs::MakeChar
                | AccessFs::MakeBlock
                | AccessFs::MakeSock
                | AccessFs::IoctlDev
                | AccessFs::ResolveUnix;
            read | (AccessFs::from_write(abi) & !closed)
        }
    }
}

fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// The kernel's number at the end of the chain. A right that the kernel lacks has none: that is "not supported".
fn errno_in(error: &(dyn Error + 'static)) -> Errno {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<io::Error>() {
            return errno_of(found);
        }
        next = error.source();
    }
    Errno::EOPNOTSUPP
}
