//! What a handler is given: facts about its execution, and the ways to its host.

mod artifact;
mod cancel;
mod cleanup;
mod context;
mod env;
mod fs;
mod http;
mod logger;
mod service;
mod shell;

pub use artifact::{ArtifactError, Artifacts};
pub use cancel::Cancellation;
pub use context::{ConfigError, Ctx};
pub use env::Env;
pub use fs::Fs;
pub use http::Http;
pub use logger::Logger;
pub use service::{Cache, EventMessage, Events, Service, State, Storage, Subscription};
pub use shell::Shell;

pub(crate) use cancel::CancelSource;
pub(crate) use cleanup::{CLEANUP_LIMIT, CleanupStack};
pub(crate) use context::CtxParts;
