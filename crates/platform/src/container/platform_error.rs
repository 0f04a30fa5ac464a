//! What can be wrong in putting a platform together.
//! What goes wrong when it starts or stops is a `LifecycleFailure`.

use plugdock_contracts::BackendKind;

/// Why something could not become part of the platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlatformError {
    /// The name follows no rule of names.
    #[error(
        "{name:?} is no name of a service: write 1 to 64 lower-case ASCII letters, digits, `-` or `_`, a letter first"
    )]
    BadName {
        /// The name.
        name: String,
    },
    /// The name is one of the platform's own.
    #[error("`{name}` is a name of the platform's own: give the service another")]
    ReservedName {
        /// The name.
        name: String,
    },
    /// The name is taken.
    #[error("there is a `{name}` already: register each name once")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A platform has one backend for its life.
    #[error("the platform has its backend ({present}) already: initialise it once")]
    BackendPresent {
        /// The backend it has.
        present: BackendKind,
    },
    /// The platform was shut down.
    #[error("the platform was shut down: make a new one")]
    ShutDown,
}
