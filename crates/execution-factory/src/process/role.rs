//! Which part of plugdock this process was started to play, as its environment says.
//! It decides nothing: a host asks it before starting a spawner, `run_if_asked` before becoming one.

/// The variable that carries the role.
pub const ROLE_VARIABLE: &str = "PLUGDOCK_ROLE";

/// The value of [`ROLE_VARIABLE`] in a spawner.
pub(crate) const SPAWNER: &str = "spawner";

/// The part this process plays.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// An ordinary process: no role was given.
    Host,
    /// The spawner of some host.
    Spawner,
    /// A role this version does not know.
    Other(String),
}

impl Role {
    /// Reads the role from the environment.
    pub fn from_env() -> Self {
        match std::env::var_os(ROLE_VARIABLE) {
            None => Self::Host,
            Some(value) if value == SPAWNER => Self::Spawner,
            Some(value) => Self::Other(value.to_string_lossy().into_owned()),
        }
    }
}
