//! What a profile needs and a machine does not give.
//! It compares facts; it tries nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::host::HostCapabilities;
use crate::domain::MIN_LANDLOCK_ABI;
use crate::plan::SandboxProfile;

/// Actions of the filter of system calls, without which it could not say what it has to.
const SECCOMP_ACTIONS: [&str; 3] = ["kill_process", "errno", "allow"];

/// Something that a profile needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MissingFacility {
    /// Its name, as configuration and reports spell it.
    pub facility: String,
    /// What was found in its place.
    pub reason: String,
}

impl fmt::Display for MissingFacility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.facility, self.reason)
    }
}

impl HostCapabilities {
    /// What is missing for a profile; nothing when it can be held.
    pub fn missing(&self, profile: SandboxProfile) -> Vec<MissingFacility> {
        let mut missing = Vec::new();
        let mut lacks = |facility: &str, reason: String| {
            missing.push(MissingFacility { facility: facility.to_owned(), reason });
        };
        if self.no_new_privs.known().is_none() {
            lacks("no-new-privileges", self.no_new_privs.reason());
        }
        if profile >= SandboxProfile::Restricted {
            match self.landlock_abi.known() {
                Some(abi) if *abi >= MIN_LANDLOCK_ABI => {}
                Some(0) => lacks("landlock", "the kernel has none, or it is off at boot".to_owned()),
                Some(abi) => {
                    lacks("landlock", format!("version {abi}, {MIN_LANDLOCK_ABI} is needed: Linux 6.12"));
                }
                None => lacks("landlock", self.landlock_abi.reason()),
            }
            match self.seccomp_actions.known() {
                Some(actions) => {
                    let absent =
                        SECCOMP_ACTIONS.iter().filter(|action| !actions.iter().any(|a| a == *action));
                    let absent: Vec<&str> = absent.copied().collect();
                    if !absent.is_empty() {
                        lacks("seccomp", format!("the kernel does not offer {}", absent.join(", ")));
                    }
                }
                None => lacks("seccomp", self.seccomp_actions.reason()),
            }
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Fact;

    fn facilities(spoil: impl FnOnce(&mut HostCapabilities), profile: SandboxProfile) -> Vec<String> {
        let mut host = HostCapabilities::probe();
        host.no_new_privs = Fact::Known(true);
        host.landlock_abi = Fact::Known(6);
        host.seccomp_actions = Fact::Known(SECCOMP_ACTIONS.map(str::to_owned).to_vec());
        spoil(&mut host);
        host.missing(profile).into_iter().map(|missing| missing.facility).collect()
    }

    #[test]
    fn each_missing_facility_is_named_for_the_profiles_that_need_it() {
        use SandboxProfile::{Restricted, Trusted};
        assert!(facilities(|_| {}, Restricted).is_empty());
        assert_eq!(facilities(|h| h.landlock_abi = Fact::Known(5), Restricted), ["landlock"]);
        assert_eq!(facilities(|h| h.landlock_abi = Fact::Known(0), Restricted), ["landlock"]);
        assert_eq!(facilities(|h| h.landlock_abi = Fact::Unknown("?".into()), Restricted), ["landlock"]);
        assert!(facilities(|h| h.landlock_abi = Fact::Known(0), Trusted).is_empty());
        assert_eq!(
            facilities(|h| h.seccomp_actions = Fact::Known(vec!["allow".into()]), Restricted),
            ["seccomp"]
        );
        assert_eq!(
            facilities(|h| h.no_new_privs = Fact::Unknown("?".into()), Trusted),
            ["no-new-privileges"]
        );
    }

    #[test]
    fn what_is_missing_reads_with_its_reason() {
        let mut host = HostCapabilities::probe();
        host.landlock_abi = Fact::Known(4);
        let missing = host.missing(SandboxProfile::Restricted);
        assert_eq!(missing[0].to_string(), "landlock (version 4, 6 is needed: Linux 6.12)");
    }
}
