//! Gives up every capability in the calling process, for good.
//! The order matters: emptying the bounding set and locking the secure bits need the capability that goes last.

use std::fmt;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use crate::sys;

/// The highest number a capability can have: a set has 64 bits.
const MAX_CAPABILITY: u32 = 63;

/// Running a program as root gives no capability (`NOROOT`), none becomes ambient (`NO_CAP_AMBIENT_RAISE`), and both are
/// locked, as is `KEEP_CAPS` while it is off.
const SECURE_BITS: libc::c_int = libc::SECBIT_NOROOT
    | libc::SECBIT_NOROOT_LOCKED
    | libc::SECBIT_KEEP_CAPS_LOCKED
    | libc::SECBIT_NO_CAP_AMBIENT_RAISE
    | libc::SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

/// The step that failed; it reads after "failed to".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PrivilegeStep {
    /// Reading the bounding set.
    ReadBounding,
    /// Taking a capability out of the bounding set.
    Bounding,
    /// Locking the secure bits.
    SecureBits,
    /// Emptying the ambient set.
    Ambient,
    /// Emptying the other three.
    Sets,
}

impl fmt::Display for PrivilegeStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadBounding => "read the bounding set of capabilities",
            Self::Bounding => "empty the bounding set of capabilities",
            Self::SecureBits => "lock the secure bits",
            Self::Ambient => "empty the ambient capabilities",
            Self::Sets => "give up all capabilities",
        })
    }
}

/// Gives up everything. `may_bound` says whether the process has the privilege to empty its bounding set.
pub(crate) fn drop_all(may_bound: bool) -> Result<(), (PrivilegeStep, Errno)> {
    let at = |step: PrivilegeStep| move |errno: Errno| (step, errno);
    if may_bound {
        for capability in 0..=MAX_CAPABILITY {
            match sys::bounding_has(capability) {
                Ok(true) => sys::bounding_drop(capability).map_err(at(PrivilegeStep::Bounding))?,
                Ok(false) => {}
                // The kernel knows no capability of this number, nor of a higher one.
                Err(Errno::EINVAL) => break,
                Err(errno) => return Err((PrivilegeStep::ReadBounding, errno)),
            }
        }
        sys::set_secure_bits(SECURE_BITS).map_err(at(PrivilegeStep::SecureBits))?;
    }
    sys::clear_ambient().map_err(at(PrivilegeStep::Ambient))?;
    sys::clear_capabilities().map_err(at(PrivilegeStep::Sets))
}
